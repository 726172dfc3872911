"""Reads a condition of the syntax tree as canonical parts about one data set's columns.

What it cannot read becomes an opaque part known by its text; what says nothing of the data set's
columns becomes no part at all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from disclosure.gate.walk import Node
from disclosure.history.parts import (
    DERIVED,
    Edge,
    Missing,
    Opaque,
    Part,
    Span,
    Values,
    negated,
    normalised,
    number_text,
)
from foundation.canonical import digest

Resolve = Callable[[Node], str | None]

_EQUAL = frozenset({"COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM"})
_UNEQUAL = frozenset({"COMPARE_NOTEQUAL", "COMPARE_DISTINCT_FROM"})
_BELOW = {"COMPARE_LESSTHAN": False, "COMPARE_LESSTHANOREQUALTO": True}
_ABOVE = {"COMPARE_GREATERTHAN": False, "COMPARE_GREATERTHANOREQUALTO": True}
_ORDERED = frozenset({*_BELOW, *_ABOVE, "COMPARE_BETWEEN"})
_TURNED = {
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}
_OPPOSITES = {
    "COMPARE_NOTEQUAL": "COMPARE_EQUAL",
    "COMPARE_DISTINCT_FROM": "COMPARE_NOT_DISTINCT_FROM",
    "COMPARE_NOT_IN": "COMPARE_IN",
}
_PLACES = frozenset({"query_location", "query_location_length", "alias"})
_BOOLEAN_OPERATORS = frozenset({
    "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_NOT",
})  # fmt: skip


class Conditions:
    """Reads conditions about the columns that one resolver knows."""

    def __init__(self, resolve: Resolve) -> None:
        """Keep the resolver: a column reference's own column, or None where it is another's."""
        self._resolve = resolve

    def parts(self, node: Node, *, negate: bool = False) -> list[Part]:
        """Return the parts that all hold where a condition does (or, negated, does not)."""
        if node["class"] == "CONJUNCTION":
            return self._joined(node, negate=negate)
        if node["type"] == "OPERATOR_NOT":
            return self.parts(node["children"][0], negate=not negate)
        found = self._plain(node)
        return negated(normalised(found)) if negate and found else found

    def _joined(self, node: Node, *, negate: bool) -> list[Part]:
        arms = [self.parts(child, negate=negate) for child in node["children"]]
        if (node["type"] == "CONJUNCTION_AND") != negate:
            return [part for arm in arms for part in arm]
        if not all(arms):  # an arm about other tables leaves these columns free
            return []
        return negated(normalised(part for arm in arms for part in negated(arm)))

    def _plain(self, node: Node) -> list[Part]:
        match node["class"]:
            case "COMPARISON":
                found = self._comparison(node)
            case "BETWEEN":
                found = self._between(node)
            case "OPERATOR":
                found = self._operator(node)
            case "COLUMN_REF":
                column = self._column(node)
                found = [] if column is None else [Values(column, frozenset({"t:true"}))]
            case _:
                found = []
        return found or self._opaque(node)

    def _comparison(self, node: Node) -> list[Part]:
        kind, column, value = node["type"], self._column(node["left"]), _literal(node["right"])
        if column is None:
            kind = _TURNED.get(kind, kind)
            column, value = self._column(node["right"]), _literal(node["left"])
        if column is None and kind in _BELOW.keys() | _ABOVE.keys():
            kind, column, value = self._made(node)
        if column is None or value is None:
            return []
        if kind in _EQUAL | _UNEQUAL:
            return [Values(column, frozenset({value}), kind in _UNEQUAL)]
        if kind in _BELOW:
            return [Span(column, None, Edge(value, _BELOW[kind]))]
        return [Span(column, Edge(value, _ABOVE[kind]), None)]

    def _made(self, node: Node) -> tuple[str, str | None, str | None]:
        """Read an order between what is made of columns and a literal: one range of what is made.

        So ``income + 0 <= 9`` and ``income + 0 <= 10`` are seen to lie one value apart.
        """
        kind, made, value = node["type"], self._derived(node["left"]), _literal(node["right"])
        if made is None:
            kind, made = _TURNED[kind], self._derived(node["right"])
            value = _literal(node["left"])
        return kind, made, value

    def _derived(self, node: Node) -> str | None:
        found = [self._resolve(reference) for reference in columns_in(node)]
        own = sorted(column for column in found if column is not None)
        if not own or None in found:
            return None
        return f"{own[0].partition(DERIVED)[0]}{DERIVED}{text_of(node, self._resolve)}"

    def _between(self, node: Node) -> list[Part]:
        column = self._column(node["input"]) or self._derived(node["input"])
        lower, upper = _literal(node["lower"]), _literal(node["upper"])
        if column is None or lower is None or upper is None:
            return []
        return [Span(column, Edge(lower, inclusive=True), Edge(upper, inclusive=True))]

    def _operator(self, node: Node) -> list[Part]:
        first, *others = node["children"]
        column = self._column(first)
        if column is None:
            return []
        if node["type"] in {"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"}:
            return [Missing(column, node["type"] == "OPERATOR_IS_NOT_NULL")]
        values = [value for other in others if (value := _literal(other)) is not None]
        if node["type"] not in {"COMPARE_IN", "COMPARE_NOT_IN"} or len(values) != len(others):
            return []
        return [Values(column, frozenset(values), node["type"] == "COMPARE_NOT_IN")]

    def _opaque(self, node: Node) -> list[Part]:
        references = list(columns_in(node))
        found = [self._resolve(reference) for reference in references]
        own = frozenset(column for column in found if column is not None)
        if not own:
            return []
        alone = None not in found and not _reads_tables(node)
        pointed = alone and node["type"] not in _ORDERED
        opposite = _OPPOSITES.get(node["type"])
        text = text_of(node if opposite is None else {**node, "type": opposite}, self._resolve)
        columns = own if alone else frozenset[str]()
        return [Opaque(columns, text, pointed, negated=opposite is not None)]

    def _column(self, node: Node) -> str | None:
        while node["class"] in {"CAST", "COLLATE"}:
            node = node["child"]
        return self._resolve(node) if node["class"] == "COLUMN_REF" else None


def text_of(node: Node, resolve: Resolve = lambda _: None) -> str:
    """Return a digest of an expression: places, aliases and qualifiers make no difference."""
    return digest(_canonical(node, resolve))


def _canonical(node: Any, resolve: Resolve) -> Any:
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            return resolve(node) or node["column_names"][-1].lower()
        kept = {key: value for key, value in node.items() if key not in _PLACES}
        return {key: _canonical(value, resolve) for key, value in kept.items()}
    return [_canonical(item, resolve) for item in node] if isinstance(node, list) else node


def columns_in(node: Any) -> Iterator[Node]:
    """Return all column references of an expression, those of its subqueries too."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if item.get("class") == "COLUMN_REF":
                yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _reads_tables(node: Node) -> bool:
    """Tell whether a subquery of a condition reads any table: one without is a list of literals."""
    stack: list[Any] = [node.get("subquery")]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if item.get("type") == "BASE_TABLE":
                return True
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False


def is_condition(node: Mapping[str, Any]) -> bool:
    """Tell whether an expression is true or false by its form."""
    return (
        node.get("class") in {"COMPARISON", "CONJUNCTION", "BETWEEN"}
        or node.get("type") in _BOOLEAN_OPERATORS
    )


def _literal(node: Node) -> str | None:
    while node["class"] == "CAST":
        node = node["child"]
    if node["class"] != "CONSTANT" or node["literal"]["kind"] == "NULL_LITERAL":
        return None
    text = str(node["literal"]["text"])
    return number_text(text) or f"t:{text}"
