"""From FROM to a source: one protected data set, what is joined to it, and the names it offers.

CTEs and subqueries that only rename, derive or filter are read through; one that aggregates by
the privacy unit becomes the first, per-unit step. Each join finds at most one partner a row, or
joins unit to unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from disclosure.outcome import Refused
from disclosure.plan import refusals, tree
from disclosure.plan.conditions import both
from disclosure.plan.expressions import Condition, Field
from disclosure.plan.model import Asked
from disclosure.plan.question import PublicJoin, Source
from disclosure.plan.reading_conditions import read_condition
from disclosure.plan.reading_per_unit import read_per_unit
from disclosure.plan.reading_scope import (
    Derived,
    Scope,
    UnitPart,
    Visible,
    is_whole_unit,
    visible_protected,
    visible_public,
)
from disclosure.plan.tree import Joined, Node

NO_SOURCE = Source("")
"""The source of a public table by itself: a question needs a protected data set beside it."""


@dataclass(frozen=True)
class Relation:
    """What a part of FROM offers: its source, the names to be seen, and its own conditions.

    ``public`` is the name of the open table, where the part is nothing but one.
    """

    source: Source
    visible: tuple[Visible, ...]
    where: tuple[Condition, ...] = ()
    public: str | None = None

    def scope(self, asked: Asked) -> Scope:
        """Return the scope of expressions over this part."""
        return Scope(asked, self.source, self.visible)


Queries = Mapping[str, "Query"]


@dataclass(frozen=True)
class Query:
    """A CTE's query, and the CTEs that it may name itself."""

    node: Node
    queries: Queries


def read_source(node: Node, asked: Asked) -> Relation:
    """Read the FROM of a SELECT with its CTEs. Raises Refused."""
    relation = _Tables(asked, {}).of_select(node)
    if relation.source.dataset == "":
        raise unsupported_source()
    joins = _in_order(relation.source.public_joins, relation.source)
    return replace(relation, source=replace(relation.source, public_joins=joins))


