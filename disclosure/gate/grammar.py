"""The allow-list of syntax: each node of DuckDB's tree that may occur, with each of its fields.

A node, a field, or a value of a field that does not stand here is refused: so is whatever a
later engine adds. Written against DuckDB 2.0.0's ``json_serialize_sql``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal[
    "statement", "query", "table", "expression", "type", "modifier", "order", "cte_map", "cte",
    "cte_value", "argument", "case_check", "literal", "name_path", "pair", "qualified_column",
    "rename",
]  # fmt: skip


@dataclass(frozen=True)
class Child:
    """A field that holds one node of a kind, or none."""

    kind: Kind


@dataclass(frozen=True)
class Children:
    """A field that holds a list of nodes of a kind."""

    kind: Kind


@dataclass(frozen=True)
class Only:
    """A field that may hold nothing but these values."""

    values: tuple[object, ...]


@dataclass(frozen=True)
class Text:
    """A field of the asker's own text, of places in it, or of a word that is checked elsewhere."""


@dataclass(frozen=True)
class Words:
    """A field with a list of names."""


@dataclass(frozen=True)
class Rows:
    """A field with a list of lists of expressions (VALUES)."""


@dataclass(frozen=True)
class Sets:
    """A field with a list of lists of small integers (GROUPING SETS)."""


Rule = Child | Children | Only | Text | Words | Rows | Sets
Shape = Mapping[str, Rule]

_EMPTY = Only(("",))
_NO = Only((False,))
_NONE = Only((None,))
_NOTHING = Only(([],))
_WORD = Text()

_PLACE: Shape = {"query_location": _WORD, "query_location_length": _WORD}
_EXPRESSION: Shape = {**_PLACE, "class": _WORD, "type": _WORD, "alias": _WORD}
_TABLE: Shape = {**_PLACE, "type": _WORD, "alias": _WORD, "sample": _NONE}
_QUERY: Shape = {
    "type": _WORD,
    "modifiers": Children("modifier"),
    "cte_map": Child("cte_map"),
}
_UNQUALIFIED: Shape = {"catalog": _EMPTY, "schema": _EMPTY, "qualified_name": Child("name_path")}
_ORDER: Shape = {
    "type": _WORD,
    "null_order": Only(("ORDER_DEFAULT", "NULLS FIRST", "NULLS LAST")),
    "expression": Child("expression"),
}
_FRAME_EDGE = Only((
    "UNBOUNDED_PRECEDING", "UNBOUNDED_FOLLOWING",
    "CURRENT_ROW_ROWS", "EXPR_PRECEDING_ROWS", "EXPR_FOLLOWING_ROWS",
    "CURRENT_ROW_RANGE", "EXPR_PRECEDING_RANGE", "EXPR_FOLLOWING_RANGE",
    "CURRENT_ROW_GROUPS", "EXPR_PRECEDING_GROUPS", "EXPR_FOLLOWING_GROUPS",
))  # fmt: skip
_COMPARISONS = frozenset({
    "COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO", "COMPARE_DISTINCT_FROM",
    "COMPARE_NOT_DISTINCT_FROM",
})  # fmt: skip

QUERIES: Mapping[str, Shape] = {
    "SELECT_NODE": {
        **_QUERY,
        "select_list": Children("expression"),
        "from_table": Child("table"),
        "where_clause": Child("expression"),
        "group_expressions": Children("expression"),
        "group_sets": Sets(),
        "aggregate_handling": Only(("STANDARD_HANDLING", "FORCE_AGGREGATES")),
        "having": Child("expression"),
        "sample": _NONE,
        "qualify": Child("expression"),
    },
    "SET_OPERATION_NODE": {
        **_QUERY,
        "setop_type": Only(("UNION", "UNION_BY_NAME", "EXCEPT", "INTERSECT")),
        "left": _NONE,
        "right": _NONE,
        "setop_all": Only((True, False)),
        "children": Children("query"),
    },
}

