"""Finds out what each name in a checked question means, and so which way it may be answered.

A column that resolves to nothing granted is refused, with one text whether it exists or not:
the engine would otherwise read ``current_user`` and the like as functions. The licence's own
columns are public to its holder, so naming the one that was asked for discloses nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from disclosure.gate.question import CheckedQuestion, column_of
from disclosure.gate.refusals import (
    GateRefused,
    column_refused,
    construct_refused,
    depth_refused,
)
from disclosure.gate.walk import CLAUSES, Node

Origin = tuple[str, str]
QUERIES_NESTED_MAX = 40
_NESTED = frozenset({dict, list})


@dataclass(frozen=True)
class TableGrant:
    """What a licence gives of one data set.

    ``extract`` are the columns of the governed extract, in its order; ``protected`` those that
    only a private aggregate may read; ``units`` those that name the privacy unit.
    """

    extract: tuple[str, ...] = ()
    protected: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()

    def columns(self) -> frozenset[str]:
        """Return every column that a question may name."""
        return frozenset(self.extract) | self.protected | self.units


@dataclass(frozen=True)
class Classification:
    """How a question may be answered: from the extract as it stands, or as an aggregate.

    ``columns`` are all columns of data sets it reads; ``protected`` those outside the extract.
    """

    kind: Literal["rows", "aggregate"]
    tables: frozenset[str]
    columns: frozenset[Origin]
    protected: frozenset[Origin]


def classify(checked: CheckedQuestion, granted: Mapping[str, TableGrant]) -> Classification:
    """Resolve all names of a question against the grants. Raises Refused for what is not there."""
    resolver = _Resolver(granted)
    try:
        resolver.query(checked.tree["node"], {}, (), 0)
    except (LookupError, TypeError, AttributeError):  # a tree of another shape than known
        raise construct_refused("") from None
    outside = {
        (table, column)
        for table, column in resolver.touched
        if column not in granted[table].extract
    }
    rows = not outside and all(granted[table].extract for table in checked.tables)
    return Classification(
        kind="rows" if rows else "aggregate",
        tables=checked.tables,
        columns=frozenset(resolver.touched),
        protected=frozenset(outside),
    )


@dataclass
class _Relation:
    """Something in FROM: its columns by name, each with the column of a data set it is, if any.

    ``star`` are the names that ``*`` stands for, in order; empty where the engine makes one up.
    """

    columns: dict[str, Origin | None]
    star: tuple[str, ...]


@dataclass
class _Scope:
    """The names that one SELECT can see of its own."""

    relations: dict[str, _Relation] = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()


_Scopes = tuple[_Scope, ...]
_With = Mapping[str, tuple[str, ...]]


class _Resolver:
    """Walks queries inside out; ``touched`` collects the columns of data sets they read."""

    def __init__(self, granted: Mapping[str, TableGrant]) -> None:
        self._granted = granted
        self._clause = ""
        self.touched: set[Origin] = set()

    def query(self, node: Node, with_: _With, outer: _Scopes, depth: int) -> tuple[str, ...]:
        """Resolve one query; return the names of its columns."""
        if depth > QUERIES_NESTED_MAX:
            raise depth_refused()
        seen = dict(with_)
        for entry in node["cte_map"]["map"]:
            value = entry["value"]
            names = self.query(value["query_node"], seen, outer, depth + 1)
            seen[str(entry["key"]).lower()] = _renamed(names, value["aliases"])
        if node["type"] == "SET_OPERATION_NODE":
            return self._set_operation(node, seen, outer, depth)
        return self._select(node, seen, outer, depth)

    def _set_operation(
        self, node: Node, with_: _With, outer: _Scopes, depth: int
    ) -> tuple[str, ...]:
        all_names = [self.query(child, with_, outer, depth + 1) for child in node["children"]]
        aliases = frozenset(name for names in all_names for name in names)
        self._expressions(node["modifiers"], (_Scope(aliases=aliases), *outer), with_, depth)
        if node["setop_type"] == "UNION_BY_NAME":
            return tuple(dict.fromkeys(name for names in all_names for name in names))
        return all_names[0]

    def _select(self, node: Node, with_: _With, outer: _Scopes, depth: int) -> tuple[str, ...]:
        scope = _Scope()
        self._from(node["from_table"], scope, with_, outer, depth)
        select_list = node["select_list"]
        scope.aliases = frozenset(str(part["alias"]).lower() for part in select_list) - {""}
        for field_name, clause in CLAUSES.items():
            if clause not in {"from", "with"}:
                self._clause = clause
                self._expressions(node[field_name], (scope, *outer), with_, depth)
        return tuple(name for part in select_list for name in self._outputs(part, scope))

    def _from(self, table: Node, scope: _Scope, with_: _With, outer: _Scopes, depth: int) -> None:
        match table["type"]:
            case "JOIN":
                self._from(table["left"], scope, with_, outer, depth)
                self._from(table["right"], scope, with_, outer, depth)
                self._expressions(table["condition"], (scope, *outer), with_, depth)
                self._using(table, scope)
            case "BASE_TABLE":
                name = str(table["table_name"]).lower()
                self._add(scope, table, name, self._base(name, with_))
            case "SUBQUERY":
                inner = table["subquery"]["node"]
                names = self.query(inner, with_, (scope, *outer), depth + 1)
                self._add(scope, table, "", _derived(names))
            case "EXPRESSION_LIST":
                self._expressions(table["values"], (scope, *outer), with_, depth)
                width = len(table["values"][0]) if table["values"] else 0
                names = tuple(f"col{place}" for place in range(width))
                self._add(scope, table, "", _derived(names))

    def _using(self, table: Node, scope: _Scope) -> None:
        for name in table["using_columns"]:
            try:
                self._column((None, str(name).lower()), (scope,))
            except GateRefused as refused:
                raise refused.at("from", table) from None

    def _base(self, name: str, with_: _With) -> _Relation:
        if name in with_:
            return _derived(with_[name])
        grant = self._granted[name]
        columns: dict[str, Origin | None] = {
            column: (name, column) for column in (*grant.extract, *sorted(grant.columns()))
        }
        return _Relation(columns, grant.extract)

    def _add(self, scope: _Scope, table: Node, name: str, relation: _Relation) -> None:
        new_names = table.get("column_name_alias") or table.get("expected_names") or ()
        if new_names:
            relation = _with_new_names(relation, new_names)
        scope.relations[str(table["alias"]).lower() or name or f"#{len(scope.relations)}"] = (
            relation
        )

    def _expressions(self, part: Any, scopes: _Scopes, with_: _With, depth: int) -> None:
        stack = [part]
        while stack:
            node = stack.pop()
            if isinstance(node, list | tuple):
                stack.extend(node)
            elif isinstance(node, dict):
                if node.get("class") in {"COLUMN_REF", "STAR"}:
                    self._placed(node, scopes)
                elif "subquery" in node:
                    self.query(node["subquery"]["node"], with_, scopes, depth + 1)
                stack += [
                    value
                    for key, value in node.items()
                    if type(value) in _NESTED and key != "subquery"
                ]

    def _placed(self, node: Node, scopes: _Scopes) -> None:
        try:
            if node["class"] == "COLUMN_REF":
                self._column(column_of(node), scopes)
            elif scopes[0].relations or not node["columns"]:  # ORDER BY ALL of a set operation
                self._star(node, scopes[0])
        except GateRefused as refused:
            raise refused.at(self._clause, node) from None

    def _column(self, reference: tuple[str | None, str], scopes: _Scopes) -> None:
        qualifier, name = reference
        for scope in scopes:
            relations = _candidates(scope, qualifier)
            hits = [relation.columns[name] for relation in relations if name in relation.columns]
            if hits:
                self.touched.update(origin for origin in hits if origin is not None)
                return
            if qualifier is None and name in scope.aliases:
                return
        raise column_refused(name if qualifier is None else f"{qualifier}.{name}")

    def _star(self, star: Node, scope: _Scope) -> None:
        for relation in _starred(star, scope):
            origins = (relation.columns.get(name) for name in relation.star)
            self.touched.update(origin for origin in origins if origin is not None)

    def _outputs(self, part: Node, scope: _Scope) -> Iterator[str]:
        if part["class"] != "STAR":
            yield _heading(part)
            return
        renames = {
            str(rename["key"]["column"]).lower(): str(rename["value"]).lower()
            for rename in part["rename_list"]
        }
        for relation in _starred(part, scope):
            yield from (renames.get(name, name) for name in relation.star)


def _heading(part: Node) -> str:
    if part["alias"]:
        return str(part["alias"]).lower()
    return column_of(part)[1] if part["class"] == "COLUMN_REF" else ""


def _starred(star: Node, scope: _Scope) -> Sequence[_Relation]:
    qualifier = str(star["relation_name"]).lower() or None
    relations = _candidates(scope, qualifier)
    if not relations:
        raise column_refused(f"{qualifier or ''}.*".lstrip("."))
    return relations


def _candidates(scope: _Scope, qualifier: str | None) -> Sequence[_Relation]:
    if qualifier is None:
        return list(scope.relations.values())
    return [scope.relations[qualifier]] if qualifier in scope.relations else []


def _derived(names: Sequence[str]) -> _Relation:
    return _Relation({name: None for name in names if name}, tuple(names))


def _with_new_names(relation: _Relation, new_names: Sequence[str]) -> _Relation:
    star = _renamed(relation.star, new_names)
    columns = {
        new: relation.columns.get(old) for new, old in zip(star, relation.star, strict=False)
    }
    return _Relation(columns | dict.fromkeys(set(star) - set(columns)), star)


def _renamed(names: Sequence[str], new_names: Sequence[str]) -> tuple[str, ...]:
    return (*(str(name).lower() for name in new_names), *names[len(new_names) :])
