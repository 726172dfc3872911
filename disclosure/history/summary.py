"""Which sets of rows about persons a question's statistics are over, in canonical form.

Follows plain subqueries, WITH queries, unions and renamings down to the data sets, and the
conditions inside aggregates (FILTER, CASE, comparisons that are summed). Lists of rows give no set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from disclosure.gate.question import CheckedQuestion, column_of
from disclosure.gate.walk import Node
from disclosure.history.conditions import Conditions, columns_in, is_condition, text_of
from disclosure.history.parts import DERIVED, Part, Parts, normalised


@dataclass(frozen=True)
class CountedSet:
    """The rows of one data set that one statistic is over."""

    dataset: str
    parts: Parts


@dataclass(frozen=True)
class _Source:
    """Rows of one data set as a relation gives them.

    ``columns`` are by the names outside, in order; None where a name is nothing of the data set.
    """

    dataset: str
    parts: tuple[Part, ...]
    columns: Mapping[str, str | None]


@dataclass
class _Relation:
    """One relation in FROM: its name, and the data sets whose rows it may give."""

    name: str
    sources: Sequence[_Source]


@dataclass
class _Select:
    """What one SELECT reads, and the conditions on it."""

    relations: list[_Relation] = field(default_factory=list)
    conditions: list[Node] = field(default_factory=list)
    aliases: Mapping[str, Node] = field(default_factory=dict)


_With = Mapping[str, Sequence[_Source]]


def counted_sets(
    checked: CheckedQuestion, people: Mapping[str, Sequence[str]]
) -> frozenset[CountedSet]:
    """Return the sets that a question's statistics are over.

    ``people`` are the data sets about persons, each with its columns in order.
    """
    reader = _Reader(people, checked.aggregates)
    reader.query(checked.tree["node"], {})
    return frozenset(reader.sets)


class _Reader:
    """Reads queries inside out; ``sets`` collects what their statistics are over."""

    def __init__(self, people: Mapping[str, Sequence[str]], aggregates: frozenset[str]) -> None:
        self._people = people
        self._aggregates = aggregates
        self.sets: list[CountedSet] = []

    def query(self, node: Node, with_: _With) -> Sequence[_Source]:
        """Read one query; return the rows it hands on, where it hands on rows as they are."""
        seen = dict(with_)
        for entry in node["cte_map"]["map"]:
            value = entry["value"]
            sources = self.query(value["query_node"], seen)
            seen[str(entry["key"]).lower()] = _renamed(sources, value["aliases"])
        if node["type"] == "SET_OPERATION_NODE":
            return [source for child in node["children"] for source in self.query(child, seen)]
        return self._select(node, seen)

    def _select(self, node: Node, with_: _With) -> Sequence[_Source]:
        select = _Select(aliases=_aliases(node["select_list"]))
        self._from(node["from_table"], select, with_)
        if node["where_clause"] is not None:
            select.conditions.append(node["where_clause"])
        outputs = (node["select_list"], node["having"], node["qualify"], node["modifiers"])
        for part in (*outputs, select.conditions):
            for subquery in _subqueries(part):
                self.query(subquery["node"], with_)
        aggregates = list(self._aggregate_calls(outputs))
        sources = [found for relation in select.relations for found in _held(select, relation)]
        if not (aggregates or node["group_expressions"]):
            return [self._handed_on(node, select, source) for source in sources]
        guarded = [list(_guards([call["arguments"], call["filter"]], ())) for call in aggregates]
        for source in sources:
            read = _conditions(select, source)
            if not all(guarded) or not guarded:  # something is over all the rows
                self._add(source, source.parts)
            for guards in (one for found in guarded for one in found):
                more = [part for guard in guards for part in read.parts(guard)]
                self._add(source, (*source.parts, *more))
        return []

    def _add(self, source: _Source, parts: Sequence[Part]) -> None:
        self.sets.append(CountedSet(source.dataset, normalised(parts)))

    def _from(self, table: Node, select: _Select, with_: _With) -> None:
        match table["type"]:
            case "JOIN":
                self._from(table["left"], select, with_)
                self._from(table["right"], select, with_)
                if table["condition"] is not None:
                    select.conditions.append(table["condition"])
            case "BASE_TABLE":
                name = str(table["table_name"]).lower()
                self._relate(select, table, name, self._base(name, with_))
            case "SUBQUERY":
                self._relate(select, table, "", self.query(table["subquery"]["node"], with_))

    def _base(self, name: str, with_: _With) -> Sequence[_Source]:
        if name in with_ or name not in self._people:
            return with_.get(name, ())
        return [_Source(name, (), {column: column for column in self._people[name]})]

    def _relate(self, select: _Select, table: Node, name: str, sources: Sequence[_Source]) -> None:
        shown = str(table["alias"]).lower() or name
        select.relations.append(_Relation(shown, _renamed(sources, table["column_name_alias"])))

    def _handed_on(self, node: Node, select: _Select, source: _Source) -> _Source:
        columns: dict[str, str | None] = {}
        for place, part in enumerate(node["select_list"]):
            if part["class"] == "STAR":
                columns |= source.columns
                continue
            plain = part["class"] == "COLUMN_REF"
            name = part["alias"] or (part["column_names"][-1] if plain else f"#{place}")
            columns[str(name).lower()] = _meant(select, source, part, frozenset())
        return _Source(source.dataset, source.parts, columns)

    def _aggregate_calls(self, part: Any) -> Iterator[Node]:
        for node in _nodes(part):
            name = str(node.get("function_name", "")).lower()
            if node.get("class") == "FUNCTION" and name in self._aggregates:
                yield node
            elif node.get("class") == "WINDOW" and node.get("type") == "WINDOW_AGGREGATE":
                yield {**node, "filter": node["filter_expr"]}


def _conditions(select: _Select, own: _Source) -> Conditions:
    return Conditions(lambda reference: _resolve(select, own, reference))


def _held(select: _Select, relation: _Relation) -> Iterator[_Source]:
    """Return a relation's sources with the conditions of this SELECT upon them."""
    for source in relation.sources:
        read = _conditions(select, source)
        parts = [part for condition in select.conditions for part in read.parts(condition)]
        yield _Source(source.dataset, (*source.parts, *parts), source.columns)


