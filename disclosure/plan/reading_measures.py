"""From the argument of an aggregate to a measure: a field with bounds, its own or the text's.

A clamp keeps a missing value missing, in whichever of its three spellings it is written.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from catalog.datasets import BOUND_MAX
from disclosure.outcome import Refused
from disclosure.plan import refusals, tree
from disclosure.plan.expressions import Field, Measure
from disclosure.plan.facts import Facts
from disclosure.plan.reading_literals import stored_number
from disclosure.plan.reading_scope import Scope
from disclosure.plan.tree import Node

PAIR = 2
MENDED_UPPER = 1_000
"""The upper bound in the example that a refusal shows for a measure without one."""


@dataclass(frozen=True)
class Clamped:
    """A field and the ends that a text clamps it to, in stored units; None where there is none."""

    field: Field
    lower: int | None = None
    upper: int | None = None


def read_measure(scope: Scope, node: Node) -> Measure:
    """Return the measure of an expression. Raises Refused where it is unbounded or no measure."""
    clamped = read_clamped(scope, node)
    facts = scope.facts(clamped.field)
    if not facts.is_number:
        raise unsupported_measure()
    lower, upper = _bounds(clamped, facts)
    if scope.mends:
        lower = min(0, upper or 0) if lower is None else lower
        upper = max(lower, MENDED_UPPER * 10**facts.scale) if upper is None else upper
    if lower is None or upper is None:
        raise refusals.measure_unbounded(clamped.field.column)
    if lower > upper or max(abs(lower), abs(upper)) > BOUND_MAX:
        raise _bounds_invalid(clamped.field.column)
    return Measure(clamped.field, lower, upper, facts.scale, facts.nullable)


def _bounds(clamped: Clamped, facts: Facts) -> tuple[int | None, int | None]:
    """Return the range of the clamped value: the declared range, itself clamped by the text."""
    lower, upper = clamped.lower, clamped.upper
    if lower is not None and upper is not None and lower > upper:
        raise _bounds_invalid(clamped.field.column)
    ends = (_clamp(facts.lower, lower, upper), _clamp(facts.upper, lower, upper))
    return (
        lower if ends[0] is None else ends[0],
        upper if ends[1] is None else ends[1],
    )


def _clamp(value: int | None, lower: int | None, upper: int | None) -> int | None:
    if value is None:
        return None
    value = value if lower is None else max(value, lower)
    return value if upper is None else min(value, upper)


def read_clamped(scope: Scope, node: Node) -> Clamped:
    """Read a field, LEAST and GREATEST in either order, or the CASE that clamps."""
    found = scope.expanded(node)
    path = tree.column_path(found.node)
    if path is not None:
        return Clamped(found.scope.field(path))
    inner = replace(scope, visible=found.scope.visible)
    if tree.case(found.node) is not None:
        return _read_case_clamp(inner, found.node)
    for name in ("least", "greatest"):
        arguments = tree.plain_call(found.node, name)
        if arguments is not None and len(arguments) == PAIR:
            return _read_end(inner, name, arguments)
    raise unsupported_measure(found.node)


def _read_end(scope: Scope, name: str, arguments: tuple[Node, ...]) -> Clamped:
    value, end = arguments
    if tree.number(value) is not None:
        value, end = end, value
    inner = read_clamped(scope, value)
    limit = _stored(scope, inner.field, end)
    if name == "least":
        lower = inner.lower if inner.lower is None else min(inner.lower, limit)
        tighter = limit if inner.upper is None else min(inner.upper, limit)
        return replace(inner, lower=lower, upper=tighter)
    upper = inner.upper if inner.upper is None else max(inner.upper, limit)
    tighter = limit if inner.lower is None else max(inner.lower, limit)
    return replace(inner, lower=tighter, upper=upper)


def _read_case_clamp(scope: Scope, node: Node) -> Clamped:
    """Read ``CASE WHEN x < a THEN a WHEN x > b THEN b ELSE x END``, with one end or two."""
    found = tree.case(node)
    if found is None:
        raise unsupported_measure()
    clamped = read_clamped(scope, found.otherwise)
    if clamped.lower is not None or clamped.upper is not None or len(found.branches) > PAIR:
        raise unsupported_measure()
    for condition, result in found.branches:
        clamped = _with_branch(scope, clamped, condition, result)
    return clamped


def _with_branch(scope: Scope, clamped: Clamped, condition: Node, result: Node) -> Clamped:
    sides = tree.comparison(condition)
    if sides is None:
        raise unsupported_measure()
    left, operator, right = sides.left, sides.operator, sides.right
    if tree.number(left) is not None:
        left, operator, right = right, tree.FLIPPED.get(operator, ""), left
    field = read_clamped(scope, left)
    limit = _stored(scope, clamped.field, right)
    same = field == Clamped(clamped.field) and limit == _stored(scope, clamped.field, result)
    if same and operator in {"<", "<="} and clamped.lower is None:
        return replace(clamped, lower=limit)
    if same and operator in {">", ">="} and clamped.upper is None:
        return replace(clamped, upper=limit)
    raise unsupported_measure()


def _stored(scope: Scope, field: Field, node: Node) -> int:
    """Return a clamp's end in stored units. Raises Refused where it is finer than they are."""
    value = stored_number(tree.number(node), scope.facts(field).scale)
    if not isinstance(value, Fraction):
        raise unsupported_measure()
    if value.denominator != 1 or abs(value) > BOUND_MAX:
        raise _bounds_invalid(field.column)
    return int(value)


def unsupported_measure(node: Node | None = None) -> Refused:
    """Refuse an argument that is no bounded number."""
    return refusals.form(
        "select",
        "汇总的对象须是数值列，可用 LEAST(GREATEST(列, 下界), 上界) 或等价的 CASE 限定范围。",
        "What is aggregated is a number column, plain or clamped: "
        "LEAST(GREATEST(column, lower), upper), or the CASE that does the same.",
        "" if node is None else tree.construct(node),
    )


def _bounds_invalid(column: str) -> Refused:
    return refusals.form(
        f"select.{column}",
        f"“{column}”的上下界须为该列精度以内的常量，下界不大于上界，绝对值不超过 2^40。",
        f"The bounds of {column!r} are literals no finer than its own scale, the lower at most "
        "the upper, and neither beyond 2^40 stored units.",
    )
