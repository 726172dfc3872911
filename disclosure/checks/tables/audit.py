"""Attack tables before they leave, as a reader would, and say which cells do not withstand it.

Safe means: every unsafe cell that is hidden keeps the interval that the rules ask for, against any
reader and against each single contributor of another cell; no unsafe cell is printed; and no group
of hidden cells that is unsafe together can be computed. Not finished in time is not safe.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from disclosure.checks.tables.attack import Attack, OutOfTime, Reader
from disclosure.checks.tables.cells import (
    FREQUENCIES,
    Cell,
    CellName,
    CellTable,
    Link,
    ReleasedTable,
    Shown,
)
from disclosure.checks.tables.findings import Finding, Status
from disclosure.checks.tables.nesting import Nesting
from disclosure.checks.tables.safety import Distance, Group, distance_asked, group_of
from foundation.errors import Message
from policies.schema.checks import GradeChecks

_SAME: Final = 1e-4
_TRIPLES_MAX: Final = 60


@dataclass(frozen=True)
class Leak:
    """One group of people that readers come too close to: its cells, and to whom."""

    cells: tuple[CellName, ...]
    reader: CellName | None
    computed: bool


@dataclass(frozen=True)
class Audit:
    """Each hidden cell's interval for any reader, and every leak; ``finished`` within the time."""

    intervals: Mapping[CellName, Shown]
    leaks: tuple[Leak, ...]
    finished: bool

    @property
    def safe(self) -> bool:
        """Tell whether the attack was finished and found nothing."""
        return self.finished and not self.leaks

    def finding(self) -> Finding:
        """Return the check's result for the desk."""
        if self.safe:
            text = Message(
                "以线性规划模拟攻击（含此前发布的表），未能算出任何不得公开的数值。",
                "Attacked by linear programming, with all earlier tables: nothing that must not be "
                "shown can be computed.",
            )
            return Finding("audit", Status.PASS, text)
        text = Message(
            "以线性规划模拟攻击（含此前发布的表）："
            + (f"{len(self.leaks)} 处可被算出或估得过准。" if self.finished else "未能按时完成。"),
            "Attacked by linear programming, with all earlier tables: "
            + (
                f"{len(self.leaks)} groups can be computed or come too close."
                if self.finished
                else "not finished in time."
            ),
        )
        way_out = Message("请隐去更多单元格，或去掉合计。", "Hide more cells, or leave out totals.")
        return Finding("audit", Status.FAIL, text, way_out)


def audit(
    releases: Sequence[ReleasedTable],
    rules: GradeChecks,
    *,
    links: Sequence[Link] = (),
    seconds: float = 60.0,
) -> Audit:
    """Attack all given tables together; never raises for lack of time, but is then not safe."""
    intervals: dict[CellName, Shown] = {}
    leaks: list[Leak] = []
    try:
        attack = Attack(releases, links, seconds)
        for name in attack.hidden:
            intervals[name] = attack.interval({name: 1})
        leaks.extend(_leaks(attack, releases, links, rules))
        knowing = [_empty_known(release) for release in releases]
        leaks.extend(_group_leaks(Attack(knowing, links, attack.seconds_left()), knowing, rules))
    except OutOfTime:
        return Audit(intervals, tuple(leaks), finished=False)
    return Audit(intervals, tuple(leaks), finished=True)


def _leaks(
    attack: Attack,
    releases: Sequence[ReleasedTable],
    links: Sequence[Link],
    rules: GradeChecks,
) -> Iterator[Leak]:
    readers = list(_readers(attack, releases))
    nesting = Nesting(releases, links)
    for release in releases:
        for key, cell in release.table.by_key.items():
            far = distance_asked(release.table, group_of(cell), rules)
            if far is not None:
                name = CellName(release.name, key)
                yield from _near(
                    attack, {name: 1}, cell.value, far, _outside(readers, nesting, [name])
                )
    for link in links:
        outside = _outside(readers, nesting, [name for _, name in link.terms])
        yield from _link_leaks(attack, releases, link, rules, outside)


def _empty_known(release: ReleasedTable) -> ReleasedTable:
    """Return a release as it looks to one who knows which cells are empty."""
    empty = {k: Shown(0, 0) for k, c in release.table.by_key.items() if not c.contributors}
    return ReleasedTable(release.name, release.table, {**release.shown, **empty})


def _near(
    attack: Attack,
    terms: Mapping[CellName, int],
    value: int,
    far: Distance,
    readers: Sequence[Reader],
) -> Iterator[Leak]:
    """Say who comes nearer to a value than allowed: any reader first, then those who know more."""
    for reader in (None, *readers):
        if reader is not None and not reader.bounds.keys().isdisjoint(terms):
            continue
        seen = attack.interval(terms, reader)
        low_enough = seen.low is None or seen.low <= value - far.down
        high_enough = seen.high is None or seen.high >= value + far.up
        if not (low_enough and high_enough):
            cell = None if reader is None else reader.cell
            yield Leak(tuple(terms), cell, computed=seen.exact)
            return


