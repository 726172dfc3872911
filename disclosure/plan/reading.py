"""From DuckDB's syntax tree to a typed question; whatever is not named here is refused.

Allowed: public keys and COUNT(*), COUNT(DISTINCT unit), SUM, AVG of one table; WHERE of AND-ed
``key = literal`` and ``key IN (…)``; HAVING, ORDER BY and LIMIT over the columns shown, which are
applied after the noise.
"""

from decimal import Decimal

from disclosure.outcome import Refused
from disclosure.plan import tree
from disclosure.plan.model import (
    AggregateOutput,
    AskedDataset,
    Condition,
    Function,
    KeyOutput,
    Ordering,
    Output,
    Question,
)
from disclosure.plan.refusals import Refusals
from disclosure.plan.tree import Node

UNIT = "unit"
"""The virtual column that stands for the privacy unit, however many columns name it."""

NAME_CHARACTERS_MAX = 100
INTERVAL_SUFFIXES = ("_low", "_high")


def read_question(syntax: Node, asked: AskedDataset) -> Question:
    """Read the tree of one text. Raises Refused with the nearest allowed question."""
    try:
        return _Reader(asked).question(syntax)
    except (LookupError, TypeError, AttributeError):  # a tree of another shape than known
        raise Refusals(asked).form(
            "sql",
            "平台不认识此查询的结构。",
            "The structure of this question is not known here.",
        ) from None