TABLES: Mapping[str, Shape] = {
    "BASE_TABLE": {
        **_TABLE,
        "schema_name": _EMPTY,
        "table_name": _WORD,
        "column_name_alias": Words(),
        "catalog_name": _EMPTY,
        "at_clause": _NONE,
        "qualified_name": Child("name_path"),
    },
    "SUBQUERY": {**_TABLE, "subquery": Child("statement"), "column_name_alias": Words()},
    "JOIN": {
        **_TABLE,
        "left": Child("table"),
        "right": Child("table"),
        "condition": Child("expression"),
        "join_type": Only(("INNER", "LEFT", "RIGHT", "FULL", "OUTER", "SEMI", "ANTI")),
        "ref_type": Only(("REGULAR", "CROSS", "NATURAL", "ASOF")),
        "using_columns": Words(),
        "delim_flipped": _NO,
        "duplicate_eliminated_columns": _NOTHING,
        "is_implicit": Only((True, False)),
        "ranking_expression": _NONE,
        "nearest_count": Only((1,)),
        "nearest_order_type": Only(("ASCENDING",)),
        "nearest_approx": _NO,
    },
    "EMPTY": {**_TABLE},
    "EXPRESSION_LIST": {
        **_TABLE,
        "expected_names": Words(),
        "expected_types": _NOTHING,
        "values": Rows(),
    },
}

_WINDOW: Shape = {
    **_EXPRESSION,
    **_UNQUALIFIED,
    "function_name": _WORD,
    "partitions": Children("expression"),
    "orders": Children("order"),
    "start": _FRAME_EDGE,
    "end": _FRAME_EDGE,
    "start_expr": Child("expression"),
    "end_expr": Child("expression"),
    "offset_expr": Child("expression"),
    "default_expr": Child("expression"),
    "ignore_nulls": Only((True, False)),
    "filter_expr": Child("expression"),
    "exclude_clause": Only(("NO_OTHER", "CURRENT_ROW", "GROUP", "TIES")),
    "distinct": Only((True, False)),
    "arg_orders": Children("order"),
    "has_ignore_nulls": Only((True, False)),
    "arguments": Children("argument"),
}

EXPRESSIONS: Mapping[str, Shape] = {
    "COLUMN_REF": {**_EXPRESSION, "column_names": Words()},
    "CONSTANT": {**_EXPRESSION, "literal": Child("literal")},
    "STAR": {
        **_EXPRESSION,
        "relation_name": _WORD,
        "exclude_list": Words(),
        "replace_list": Children("pair"),
        "columns": Only((True, False)),
        "expr": _NONE,
        "qualified_exclude_list": Children("qualified_column"),
        "rename_list": Children("rename"),
    },
    "FUNCTION": {
        **_EXPRESSION,
        **_UNQUALIFIED,
        "function_name": _WORD,
        "filter": Child("expression"),
        "order_bys": Child("modifier"),
        "distinct": Only((True, False)),
        "is_operator": Only((True, False)),
        "export_state": _NO,
        "arguments": Children("argument"),
    },
    "WINDOW": _WINDOW,
    "CASE": {
        **_EXPRESSION,
        "case_checks": Children("case_check"),
        "else_expr": Child("expression"),
    },
    "CAST": {
        **_EXPRESSION,
        "child": Child("expression"),
        "try_cast": Only((True, False)),
        "type_expr": Child("type"),
    },
    "COLLATE": {**_EXPRESSION, "child": Child("expression"), "collation": _WORD},
    "COMPARISON": {**_EXPRESSION, "left": Child("expression"), "right": Child("expression")},
    "CONJUNCTION": {**_EXPRESSION, "children": Children("expression")},
    "BETWEEN": {
        **_EXPRESSION,
        "input": Child("expression"),
        "lower": Child("expression"),
        "upper": Child("expression"),
    },
    "OPERATOR": {**_EXPRESSION, "children": Children("expression")},
    "SUBQUERY": {
        **_EXPRESSION,
        "subquery_type": Only(("SCALAR", "EXISTS", "NOT_EXISTS", "ANY")),
        "subquery": Child("statement"),
        "child": Child("expression"),
        "comparison_type": Only(("INVALID", *sorted(_COMPARISONS))),
    },
}