@dataclass(frozen=True)
class _Tables:
    """Reads table references where some CTEs are in force."""

    asked: Asked
    queries: Queries

    def of_select(self, node: Node) -> Relation:
        """Read FROM beneath the CTEs of one SELECT."""
        listed = tree.with_queries(node)
        if listed is None:
            raise unsupported_source()
        queries = dict(self.queries)
        for name, query in listed:
            queries[name] = Query(query, dict(queries))
        return _Tables(self.asked, queries).read(node["from_table"])

    def read(self, node: Node) -> Relation:
        """Read one table reference."""
        named = tree.table(node)
        if named is not None:
            return self._named(*named)
        inner = tree.subquery(node)
        if inner is not None:
            return self._subquery(inner[0], inner[1], self.queries)
        joined = tree.join(node)
        if joined is None:
            raise unsupported_source()
        return self._joined(joined)

    def _named(self, name: str, alias: str) -> Relation:
        if name in self.queries:
            query = self.queries[name]
            return self._subquery(query.node, alias, query.queries)
        if name in self.asked.protected:
            return Relation(Source(name), (visible_protected(name, alias, self.asked),))
        if name in self.asked.public:
            visible = visible_public(name, alias, self.asked)
            return Relation(NO_SOURCE, (visible,), public=name)
        raise refusals.not_granted()

    def _subquery(self, node: Node, alias: str, queries: Queries) -> Relation:
        """Read through a subquery: per unit, or row by row."""
        if not tree.is_select(node) or node["modifiers"]:
            raise unsupported_subquery()
        relation = _Tables(self.asked, queries).of_select(node)
        where = relation.where
        if node["where_clause"] is not None:
            scope = relation.scope(self.asked)
            where = (*where, read_condition(scope, node["where_clause"]))
        grouped = node["group_expressions"] or node["aggregate_handling"] != "STANDARD_HANDLING"
        if grouped or node["having"] is not None:
            return self._per_unit(node, alias, replace(relation, where=where))
        return replace(relation, where=where, visible=(_renamed(node, alias, relation, self),))

    def _per_unit(self, node: Node, alias: str, relation: Relation) -> Relation:
        source = relation.source
        if source.dataset == "" or source.unit_join or source.per_unit:
            raise unsupported_subquery()
        source = replace(source, public_joins=_in_order(source.public_joins, source))
        scope = Scope(self.asked, source, relation.visible)
        condition = both(relation.where)
        found = read_per_unit(scope, node, None if condition == both(()) else condition)
        units = {name: UnitPart(source.dataset) for name in found.unit_names}
        visible = Visible(alias, found.fields, units)
        return Relation(replace(source, per_unit=found.per_unit), (visible,), found.having)

    def _joined(self, joined: Joined) -> Relation:
        left, right = self.read(joined.left), self.read(joined.right)
        names = [item.alias for item in (*left.visible, *right.visible)]
        used = {*relations_of(left), *relations_of(right)}
        if len(set(names)) < len(names) or len(used) < len(relations_of(left)) + len(
            relations_of(right)
        ):
            raise _joined_twice()
        if right.public is None and left.public is not None and joined.kind == "INNER":
            left, right = right, left
        if left.source.dataset == "" or left.source.per_unit or right.source.per_unit:
            raise unsupported_source()
        if right.public is not None:
            return self._public_join(joined, left, right)
        return self._unit_join(joined, left, right)

    def _public_join(self, joined: Joined, left: Relation, right: Relation) -> Relation:
        outer = joined.kind == "LEFT"
        (visible,) = right.visible
        if outer and (right.where or visible.derived):
            raise unsupported_source()
        pairs = self._pairs(joined, left, right)
        if len(pairs) != 1 or right.public is None:
            raise refusals.join_not_unique(right.public or "")
        (near, far) = pairs[0]
        near_field = left.scope(self.asked).field(near)
        far_field = right.scope(self.asked).field(far)
        if far_field.column not in self.asked.public[right.public].unique:
            raise refusals.join_not_unique(right.public)
        facts = left.scope(self.asked).facts(near_field)
        others = right.scope(self.asked).facts(far_field)
        if (facts.type, facts.scale) != (others.type, others.scale):
            raise refusals.join_not_unique(right.public)
        join = PublicJoin(right.public, near_field, far_field.column, outer)
        source = replace(left.source, public_joins=(*left.source.public_joins, join))
        return self._together(joined, source, left, right)

    def _unit_join(self, joined: Joined, left: Relation, right: Relation) -> Relation:
        first, second = left.source, right.source
        if joined.kind != "INNER" or first.unit_join or second.unit_join or not second.dataset:
            raise unsupported_source()
        pairs = self._pairs(joined, left, right)
        scopes = (left.scope(self.asked), right.scope(self.asked))
        near = [scopes[0].unit(pair[0]) for pair in pairs]
        far = [scopes[1].unit(pair[1]) for pair in pairs]
        if not (is_whole_unit(near, self.asked) and is_whole_unit(far, self.asked)):
            raise _not_by_unit()
        if not _same_units(near, far, self.asked):
            raise _not_by_unit()
        names = sorted((first.dataset, second.dataset))
        source = Source(names[0], (*first.public_joins, *second.public_joins), names[1])
        return self._together(joined, source, left, right)

    def _together(
        self, joined: Joined, source: Source, left: Relation, right: Relation
    ) -> Relation:
        hidden = frozenset(joined.using)
        merged = tuple(replace(item, hidden=item.hidden | hidden) for item in right.visible)
        return Relation(source, (*left.visible, *merged), (*left.where, *right.where))

    def _pairs(
        self, joined: Joined, left: Relation, right: Relation
    ) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Return the columns that a join equates, the left side's first. Raises Refused."""
        if joined.using:
            return [((name,), (name,)) for name in joined.using]
        pairs = []
        for part in tree.conjuncts(joined.condition):
            sides = tree.comparison(part)
            paths = None if sides is None else (sides.left, sides.right)
            near, far = (None, None) if paths is None else map(tree.column_path, paths)
            if sides is None or sides.operator != "=" or near is None or far is None:
                raise unsupported_source()
            if not _sees(left, near) or not _sees(right, far):
                near, far = far, near
            if not _sees(left, near) or not _sees(right, far):
                raise refusals.not_granted()
            pairs.append((near, far))
        return pairs