def _readers(attack: Attack, releases: Sequence[ReleasedTable]) -> Iterator[Reader]:
    """Return those who know which cells are empty, and each cell's largest contributor."""
    hidden = set(attack.hidden)
    tables = [(r.name, r.table) for r in releases]
    empty: dict[CellName, tuple[int, int | None]] = {
        CellName(name, key): (0, 0)
        for name, table in tables
        for key, cell in table.by_key.items()
        if not cell.contributors
    }
    empty = {name: bounds for name, bounds in empty.items() if name in hidden}
    if empty:
        yield Reader(None, empty)
    for table_name, table in tables:
        for key, cell in table.by_key.items():
            name = CellName(table_name, key)
            own = _own(cell, people=table.statistic == "people")
            if name in hidden and own is not None:
                yield Reader(name, empty | {name: own})


def _outside(
    readers: Sequence[Reader], nesting: Nesting, names: Sequence[CellName]
) -> list[Reader]:
    """Leave out those who belong to the group themselves."""
    within = nesting.within(names)
    return [reader for reader in readers if reader.cell not in within]


def _own(cell: Cell, *, people: bool) -> tuple[int, int | None] | None:
    """Return what the largest contributor knows of its own inner cell, or None for nothing."""
    if not cell.contributors or cell.is_margin:
        return None
    if people:
        return (1, None)
    if cell.contributors == 1:
        return (cell.value, cell.value)
    if cell.negative:
        return None
    return (min(cell.largest[0] if cell.largest else 1, cell.value), None)


def _link_leaks(
    attack: Attack,
    releases: Sequence[ReleasedTable],
    link: Link,
    rules: GradeChecks,
    readers: Sequence[Reader],
) -> Iterator[Leak]:
    if not link.contributors:
        return
    tables = {release.name: release.table for release in releases}
    terms: dict[CellName, int] = {}
    for figure, name in link.terms:
        terms[name] = terms.get(name, 0) + figure
    cells = [(figure, tables[name.table].by_key[name.key]) for name, figure in terms.items()]
    value = sum(figure * cell.value for figure, cell in cells)
    negative = any(cell.negative for _, cell in cells)
    group = Group(link.contributors, value, link.largest, negative)
    far = distance_asked(tables[link.terms[0][1].table], group, rules)
    if far is not None:
        yield from _near(attack, terms, value, far, readers)


def _group_leaks(
    attack: Attack, releases: Sequence[ReleasedTable], rules: GradeChecks
) -> Iterator[Leak]:
    """Find unsafe groups of hidden cells whose sum has but one value."""
    intervals = {name: attack.interval({name: 1}) for name in attack.hidden}
    for release in releases:
        for names in _candidates(attack, release, rules, intervals):
            cells = [release.table.by_key[name.key] for name in names]
            group = _merged(release.table, cells)
            if not group.contributors or distance_asked(release.table, group, rules) is None:
                continue
            if attack.interval(dict.fromkeys(names, 1)).exact:
                yield Leak(names, None, computed=True)


def _merged(table: CellTable, cells: Sequence[Cell]) -> Group:
    counts = [cell.contributors for cell in cells]
    apart = table.disjoint or not table.margins
    return Group(
        sum(counts) if apart else max(counts),
        sum(cell.value for cell in cells),
        tuple(sorted((one for cell in cells for one in cell.largest), reverse=True)),
        any(cell.negative for cell in cells),
    )


def _candidates(
    attack: Attack,
    release: ReleasedTable,
    rules: GradeChecks,
    intervals: Mapping[CellName, Shown],
) -> Iterator[tuple[CellName, ...]]:
    """Return rests of rows, and small sets that never moved in any table that the attack found.

    A sum with one cell that has no upper limit is never known, as no cell is without a lower one.
    """
    hidden = {name.key: name for name in attack.hidden if name.table == release.name}
    for total, parts in release.table.relations():
        rest = tuple(hidden[part] for part in parts if part in hidden)
        if len(rest) > 1 and total not in hidden:
            yield rest
    bounded = {k: n for k, n in hidden.items() if intervals[n].high is not None}
    still = _stillness(attack, list(bounded.values()))
    for pair in combinations(bounded.values(), 2):
        if abs(still[pair[0]] + still[pair[1]]) < _SAME:
            yield pair
    small = [
        name
        for key, name in bounded.items()
        if release.table.by_key[key].contributors < rules.contributors_min
        or release.table.statistic not in FREQUENCIES
    ]
    for triple in combinations(small[:_TRIPLES_MAX], 3):
        if abs(sum(still[name] for name in triple)) < _SAME:
            yield triple


def _stillness(attack: Attack, names: Sequence[CellName]) -> dict[CellName, float]:
    """Return, for each cell, one odd mixture of its moves: sums that never move mix to zero."""
    first = attack.points[0] if attack.points else ()
    mixed = dict.fromkeys(names, 0.0)
    for number, point in enumerate(attack.points, 1):
        weight = (number * 0.6180339887498949) % 1 + 0.5
        for name in names:
            column = attack.column(name)
            mixed[name] += weight * (point[column] - first[column])
    return mixed
