"""Reading DuckDB's syntax tree: each reader accepts one shape and answers None for any other.

A node is read only if all its fields are known here and every field that is not used is empty, so
that nothing a newer engine adds can pass unread (I3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

Node = Mapping[str, Any]
DIGITS_MAX = 18
NUMBER_CHARACTERS_MAX = 40
EXPONENT_MAX = 40
NAME_SHOWN_MAX = 40
_EXACT = Context(prec=2 * (NUMBER_CHARACTERS_MAX + EXPONENT_MAX))

_PLACES = frozenset({"query_location", "query_location_length", "alias", "class", "type"})
_UNQUALIFIED = ("schema", "catalog")
FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "distinct",
    "COMPARE_NOT_DISTINCT_FROM": "same",
}


@dataclass(frozen=True)
class Call:
    """A function call: its name in lower case, its arguments, and the order inside it."""

    function: str
    arguments: tuple[Node, ...]
    distinct: bool = False
    orders: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Sides:
    """Two sides and the operator between them."""

    left: Node
    operator: str
    right: Node


@dataclass(frozen=True)
class Joined:
    """Two tables and how they are joined."""

    left: Node
    right: Node
    kind: str
    condition: Node | None
    using: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A searched CASE: conditions with their results, and the result of ELSE."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node


def _holds_only(node: Node, used: set[str], unused: Mapping[str, object] | None = None) -> bool:
    """Tell whether a node has no field but those used, and those unused at their empty value."""
    empty = unused or {}
    return set(node) <= {*_PLACES, *used, *empty} and all(
        node.get(name, value) == value for name, value in empty.items()
    )


def only_select(tree: Node) -> Node | None:
    """Return the one query of a serialised text or statement, or None for anything else."""
    if "statements" in tree:
        if tree.get("error") or len(tree["statements"]) != 1:
            return None
        tree = tree["statements"][0]
    return statement_node(tree)


def statement_node(statement: Node) -> Node | None:
    """Return the query of a statement, or None where it takes parameters."""
    if not set(statement) <= {"node", "named_param_map"} or statement.get("named_param_map"):
        return None
    node: Node = statement["node"]
    return node


_SELECT_USED = {
    "modifiers",
    "cte_map",
    "select_list",
    "from_table",
    "where_clause",
    "group_expressions",
    "group_sets",
    "aggregate_handling",
    "having",
}


def is_select(node: Node) -> bool:
    """Tell whether a query node is a plain SELECT without sample and QUALIFY."""
    return node.get("type") == "SELECT_NODE" and _holds_only(
        node, _SELECT_USED, {"sample": None, "qualify": None}
    )


def with_queries(node: Node) -> tuple[tuple[str, Node], ...] | None:
    """Return name and query of each CTE in order, or None for one that does more than name."""
    found: list[tuple[str, Node]] = []
    for item in node["cte_map"]["map"]:
        value = item["value"]
        plain = not any(value.get(n) for n in ("aliases", "key_targets", "payload_aggregates"))
        if not plain:
            return None
        found.append((item["key"].lower(), value["query_node"]))
    return tuple(found)


_TABLE_EMPTY: Mapping[str, object] = {
    "schema_name": "",
    "catalog_name": "",
    "sample": None,
    "column_name_alias": [],
    "at_clause": None,
}


def table(node: Node) -> tuple[str, str] | None:
    """Return name and alias of a plain, unqualified table, in lower case."""
    if node.get("type") != "BASE_TABLE":
        return None
    if not _holds_only(node, {"table_name", "qualified_name"}, _TABLE_EMPTY):
        return None
    if node["qualified_name"] != {"path": [node["table_name"]]}:
        return None
    name = str(node["table_name"]).lower()
    return name, str(node["alias"]).lower() or name


def subquery(node: Node) -> tuple[Node, str] | None:
    """Return the query and the alias of a subquery in FROM."""
    empty: dict[str, object] = {"sample": None, "column_name_alias": []}
    if node.get("type") != "SUBQUERY" or not _holds_only(node, {"subquery"}, empty):
        return None
    inner = statement_node(node["subquery"])
    return None if inner is None else (inner, str(node["alias"]).lower())


_JOIN_EMPTY: Mapping[str, object] = {
    "sample": None,
    "delim_flipped": False,
    "duplicate_eliminated_columns": [],
    "is_implicit": False,
    "ranking_expression": None,
    "nearest_count": 1,
    "nearest_order_type": "ASCENDING",
    "nearest_approx": False,
    "alias": "",
    "ref_type": "REGULAR",
}


def join(node: Node) -> Joined | None:
    """Return a plain join with ON or USING: INNER or LEFT."""
    used = {"left", "right", "condition", "join_type", "using_columns"}
    if node.get("type") != "JOIN" or not _holds_only(node, used, _JOIN_EMPTY):
        return None
    if node["join_type"] not in {"INNER", "LEFT"}:
        return None
    using = tuple(str(name).lower() for name in node["using_columns"])
    return Joined(node["left"], node["right"], node["join_type"], node["condition"], using)


def column_path(node: Node) -> tuple[str, ...] | None:
    """Return the dotted name of a column reference, in lower case."""
    if node.get("class") != "COLUMN_REF" or not _holds_only(node, {"column_names"}):
        return None
    return tuple(str(name).lower() for name in node["column_names"])


_STAR_EMPTY: Mapping[str, object] = {
    "relation_name": "",
    "exclude_list": [],
    "replace_list": [],
    "columns": False,
    "expr": None,
    "qualified_exclude_list": [],
    "rename_list": [],
}


def is_star(node: Node) -> bool:
    """Tell whether an output is a plain ``*``."""
    return node.get("class") == "STAR" and _holds_only(node, set(), _STAR_EMPTY)


def call(node: Node) -> Call | None:
    """Return a plain call: no filter, no schema, no named argument."""
    used = {"function_name", "distinct", "arguments", "qualified_name", "order_bys", "is_operator"}
    empty: dict[str, object] = {**dict.fromkeys(_UNQUALIFIED, ""), "filter": None}
    empty["export_state"] = False
    if node.get("class") != "FUNCTION" or not _holds_only(node, used, empty):
        return None
    if node["qualified_name"] != {"path": [node["function_name"]]}:
        return None
    if any(argument.get("name") for argument in node["arguments"]):
        return None
    ordered = node["order_bys"] or {"orders": []}
    return Call(
        node["function_name"].lower(),
        tuple(argument["expression"] for argument in node["arguments"]),
        node["distinct"],
        tuple(ordered["orders"]),
    )


def plain_call(node: Node, *names: str) -> tuple[Node, ...] | None:
    """Return the arguments of a call of one of some functions, without DISTINCT and order."""
    found = call(node)
    if found is None or found.function not in names or found.distinct or found.orders:
        return None
    return found.arguments


def cast(node: Node) -> tuple[Node, str] | None:
    """Return what a CAST (no TRY_CAST) converts, and the name of its type in lower case."""
    if node.get("class") != "CAST":
        return None
    if not _holds_only(node, {"child", "type_expr"}, {"try_cast": False}):
        return None
    kind = node["type_expr"]
    if kind.get("children"):
        return None
    return node["child"], str(kind["type_name"]).lower()


def literal(node: Node) -> tuple[str, str] | None:
    """Return kind and text of a constant; ``DATE '…'`` is of kind DATE."""
    converted = cast(node)
    if converted is not None:
        inner = literal(converted[0]) if converted[1] == "date" else None
        return ("DATE", inner[1]) if inner is not None and inner[0] in {"STRING", "DATE"} else None
    if node.get("class") != "CONSTANT" or not _holds_only(node, {"literal"}):
        return None
    value = node["literal"]
    return (value["kind"], value["text"]) if set(value) == {"kind", "text"} else None


def number(node: Node) -> Decimal | None:
    """Return a numeric constant exactly, in one spelling; None for one that is overlong."""
    found = literal(node)
    if found is None or found[0] not in {"INTEGER", "NUMERIC"}:
        return None
    return decimal_of(found[1])


def decimal_of(text: str) -> Decimal | None:
    """Return the number of a text in one spelling; None for one that is overlong or no number."""
    if len(text) > NUMBER_CHARACTERS_MAX or not text.isascii() or "_" in text:
        return None
    try:
        value = Decimal(text.strip())
    except ArithmeticError:
        return None
    if not value.is_finite() or (value and abs(value.adjusted()) > EXPONENT_MAX):
        return None
    return value.normalize(_EXACT) if value else Decimal(0)


def whole_number(node: Node) -> int | None:
    """Return an integer constant of zero or more."""
    found = literal(node)
    if found is None or found[0] != "INTEGER":
        return None
    return int(found[1]) if is_whole(found[1]) else None


def is_whole(text: str) -> bool:
    """Tell whether a text is a whole number of few enough digits to read."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX


