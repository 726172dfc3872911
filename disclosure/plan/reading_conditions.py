"""From WHERE and WHEN to conditions in normal form: fields against literals, and nothing else."""

from catalog.datasets import ColumnType
from disclosure.plan import refusals, tree
from disclosure.plan.conditions import FALSE, TRUE, both, either, equals_any, negated
from disclosure.plan.expressions import Condition, Field, Missing
from disclosure.plan.reading_literals import compare
from disclosure.plan.reading_scope import Scope
from disclosure.plan.tree import FLIPPED, Node, Sides


def read_condition(scope: Scope, node: Node) -> Condition:
    """Return the normal form of a condition. Raises Refused."""
    match node.get("type"):
        case "CONJUNCTION_AND":
            return both(read_condition(scope, part) for part in tree.parts(node))
        case "CONJUNCTION_OR":
            return either(read_condition(scope, part) for part in tree.parts(node))
        case "OPERATOR_NOT":
            (part,) = tree.parts(node)
            return negated(read_condition(scope, part))
        case "OPERATOR_IS_NULL" | "OPERATOR_IS_NOT_NULL":
            (part,) = tree.parts(node)
            missing = Missing(_field(scope, part))
            return missing if node["type"] == "OPERATOR_IS_NULL" else negated(missing)
        case "COMPARE_IN" | "COMPARE_NOT_IN":
            return _read_in(scope, node)
        case _:
            return _read_leaf(scope, node)


def _read_in(scope: Scope, node: Node) -> Condition:
    tested, *members = tree.parts(node)
    field = _field(scope, tested)
    facts = scope.facts(field)
    if node["type"] == "COMPARE_IN":
        return either(compare(field, facts, "=", member) for member in members)
    return both(compare(field, facts, "<>", member) for member in members)


def _read_leaf(scope: Scope, node: Node) -> Condition:
    ends = tree.between(node)
    if ends is not None:
        lower = _read_comparison(scope, Sides(ends[0], ">=", ends[1]))
        return both((lower, _read_comparison(scope, Sides(ends[0], "<=", ends[2]))))
    sides = tree.comparison(node)
    if sides is not None:
        return _read_comparison(scope, sides)
    constant = tree.literal(node)
    if constant is not None and constant[0] == "BOOLEAN":
        return TRUE if constant[1].lower() == "true" else FALSE
    if tree.column_path(node) is not None:
        field = _field(scope, node)
        if scope.facts(field).type is ColumnType.BOOLEAN:
            return equals_any(field, (True,))
    raise _unsupported()


def _read_comparison(scope: Scope, sides: Sides) -> Condition:
    left, operator, right = _without_cast(scope, sides.left), sides.operator, sides.right
    if tree.column_path(left) is None and tree.column_path(right) is not None:
        left, operator, right = right, FLIPPED.get(operator, operator), left
    field = _field(scope, left)
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
        raise _unsupported()
    return found.scope.field(path)


def _unsupported() -> Exception:
    return refusals.form(
        "where",
        "条件只能将授权的列与常量比较：比较、IN、BETWEEN、IS NULL，以 AND、OR、NOT 组合。",
        "A condition compares a granted column with literals: comparison, IN, BETWEEN, IS NULL, "
        "combined by AND, OR and NOT; no expression, subquery or other column.",
    )
