"""What a table is to the disclosure checks: named dimensions and exact integers in every cell.

A table is complete: every combination of its categories has a cell, absent ones count as zero,
because a reader of a published table sees that a group is missing. A margin is a cell whose key
holds ``ALL``. Values are the additive totals behind a statistic, so that margins add up exactly.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise, product
from types import MappingProxyType
from typing import Final, Literal

from foundation.errors import InvalidInput, Message


class Margin(Enum):
    """The one mark that no category can be mistaken for: a total over a dimension."""

    ALL = "all"


ALL: Final = Margin.ALL

Category = str | None | Margin
"""A category's label, ``None`` for values that are missing, or ``ALL`` for a total."""

Key = tuple[Category, ...]
"""One category for each dimension, in the table's order."""

Statistic = Literal["people", "count", "sum", "mean", "std"]
FREQUENCIES: Final = frozenset({"people", "count"})
DIMENSIONS_MAX: Final = 4


@dataclass(frozen=True)
class Dimension:
    """One way a table is broken down; the order of its categories carries no meaning."""

    name: str
    categories: tuple[str | None, ...]

    def __post_init__(self) -> None:
        """Refuse repeated categories: two cells of one name would be two truths."""
        if len(set(self.categories)) != len(self.categories) or not self.categories:
            raise refused(
                "table_dimension",
                self.name,
                f"维度“{self.name}”的类别为空或有重复。",
                f"The dimension {self.name!r} has no categories, or one twice.",
            )


@dataclass(frozen=True)
class Cell:
    """One cell's exact figures, as recomputed from the rows.

    ``contributors`` is the number of distinct units with a non-missing contribution; ``rows`` and
    ``missing`` count rows with and without one. ``value`` is the additive total behind the
    statistic in its declared unit: units for ``people``, rows for ``count``, the sum for ``sum``
    and ``mean``, the sum of squares for ``std``. ``largest`` holds the largest absolute totals of
    single units, largest first (as many as the dominance rule needs, at least two where there are
    two contributors; empty for frequencies). ``negative`` says that some contribution is below 0.
    """

    key: Key
    contributors: int
    rows: int
    missing: int
    value: int
    largest: tuple[int, ...] = ()
    negative: bool = False

    def __post_init__(self) -> None:
        """Refuse figures that no rows could have given."""
        whole = (self.contributors, self.rows, self.missing, self.value, *self.largest)
        sound = all(isinstance(item, int) and not isinstance(item, bool) for item in whole)
        if not sound or min(self.contributors, self.rows, self.missing) < 0:
            raise _cell_refused()
        if any(a < b for a, b in pairwise(self.largest)):
            raise _cell_refused()
        if not self.contributors and (self.value or any(self.largest)):
            raise _cell_refused()

    @property
    def is_margin(self) -> bool:
        """Tell whether this is a total over some dimension."""
        return ALL in self.key


