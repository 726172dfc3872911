"""What an aggregate plan is: frozen values, one canonical form, one digest.

Two questions that measure and show the same thing have the same digest, so that a repeat is
answered from the store at no further loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import prod
from typing import Any

from catalog.datasets import ColumnType, DatasetDeclaration
from catalog.store import NeighbourRelation
from disclosure.plan.expressions import Condition, Field, KeyExpression, Literal, Measure
from disclosure.plan.question import Question
from foundation.canonical import digest


class Road(StrEnum):
    """How each unit's contribution is bounded, from the cheapest to the dearest to run."""

    DECLARED = "declared"  # the bounded rows that onboarding stored for a declared group set
    RANKED = "ranked"  # stored ranks as a predicate: of a group set, or of rows in a unit
    UNRANKED = "unranked"  # bounded while answering: any keys, conditions before the bounding
    PER_UNIT = "per_unit"  # one row a unit, made by an inner aggregate


class MeasuredKind(StrEnum):
    """The integers that are measured with noise; every output is made of these."""

    UNITS = "units"
    ROWS = "rows"
    VALUES = "values"
    TOTAL = "total"
    SQUARES = "squares"
    QUANTILE = "quantile"


@dataclass(frozen=True)
class AskedDataset:
    """A protected data set as one licence may ask it.

    ``columns`` are those granted for aggregates; ``forced_values`` are the licence's own row
    filters, by column. ``neighbours`` says what is hidden: that a unit is there at all (DP_ONLY),
    or, once somebody has held rows of the population, all protected values of a unit (MIXED).
    ``has_ranks`` tells whether the version was onboarded with stored ranks.
    """

    declaration: DatasetDeclaration
    columns: frozenset[str]
    neighbours: NeighbourRelation
    forced_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    has_ranks: bool = True


@dataclass(frozen=True)
class PublicTable:
    """Open data that the licence holds as rows, to which protected rows may be joined.

    ``columns`` are those of its extract that no mask changed; ``unique`` those among them whose
    values onboarding proved to stand once each.
    """

    declaration: DatasetDeclaration
    columns: frozenset[str]
    unique: frozenset[str]


@dataclass(frozen=True)
class Asked:
    """Everything that a question under one licence may name."""

    protected: Mapping[str, AskedDataset]
    public: Mapping[str, PublicTable] = field(default_factory=dict)


@dataclass(frozen=True)
class Bounding:
    """How the stored or computed bound holds one unit, in the road's own groups.

    A unit has at most ``groups_per_unit_max`` (L0) road groups and ``rows_per_group_max`` (C) rows
    in each. The road's groups are those of a declared group set (DECLARED, RANKED with
    ``group_set``), the unit's rows as one group (RANKED without: L0 is 1 and C the row cap; for a
    unit-to-unit join C is the product of both caps), the answer's own groups (UNRANKED, PER_UNIT).

    ``merged_max`` (M) is the most road groups that can fall together into one group of the answer:
    1 where the answer keeps or refines the road's groups. ``refines`` tells that one road group
    may be spread over several groups of the answer. Both stand where keys cut across: then M
    bounds the coarsening and the finer cut only lowers the squares.

    ``row_caps`` are the row caps of both sides of a unit-to-unit join, whose product C is.
    """

    road: Road
    groups_per_unit_max: int
    rows_per_group_max: int
    merged_max: int = 1
    refines: bool = False
    group_set: str | None = None
    row_caps: tuple[int, ...] = ()


@dataclass(frozen=True)
class StoredColumn:
    """How a field that the plan reads stands in the relations.

    ``public_values`` are typed: rows hold the place of a value among them, and no value for any
    other; None stands for a column stored as it is. ``lower`` and ``upper`` are its declared
    bounds, in stored units (days from 1970-01-01 for dates).
    """

    field: Field
    type: ColumnType
    scale: int = 0
    public_values: tuple[Literal, ...] | None = None
    lower: int | None = None
    upper: int | None = None


@dataclass(frozen=True)
class PlannedKey:
    """A key of the answer and its public domain, in the order in which groups are laid out.

    ``values`` are what is shown; None stands for a key without public domain, whose groups show
    only past a threshold. ``engine_values`` are what the engine returns for each of them: the
    ordinal among the column's public values where rows are stored coded, else the value itself.

    ``lower`` and ``upper`` (stored units, days for a date) are what the field is brought into
    before the key is made of it, so that every row falls into a group of the domain. A row whose
    key is outside the domain of another kind is left out.
    """

    expression: KeyExpression
    type: ColumnType
    values: tuple[Literal | None, ...] | None
    engine_values: tuple[Literal | None, ...] | None
    scale: int = 0
    lower: int | None = None
    upper: int | None = None


@dataclass(frozen=True)
class Measured:
    """One vector of integers, a value for each group of the answer.

    ``centre`` is subtracted from each value before it is added up or squared (stored units): a
    public figure, chosen from the bounds, that makes the sensitivity of a mean smallest.
    ``quantile_ppm`` and ``grid_step`` belong to QUANTILE: candidates are lower, lower + step, ….
    ``counted`` is the field whose values VALUES counts, where no measure is named.
    """

    kind: MeasuredKind
    measure: Measure | None = None
    counted: Field | None = None
    centre: int = 0
    quantile_ppm: int | None = None
    grid_step: int = 0


@dataclass(frozen=True)
class AggregatePlan:
    """A question bound to stored rows: what is read, how it is bounded, what is measured.

    ``where`` holds the question's conditions and the licence's own row filters together;
    ``populations`` are charged, each with the whole price. ``measured`` is in a fixed order, UNITS
    first where groups pass a threshold. ``stored`` are all fields that are read, in order.
    """

    question: Question
    bounding: Bounding
    neighbours: NeighbourRelation
    keys: tuple[PlannedKey, ...]
    where: Condition | None
    measured: tuple[Measured, ...]
    populations: tuple[str, ...]
    stored: tuple[StoredColumn, ...] = ()

    @property
    def dataset(self) -> str:
        """The protected data set that is asked first."""
        return self.question.source.dataset

    @property
    def has_unknown_keys(self) -> bool:
        """Tell whether some group is shown only past a threshold."""
        return any(key.values is None for key in self.keys)

    @property
    def group_count(self) -> int:
        """How many groups the answer has where all keys are public: never a function of data."""
        return prod(len(key.values) for key in self.keys if key.values is not None)

    def as_canonical(self) -> dict[str, object]:
        """Return the plan as a JSON value without floats."""
        return {"format": "sandgate/plan@2", "plan": canonical_of(self)}

    @property
    def digest(self) -> str:
        """Name the plan by the digest of its canonical form."""
        return digest(self.as_canonical())


def canonical_of(value: Any) -> object:
    """Return frozen values as JSON: each with the name of its kind, so that no two read alike."""
    if is_dataclass(value) and not isinstance(value, type):
        inside = {item.name: canonical_of(getattr(value, item.name)) for item in fields(value)}
        return {"is": type(value).__name__, **inside}
    if isinstance(value, tuple | list):
        return [canonical_of(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Decimal | date):
        return {"is": type(value).__name__, "text": str(value)}
    if value is None or isinstance(value, str | int | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no canonical form")
