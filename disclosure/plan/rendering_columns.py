"""How a field of the plan stands in the engine's relations, and what SQL reads its value.

Names are made from declared names only and quoted; a literal is written by its type. Reading a
value is total: a code outside its list, or a missing value, is NULL (I11).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from catalog.datasets import DAY_ZERO, ColumnType
from disclosure.plan.expressions import PER_UNIT, Field, Literal
from disclosure.plan.model import AggregatePlan, Road, StoredColumn
from disclosure.plan.question import InnerFunction

BOUNDED, RANKED, RANKED_2, UNITS, UNITS_2 = "bounded", "ranked", "ranked_2", "units", "units_2"
UNIT_ROWS = "unit_rows"
PUBLIC_PREFIX = "p_"
LITERAL_MAX = 2**62
"""Beyond this no stored value lies, so that a literal may be brought down to it."""

_TYPES = {
    ColumnType.INTEGER: "BIGINT",
    ColumnType.DECIMAL: "BIGINT",
    ColumnType.TEXT: "VARCHAR",
    ColumnType.DATE: "DATE",
    ColumnType.BOOLEAN: "BOOLEAN",
}


@dataclass(frozen=True)
class Columns:
    """The columns behind a plan's fields."""

    plan: AggregatePlan

    def stored(self, field: Field) -> StoredColumn:
        """Return how a field is stored. Raises ValueError where the plan does not say."""
        if field.relation == PER_UNIT:
            return self._made_per_unit(field)
        found = next((item for item in self.plan.stored if item.field == field), None)
        if found is None:
            raise ValueError("a plan names every field that it reads")
        return found

    def _made_per_unit(self, field: Field) -> StoredColumn:
        """Return the form of a unit's own figure: a count, or as the column that it is made of."""
        per_unit = self.plan.question.source.per_unit
        outputs = () if per_unit is None else per_unit.outputs
        made = next((item for item in outputs if item.name == field.column), None)
        if made is None:
            raise ValueError("an outer question reads what the inner one makes")
        if made.field is None or made.function is InnerFunction.COUNT:
            return StoredColumn(field, ColumnType.INTEGER)
        inner = self.stored(made.field)
        return StoredColumn(field, inner.type, inner.scale)

    def relation(self, field: Field) -> str:
        """Return the relation that holds a field."""
        if field.relation == PER_UNIT:
            return UNIT_ROWS
        source = self.plan.question.source
        if field.relation == source.dataset:
            return BOUNDED if self._is_bounded else RANKED
        if field.relation == source.unit_join:
            return RANKED_2
        return PUBLIC_PREFIX + field.relation

    def column(self, field: Field) -> str:
        """Return the name of the column that holds a field."""
        if field.relation == PER_UNIT:
            return f"f_{field.column}"
        if self.relation(field).startswith(PUBLIC_PREFIX):
            return field.column
        if self.is_coded(field):
            return f"k_{field.column}"
        return f"m_{field.column}" if self._is_bounded else f"c_{field.column}"

    def is_coded(self, field: Field) -> bool:
        """Tell whether rows hold the place of a public value instead of the value."""
        return self.stored(field).public_values is not None

    def raw(self, field: Field) -> str:
        """Return SQL for what is stored: the code, or the value; NULL where there is none."""
        return f"{quoted(self.relation(field))}.{quoted(self.column(field))}"

    def value(self, field: Field) -> str:
        """Return SQL for the value in stored form: integers, dates, texts, booleans."""
        stored = self.stored(field)
        raw = self.raw(field)
        if stored.public_values is not None:
            listed = ", ".join(_listed(item) for item in stored.public_values)
            kind = _TYPES[stored.type]
            return f"(CAST([{listed}] AS {kind}[]))[CAST({raw} AS INTEGER) + 1]"
        if stored.type is ColumnType.DECIMAL and self._is_public(field):
            return f"CAST({raw} * {10**stored.scale} AS BIGINT)"
        return raw

    def number(self, field: Field) -> str:
        """Return SQL for a BIGINT: the stored integer, or days since 1970-01-01 for a date."""
        stored = self.stored(field)
        if stored.type is ColumnType.TEXT:
            raise ValueError("a measure is no text")
        value = self.value(field)
        clamped = self._is_bounded and not self.is_coded(field)  # dates stand there as days
        if stored.type is ColumnType.DATE and not clamped:
            return f"({value} - {literal_sql(DAY_ZERO)})"
        return f"CAST({value} AS BIGINT)"

    def _is_public(self, field: Field) -> bool:
        return self.relation(field).startswith(PUBLIC_PREFIX)

    @property
    def _is_bounded(self) -> bool:
        return self.plan.bounding.road is Road.DECLARED


def type_sql(kind: ColumnType) -> str:
    """Return the engine's type for values of a column type, in stored form."""
    return _TYPES[kind]


def narrowest(lower: int, upper: int) -> str:
    """Return the narrowest integer type of the engine that holds a range."""
    for bits, kind in ((16, "SMALLINT"), (32, "INTEGER"), (64, "BIGINT")):
        if -(2 ** (bits - 1)) <= lower and upper < 2 ** (bits - 1):
            return kind
    return "HUGEINT"


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal_sql(literal: Literal) -> str:
    """Write a constant by its type. Raises ValueError for a text that no row can hold."""
    if isinstance(literal, bool):
        return "TRUE" if literal else "FALSE"
    if isinstance(literal, int):
        return f"CAST({max(-LITERAL_MAX, min(LITERAL_MAX, literal))} AS BIGINT)"
    if isinstance(literal, date):
        return f"DATE '{literal.isoformat()}'"
    if "\0" in literal:
        raise ValueError("no stored text holds a NUL")
    return "'" + literal.replace("'", "''") + "'"


def _listed(literal: Literal) -> str:
    """Write a constant of a list, whose type the list is cast to."""
    is_number = isinstance(literal, int) and not isinstance(literal, bool)
    return str(literal) if is_number else literal_sql(literal)


def bound_sql(kind: ColumnType, bound: int) -> str:
    """Write a bound in stored units as a constant of its column's type."""
    if kind is ColumnType.DATE:
        return literal_sql(DAY_ZERO + timedelta(days=bound))
    return literal_sql(bound)
