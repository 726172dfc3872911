"""The gate: text in, a checked question out, or a refusal that says which form would pass.

Order: size, characters and nesting; DuckDB's own parser, confined and empty; exactly one SELECT;
then each node, table, function, type and name against the allow-lists. The text itself is never
rewritten: what was checked is what runs, on an extract that holds nothing else.
"""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from disclosure.engine.supervisor import Parsed
from disclosure.gate import refusals
from disclosure.gate.limits import check_text
from disclosure.gate.walk import Node, Visited, walk
from disclosure.outcome import Refused
from policies.schema.gate import GateRules

_PLAIN_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$", re.ASCII)
# Letters whose case Python and the engine could fold apart are left out.
_OWN_NAME = re.compile(r"^[a-z_\u4e00-\u9fff][a-z0-9_\u4e00-\u9fff]{0,62}$")

Parse = Callable[[str], Parsed]


@dataclass(frozen=True)
class CheckedQuestion:
    """A question that passed the gate.

    ``columns`` are the references as written: qualifier or None, and column, in lower case; what
    they mean is for ``disclosure.gate.scope``. ``names`` are the headings of the answer.
    """

    sql: str
    canonical_sql: str
    tree: Node
    tables: frozenset[str]
    columns: frozenset[tuple[str | None, str]]
    functions: frozenset[str]
    aggregates: frozenset[str]
    windows: frozenset[str]
    names: tuple[str, ...]


