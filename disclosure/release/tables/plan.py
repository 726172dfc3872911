"""What a table for release is: typed, closed, one canonical form, one digest.

A plan names granted columns only, row by row: keys, conditions and figures of one data set. It
holds no value that was read from data, so two equal texts under one licence make one plan.
"""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field as Limited

from catalog.datasets import BOUND_MAX, Frozen
from disclosure.plan.expressions import Condition, Field, KeyExpression, Measure
from disclosure.plan.model import StoredColumn, canonical_of
from foundation.canonical import digest

SQL_CHARACTERS_MAX = 20_000
ROUNDING_MAX = 1_000


class TableRequest(Frozen):
    """The document of a draft: what its author writes; everything else follows from it.

    ``rounding`` is the base that figures are rounded to, 0 for the rule file's own; ``margins``
    shows the totals of every key as well.
    """

    sql: str = Limited(min_length=1, max_length=SQL_CHARACTERS_MAX)
    margins: bool = False
    rounding: int = Limited(default=0, ge=0, le=ROUNDING_MAX)


class Statistic(StrEnum):
    """What one figure of a table says."""

    ROWS = "rows"
    PEOPLE = "people"
    VALUES = "values"  # rows with a value in the column
    SUM = "sum"
    AVERAGE = "average"
    DEVIATION = "deviation"  # of the sample


@dataclass(frozen=True)
class TableKey:
    """A key under the name that its column has."""

    name: str
    key: KeyExpression


@dataclass(frozen=True)
class Figure:
    """A figure under the name of its column, and the column that it is made of, if any."""

    name: str
    statistic: Statistic
    measure: Measure | None = None
    counted: Field | None = None

    @property
    def field(self) -> Field | None:
        """Return the field whose values count."""
        return self.counted if self.measure is None else self.measure.field


class Kind(StrEnum):
    """An additive integer of each person and cell: figures are made of sums of these."""

    ROWS = "rows"
    PEOPLE = "people"
    VALUES = "values"
    TOTAL = "total"
    SQUARES = "squares"


@dataclass(frozen=True)
class Part:
    """One additive integer, and of which values of a column it is made (None: of none)."""

    kind: Kind
    measure: Measure | None = None
    counted: Field | None = None
    is_behind: bool = False

    @property
    def field(self) -> Field | None:
        """Return the field whose values count."""
        return self.counted if self.measure is None else self.measure.field

    @property
    def comparable(self) -> str:
        """Name the parts that can be added to and taken from each other.

        All counts can, whatever they count: of people with one row each, all are the same. Totals
        can by the column's own name, in whatever data set, version or clamp it stands. A count
        that only stands behind an average is not shown, and is held against its like.
        """
        if self.kind in {Kind.TOTAL, Kind.SQUARES} and self.measure is not None:
            return f"{self.kind.value}:{self.measure.field.column}"
        if self.is_behind and self.counted is not None:
            return f"behind:{self.counted.column}"
        return "count"


_PARTS: dict[Statistic, tuple[Kind, ...]] = {
    Statistic.ROWS: (Kind.ROWS,),
    Statistic.PEOPLE: (Kind.PEOPLE,),
    Statistic.VALUES: (Kind.VALUES,),
    Statistic.SUM: (Kind.TOTAL,),
    Statistic.AVERAGE: (Kind.TOTAL, Kind.VALUES),
    Statistic.DEVIATION: (Kind.SQUARES, Kind.TOTAL, Kind.VALUES),
}


def parts_of(figure: Figure) -> tuple[Part, ...]:
    """Return what a figure tells: an average tells its sum to whoever knows the count."""
    return tuple(_part(figure, kind) for kind in _PARTS[figure.statistic])


def _part(figure: Figure, kind: Kind) -> Part:
    if kind is Kind.VALUES:
        behind = figure.statistic is not Statistic.VALUES
        return Part(kind, counted=figure.field, is_behind=behind)
    return Part(kind, figure.measure)


@dataclass(frozen=True)
class TablePlan:
    """A table: keys and figures over the rows of one data set that pass ``where``."""

    dataset: str
    keys: tuple[TableKey, ...]
    figures: tuple[Figure, ...]
    where: Condition | None
    stored: tuple[StoredColumn, ...]
    margins: bool = False
    rounding: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The granted columns that the table reads, by name."""
        return tuple(sorted(item.field.column for item in self.stored))

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every additive integer that the table is made of, each once."""
        return tuple(dict.fromkeys(part for item in self.figures for part in parts_of(item)))

    def as_canonical(self) -> dict[str, object]:
        """Return the plan as a JSON value without floats."""
        return {"format": "sandgate/table-plan@1", "plan": canonical_of(self)}

    @property
    def digest(self) -> str:
        """Name the plan by the digest of its canonical form."""
        return digest(self.as_canonical())


def is_unbounded(measure: Measure) -> bool:
    """Tell whether the text gave a measure no bounds of its own."""
    return (measure.lower, measure.upper) == (-BOUND_MAX, BOUND_MAX)
