"""Which figures of a new table differ from earlier ones by too few people.

Two figures of one population are compared wherever their groups can overlap: cell with cell, and
cell with all the cells of an earlier table that lie within it or touch it (so merged and split
categories, added filters and new versions are met). Where the groups are comparable as predicates
the sizes follow from set algebra; else the caller counts them on the data. A pair is too close
where 0 < max(|A∖B|, |B∖A|) < the minimum: the two figures' difference is about so few.

Hidden cells are compared too: a cell that is safe by itself may be hidden and yet be computed.
Groups that are the same, or lie within each other by their predicates, become links that the search
for what to hide and the attack must both know.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from disclosure.checks.tables.cells import ALL, CellName, Dimension, Link
from disclosure.checks.tables.findings import Finding, Status, cells_named
from foundation.errors import Message


@dataclass(frozen=True)
class Box:
    """Rows of one version for which every named column has one of the named values.

    Columns that are not named are free. Merged categories are the sets of their base values.
    """

    version: str
    within: Mapping[str, frozenset[str | None]]

    def __hash__(self) -> int:
        """Hash by content, so that groups can be remembered."""
        return hash((self.version, frozenset(self.within.items())))


PEOPLE: Final = "people"

Boxes = tuple[Box, ...]
"""A union of boxes: one cell, or several cells of one table together."""

Names = tuple[frozenset[CellName], frozenset[CellName]]


@dataclass(frozen=True)
class Figure:
    """One cell of a table, printed or hidden: the rows it is about, and its distinct contributors.

    ``measure`` says what is added up ("people", "rows", "sum of income"): only figures of one
    measure are compared. "people" counts distinct units; other measures also differ through single
    rows of people who stand in both groups.
    """

    name: CellName
    box: Box
    contributors: int
    measure: str = PEOPLE

    @property
    def is_margin(self) -> bool:
        """Tell whether the cell is a total."""
        return ALL in self.name.key


class Sizes(Protocol):
    """Counts on the data, given by whoever holds it.

    Asked once for each pair of cells that can overlap: best answered from one joint count.
    """

    def apart(self, first: Boxes, second: Boxes) -> tuple[int, int]:
        """Return how many units have a contributing row in the first group but not in the second.

        And the reverse. A row is the same in two versions if its unit and values are.
        """
        ...


@dataclass(frozen=True)
class Difference:
    """Two groups that too few people tell apart: ``only_new`` on one side, ``only_old`` other."""

    new: tuple[CellName, ...]
    old: tuple[CellName, ...]
    only_new: int
    only_old: int

    def link(self) -> Link:
        """Return the difference as a group that ``protect`` and ``audit`` must keep unknown."""
        sign = 1 if self.only_new >= self.only_old else -1
        terms = (*((sign, name) for name in self.new), *((-sign, name) for name in self.old))
        nested = not min(self.only_new, self.only_old)
        return Link(terms, 0 if nested else None, None, max(self.only_new, self.only_old))


@dataclass(frozen=True)
class Relations:
    """What a new table and earlier ones say together.

    ``differences`` are too close; ``links`` hold these and every other known relation, for
    ``protect`` and ``audit``.
    """

    differences: tuple[Difference, ...]
    links: tuple[Link, ...]


def find_relations(
    new: Sequence[Figure], earlier: Sequence[Figure], sizes: Sizes, contributors_min: int
) -> Relations:
    """Compare a new table's figures with all earlier ones of the same population.

    ``earlier`` are all cells, printed or hidden, of earlier tables across operators, licences and
    versions.
    """
    found: dict[Names, Difference] = {}
    links: dict[Names, Link] = {}
    seen = _Seen(sizes, contributors_min)
    for fresh, old in _pairs(new, earlier, seen):
        if not _can_overlap(fresh, old):
            continue
        names = (frozenset(_names(fresh)), frozenset(_names(old)))
        if names in links or names in found:
            continue
        apart = seen.apart(fresh, old)
        if apart is None:
            continue
        if 0 < max(apart) < contributors_min:
            found[names] = Difference(_names(fresh), _names(old), *apart)
        elif not min(apart):
            links[names] = _nested(_names(fresh), _names(old), *apart)
    differences = tuple(found.values())
    return Relations(differences, (*links.values(), *(one.link() for one in differences)))


def _nested(
    fresh: tuple[CellName, ...], old: tuple[CellName, ...], only_new: int, only_old: int
) -> Link:
    """Return what readers know of two groups that are the same, or one within the other."""
    more, less = (old, fresh) if only_old else (fresh, old)
    terms = (*((1, name) for name in more), *((-1, name) for name in less))
    return Link(terms, 0, None if only_new or only_old else 0)


def finding(
    differences: Sequence[Difference], dimensions: tuple[Dimension, ...], contributors_min: int
) -> Finding:
    """Return the check's result for the desk; the earlier tables are not named to the author."""
    if not differences:
        return Finding(
            "differencing",
            Status.PASS,
            Message(
                f"与此前发布的数值相减，均不少于 {contributors_min} 人。",
                f"Against all earlier figures, no difference is about fewer than "
                f"{contributors_min} people.",
            ),
        )
    keys = tuple(dict.fromkeys(name.key for one in differences for name in one.new))
    named = cells_named(dimensions, keys)
    return Finding(
        "differencing",
        Status.FAIL,
        Message(
            f"{len(keys)} 个单元格与此前发布的数值之差涉及不足 {contributors_min} 人：{named.zh}。",
            f"{len(keys)} cells differ from earlier figures by fewer than {contributors_min} "
            f"people: {named.en}.",
        ),
        Message(
            "请沿用此前的分组、筛选与版本，或由系统隐去这些单元格。",
            "Keep to the groups, filters and version of the earlier table, or let these cells be "
            "hidden.",
        ),
        keys,
    )