EXPRESSION_TYPES: Mapping[str, frozenset[str]] = {
    "COLUMN_REF": frozenset({"COLUMN_REF"}),
    "CONSTANT": frozenset({"VALUE_CONSTANT"}),
    "STAR": frozenset({"STAR"}),
    "FUNCTION": frozenset({"FUNCTION"}),
    "WINDOW": frozenset({
        "WINDOW_AGGREGATE", "WINDOW_ROW_NUMBER", "WINDOW_RANK", "WINDOW_RANK_DENSE",
        "WINDOW_PERCENT_RANK", "WINDOW_CUME_DIST", "WINDOW_NTILE", "WINDOW_LAG", "WINDOW_LEAD",
        "WINDOW_FIRST_VALUE", "WINDOW_LAST_VALUE", "WINDOW_NTH_VALUE",
    }),
    "CASE": frozenset({"CASE_EXPR"}),
    "CAST": frozenset({"OPERATOR_CAST"}),
    "COLLATE": frozenset({"COLLATE"}),
    "COMPARISON": _COMPARISONS,
    "CONJUNCTION": frozenset({"CONJUNCTION_AND", "CONJUNCTION_OR"}),
    "BETWEEN": frozenset({"COMPARE_BETWEEN"}),
    "OPERATOR": frozenset({
        "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE", "OPERATOR_IS_NULL",
        "OPERATOR_IS_NOT_NULL", "OPERATOR_NOT", "OPERATOR_TRY", "OPERATOR_NULLIF",
        "GROUPING_FUNCTION",
    }),
    "SUBQUERY": frozenset({"SUBQUERY"}),
}  # fmt: skip

MODIFIERS: Mapping[str, Shape] = {
    "DISTINCT_MODIFIER": {"type": _WORD, "distinct_on_targets": Children("expression")},
    "ORDER_MODIFIER": {"type": _WORD, "orders": Children("order")},
    "LIMIT_MODIFIER": {
        "type": _WORD,
        "limit": Child("expression"),
        "offset": Child("expression"),
        "limit_type": Only(("ROW_COUNT", "PERCENTAGE")),
    },
}

ORDERS: Mapping[str, Shape] = {
    "ORDER_DEFAULT": _ORDER,
    "ASCENDING": _ORDER,
    "DESCENDING": _ORDER,
}

TYPES: Mapping[str, Shape] = {
    "TYPE": {
        **_EXPRESSION,
        **_UNQUALIFIED,
        "class": Only(("TYPE",)),
        "type": Only(("TYPE",)),
        "type_name": _WORD,
        "children": Children("expression"),
    },
}

RECORDS: Mapping[str, Shape] = {
    "statement": {"node": Child("query"), "named_param_map": _NOTHING},
    "cte_map": {"map": Children("cte")},
    "cte": {"key": _WORD, "value": Child("cte_value")},
    "cte_value": {
        "aliases": Words(),
        "materialized": Only(
            ("CTE_MATERIALIZE_DEFAULT", "CTE_MATERIALIZE_ALWAYS", "CTE_MATERIALIZE_NEVER")
        ),
        "key_targets": _NOTHING,
        "payload_aggregates": _NOTHING,
        "query_node": Child("query"),
    },
    "argument": {"name": _EMPTY, "expression": Child("expression")},
    "case_check": {"when_expr": Child("expression"), "then_expr": Child("expression")},
    "literal": {
        "kind": Only(("INTEGER", "NUMERIC", "STRING", "BOOLEAN", "NULL_LITERAL")),
        "text": _WORD,
    },
    "name_path": {"path": Words()},
    "pair": {"key": _WORD, "value": Child("expression")},
    "qualified_column": {
        "catalog": _EMPTY, "schema": _EMPTY, "table": _WORD, "column": _WORD,
    },
    "rename": {"key": Child("qualified_column"), "value": _WORD},
}  # fmt: skip

# Nodes that say what they are, by the field that says it; all other kinds have one shape.
DISCRIMINATED: Mapping[str, tuple[str, Mapping[str, Shape]]] = MappingProxyType(
    {
        "query": ("type", QUERIES),
        "table": ("type", TABLES),
        "expression": ("class", EXPRESSIONS),
        "type": ("class", TYPES),
        "modifier": ("type", MODIFIERS),
        "order": ("type", ORDERS),
    }
)
