"""What policy declares of a field: its type, scale and bounds, never anything read from data.

Bounds are in stored units: integers of 10^-scale, days since 1970-01-01 for a date.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from catalog.datasets import Column, ColumnType, DatasetDeclaration
from disclosure.plan.expressions import PER_UNIT, Field, Literal
from disclosure.plan.model import Asked
from disclosure.plan.question import InnerFunction, InnerOutput, Source

EPOCH = date(1970, 1, 1)
DIGITS_MAX = 18


@dataclass(frozen=True)
class Facts:
    """The declared facts of one field as the question sees it.

    ``nullable`` includes the rows that found no partner in an outer join.
    """

    type: ColumnType
    scale: int
    nullable: bool
    lower: int | None
    upper: int | None
    public_values: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Tell whether the field holds integers or decimals."""
        return self.type in {ColumnType.INTEGER, ColumnType.DECIMAL}


def facts_of(field: Field, source: Source, asked: Asked) -> Facts:
    """Return the facts of a field of a question. Raises KeyError for a field that is not there."""
    if field.relation == PER_UNIT:
        return _inner_facts(field, source, asked)
    column = declared_column(field, asked)
    outer = any(join.relation == field.relation and join.outer for join in source.public_joins)
    return Facts(
        column.type,
        column.scale,
        column.nullable or outer,
        column.lower,
        column.upper,
        column.public_values,
    )


def declared_column(field: Field, asked: Asked) -> Column:
    """Return the declared column behind a field. Raises KeyError where there is none."""
    column = declaration_of(field.relation, asked).column(field.column)
    if column is None:
        raise KeyError(field.column)
    return column


def declaration_of(relation: str, asked: Asked) -> DatasetDeclaration:
    """Return the declaration of a protected or public relation. Raises KeyError."""
    protected = asked.protected.get(relation)
    return asked.public[relation].declaration if protected is None else protected.declaration


def public_literals(facts: Facts) -> tuple[Literal, ...]:
    """Return the public values in stored form, in their declared order.

    A declaration whose values do not read as their own type offers none of them as a number or
    a date: they stay texts.
    """
    try:
        return tuple(_public_literal(facts, text) for text in facts.public_values)
    except (ValueError, KeyError):
        return facts.public_values


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to a date."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """Return the date so many days after 1970-01-01. Raises OverflowError out of range."""
    return EPOCH + timedelta(days=number)


def _public_literal(facts: Facts, text: str) -> Literal:
    match facts.type:
        case ColumnType.INTEGER:
            digits = text.removeprefix("-")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX):
                raise ValueError("not an integer")
            return int(text)
        case ColumnType.BOOLEAN:
            return {"true": True, "false": False}[text.lower()]
        case ColumnType.DATE:
            return date.fromisoformat(text)
        case _:
            return text


def _inner_facts(field: Field, source: Source, asked: Asked) -> Facts:
    """Return the facts of one figure of each unit: a count is kept within the declared row cap."""
    if source.per_unit is None:
        raise KeyError(field.column)
    output = inner_output(field.column, source.per_unit.outputs)
    if output.field is None or output.function is InnerFunction.COUNT:
        rows_max = declaration_of(source.dataset, asked).rows_per_unit_max
        return Facts(ColumnType.INTEGER, 0, False, 0, rows_max)
    inner = Source(source.dataset, source.public_joins)
    facts = facts_of(output.field, inner, asked)
    bounded = output.function is not InnerFunction.SUM
    return Facts(
        facts.type,
        facts.scale,
        facts.nullable,
        facts.lower if bounded else None,
        facts.upper if bounded else None,
    )


def inner_output(name: str, outputs: tuple[InnerOutput, ...]) -> InnerOutput:
    """Return the inner output of a name. Raises KeyError where there is none."""
    for output in outputs:
        if output.name == name:
            return output
    raise KeyError(name)


def stored_literal(facts: Facts, text: str) -> Literal:
    """Return a value that a licence writes as text, in stored form; a text that is none stays."""
    try:
        if facts.type is ColumnType.DECIMAL:
            return int(Decimal(text).scaleb(facts.scale))
        return _public_literal(facts, text)
    except (ValueError, KeyError, ArithmeticError):
        return text
