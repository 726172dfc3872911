"""Literals in stored form: what a text compares with, by the declared type of the field.

Numbers become integers of 10^-scale with the rounding that each operator needs, so that no
comparison changes its meaning; a literal that no stored value can equal becomes a condition that
cannot match.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from catalog.datasets import ColumnType
from catalog.written import written_date
from disclosure.plan import refusals, tree
from disclosure.plan.conditions import FALSE, either, equals_any, equals_none, in_steps, present
from disclosure.plan.expressions import Comparison, Condition, Field, Literal, Missing
from disclosure.plan.facts import Facts, public_literals
from disclosure.plan.tree import Node

STORED_MAX = 2**62


def compare(field: Field, facts: Facts, operator: str, node: Node) -> Condition:
    """Return the condition of a comparison with a literal. Raises Refused for a wrong literal."""
    if operator == "distinct":
        return _distinct(field, facts, node)
    if operator == "same":
        return compare(field, facts, "=", node)
    value = _read(field, facts, node)
    if isinstance(value, Fraction):
        return _compare_number(field, facts, operator, value)
    if operator in {"=", "<>"}:
        _check_public(field, facts, value)
    if isinstance(value, bool):
        return _compare_boolean(field, operator, value)
    return _compare_value(field, operator, value)


def _distinct(field: Field, facts: Facts, node: Node) -> Condition:
    return either((compare(field, facts, "<>", node), Missing(field)))


def _compare_value(field: Field, operator: str, value: Literal) -> Condition:
    if operator == "=":
        return equals_any(field, (value,))
    if operator == "<>":
        return equals_none(field, (value,))
    return in_steps(field, operator, value)


def _compare_boolean(field: Field, operator: str, value: bool) -> Condition:
    if operator not in {"=", "<>"}:
        raise refusals.literal_unreadable(field.column, "boolean")
    return equals_any(field, (value if operator == "=" else not value,))


def _compare_number(field: Field, facts: Facts, operator: str, value: Fraction) -> Condition:
    """Round towards the side that keeps the meaning; beyond 62 bits nothing is stored."""
    is_whole = value.denominator == 1 and abs(value) < STORED_MAX
    if operator in {"=", "<>"}:
        if is_whole:
            _check_public(field, facts, int(value))
            return _compare_value(field, operator, int(value))
        if facts.public_values:
            raise refusals.value_unknown(field.column)
        return FALSE if operator == "=" else present(field)
    if abs(value) >= STORED_MAX:
        holds_always = (value > 0) is (operator in {"<", "<="})
        return present(field) if holds_always else FALSE
    if operator in {"<", "<="}:
        return Comparison(field, "<=", floor(value) if operator == "<=" else ceil(value) - 1)
    return Comparison(field, ">=", ceil(value) if operator == ">=" else floor(value) + 1)


def _check_public(field: Field, facts: Facts, value: Literal) -> None:
    """Refuse a value that is not among those declared: it helps people, and tells no data."""
    if facts.public_values and value not in public_literals(facts):
        raise refusals.value_unknown(field.column)


def _read(field: Field, facts: Facts, node: Node) -> Fraction | str | bool | date:
    found = tree.literal(node)
    if found is None:
        raise refusals.form(
            "where",
            "条件只能将授权的列与常量比较：比较、IN、BETWEEN、IS NULL，以 AND、OR、NOT 组合。",
            "A condition compares a granted column with literals: comparison, IN, BETWEEN, "
            "IS NULL, combined by AND, OR and NOT.",
        )
    kind, text = found
    value: Fraction | str | bool | date | None = None
    if facts.is_number and kind in {"INTEGER", "NUMERIC", "STRING"}:
        value = stored_number(tree.decimal_of(text), facts.scale)
    elif facts.type is ColumnType.TEXT and kind == "STRING":
        value = text
    elif facts.type is ColumnType.DATE and kind in {"STRING", "DATE"}:
        value = written_date(text)
    elif facts.type is ColumnType.BOOLEAN and kind in {"BOOLEAN", "STRING"}:
        value = {"true": True, "false": False}.get(text.lower())
    if value is None:
        raise refusals.literal_unreadable(field.column, str(facts.type))
    return value


def stored_number(value: Decimal | None, scale: int) -> Fraction | None:
    """Return a number in units of 10^-scale, exactly."""
    return None if value is None else Fraction(value) * 10**scale
