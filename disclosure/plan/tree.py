"""Reading DuckDB's syntax tree: each reader accepts one shape and answers None for any other.

A node is read only if all its fields are known here and every field we do not use is empty, so
that nothing a newer engine adds can pass unread (I3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Node = Mapping[str, Any]
DIGITS_MAX = 18

_PLACES = frozenset({"query_location", "query_location_length", "alias", "class", "type"})
_SELECT = frozenset(
    {
        "type",
        "modifiers",
        "cte_map",
        "select_list",
        "from_table",
        "where_clause",
        "group_expressions",
        "group_sets",
        "aggregate_handling",
        "having",
        "sample",
        "qualify",
    }
)
_FUNCTION_UNUSED = (
    "schema",
    "catalog",
    "filter",
    "is_operator",
    "export_state",
)
_FUNCTION = {"function_name", "distinct", "arguments", "qualified_name", "order_bys"}
_TABLE_UNUSED = ("schema_name", "catalog_name", "sample", "column_name_alias", "at_clause")
FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
}


@dataclass(frozen=True)
class Call:
    """A function call with at most one column as its argument."""

    function: str
    distinct: bool
    column: tuple[str, ...] | None


@dataclass(frozen=True)
class Comparison:
    """Two sides and the operator between them."""

    left: Node
    operator: str
    right: Node


def select_node(tree: Node) -> Node | None:
    """Return the one SELECT of a serialised text, statement or node, or None for anything else."""
    if "statements" in tree:
        if tree.get("error") or len(tree["statements"]) != 1:
            return None
        tree = tree["statements"][0]
    if "node" in tree:
        if tree.get("named_param_map"):
            return None
        tree = tree["node"]
    plain = tree.get("type") == "SELECT_NODE" and set(tree) <= _SELECT
    if not plain or tree["cte_map"]["map"] or tree.get("sample") or tree.get("qualify"):
        return None
    return tree


def table(node: Node) -> tuple[str, str] | None:
    """Return name and alias of a plain, unqualified table."""
    known = {*_PLACES, *_TABLE_UNUSED, "table_name", "qualified_name"}
    if node.get("type") != "BASE_TABLE" or not set(node) <= known:
        return None
    if any(node.get(name) for name in _TABLE_UNUSED):
        return None
    return node["table_name"], node["alias"]


def column_path(node: Node) -> tuple[str, ...] | None:
    """Return the dotted name of a column reference."""
    if node.get("class") != "COLUMN_REF" or not set(node) <= {*_PLACES, "column_names"}:
        return None
    return tuple(node["column_names"])


def call(node: Node) -> Call | None:
    """Return a plain call: no filter, no order, no schema, none or one column as argument."""
    known = {*_PLACES, *_FUNCTION_UNUSED, *_FUNCTION}
    if node.get("class") != "FUNCTION" or not set(node) <= known:
        return None
    if any(node.get(name) for name in _FUNCTION_UNUSED) or node["order_bys"]["orders"]:
        return None
    arguments = node["arguments"]
    if not arguments:
        return Call(node["function_name"].lower(), node["distinct"], None)
    if len(arguments) > 1 or arguments[0].get("name"):
        return None
    path = column_path(arguments[0]["expression"])
    return None if path is None else Call(node["function_name"].lower(), node["distinct"], path)


def literal(node: Node) -> tuple[str, str] | None:
    """Return kind and text of a constant; ``DATE '…'`` reads as its text."""
    if node.get("class") == "CAST" and not node.get("try_cast"):
        inner = literal(node["child"])
        is_date = node["type_expr"].get("type_name") == "DATE"
        return inner if is_date and inner is not None and inner[0] == "STRING" else None
    if node.get("class") != "CONSTANT" or not set(node) <= {*_PLACES, "literal"}:
        return None
    value = node["literal"]
    return (value["kind"], value["text"]) if set(value) == {"kind", "text"} else None


def number(node: Node) -> Decimal | None:
    """Return a numeric constant exactly."""
    found = literal(node)
    if found is None or found[0] not in {"INTEGER", "NUMERIC"}:
        return None
    try:
        value = Decimal(found[1])
    except ArithmeticError:  # an exponent beyond what decimals hold
        return None
    return value if value.is_finite() else None


def whole_number(node: Node) -> int | None:
    """Return an integer constant of zero or more."""
    found = literal(node)
    if found is None or found[0] != "INTEGER":
        return None
    return int(found[1]) if is_whole(found[1]) else None


def is_whole(text: str) -> bool:
    """Tell whether a text is a whole number of few enough digits to read."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX


def conjuncts(node: Node | None) -> tuple[Node, ...]:
    """Take a condition apart at its ANDs."""
    if node is None:
        return ()
    if node.get("type") == "CONJUNCTION_AND":
        return tuple(part for child in node["children"] for part in conjuncts(child))
    return (node,)


def comparisons(node: Node) -> tuple[Comparison, ...] | None:
    """Return one comparison, or the two of a BETWEEN."""
    operator = _COMPARISONS.get(node.get("type", ""))
    if operator is not None:
        return (Comparison(node["left"], operator, node["right"]),)
    if node.get("type") == "COMPARE_BETWEEN":
        lower = Comparison(node["input"], ">=", node["lower"])
        return (lower, Comparison(node["input"], "<=", node["upper"]))
    return None


def in_list(node: Node) -> tuple[Node, tuple[Node, ...]] | None:
    """Return the tested expression and the members of a plain IN list."""
    if node.get("type") != "COMPARE_IN" or node.get("class") != "OPERATOR":
        return None
    tested, *members = node["children"]
    return tested, tuple(members)
