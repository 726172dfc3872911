"""What an aggregate plan is: frozen values, one canonical form, one digest.

Two questions that measure and show the same thing have the same digest, so that a repeat is
answered from the store at no further loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from math import prod

from catalog.datasets import Column, DatasetDeclaration, GroupSet
from catalog.store import NeighbourRelation
from foundation.canonical import digest


class Function(StrEnum):
    """The aggregates that a question may ask for."""

    COUNT = "count"
    UNITS = "units"
    SUM = "sum"
    AVG = "avg"


class MeasuredKind(StrEnum):
    """The integers that are measured with noise; every output is made of these."""

    ROWS = "rows"
    UNITS = "units"
    VALUES = "values"
    TOTAL = "total"


@dataclass(frozen=True)
class AskedDataset:
    """A data set as one licence may ask it.

    ``columns`` are those granted for aggregates; ``forced_values`` are the licence's own row
    filters, by column. ``neighbours`` says what is hidden: that a unit is there at all (DP_ONLY),
    or, once somebody has held rows of the population, all protected values of a unit (MIXED).
    """

    declaration: DatasetDeclaration
    columns: frozenset[str]
    neighbours: NeighbourRelation
    forced_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class KeyOutput:
    """A public key shown under a name."""

    name: str
    key: str


@dataclass(frozen=True)
class AggregateOutput:
    """A noisy figure shown under a name, with its interval beside it."""

    name: str
    function: Function
    measure: str | None = None


Output = KeyOutput | AggregateOutput


@dataclass(frozen=True)
class Condition:
    """HAVING: a noisy output compared with a literal, after the noise."""

    output: str
    operator: str
    literal: Decimal


@dataclass(frozen=True)
class Ordering:
    """ORDER BY one output column, after the noise."""

    output: str
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Question:
    """What the text asks for, before it is bound to a declared group set."""

    outputs: tuple[Output, ...]
    filters: Mapping[str, tuple[str, ...]]
    having: tuple[Condition, ...] = ()
    order: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys shown, in the order of the question."""
        return tuple(item.key for item in self.outputs if isinstance(item, KeyOutput))

    @property
    def aggregates(self) -> tuple[AggregateOutput, ...]:
        """The aggregates shown, in the order of the question."""
        return tuple(item for item in self.outputs if isinstance(item, AggregateOutput))

    @property
    def measures(self) -> frozenset[str]:
        """The measures that any aggregate reads."""
        return frozenset(item.measure for item in self.aggregates if item.measure is not None)


@dataclass(frozen=True)
class Selection:
    """One key of the group set: which of its public values are read, and whether they are shown."""

    column: Column
    ordinals: tuple[int, ...]
    grouped: bool

    @property
    def is_whole(self) -> bool:
        """Tell whether every public value is read."""
        return len(self.ordinals) == len(self.column.public_values)


@dataclass(frozen=True)
class Measured:
    """One vector of integers, a value for each group of the answer."""

    kind: MeasuredKind
    column: Column | None = None


@dataclass(frozen=True)
class AggregatePlan:
    """A question bound to one declared group set of one data set."""

    dataset: str
    group_set: GroupSet
    neighbours: NeighbourRelation
    selections: tuple[Selection, ...]
    measured: tuple[Measured, ...]
    question: Question

    @property
    def grouped(self) -> tuple[Selection, ...]:
        """The keys shown, in the order of the group set."""
        return tuple(item for item in self.selections if item.grouped)

    @property
    def group_count(self) -> int:
        """How many groups the answer has: public, and never a function of the data."""
        return prod(len(item.ordinals) for item in self.grouped)

    @property
    def merged_count(self) -> int:
        """How many declared groups fall together into one group of the answer."""
        return prod(len(item.ordinals) for item in self.selections if not item.grouped)

    @property
    def groups_per_unit(self) -> int:
        """How many of the selected declared groups one unit can be in."""
        return min(self.group_set.groups_per_unit_max, self.group_count * self.merged_count)

    def as_canonical(self) -> dict[str, object]:
        """Return the plan as a JSON value without floats."""
        return {
            "format": "sandgate/plan@1",
            "dataset": self.dataset,
            "group_set": self.group_set.model_dump(mode="json"),
            "neighbours": str(self.neighbours),
            "selections": [
                {"key": s.column.name, "ordinals": list(s.ordinals), "grouped": s.grouped}
                for s in self.selections
            ],
            "measured": [_measured_canonical(item) for item in self.measured],
            "shown": _question_canonical(self.question),
        }

    @property
    def digest(self) -> str:
        """Name the plan by the digest of its canonical form."""
        return digest(self.as_canonical())


def _measured_canonical(measured: Measured) -> dict[str, object]:
    column = measured.column
    if column is None:
        return {"kind": str(measured.kind)}
    bounds = {"lower": column.lower, "upper": column.upper, "scale": column.scale}
    return {"kind": str(measured.kind), "measure": column.name, **bounds}


def _question_canonical(question: Question) -> dict[str, object]:
    return {
        "outputs": [_output_canonical(item) for item in question.outputs],
        "having": [[c.output, c.operator, str(c.literal)] for c in question.having],
        "order": [[o.output, o.descending, o.nulls_first] for o in question.order],
        "limit": question.limit,
        "offset": question.offset,
    }


def _output_canonical(output: Output) -> dict[str, object]:
    if isinstance(output, KeyOutput):
        return {"name": output.name, "key": output.key}
    return {"name": output.name, "function": str(output.function), "measure": output.measure}