Group = tuple[Figure, ...]


def _pairs(
    new: Sequence[Figure], earlier: Sequence[Figure], seen: "_Seen"
) -> Iterator[tuple[Group, Group]]:
    """Return all pairs of one measure: figure with figure, and figure with several of a table."""
    for fresh in new:
        for old in earlier:
            if fresh.measure == old.measure:
                yield (fresh,), (old,)
    for fresh in new:
        for cells in _by_table(earlier, fresh.measure).values():
            yield from (((fresh,), group) for group in _around(fresh, cells, seen))
    for old in earlier:
        for cells in _by_table(new, old.measure).values():
            yield from ((group, (old,)) for group in _around(old, cells, seen))


def _by_table(figures: Sequence[Figure], measure: str) -> Mapping[str, list[Figure]]:
    tables: dict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        if not figure.is_margin and figure.measure == measure:
            tables[figure.name.table].append(figure)
    return tables


def _around(figure: Figure, cells: Sequence[Figure], seen: "_Seen") -> Iterator[Group]:
    """Return a table's cells that lie within a group, and those that touch it, where several.

    Both by what the predicates say and by the data: a district may lie in one city only.
    """
    near = [cell for cell in cells if _touch(cell.box, figure.box)]
    within = tuple(cell for cell in near if seen.inside(cell, figure))
    touching = tuple(cell for cell in near if seen.touch(cell, figure))
    if len(within) > 1:
        yield within
    if len(touching) > 1 and touching != within:
        yield touching


def _can_overlap(first: Group, second: Group) -> bool:
    return any(_touch(a.box, b.box) for a in first for b in second)


def _touch(first: Box, second: Box) -> bool:
    """Tell whether two boxes can share rows; unlike versions are taken as one."""
    shared = first.within.keys() & second.within.keys()
    return all(first.within[column] & second.within[column] for column in shared)


def _inside(inner: Box, outer: Box) -> bool:
    """Tell whether every row of one box is surely in the other."""
    return inner.version == outer.version and all(
        column in inner.within and inner.within[column] <= values
        for column, values in outer.within.items()
    )


class _Seen:
    """Remembers the sizes that were asked for."""

    def __init__(self, sizes: Sizes, least: int) -> None:
        self._sizes = sizes
        self._least = least
        self._known: dict[tuple[tuple[CellName, ...], tuple[CellName, ...]], tuple[int, int]] = {}

    def apart(self, first: Group, second: Group) -> tuple[int, int] | None:
        """Return the sizes of both sides, or None where a total surely differs by enough."""
        if len(first) == len(second) == 1:
            one, two = first[0], second[0]
            if _inside(one.box, two.box) and _inside(two.box, one.box):
                return 0, 0
            if one.measure == PEOPLE and _inside(one.box, two.box):
                return 0, two.contributors - one.contributors
            if one.measure == PEOPLE and _inside(two.box, one.box):
                return one.contributors - two.contributors, 0
            far = abs(one.contributors - two.contributors) >= self._least
            if far and one.is_margin and two.is_margin:
                return None
        asked = (_names(first), _names(second))
        if asked not in self._known:
            one_way, other = self._sizes.apart(_boxes(first), _boxes(second))
            self._known[asked] = (one_way, other)
            self._known[asked[::-1]] = (other, one_way)
        return self._known[asked]

    def inside(self, inner: Figure, outer: Figure) -> bool:
        """Tell whether one group lies within another."""
        apart = self.apart((inner,), (outer,))
        return apart is not None and not apart[0] and inner.contributors > 0

    def touch(self, one: Figure, two: Figure) -> bool:
        """Tell whether two groups share anybody."""
        apart = self.apart((one,), (two,))
        shares = apart is None or apart[0] < one.contributors or one.measure != PEOPLE
        return shares and one.contributors > 0


def _boxes(group: Group) -> Boxes:
    return tuple(figure.box for figure in group)


def _names(group: Group) -> tuple[CellName, ...]:
    return tuple(figure.name for figure in group)
