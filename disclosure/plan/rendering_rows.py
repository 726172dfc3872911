"""The SQL of what is local to a row: conditions, keys, clamped values, and the joins beneath them.

Each is a total function of the row. A condition over a coded column is decided here for each
public value and asks only for the codes that pass, so text is never compared for each row.
"""

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from catalog.datasets import ColumnType
from disclosure.plan.expressions import (
    Among,
    Binned,
    Both,
    Cases,
    Comparison,
    Condition,
    Either,
    Extracted,
    Field,
    KeyExpression,
    Literal,
    Measure,
    Missing,
    Negated,
    Plain,
    Truncated,
)
from disclosure.plan.model import AggregatePlan, PlannedKey, Road
from disclosure.plan.question import PublicJoin
from disclosure.plan.rendering_columns import (
    PUBLIC_PREFIX,
    RANKED,
    RANKED_2,
    UNITS,
    UNITS_2,
    Columns,
    bound_sql,
    literal_sql,
    quoted,
    type_sql,
)

CAP_MAX = 254
"""Stored ranks saturate above it."""

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "<>": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}


def condition_sql(condition: Condition, columns: Columns) -> str:
    """Render a condition in SQL's three-valued logic."""
    match condition:
        case Comparison(field, operator, literal):
            return _comparison(field, operator, (literal,), columns)
        case Among(field, literals):
            return _comparison(field, "=", literals, columns)
        case Missing(field):
            return f"({columns.raw(field)} IS NULL)"
        case Negated(part):
            return f"(NOT {condition_sql(part, columns)})"
        case Both(parts):
            return _joined(" AND ", parts, columns, "TRUE")
        case Either(parts):
            return _joined(" OR ", parts, columns, "FALSE")


def key_sql(key: PlannedKey, columns: Columns) -> str:
    """Render a key as the engine returns it: a code for a coded column, else the value."""
    expression = key.expression
    if isinstance(expression, Cases):
        return _cases(expression, key.type, columns)
    if isinstance(expression, Plain) and columns.is_coded(expression.field):
        return columns.raw(expression.field)
    value = columns.value(expression.field)
    if key.lower is not None and key.upper is not None:
        kind = columns.stored(expression.field).type
        value = clamped(value, bound_sql(kind, key.lower), bound_sql(kind, key.upper))
    return _derived(expression, value)


def measure_sql(measure: Measure, columns: Columns) -> str:
    """Render a value clamped by CASE, a BIGINT; a missing one stays missing."""
    stored = columns.stored(measure.field)
    number = columns.number(measure.field)
    bounded = columns.plan.bounding.road is Road.DECLARED and stored.public_values is None
    if bounded and (stored.lower, stored.upper) == (measure.lower, measure.upper):
        return columns.raw(measure.field)  # stored clamped, and narrower to add up
    return clamped(number, literal_sql(measure.lower), literal_sql(measure.upper))


def clamped(value: str, lower: str, upper: str) -> str:
    """Render a clamp that keeps NULL (LEAST(NULL, cap) would be the cap)."""
    return (
        f"(CASE WHEN {value} < {lower} THEN {lower} WHEN {value} > {upper} THEN {upper} "
        f"ELSE {value} END)"
    )


def rows_sql(plan: AggregatePlan, columns: Columns) -> str:
    """Render FROM: the protected rows, a second data set unit to unit, public rows N to 1."""
    source = plan.question.source
    text = quoted(RANKED)
    if source.unit_join is not None:
        text += (
            f" JOIN {UNITS} ON {RANKED}._unit = {UNITS}._unit"
            f" JOIN {UNITS_2} ON {UNITS}.hash = {UNITS_2}.hash"
            f" JOIN {RANKED_2} ON {UNITS_2}._unit = {RANKED_2}._unit"
        )
    return text + "".join(_public_join(join, columns) for join in source.public_joins)


def caps_sql(plan: AggregatePlan) -> list[str]:
    """Render the stored ranks as predicates: of a group set, of both sides of a join, of a unit."""
    bounding = plan.bounding
    if bounding.road is not Road.RANKED:
        return []
    groups, rows = bounding.groups_per_unit_max, bounding.rows_per_group_max
    caps = bounding.row_caps or ((groups, rows) if bounding.group_set else (rows,))
    if any(not 1 <= cap <= CAP_MAX for cap in caps):
        raise ValueError("a cap lies below where stored ranks saturate")
    if bounding.row_caps:
        first, second = bounding.row_caps
        if first * second != rows or plan.question.source.unit_join is None:
            raise ValueError("two row caps belong to a join and multiply to its bound")
        return [f"{RANKED}._rank <= {first}", f"{RANKED_2}._rank <= {second}"]
    if bounding.group_set:
        group, row = quoted(f"gr_{bounding.group_set}"), quoted(f"rg_{bounding.group_set}")
        return [f"{RANKED}.{group} <= {groups}", f"{RANKED}.{row} <= {rows}"]
    return [f"{RANKED}._rank <= {rows}"]


def _comparison(
    field: Field, operator: str, literals: tuple[Literal, ...], columns: Columns
) -> str:
    values = columns.stored(field).public_values
    if values is None:
        if columns.column(field).startswith("m_"):
            raise ValueError("a clamped value decides no condition")
        value = columns.value(field)
        if len(literals) == 1:
            return f"({value} {_known(operator)} {literal_sql(literals[0])})"
        return f"({value} IN ({', '.join(literal_sql(item) for item in literals)}))"
    compare = _OPERATORS[operator]
    codes = [
        str(place)
        for place, value in enumerate(values)
        if any(_alike(value, literal) and compare(value, literal) for literal in literals)
    ]
    return f"({columns.raw(field)} IN ({', '.join(codes) or '-1'}))"


def _known(operator: str) -> str:
    if operator not in _OPERATORS:
        raise ValueError("no such comparison")
    return operator


def _alike(value: Literal, literal: Literal) -> bool:
    if type(value) is not type(literal):
        raise ValueError("a literal is of its column's type")
    return True


def _joined(word: str, parts: tuple[Condition, ...], columns: Columns, empty: str) -> str:
    return f"({word.join(condition_sql(part, columns) for part in parts) or empty})"


def _derived(expression: KeyExpression, value: str) -> str:
    match expression:
        case Truncated(_, part):
            return f"CAST(date_trunc('{part.value}', {value}) AS DATE)"
        case Extracted(_, part):
            return f"date_part('{part.value}', {value})"
        case Binned(_, width, indexed):
            if width < 1:
                raise ValueError("a bin has a width")
            edge = f"({value} - ((({value} % {width}) + {width}) % {width}))"
            return f"CAST({edge}{f' // {width}' if indexed else ''} AS BIGINT)"
        case _:
            return value


def _cases(expression: Cases, kind: ColumnType, columns: Columns) -> str:
    branches = "".join(
        f" WHEN {condition_sql(branch.when, columns)} THEN {_label(branch.then)}"
        for branch in expression.branches
    )
    return f"CAST(CASE{branches} ELSE {_label(expression.otherwise)} END AS {type_sql(kind)})"


def _label(label: Literal | None) -> str:
    return "NULL" if label is None else literal_sql(label)


def _public_join(join: PublicJoin, columns: Columns) -> str:
    right = Field(join.relation, join.column)
    if columns.stored(join.left).type is not columns.stored(right).type:
        raise ValueError("a join compares columns of one type")
    word = "LEFT JOIN" if join.outer else "JOIN"
    relation = quoted(PUBLIC_PREFIX + join.relation)
    return f" {word} {relation} ON {columns.value(join.left)} = {columns.value(right)}"
