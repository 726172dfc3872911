"""Walks the whole of a syntax tree against the grammar; what is not known there is refused.

Yields each node once, with its kind and the names of the WITH queries it can see, so that what
follows reads only nodes that passed. Uses its own stack: no tree can exhaust Python's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from disclosure.gate.grammar import (
    DISCRIMINATED,
    EXPRESSION_TYPES,
    RECORDS,
    Child,
    Children,
    Kind,
    Only,
    Rows,
    Rule,
    Sets,
    Shape,
    Text,
    Words,
)
from disclosure.gate.refusals import GateRefused, construct_refused, depth_refused
from policies.schema.gate import GateRules

Node = Mapping[str, Any]
_SCALARS = frozenset({str, int, type(None)})
# The clause that a field of a query belongs to, as the asker would name it.
CLAUSES = {
    "select_list": "select",
    "from_table": "from",
    "where_clause": "where",
    "group_expressions": "group by",
    "having": "having",
    "qualify": "qualify",
    "modifiers": "order by",
    "cte_map": "with",
}


@dataclass(frozen=True, slots=True)
class Visited:
    """One node that passed: its kind, the kind above it, its clause, the WITH names it sees."""

    kind: Kind
    node: Node
    depth: int
    with_names: frozenset[str]
    clause: str
    above: Kind


def walk(statement: object, rules: GateRules) -> Iterator[Visited]:
    """Yield every node of a statement. Raises Refused at the first that the grammar lacks."""
    stack = [_visited("statement", statement, 0, frozenset(), "", "statement")]
    count = 0
    while stack:
        visited = stack.pop()
        count += 1
        if visited.depth > rules.tree_depth_max or count > rules.tree_nodes_max:
            raise depth_refused()
        try:
            below = list(_below(visited))
        except GateRefused as refused:
            raise refused.at(visited.clause, visited.node) from None
        yield visited
        stack.extend(reversed(below))  # in the order of the text


def _visited(
    kind: Kind, node: object, depth: int, with_names: frozenset[str], clause: str, above: Kind
) -> Visited:
    if not isinstance(node, dict):
        raise construct_refused(kind)
    return Visited(kind, node, depth, with_names, clause, above)


def _shape(kind: Kind, node: Node) -> Shape:
    shape = _named_shape(kind, node)
    if len(node) < len(shape):  # what follows reads every field without asking again
        raise construct_refused(min(shape.keys() - node.keys()))
    return shape


def _named_shape(kind: Kind, node: Node) -> Shape:
    if kind not in DISCRIMINATED:
        return RECORDS[kind]
    field, shapes = DISCRIMINATED[kind]
    name = str(node.get(field))
    if name not in shapes:
        raise construct_refused(name)
    if kind == "expression" and node.get("type") not in EXPRESSION_TYPES[name]:
        raise construct_refused(str(node.get("type")))
    return shapes[name]


def _below(visited: Visited) -> Iterator[Visited]:
    shape = _shape(visited.kind, visited.node)
    depth = visited.depth + 1
    inside = visited.with_names
    if visited.kind == "query":
        inside |= _with_names(visited.node)
    for field, value in visited.node.items():
        rule = shape.get(field)
        if type(rule) is Text and type(value) in _SCALARS:  # most fields, so first
            continue
        if rule is None:
            raise construct_refused(field)
        clause = CLAUSES.get(field, visited.clause)
        names = visited.with_names if field == "cte_map" else inside
        for kind, child in _children(field, rule, value):
            yield _visited(kind, child, depth, names, clause, visited.kind)
            if kind == "cte":  # a WITH query sees those before it, never itself
                names |= _with_name(child)


def _children(field: str, rule: Rule, value: Any) -> Iterator[tuple[Kind, object]]:
    if isinstance(rule, Child):
        if value is not None:
            yield rule.kind, value
    elif isinstance(rule, Children | Rows):
        yield from _listed(field, rule, value)
    elif not _is_plain(rule, value):
        raise construct_refused(field)


def _listed(field: str, rule: Children | Rows, value: Any) -> Iterator[tuple[Kind, object]]:
    if not isinstance(value, list):
        raise construct_refused(field)
    if isinstance(rule, Children):
        yield from ((rule.kind, child) for child in value)
        return
    for row in value:
        yield from _listed(field, Children("expression"), row)


def _is_plain(rule: Rule, value: Any) -> bool:
    if isinstance(rule, Only):
        return any(type(value) is type(allowed) and value == allowed for allowed in rule.values)
    if isinstance(rule, Text):
        return type(value) in _SCALARS
    if not isinstance(value, list):
        return False
    if isinstance(rule, Words):
        return all(isinstance(word, str) for word in value)
    return isinstance(rule, Sets) and all(_is_set(group) for group in value)


def _is_set(group: object) -> bool:
    return isinstance(group, list) and all(isinstance(place, int) for place in group)


def _with_names(query: Node) -> frozenset[str]:
    cte_map = query.get("cte_map")
    entries = cte_map.get("map") if isinstance(cte_map, Mapping) else None
    found = (_with_name(entry) for entry in entries) if isinstance(entries, list) else ()
    return frozenset[str]().union(*found)


def _with_name(entry: object) -> frozenset[str]:
    key = entry.get("key") if isinstance(entry, Mapping) else None
    return frozenset({key.lower()}) if isinstance(key, str) else frozenset()
