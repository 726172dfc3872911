"""The row-local pieces of a question: fields, keys, clamped measures and conditions.

Each is a total function of one row (and of the public row joined to it), so that no expression
can fail, or take longer, because of one person's values (I11). Literals are in stored form:
decimals as integers of 10^-scale, dates as dates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

Literal = int | str | bool | date

PER_UNIT = ""
"""The relation of a field that an inner, per-unit aggregate makes."""


@dataclass(frozen=True)
class Field:
    """A column of a data set, by the data set's own name, whatever alias the text gave it."""

    relation: str
    column: str


class DatePart(StrEnum):
    """The parts of a date that a key may keep."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    WEEKDAY = "isodow"


@dataclass(frozen=True)
class Comparison:
    """A field compared with a literal; ``operator`` is one of ``= <> < <= > >=``."""

    field: Field
    operator: str
    literal: Literal


@dataclass(frozen=True)
class Among:
    """A field that equals one of several literals, each listed once, in order."""

    field: Field
    literals: tuple[Literal, ...]


@dataclass(frozen=True)
class Missing:
    """A field without a value."""

    field: Field


@dataclass(frozen=True)
class Both:
    """Conditions that all hold."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Either:
    """Conditions of which one holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Negated:
    """A condition that does not hold; a missing value is neither (SQL's three-valued logic)."""

    part: "Condition"


Condition = Comparison | Among | Missing | Both | Either | Negated


@dataclass(frozen=True)
class Plain:
    """A key that is a column as it stands."""

    field: Field


@dataclass(frozen=True)
class Truncated:
    """A key that is a date cut down to the first day of its part: ``date_trunc('month', d)``."""

    field: Field
    part: DatePart


@dataclass(frozen=True)
class Extracted:
    """A key that is one number of a date: ``month(d)``."""

    field: Field
    part: DatePart


@dataclass(frozen=True)
class Binned:
    """A key that is the lower edge of a number's bin: ``floor(x / width) * width``, stored units.

    ``indexed`` shows the bin's number instead: ``x // width``.
    """

    field: Field
    width: int
    indexed: bool = False


@dataclass(frozen=True)
class Branch:
    """One WHEN … THEN of a CASE; the label is a literal or missing."""

    when: Condition
    then: Literal | None


@dataclass(frozen=True)
class Cases:
    """A key that is the label of the first branch that holds: its labels are the text's own."""

    branches: tuple[Branch, ...]
    otherwise: Literal | None


KeyExpression = Plain | Truncated | Extracted | Binned | Cases


@dataclass(frozen=True)
class Measure:
    """A number clamped to bounds in stored units: those declared, or tighter ones of the text.

    ``nullable`` tells whether a row may have none; ``scale`` is the power of ten of its units.
    """

    field: Field
    lower: int
    upper: int
    scale: int = 0
    nullable: bool = False


def fields_of(expression: KeyExpression | Condition) -> Iterator[Field]:
    """Give every field that a key or a condition reads, repeats included."""
    match expression:
        case Both(parts) | Either(parts):
            for part in parts:
                yield from fields_of(part)
        case Negated(part):
            yield from fields_of(part)
        case Cases(branches, _):
            for branch in branches:
                yield from fields_of(branch.when)
        case _:
            yield expression.field