class _Reader:
    """Reads one text about one data set."""

    def __init__(self, asked: AskedDataset) -> None:
        self._asked = asked
        self._refuse = Refusals(asked)
        self._tables: frozenset[str] = frozenset()

    def question(self, syntax: Node) -> Question:
        node = tree.select_node(syntax)
        if node is None:
            raise self._form(
                "sql",
                "聚合查询须是一条不含 CTE、抽样与 QUALIFY 的 SELECT。",
                "An aggregate question is one SELECT without CTE, sample or QUALIFY.",
            )
        self._read_table(node["from_table"])
        outputs = self._outputs(node["select_list"])
        question = Question(outputs=outputs, filters=self._filters(node["where_clause"]))
        self._check_outputs(question)
        self._check_grouping(node, question)
        limit, offset, order = self._modifiers(node["modifiers"], outputs)
        return Question(
            outputs=outputs,
            filters=question.filters,
            having=self._having(node["having"], outputs),
            order=order,
            limit=limit,
            offset=offset,
        )

    def _read_table(self, node: Node) -> None:
        found = tree.table(node)
        if found is None:
            raise self._form(
                "from",
                "聚合查询只能读取一个数据集，不能连接、嵌套或抽样。",
                "An aggregate question reads one data set: no join, subquery or sample.",
            )
        name, alias = found
        if name.lower() != self._asked.declaration.name:
            raise self._refuse.not_granted()
        self._tables = frozenset({name.lower(), alias.lower() or name.lower()})

    def _column(self, path: tuple[str, ...]) -> str:
        """Return a granted column's name. Unknown and not granted read the same."""
        *tables, name = (part.lower() for part in path)
        if len(tables) > 1 or not set(tables) <= self._tables:
            raise self._refuse.not_granted()
        if name not in self._asked.columns or self._asked.declaration.column(name) is None:
            raise self._refuse.not_granted()
        return name

    def _outputs(self, nodes: list[Node]) -> tuple[Output, ...]:
        return tuple(self._output(node) for node in nodes)

    def _output(self, node: Node) -> Output:
        path = tree.column_path(node)
        if path is not None:
            key = self._column(path)
            return KeyOutput(node["alias"] or key, key)
        function, measure = self._aggregate(node)
        return AggregateOutput(node["alias"] or _default_name(function, measure), function, measure)

    def _aggregate(self, node: Node) -> tuple[Function, str | None]:
        found = tree.call(node)
        if found is None:
            raise self._unsupported_output()
        if found.function == "count_star" and found.column is None and not found.distinct:
            return Function.COUNT, None
        if found.function == "count" and found.distinct and found.column is not None:
            self._check_unit(found.column)
            return Function.UNITS, None
        if found.function in {"sum", "avg"} and not found.distinct and found.column is not None:
            return Function(found.function), self._column(found.column)
        raise self._unsupported_output()

    def _check_unit(self, path: tuple[str, ...]) -> None:
        declaration = self._asked.declaration
        if declaration.column(UNIT) is None and path[-1].lower() == UNIT:
            return
        if declaration.unit_columns != (self._column(path),):
            raise self._form(
                "select",
                "COUNT(DISTINCT …) 只能计隐私主体，请写 COUNT(DISTINCT unit)。",
                "COUNT(DISTINCT …) counts privacy units only: write COUNT(DISTINCT unit).",
            )

    def _check_outputs(self, question: Question) -> None:
        names = [item.name.lower() for item in question.outputs]
        for item in question.aggregates:
            names += [item.name.lower() + suffix for suffix in INTERVAL_SUFFIXES]
        if len(set(names)) < len(names):
            raise self._form(
                "select",
                "输出列重名（每个聚合列还会带 _low 与 _high 两列），请用 AS 另取名称。",
                "Two output columns share a name (each aggregate also brings _low and _high); "
                "rename one with AS.",
            )
        if any(len(name) > NAME_CHARACTERS_MAX or not name.isprintable() for name in names):
            raise self._form(
                "select",
                f"列名须为可显示字符，且不超过 {NAME_CHARACTERS_MAX} 个。",
                f"A column name holds at most {NAME_CHARACTERS_MAX} printable characters.",
            )
        if not question.aggregates:
            raise self._form(
                "select",
                "请至少写一个聚合：COUNT(*)、COUNT(DISTINCT unit)、SUM 或 AVG。",
                "Ask for at least one aggregate: COUNT(*), COUNT(DISTINCT unit), SUM or AVG.",
            )

    def _check_grouping(self, node: Node, question: Question) -> None:
        if node["aggregate_handling"] == "FORCE_AGGREGATES":  # GROUP BY ALL
            grouped = list(question.keys)
        else:
            grouped = [self._group_key(item, question) for item in node["group_expressions"]]
        plain = node["group_sets"] in ([], [[]], [list(range(len(grouped)))])
        if not plain or sorted(grouped) != sorted(set(question.keys)):
            raise self._form(
                "group by",
                "GROUP BY 须恰好列出 SELECT 中的各个键，不能用 ROLLUP、CUBE 或 GROUPING SETS。",
                "GROUP BY lists exactly the keys of SELECT, without ROLLUP, CUBE or GROUPING SETS.",
            )

    def _group_key(self, node: Node, question: Question) -> str:
        path = tree.column_path(node)
        if path is not None:
            shown = {o.name.lower(): o.key for o in question.outputs if isinstance(o, KeyOutput)}
            by_alias = shown.get(path[0].lower()) if len(path) == 1 else None
            return self._column(path) if by_alias is None else by_alias
        output = self._by_position(node, question.outputs)
        if not isinstance(output, KeyOutput):
            raise self._unsupported_output()
        return output.key

    def _by_position(self, node: Node, outputs: tuple[Output, ...]) -> Output | None:
        position = tree.whole_number(node)
        if position is None or not 1 <= position <= len(outputs):
            return None
        return outputs[position - 1]

    def _filters(self, node: Node | None) -> dict[str, tuple[str, ...]]:
        filters: dict[str, tuple[str, ...]] = {}
        for part in tree.conjuncts(node):
            column, values = self._filter(part)
            before = filters.get(column)
            kept = values if before is None else tuple(v for v in before if v in values)
            if not kept:
                raise self._refuse.value_unknown(column)
            filters[column] = kept
        return filters

    def _filter(self, node: Node) -> tuple[str, tuple[str, ...]]:
        members = tree.in_list(node)
        if members is None:
            found = tree.comparisons(node)
            if found is None or len(found) != 1 or found[0].operator != "=":
                raise self._unsupported_filter()
            sides = (found[0].left, found[0].right)
            tested, constant = sides if tree.column_path(sides[0]) is not None else sides[::-1]
            members = (tested, (constant,))
        path = tree.column_path(members[0])
        if path is None:
            raise self._unsupported_filter()
        return self._column(path), tuple(self._literal(item) for item in members[1])

    def _literal(self, node: Node) -> str:
        found = tree.literal(node)
        if found is None or found[0] == "NULL_LITERAL":
            raise self._unsupported_filter()
        return found[1]

    def _having(self, node: Node | None, outputs: tuple[Output, ...]) -> tuple[Condition, ...]:
        conditions: list[Condition] = []
        for part in tree.conjuncts(node):
            found = tree.comparisons(part)
            if found is None:
                raise self._unsupported_having()
            conditions += [self._condition(item, outputs) for item in found]
        return tuple(conditions)

    def _condition(self, found: tree.Comparison, outputs: tuple[Output, ...]) -> Condition:
        for tested, operator, constant in (
            (found.left, found.operator, found.right),
            (found.right, tree.FLIPPED[found.operator], found.left),
        ):
            value: Decimal | None = tree.number(constant)
            if value is not None:
                output = self._shown(tested, outputs)
                if isinstance(output, AggregateOutput):
                    return Condition(output.name, operator, value)
        raise self._unsupported_having()

    def _shown(self, node: Node, outputs: tuple[Output, ...]) -> Output | None:
        """Find the output column that an expression of HAVING or ORDER BY names."""
        path = tree.column_path(node)
        if path is not None:
            name = path[-1].lower()
            by_name = next((o for o in outputs if o.name.lower() == name), None)
            if by_name is not None:
                return by_name
            return next((o for o in outputs if isinstance(o, KeyOutput) and o.key == name), None)
        if tree.call(node) is None:
            return self._by_position(node, outputs)
        wanted = self._aggregate(node)
        aggregates = (o for o in outputs if isinstance(o, AggregateOutput))
        return next((o for o in aggregates if (o.function, o.measure) == wanted), None)

    def _modifiers(
        self, nodes: list[Node], outputs: tuple[Output, ...]
    ) -> tuple[int | None, int, tuple[Ordering, ...]]:
        limit: int | None = None
        offset = 0
        order: tuple[Ordering, ...] = ()
        for node in nodes:
            if node["type"] == "ORDER_MODIFIER":
                order = tuple(self._ordering(item, outputs) for item in node["orders"])
            elif node["type"] == "LIMIT_MODIFIER" and node["limit_type"] == "ROW_COUNT":
                limit = None if node["limit"] is None else self._whole(node["limit"])
                offset = 0 if node["offset"] is None else self._whole(node["offset"])
            else:
                raise self._unsupported_modifier()
        return limit, offset, order

    def _ordering(self, item: Node, outputs: tuple[Output, ...]) -> Ordering:
        output = self._shown(item["expression"], outputs)
        if output is None:
            raise self._unsupported_modifier()
        return Ordering(
            output=output.name,
            descending=item["type"] == "DESCENDING",
            nulls_first=item["null_order"] == "NULLS FIRST",
        )

    def _whole(self, node: Node) -> int:
        value = tree.whole_number(node)
        if value is None:
            raise self._unsupported_modifier()
        return value

    def _form(self, field: str, zh: str, en: str) -> Refused:
        return self._refuse.form(field, zh, en)

    def _unsupported_output(self) -> Refused:
        return self._form(
            "select",
            "受保护的列只能以公开键或 COUNT(*)、COUNT(DISTINCT unit)、SUM(列)、AVG(列) 出现。",
            "Protected data is shown only as public keys, COUNT(*), COUNT(DISTINCT unit), "
            "SUM(column) and AVG(column).",
        )

    def _unsupported_filter(self) -> Refused:
        return self._form(
            "where",
            "WHERE 只能是以 AND 相连的“键 = 常量”或“键 IN (常量…)”。",
            "WHERE holds only `key = literal` and `key IN (literals)`, joined by AND.",
        )

    def _unsupported_having(self) -> Refused:
        return self._form(
            "having",
            "HAVING 只能将 SELECT 中的聚合列与数字比较，以 AND 相连。",
            "HAVING compares aggregates that stand in SELECT with numbers, joined by AND.",
        )

    def _unsupported_modifier(self) -> Refused:
        return self._form(
            "order by",
            "ORDER BY 只能用输出列，LIMIT 与 OFFSET 只能用整数；不支持 DISTINCT。",
            "ORDER BY takes output columns, LIMIT and OFFSET take whole numbers; "
            "DISTINCT is not supported.",
        )


def _default_name(function: Function, measure: str | None) -> str:
    return str(function) if measure is None else f"{function}_{measure}"
