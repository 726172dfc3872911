"""What a text asks for, typed and frozen, before it is bound to stored rows and a bound.

Two texts that ask for the same have equal questions: names of tables, aliases, order of AND-ed
conditions and spelling of literals are settled here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from disclosure.plan.expressions import Condition, Field, KeyExpression, Measure


class Function(StrEnum):
    """The aggregates that a question may ask for."""

    COUNT = "count"  # rows, or rows with a value where a field is named
    UNITS = "units"
    SUM = "sum"
    AVG = "avg"
    VARIANCE = "variance"
    STDDEV = "stddev"
    QUANTILE = "quantile"


class InnerFunction(StrEnum):
    """What an inner aggregate makes of all rows of one unit: one integer, whatever they are."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True)
class InnerOutput:
    """One figure of each unit, under the name by which the outer question reads it."""

    name: str
    function: InnerFunction
    field: Field | None = None


@dataclass(frozen=True)
class PerUnit:
    """A first aggregate by privacy unit: from here on every unit has exactly one row."""

    outputs: tuple[InnerOutput, ...]
    where: Condition | None = None


@dataclass(frozen=True)
class PublicJoin:
    """An N:1 join to a public table: each row finds at most one partner, by a unique column.

    ``outer`` keeps rows without a partner (LEFT JOIN).
    """

    relation: str
    left: Field
    column: str
    outer: bool = False


@dataclass(frozen=True)
class Source:
    """Where a question reads: one protected data set and what is joined to it.

    ``unit_join`` is a second protected data set of the same population, joined unit to unit.
    """

    dataset: str
    public_joins: tuple[PublicJoin, ...] = ()
    unit_join: str | None = None
    per_unit: PerUnit | None = None


@dataclass(frozen=True)
class KeyOutput:
    """A key shown under a name."""

    name: str
    key: KeyExpression


@dataclass(frozen=True)
class AggregateOutput:
    """A noisy figure shown under a name, with its interval beside it.

    ``measure`` is what is summed, averaged or ranked. ``counted`` is the field whose values COUNT
    counts. ``quantile_ppm`` is the quantile in parts per million (a median has 500,000).
    ``of_population`` divides by n instead of n - 1 (VAR_POP, STDDEV_POP).
    """

    name: str
    function: Function
    measure: Measure | None = None
    counted: Field | None = None
    quantile_ppm: int | None = None
    of_population: bool = False


@dataclass(frozen=True)
class Number:
    """A number written in a formula."""

    value: Decimal


@dataclass(frozen=True)
class Reference:
    """The place of an aggregate among those that a formula reads."""

    place: int


@dataclass(frozen=True)
class Operation:
    """Arithmetic on noisy figures; ``operator`` is one of ``+ - * /``."""

    operator: str
    left: "Formula"
    right: "Formula"


Formula = Number | Reference | Operation


@dataclass(frozen=True)
class FormulaOutput:
    """Arithmetic on noisy figures, shown under a name: post-processing, free of charge."""

    name: str
    formula: Formula
    reads: tuple[AggregateOutput, ...]


Output = KeyOutput | AggregateOutput | FormulaOutput


@dataclass(frozen=True)
class Having:
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
    """What the text asks for, before it is bound to stored rows."""

    source: Source
    outputs: tuple[Output, ...]
    where: Condition | None = None
    having: tuple[Having, ...] = ()
    order: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def keys(self) -> tuple[KeyExpression, ...]:
        """The different keys shown, in the order of the question."""
        return tuple(dict.fromkeys(o.key for o in self.outputs if isinstance(o, KeyOutput)))

    @property
    def aggregates(self) -> tuple[AggregateOutput, ...]:
        """Every aggregate that is shown or read by a formula, in the order of the question."""
        return tuple(self._aggregates())

    def _aggregates(self) -> Iterator[AggregateOutput]:
        for output in self.outputs:
            if isinstance(output, AggregateOutput):
                yield output
            elif isinstance(output, FormulaOutput):
                yield from output.reads