def relations_of(relation: Relation) -> tuple[str, ...]:
    """Return the stored relations that a part of FROM reads."""
    if relation.public is not None:
        return (relation.public,)
    source = relation.source
    joined = (join.relation for join in source.public_joins)
    return (source.dataset, *joined, *([source.unit_join] if source.unit_join else []))


def _sees(relation: Relation, path: tuple[str, ...]) -> bool:
    if len(path) == 1:
        return any(item.knows(path[0]) for item in relation.visible)
    return any(item.alias == path[0] and item.knows(path[-1]) for item in relation.visible)


def _same_units(near: list[UnitPart | None], far: list[UnitPart | None], asked: Asked) -> bool:
    """Tell whether both sides name units of one population, column by column in one order.

    Units are matched by their written form, so that their columns may be of two types.
    """
    declarations = [
        asked.protected[part.dataset].declaration for part in (near[0], far[0]) if part is not None
    ]
    populations = {item.population for item in declarations}
    if len(populations) > 1 or None in populations:
        return False
    places = [
        [
            -1 if part.column is None else declaration.unit_columns.index(part.column)
            for part in side
            if part is not None
        ]
        for side, declaration in zip((near, far), declarations, strict=True)
    ]
    widths = {len(item.unit_columns) for item in declarations}
    return places[0] == places[1] and len(widths) == 1


def _renamed(node: Node, alias: str, relation: Relation, tables: _Tables) -> Visible:
    """Return what a row-by-row subquery shows: fields under new names, units, expressions."""
    scope = relation.scope(tables.asked)
    fields: dict[str, Field] = {}
    units: dict[str, UnitPart] = {}
    derived: dict[str, Derived] = {}
    for item in node["select_list"]:
        if tree.is_star(item):
            for visible in relation.visible:
                fields.update(visible.fields)
                units.update(visible.units)
                derived.update(visible.derived)
            continue
        path = tree.column_path(item)
        name = str(item["alias"]).lower() or ("" if path is None else path[-1])
        unit = None if path is None else scope.unit(path)
        if not name:
            raise unsupported_subquery()
        found = scope.expanded(item)
        if unit is not None:
            units[name] = unit
        elif path is not None and found.node is item:
            fields[name] = scope.field(path)
        else:
            derived[name] = found
    return Visible(alias, fields, units, derived)


def _in_order(joins: tuple[PublicJoin, ...], source: Source) -> tuple[PublicJoin, ...]:
    """Order joins by name, each after the relation that it starts from: they commute."""
    ready = {source.dataset, source.unit_join}
    ordered: list[PublicJoin] = []
    waiting = sorted(joins, key=lambda join: join.relation)
    while waiting:
        following = next(join for join in waiting if join.left.relation in ready)
        ordered.append(following)
        ready.add(following.relation)
        waiting.remove(following)
    return tuple(ordered)


def unsupported_source() -> Refused:
    """Refuse a FROM that is no bounded source."""
    return refusals.form(
        "from",
        "聚合查询读取一个受保护数据集，可按唯一列与公开表 INNER 或 LEFT 连接，"
        "或与同一人群的另一数据集按 unit 连接；"
        "不支持逗号连接、CROSS、NATURAL、RIGHT、FULL 与抽样。",
        "An aggregate reads one protected data set, joined to public tables on their unique "
        "column (INNER or LEFT), or unit to unit to another set of the same population; no comma, "
        "CROSS, NATURAL, RIGHT or FULL join, and no sample.",
    )


def unsupported_subquery() -> Refused:
    """Refuse a subquery that does more than rename, filter, or aggregate by unit."""
    return refusals.form(
        "from",
        "子查询或 CTE 只能改名、筛选，或按主体汇总（SELECT unit, COUNT(*) … GROUP BY unit）。",
        "A subquery or CTE renames, filters, or aggregates by unit: "
        "SELECT unit, COUNT(*) AS n … GROUP BY unit.",
    )


def _joined_twice() -> Refused:
    return refusals.form(
        "from",
        "同一个表在一次查询中只能出现一次，别名不得重复。",
        "A table stands once in a question, and no two share an alias.",
    )


def _not_by_unit() -> Refused:
    return refusals.form(
        "from",
        "两个受保护数据集只能按同一人群的主体相连：ON a.unit = b.unit。",
        "Two protected data sets are joined only by the unit of one population: "
        "ON a.unit = b.unit.",
    )