_CONSTRUCTS = {
    "CASE": "CASE",
    "CAST": "CAST",
    "COLLATE": "COLLATE",
    "STAR": "*",
    "SUBQUERY": "a subquery",
    "WINDOW": "OVER",
}
_WRITTEN = {"COUNT_STAR": "COUNT(*)", "~~": "LIKE", "~~*": "ILIKE", "!~~": "NOT LIKE"}


def construct(node: Node) -> str:
    """Return what to call an expression in a refusal; an empty text where it has no name."""
    name = str(node.get("function_name", ""))
    if node.get("class") != "FUNCTION" or not name.isascii() or len(name) > NAME_SHOWN_MAX:
        return _CONSTRUCTS.get(str(node.get("class")), "")
    clause = " with FILTER" if node.get("filter") else ""
    clause += " with DISTINCT" if node.get("distinct") else ""
    shown = _WRITTEN.get(name.upper(), name.upper())
    return shown + clause if name.isprintable() else ""


def conjuncts(node: Node | None) -> tuple[Node, ...]:
    """Take a condition apart at its ANDs."""
    if node is None:
        return ()
    if node.get("type") == "CONJUNCTION_AND":
        return tuple(part for child in parts(node) for part in conjuncts(child))
    return (node,)


def parts(node: Node) -> Sequence[Node]:
    """Return the children of AND, OR, NOT, IN, IS NULL. Raises LookupError for unknown fields."""
    if node.get("class") not in {"CONJUNCTION", "OPERATOR"} or not _holds_only(node, {"children"}):
        raise LookupError("a node of another shape")
    children: Sequence[Node] = node["children"]
    return children