def _resolve(
    select: _Select, own: _Source, reference: Node, seen: frozenset[str] = frozenset()
) -> str | None:
    """Return which column of a source a reference means, through an alias of the select list."""
    qualifier, name = column_of(reference)
    known = any(
        _same(own, source) and qualifier in {None, relation.name}
        for relation in select.relations
        for source in relation.sources
    )
    if known and name in own.columns:
        return own.columns[name]
    alias = select.aliases.get(name) if qualifier is None and name not in seen else None
    return None if alias is None else _meant(select, own, alias, seen | {name})


def _meant(select: _Select, own: _Source, node: Node, seen: frozenset[str]) -> str | None:
    """Return the column that an expression is, or is made of; a made one has a name of its own."""
    if node["class"] == "COLUMN_REF":
        return _resolve(select, own, node, seen)
    found = {_resolve(select, own, reference, seen) for reference in columns_in(node)}
    columns = sorted(column for column in found if column is not None)
    return f"{columns[0].partition(DERIVED)[0]}{DERIVED}{text_of(node)}" if columns else None


def _same(own: _Source, source: _Source) -> bool:
    return own.columns is source.columns


def _aliases(select_list: Sequence[Node]) -> Mapping[str, Node]:
    return {str(part["alias"]).lower(): part for part in select_list if part["alias"]}


def _renamed(sources: Sequence[_Source], names: Sequence[str]) -> Sequence[_Source]:
    """Give the columns new names by place; relations of one source are told apart after it."""
    return [
        _Source(
            source.dataset,
            source.parts,
            {
                str(names[place]).lower() if place < len(names) else name: column
                for place, (name, column) in enumerate(source.columns.items())
            },
        )
        for source in sources
    ]


def _guards(node: Any, above: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """Return each condition inside an aggregate, with those that it stands beneath."""
    if isinstance(node, list):
        for item in node:
            yield from _guards(item, above)
    elif isinstance(node, dict):
        branches = list(_branches(node))
        if is_condition(node):
            yield (*above, node)
        elif branches:
            for condition, result in branches:
                guarded = above if condition is None else (*above, condition)
                yield from () if condition is None else [guarded]
                yield from _guards(result, guarded)
        else:
            yield from _guards(list(node.values()), above)


def _branches(node: Node) -> Iterator[tuple[Node | None, Any]]:
    """Return the conditions of a CASE, an if() or a nullif(), each with what stands beneath."""
    if node.get("class") == "CASE":
        for check in node["case_checks"]:
            yield check["when_expr"], check["then_expr"]
        yield None, node["else_expr"]
    elif str(node.get("function_name")).lower() == "if":
        condition, *others = [argument["expression"] for argument in node["arguments"]]
        yield condition, others[:1]
        yield None, others[1:]
    elif str(node.get("function_name")).lower() == "nullif":
        first, second = [argument["expression"] for argument in node["arguments"]]
        unequal = {"class": "COMPARISON", "type": "COMPARE_NOTEQUAL"}
        yield {**unequal, "left": first, "right": second}, []


def _nodes(part: Any) -> Iterator[Node]:
    """Return the nodes of an expression, without those of its subqueries."""
    stack = [part]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(value for key, value in node.items() if key != "subquery")
        elif isinstance(node, list | tuple):
            stack.extend(node)


def _subqueries(part: Any) -> Iterator[Node]:
    return (node["subquery"] for node in _nodes(part) if node.get("subquery"))