@dataclass
class _Found:
    """What the walk has seen so far."""

    tables: set[str] = field(default_factory=set)
    columns: set[tuple[str | None, str]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    windows: set[str] = field(default_factory=set)


class QueryGate:
    """Checks questions against one version of the rules."""

    def __init__(self, parse: Parse, rules: GateRules) -> None:
        """Keep the parser worker's door and the rules, which others may read."""
        self._parse = parse
        self.rules = rules

    def check(self, sql: str, granted: Collection[str]) -> CheckedQuestion:
        """Check one question against the rules and the names of the granted data sets.

        Raises Refused; an unknown table and one not granted read the same.
        """
        check_text(sql, self.rules)
        parsed = self._parse(sql)
        statement = _only_statement(parsed.tree_json)
        found, names = self._walked(statement, frozenset(granted))
        if not found.tables:
            raise refusals.no_data_set()
        return CheckedQuestion(
            sql=sql,
            canonical_sql=parsed.canonical_sql,
            tree=statement,
            tables=frozenset(found.tables),
            columns=frozenset(found.columns),
            functions=frozenset(found.functions),
            aggregates=frozenset(filter(self.rules.is_aggregate, found.functions)),
            windows=frozenset(found.windows),
            names=names,
        )

    def _walked(self, statement: Node, granted: frozenset[str]) -> tuple[_Found, tuple[str, ...]]:
        found = _Found()
        try:
            for visited in walk(statement, self.rules):
                self._check_placed(visited, granted, found)
            return found, heading_names(statement["node"])
        except (LookupError, TypeError, AttributeError):  # a tree of another shape than known
            raise refusals.construct_refused("") from None

    def _check_placed(self, visited: Visited, granted: frozenset[str], found: _Found) -> None:
        try:
            self._check(visited, granted, found)
        except refusals.GateRefused as refused:
            raise refused.at(visited.clause, visited.node) from None

    def _check(self, visited: Visited, granted: frozenset[str], found: _Found) -> None:
        match visited.kind:
            case "table":
                _check_own_name(str(visited.node["alias"]))
                if visited.node["type"] == "BASE_TABLE":
                    _check_table(visited, granted, found)
            case "cte":
                _check_with_name(str(visited.node["key"]), granted)
            case "type":
                self._check_type(visited.node)
            case "expression":
                self._check_expression(visited, found)

    def _check_expression(self, visited: Visited, found: _Found) -> None:
        node = visited.node
        match node["class"]:
            case "COLUMN_REF":
                found.columns.add(column_of(node))
            case "STAR" if node["columns"] and visited.above != "order":  # ORDER BY ALL is one
                raise refusals.construct_refused("columns")
            case "FUNCTION" | "WINDOW":
                self._check_function(node, found)
            case "COLLATE":
                self._check_collation(str(node["collation"]))

    def _check_function(self, node: Node, found: _Found) -> None:
        name = _single_name(node, "function_name").lower()
        window = node["class"] == "WINDOW"
        allowed = self.rules.allows_window if window else self.rules.allows_function
        if not allowed(name):
            raise refusals.function_refused(name)
        (found.windows if window else found.functions).add(name)
        count = self.rules.argument_counts.get(name)
        if count is not None and len(node["arguments"]) != count:
            raise refusals.function_refused(name)
        place = self.rules.bounded_arguments.get(name)
        if place is not None:
            self._check_bounded(name, node["arguments"], place)

    def _check_bounded(self, name: str, arguments: Any, place: int) -> None:
        limit = self.rules.bounded_argument_max
        argument = arguments[place]["expression"] if len(arguments) > place else {}
        literal = argument.get("literal") or {}
        text = str(literal.get("text"))
        whole = literal.get("kind") == "INTEGER" and text.isascii() and text.isdecimal()
        if not whole or int(text) > limit:
            raise refusals.argument_refused(name, limit)

    def _check_collation(self, name: str) -> None:
        if name.lower() not in self.rules.collations:
            raise refusals.type_refused(name)

    def _check_type(self, node: Node) -> None:
        name = _single_name(node, "type_name").lower()
        if name not in self.rules.types:
            raise refusals.type_refused(name)
        if any(child.get("class") != "CONSTANT" for child in node["children"]):
            raise refusals.type_refused(name)


def column_of(node: Node) -> tuple[str | None, str]:
    """Return a column reference as qualifier and name. Raises Refused for longer paths."""
    words = [str(word).lower() for word in node["column_names"]]
    if len(words) not in {1, 2}:
        raise refusals.column_refused(".".join(words))
    return (words[0] if len(words) > 1 else None), words[-1]


def heading_names(query: Node) -> tuple[str, ...]:
    """Return the headings that a query node names itself; an empty text where the engine will."""
    if query["type"] == "SET_OPERATION_NODE":
        return heading_names(query["children"][0])
    return tuple(_heading(expression) for expression in query["select_list"])


def _heading(expression: Node) -> str:
    if expression["alias"]:
        return str(expression["alias"])
    if expression["class"] == "COLUMN_REF":
        return str(expression["column_names"][-1])
    return "*" if expression["class"] == "STAR" else ""


def _only_statement(tree_json: str) -> Node:
    try:
        tree = json.loads(tree_json)
    except RecursionError:
        raise refusals.depth_refused() from None
    except ValueError:
        raise refusals.construct_refused("") from None
    if not isinstance(tree, dict) or tree.get("error") is not False:
        raise _not_parsed(tree)
    statements = tree.get("statements")
    if not isinstance(statements, list) or len(statements) != 1:
        raise refusals.statements_refused()
    statement = statements[0]
    if not isinstance(statement, dict):
        raise refusals.construct_refused("")
    if statement.get("named_param_map"):
        raise refusals.construct_refused("PARAMETER")
    return statement


def _not_parsed(tree: object) -> Refused:
    if not isinstance(tree, dict) or tree.get("error_type") != "parser":
        return refusals.statements_refused()  # whatever is no SELECT, the engine cannot serialise
    if str(tree.get("error_message")).startswith("Max expression depth"):
        return refusals.depth_refused()
    position = str(tree.get("position", ""))
    return refusals.syntax_refused(int(position) if position.isdecimal() else None)


def _single_name(node: Node, name_field: str) -> str:
    path = node["qualified_name"]["path"]
    name = str(node[name_field])
    if path != [name]:
        raise refusals.construct_refused("qualified_name")
    return name


def _check_table(visited: Visited, granted: frozenset[str], found: _Found) -> None:
    node = visited.node
    written = str(node["table_name"])
    path = node["qualified_name"]["path"]
    name = written.lower()
    if path != [written]:
        raise refusals.table_refused(".".join(map(str, path)), granted)
    if name in visited.with_names:
        return
    if not written.isascii() or not _PLAIN_NAME.match(name) or name not in granted:
        raise refusals.table_refused(name, granted)
    found.tables.add(name)


def _check_with_name(name: str, granted: frozenset[str]) -> None:
    _check_own_name(name)
    if name.lower() in granted:
        raise refusals.name_refused(name)


def _check_own_name(name: str) -> None:
    if name and not _OWN_NAME.match(name.lower()):
        raise refusals.name_refused(name)
