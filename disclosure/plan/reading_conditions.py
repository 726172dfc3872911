"""From WHERE and WHEN to conditions in normal form: fields against literals, and nothing else."""

from catalog.datasets import ColumnType
from disclosure.outcome import Refused
from disclosure.plan import refusals, tree
from disclosure.plan.conditions import FALSE, TRUE, both, either, equals_any
from disclosure.plan.expressions import Condition, Field, Missing, Negated
from disclosure.plan.reading_literals import compare
from disclosure.plan.reading_scope import Scope
from disclosure.plan.tree import FLIPPED, Node, Sides

OPPOSITE = {
    "=": "<>",
    "<>": "=",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "distinct": "same",
    "same": "distinct",
}


def read_condition(scope: Scope, node: Node, *, negated: bool = False) -> Condition:
    """Return the normal form of a condition, or of its opposite. Raises Refused.

    NOT is carried down to the leaves before anything is simplified: a comparison that cannot match
    is still unknown, and not false, where its field has no value.
    """
    match node.get("type"):
        case "CONJUNCTION_AND" | "CONJUNCTION_OR":
            parts = (read_condition(scope, part, negated=negated) for part in tree.parts(node))
            return (
                both(parts) if (node["type"] == "CONJUNCTION_AND") is not negated else either(parts)
            )
        case "OPERATOR_NOT":
            (part,) = tree.parts(node)
            return read_condition(scope, part, negated=not negated)
        case "OPERATOR_IS_NULL" | "OPERATOR_IS_NOT_NULL":
            (part,) = tree.parts(node)
            missing = Missing(_field(scope, part))
            return (
                missing if (node["type"] == "OPERATOR_IS_NULL") is not negated else Negated(missing)
            )
        case "COMPARE_IN" | "COMPARE_NOT_IN":
            return _read_in(scope, node, among=(node["type"] == "COMPARE_IN") is not negated)
        case "COMPARE_BETWEEN":
            return _read_between(scope, node, negated=negated)
        case _:
            return _read_leaf(scope, node, negated=negated)


def _read_in(scope: Scope, node: Node, *, among: bool) -> Condition:
    tested, *members = tree.parts(node)
    field = _field(scope, tested)
    facts = scope.facts(field)
    if among:
        return either(compare(field, facts, "=", member) for member in members)
    return both(compare(field, facts, "<>", member) for member in members)


def _read_between(scope: Scope, node: Node, *, negated: bool) -> Condition:
    ends = tree.between(node)
    if ends is None:
        raise _unsupported()
    tested, lower, upper = ends
    sides = (Sides(tested, ">=", lower), Sides(tested, "<=", upper))
    parts = (_read_comparison(scope, side, negated=negated) for side in sides)
    return either(parts) if negated else both(parts)


def _read_leaf(scope: Scope, node: Node, *, negated: bool) -> Condition:
    sides = tree.comparison(node)
    if sides is not None:
        return _read_comparison(scope, sides, negated=negated)
    constant = tree.literal(node)
    if constant is not None and constant[0] == "BOOLEAN":
        return TRUE if (constant[1].lower() == "true") is not negated else FALSE
    if tree.column_path(node) is not None:
        field = _field(scope, node)
        if scope.facts(field).type is ColumnType.BOOLEAN:
            return equals_any(field, (not negated,))
    raise _unsupported(node)


def _read_comparison(scope: Scope, sides: Sides, *, negated: bool) -> Condition:
    left, operator, right = _without_cast(scope, sides.left), sides.operator, sides.right
    if tree.column_path(left) is None and tree.column_path(right) is not None:
        left, operator, right = right, FLIPPED.get(operator, operator), left
    field = _field(scope, left)
    operator = OPPOSITE[operator] if negated else operator
    return compare(field, scope.facts(field), operator, right)


def _without_cast(scope: Scope, node: Node) -> Node:
    """Take off the cast to BOOLEAN that the parser adds for ``flag IS TRUE``."""
    found = tree.cast(node)
    if found is None or found[1] != "boolean" or tree.column_path(found[0]) is None:
        return node
    field = _field(scope, found[0])
    return found[0] if scope.facts(field).type is ColumnType.BOOLEAN else node


def _field(scope: Scope, node: Node) -> Field:
    found = scope.expanded(node)
    path = tree.column_path(found.node)
    if path is None:
        raise _unsupported(found.node)
    return found.scope.field(path)


def _unsupported(node: Node | None = None) -> Refused:
    return refusals.form(
        "where",
        "条件只能将授权的列与常量比较：比较、IN、BETWEEN、IS NULL，以 AND、OR、NOT 组合。",
        "A condition compares a granted column with literals: comparison, IN, BETWEEN, IS NULL, "
        "combined by AND, OR and NOT; no expression, subquery or other column.",
        "" if node is None else tree.construct(node),
    )
