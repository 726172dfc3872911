"""What a reader can know of several tables, as unknowns and exact integer conditions.

An unknown is a cell. It may be public, hidden already, or a choice (public now, could be hidden).
Readers know every public figure, that totals add up, that nothing is negative (unless the table
holds negative values), every link between tables, and their own contribution to one cell. They may
know which combinations cannot occur, so an empty cell shields no other; in tables of sums they know
who stands alone in a cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from disclosure.checks.tables.cells import (
    ALL,
    Cell,
    CellName,
    CellTable,
    Link,
    ReleasedTable,
    Shown,
    refused,
)
from disclosure.checks.tables.nesting import Nesting
from disclosure.checks.tables.safety import Distance, Group, distance_asked, group_of
from policies.schema.checks import GradeChecks


class State(Enum):
    """Whether a cell is known to readers."""

    PUBLIC = "public"
    HIDDEN = "hidden"
    CHOICE = "choice"


@dataclass(frozen=True)
class Unknown:
    """One cell: its truth, the bounds that any reader has, and those that insiders have.

    ``floor`` and ``ceiling`` are any reader's; ``insider_floor`` is what the largest contributor
    knows of it; ``alone`` says that one unit stands behind it and knows it whole.
    """

    name: CellName
    value: int
    state: State
    floor: int
    ceiling: int | None
    insider_floor: int
    alone: bool
    empty: bool
    cost: int
    group: Group


@dataclass(frozen=True)
class Condition:
    """``low`` ≤ Σ coefficient · unknown ≤ ``high`` over true values."""

    terms: Mapping[int, int]
    low: int | None
    high: int | None

    @property
    def is_equation(self) -> bool:
        """Tell whether the condition leaves no room."""
        return self.low is not None and self.low == self.high


@dataclass(frozen=True)
class Target:
    """A group of people that no reader may come close to: a cell, or a combination of cells.

    ``within`` are the cells whose people all belong to it.
    """

    terms: Mapping[int, int]
    far: Distance
    within: frozenset[int]


@dataclass(frozen=True)
class System:
    """All unknowns, all conditions, and what must stay unknown."""

    unknowns: tuple[Unknown, ...]
    conditions: tuple[Condition, ...]
    targets: tuple[Target, ...]
    disjoint: bool
    number_of: Mapping[CellName, int]
    nesting: Nesting

    def within(self, numbers: Iterable[int]) -> frozenset[int]:
        """Return the cells that lie within the given ones."""
        names = self.nesting.within(self.unknowns[number].name for number in numbers)
        return frozenset(self.number_of[name] for name in names)


def build(
    releases: Sequence[tuple[ReleasedTable, frozenset[CellName]]],
    links: Sequence[Link],
    rules: GradeChecks,
) -> System:
    """Put tables and links together. Each table comes with those of its cells that may be hidden.

    The unsafe cells of a table that are hidden, and links with contributors below the rules, become
    targets. Raises InvalidInput for a link to a cell that is not there, or one that is untrue.
    """
    unknowns: list[Unknown] = []
    targets: list[Target] = []
    number_of: dict[CellName, int] = {}
    for release, choices in releases:
        floor = _floor(release.table)
        for key, cell in release.table.by_key.items():
            name = CellName(release.name, key)
            number_of[name] = len(unknowns)
            choice = name in choices
            unknown = _unknown(name, cell, release, floor, choice=choice)
            if unknown.state is State.HIDDEN and not release.shown[key].bounded:
                far = distance_asked(release.table, unknown.group, rules)
                targets += [Target({len(unknowns): 1}, far, frozenset())] if far else []
            unknowns.append(unknown)
    conditions = [
        condition
        for release, _ in releases
        for condition in _totals(release.table, release.name, number_of)
    ]
    tables = {release.name: release.table for release, _ in releases}
    for link in links:
        conditions.append(_linked(link, number_of, unknowns))
        targets += _linked_target(link, number_of, unknowns, tables, rules)
    disjoint = all(table.disjoint or not table.margins for table in tables.values())
    nesting = Nesting([release for release, _ in releases], links)
    system = System(tuple(unknowns), tuple(conditions), (), disjoint, number_of, nesting)
    placed = (replace(target, within=system.within(target.terms)) for target in targets)
    return replace(system, targets=tuple(placed))


def _unknown(
    name: CellName, cell: Cell, release: ReleasedTable, floor: int, *, choice: bool
) -> Unknown:
    shown = release.shown[cell.key]
    table = release.table
    state = State.HIDDEN
    if shown.exact:
        state = State.CHOICE if choice else State.PUBLIC
    bounds = Shown(None, None) if shown.exact else shown
    low = floor if bounds.low is None else max(floor, bounds.low)
    own = _own(cell, people=table.statistic == "people")
    totals = sum(category is ALL for category in cell.key)
    return Unknown(
        name=name,
        value=cell.value,
        state=state,
        floor=low,
        ceiling=bounds.high,
        insider_floor=low if own is None else max(low, own),
        alone=table.statistic != "people" and cell.contributors == 1 and not totals,
        empty=not cell.contributors,
        cost=(1000 + min(999, cell.contributors)) * 4**totals,
        group=group_of(cell),
    )


def _own(cell: Cell, *, people: bool) -> int | None:
    """Return what the largest contributor knows of an inner cell; totals follow from it."""
    if cell.is_margin or cell.negative or not cell.contributors:
        return None
    if people or not cell.largest:
        return min(1, cell.value)
    return min(cell.largest[0], cell.value)


def _floor(table: CellTable) -> int:
    if not any(cell.negative for cell in table.cells):
        return 0
    return -max(max(abs(cell.value), *cell.largest, 1) for cell in table.cells)


def _totals(table: CellTable, name: str, number_of: Mapping[CellName, int]) -> list[Condition]:
    """Return what totals say: an equation, or bounds where people stand in several cells."""
    found = []
    for total, parts in table.relations():
        whole = number_of[CellName(name, total)]
        pieces = [number_of[CellName(name, part)] for part in parts]
        gap = table.by_key[total].value - sum(table.by_key[part].value for part in parts)
        terms = {whole: 1, **dict.fromkeys(pieces, -1)}
        if gap == 0:
            found.append(Condition(terms, 0, 0))
            continue
        found.append(Condition(terms, None, 0))
        found += [Condition({whole: 1, piece: -1}, 0, None) for piece in pieces]
    return found


def _linked(
    link: Link, number_of: Mapping[CellName, int], unknowns: Sequence[Unknown]
) -> Condition:
    terms = _terms(link, number_of)
    truth = sum(figure * unknowns[number].value for number, figure in terms.items())
    low = link.low
    if (low is not None and truth < low) or (link.high is not None and truth > link.high):
        raise refused(
            "table_link",
            "links",
            "表间关系与真实数值不符。",
            "A link between tables does not fit their true values.",
        )
    return Condition(terms, low, link.high)


def _terms(link: Link, number_of: Mapping[CellName, int]) -> dict[int, int]:
    terms: dict[int, int] = {}
    for figure, name in link.terms:
        if name not in number_of:
            raise refused(
                "table_link",
                "links",
                "表间关系提到了不存在的单元格。",
                "A link between tables names a cell that is not there.",
            )
        number = number_of[name]
        terms[number] = terms.get(number, 0) + figure
    return {number: figure for number, figure in terms.items() if figure}


def _linked_target(
    link: Link,
    number_of: Mapping[CellName, int],
    unknowns: Sequence[Unknown],
    tables: Mapping[str, CellTable],
    rules: GradeChecks,
) -> list[Target]:
    if link.contributors is None:
        return []
    terms = _terms(link, number_of)
    value = sum(figure * unknowns[number].value for number, figure in terms.items())
    table = tables[link.terms[0][1].table]
    negative = any(unknowns[number].group.negative for number in terms)
    group = Group(link.contributors, value, link.largest, negative)
    if not group.contributors:
        return []  # the two groups are the same people: nobody stands in the difference
    far = distance_asked(table, group, rules)
    return [Target(terms, far, frozenset())] if far else []
