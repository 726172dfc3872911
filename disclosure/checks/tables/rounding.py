"""Round what is left of a table of counts, and prove that nobody can undo the rounding.

Every printed count is the nearest multiple of the base. Totals are rounded on their own, which
keeps them right to half a base; where that lets a reader work a cell back (four cells of 12 and
their total print as 10, 10, 10, 10 and 50: only 12 fits), totals are summed from rounded cells
instead, which says nothing new. Sources: OpenSAFELY's rules, ACRO ``safe_round_base``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from disclosure.checks.tables.attack import Attack, OutOfTime
from disclosure.checks.tables.cells import (
    ALL,
    FREQUENCIES,
    HIDDEN,
    CellName,
    Key,
    Link,
    ReleasedTable,
    Shown,
)
from disclosure.checks.tables.findings import Finding, Status
from foundation.errors import Message


@dataclass(frozen=True)
class Rounded:
    """A rounded table: what a reader learns of each cell, and what is printed (None: hidden)."""

    released: ReleasedTable
    printed: Mapping[Key, int | None]
    base: int
    totals_summed: bool


def round_to(value: int, base: int) -> int:
    """Return the nearest multiple of the base; halves go up."""
    return (2 * value + base) // (2 * base) * base


def round_counts(
    released: ReleasedTable,
    base: int,
    *,
    known: Sequence[ReleasedTable] = (),
    links: Sequence[Link] = (),
    seconds: float = 30.0,
) -> tuple[Rounded, Finding]:
    """Round every count that is shown; other statistics are left as they are.

    The finding fails where even summed totals let a cell be worked back, or time ran out.
    """
    if base == 1 or released.table.statistic not in FREQUENCIES:
        printed = {
            key: cell.value if released.shown[key].exact else None
            for key, cell in released.table.by_key.items()
        }
        note = Message("本表不适用取整。", "Rounding does not apply to this table.")
        return Rounded(released, printed, 1, False), Finding("rounding", Status.PASS, note)
    for summed in (False, True):
        rounded = as_printed(released, base, summed=summed)
        finding = verify(rounded, known=known, links=links, seconds=seconds)
        if finding.status is Status.PASS:
            break
    return rounded, finding


def verify(
    rounded: Rounded,
    *,
    known: Sequence[ReleasedTable] = (),
    links: Sequence[Link] = (),
    seconds: float = 30.0,
) -> Finding:
    """Check that each printed count is a multiple of the base, and that none can be worked back."""
    base, name = rounded.base, rounded.released.name
    odd = tuple(k for k, v in rounded.printed.items() if v is not None and v % base)
    undone: tuple[Key, ...] = ()
    try:
        attack = Attack((rounded.released, *known), links, seconds)
        keys = (key for key, shown in rounded.released.shown.items() if shown.bounded)
        undone = tuple(key for key in keys if attack.interval({CellName(name, key): 1}).exact)
        finished = True
    except OutOfTime:
        finished = False
    if finished and not odd and not undone:
        return Finding(
            "rounding",
            Status.PASS,
            Message(
                f"各计数已取整到 {base} 的倍数，且无法由合计反推。",
                f"Every count is a multiple of {base}, and none can be worked back from totals.",
            ),
        )
    return Finding(
        "rounding",
        Status.FAIL,
        Message(
            f"{len(odd)} 个计数不是 {base} 的倍数，{len(undone)} 个可由合计反推"
            + ("。" if finished else "，且未能按时核验。"),
            f"{len(odd)} counts are no multiple of {base}, {len(undone)} can be worked back from "
            + ("totals." if finished else "totals; not verified in time."),
        ),
        Message("请去掉合计后重新提交。", "Leave out the totals and submit again."),
        (*odd, *undone),
    )


def as_printed(released: ReleasedTable, base: int, *, summed: bool) -> Rounded:
    """Round every exact count to a base; with ``summed``, totals are sums of rounded cells."""
    shown: dict[Key, Shown] = {}
    printed: dict[Key, int | None] = {}
    for key, cell in released.table.by_key.items():
        seen = released.shown[key]
        if not seen.exact:
            shown[key], printed[key] = (seen if seen.bounded else HIDDEN), None
            continue
        printed[key] = round_to(cell.value, base)
        shown[key] = _behind(printed[key] or 0, base)
    if summed:
        for key in [
            key for key in released.table.by_key if ALL in key and printed[key] is not None
        ]:
            _sum_up(released, key, shown, printed)
    return Rounded(ReleasedTable(released.name, released.table, shown), printed, base, summed)


def _behind(multiple: int, base: int) -> Shown:
    """Return the counts that round to a multiple."""
    return Shown(max(0, multiple - base // 2), multiple + (base - 1) // 2)


def _sum_up(
    released: ReleasedTable,
    key: Key,
    shown: dict[Key, Shown],
    printed: dict[Key, int | None],
) -> None:
    """Print a total as the sum of its rounded cells; hide it where one of them is hidden."""
    dimensions = released.table.dimensions
    choices = (
        dimension.categories if category is ALL else (category,)
        for dimension, category in zip(dimensions, key, strict=True)
    )
    parts = list(product(*choices))
    figures = [printed[part] for part in parts]
    if None in figures:
        shown[key], printed[key] = HIDDEN, None
        return
    printed[key] = sum(figure for figure in figures if figure is not None)
    shown[key] = Shown(
        sum(shown[part].low or 0 for part in parts), sum(shown[part].high or 0 for part in parts)
    )