@dataclass(frozen=True)
class CellTable:
    """A complete table of one statistic over one population and version.

    ``margins`` says that every total over every set of dimensions is a cell too. ``population``
    names the people counted (with their version), and ``unit_scale`` how many integer steps make
    one declared unit (100 where sums of yuan are kept in fen). Build it with ``complete``.
    """

    dimensions: tuple[Dimension, ...]
    statistic: Statistic
    cells: tuple[Cell, ...]
    margins: bool
    population: str
    unit_scale: int = 1
    by_key: Mapping[Key, Cell] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the cells; refuse a table with a cell missing, strange or given twice."""
        if not 1 <= len(self.dimensions) <= DIMENSIONS_MAX or self.unit_scale < 1:
            raise refused(
                "table_dimensions",
                "dimensions",
                f"表须有 1 至 {DIMENSIONS_MAX} 个维度。",
                f"A table has 1 to {DIMENSIONS_MAX} dimensions.",
            )
        index = {cell.key: cell for cell in self.cells}
        if len(index) != len(self.cells) or set(index) != set(self.keys()):
            raise refused(
                "table_incomplete",
                "cells",
                "表不完整：每个类别组合须恰有一个单元格，空组也要列出。",
                "The table is not complete: each combination of categories has exactly one cell, "
                "empty groups included.",
            )
        object.__setattr__(self, "by_key", MappingProxyType(index))

    def keys(self) -> Iterator[Key]:
        """Return every key that this table must have, inner cells and margins."""
        return _keys(self.dimensions, margins=self.margins)

    def relations(self) -> Iterator[tuple[Key, tuple[Key, ...]]]:
        """Return each total with its parts, once for each dimension that it is taken over."""
        for key in self.keys():
            for place, category in enumerate(key):
                if category is ALL:
                    parts = self.dimensions[place].categories
                    yield key, tuple((*key[:place], part, *key[place + 1 :]) for part in parts)

    @property
    def additive(self) -> bool:
        """Tell whether every total is the sum of its parts.

        People who stand in several cells make it false; such a table is shown without margins.
        """
        cells = self.by_key
        return all(
            cells[total].value == sum(cells[part].value for part in parts)
            for total, parts in self.relations()
        )

    @property
    def disjoint(self) -> bool:
        """Tell whether each unit is known to stand in one inner cell only."""
        cells = self.by_key
        return self.margins and all(
            cells[total].contributors == sum(cells[part].contributors for part in parts)
            for total, parts in self.relations()
        )

    def without_margins(self) -> "CellTable":
        """Return the same table with its inner cells only."""
        inner = tuple(cell for cell in self.cells if not cell.is_margin)
        return CellTable(
            self.dimensions, self.statistic, inner, False, self.population, self.unit_scale
        )


@dataclass(frozen=True)
class Shown:
    """What a reader learns of one value: ``low`` to ``high``, both included; None is unbounded."""

    low: int | None
    high: int | None

    @property
    def exact(self) -> bool:
        """Tell whether the value itself is printed."""
        return self.low is not None and self.low == self.high

    @property
    def bounded(self) -> bool:
        """Tell whether anything at all is printed (a figure, or a rounded one)."""
        return self.low is not None or self.high is not None


HIDDEN: Final = Shown(None, None)


@dataclass(frozen=True)
class ReleasedTable:
    """A table as it left, or would leave: its true cells and what is shown of each.

    ``name`` is unique among the tables that are audited together (a release's id). The true cells
    stay at the desk; a reader sees ``shown`` only.
    """

    name: str
    table: CellTable
    shown: Mapping[Key, Shown]

    def __post_init__(self) -> None:
        """Refuse a release that says nothing of a cell, or something untrue."""
        for key, cell in self.table.by_key.items():
            seen = self.shown.get(key)
            if seen is None or not _holds(seen, cell.value):
                raise refused(
                    "release_untrue",
                    "shown",
                    "发布内容与表的真实数值不符，或缺少单元格。",
                    "What is shown does not fit the table's true values, or lacks a cell.",
                )


@dataclass(frozen=True)
class CellName:
    """One cell of one table among several."""

    table: str
    key: Key


@dataclass(frozen=True)
class Link:
    """A fact about cells of several tables: ``low`` ≤ Σ coefficient · value ≤ ``high``.

    ``low`` and ``high`` are what every reader knows (0 where one group lies within another).
    A cell shown twice is ``(1, a), (-1, b)`` between 0 and 0. Where ``contributors`` is given, the
    combination is a group of people of its own (a difference of two filters, a complement): it
    counts as a cell with that many contributors, and must be as safe as one; ``largest`` is then
    that group's.
    """

    terms: tuple[tuple[int, CellName], ...]
    low: int | None = None
    high: int | None = None
    contributors: int | None = None
    largest: tuple[int, ...] = ()


def same_cell(first: CellName, second: CellName) -> Link:
    """Say that two tables show one and the same cell."""
    return Link(((1, first), (-1, second)), 0, 0)


def complete(
    dimensions: tuple[Dimension, ...],
    statistic: Statistic,
    cells: Iterable[Cell],
    *,
    margins: bool,
    population: str,
    unit_scale: int = 1,
) -> CellTable:
    """Build a table, with a zero for each combination that no row fell into.

    Raises InvalidInput where a cell stands twice or under an unknown category.
    """
    given = tuple(cells)
    known = {cell.key for cell in given}
    absent = (key for key in _keys(dimensions, margins=margins) if key not in known)
    filled = (*given, *(Cell(key, 0, 0, 0, 0) for key in absent))
    return CellTable(dimensions, statistic, filled, margins, population, unit_scale)


def describe(dimensions: tuple[Dimension, ...], key: Key, *, total: str, missing: str) -> str:
    """Name a cell for a reader by its categories, never by its figures."""

    def word(category: Category) -> str:
        if category is ALL:
            return total
        return missing if category is None else str(category)

    parts = (
        f"{dimension.name}={word(category)}"
        for dimension, category in zip(dimensions, key, strict=True)
    )
    return ", ".join(parts)


def _keys(dimensions: tuple[Dimension, ...], *, margins: bool) -> Iterator[Key]:
    extra = (ALL,) if margins else ()
    return product(*((*dimension.categories, *extra) for dimension in dimensions))


def _holds(seen: Shown, value: int) -> bool:
    return (seen.low is None or seen.low <= value) and (seen.high is None or value <= seen.high)


def _cell_refused() -> InvalidInput:
    return refused(
        "table_cell",
        "cells",
        "单元格的计数须为非负整数，最大贡献须由大到小排列，无贡献主体的单元格数值为零。",
        "A cell's counts are whole and not negative, its largest contributions stand in falling "
        "order, and without contributors its value is zero.",
    )


def refused(code: str, place: str, zh: str, en: str) -> InvalidInput:
    """Return the refusal of a table that cannot be judged."""
    return InvalidInput(code, Message(zh, en), field=place, rule="disclosure/checks/tables")