def comparison(node: Node) -> Sides | None:
    """Return two sides and the operator between them; IS [NOT] DISTINCT FROM is one too."""
    operator = _COMPARISONS.get(node.get("type", ""))
    if operator is None or not _holds_only(node, {"left", "right"}):
        return None
    return Sides(node["left"], operator, node["right"])


def between(node: Node) -> tuple[Node, Node, Node] | None:
    """Return the tested expression, the lower and the upper end of a BETWEEN."""
    used = {"input", "lower", "upper"}
    if node.get("type") != "COMPARE_BETWEEN" or not _holds_only(node, used):
        return None
    return node["input"], node["lower"], node["upper"]


def case(node: Node) -> Case | None:
    """Return a CASE; a simple one reads as its searched form, IF(…) as one branch."""
    arguments = plain_call(node, "if")
    if arguments is not None and len(arguments) == len(("condition", "then", "else")):
        return Case(((arguments[0], arguments[1]),), arguments[2])
    if node.get("class") != "CASE" or not _holds_only(node, {"case_checks", "else_expr"}):
        return None
    checks = node["case_checks"]
    if any(set(check) != {"when_expr", "then_expr"} for check in checks):
        return None
    return Case(tuple((c["when_expr"], c["then_expr"]) for c in checks), node["else_expr"])
