"""From DuckDB's syntax tree to a typed question; whatever is not named in these readers is refused.

A question is one SELECT: keys and aggregates of a source, filtered by WHERE, grouped by exactly
the keys shown; HAVING, ORDER BY and LIMIT are applied to the columns shown, after the noise.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TypeVar

from disclosure.outcome import Refused
from disclosure.plan import refusals, tree
from disclosure.plan.conditions import TRUE, both
from disclosure.plan.expressions import (
    PER_UNIT,
    Condition,
    Field,
    KeyExpression,
    Measure,
    Plain,
    fields_of,
)
from disclosure.plan.model import Asked
from disclosure.plan.question import (
    AggregateOutput,
    Function,
    Having,
    KeyOutput,
    Ordering,
    Output,
    Question,
    Source,
)
from disclosure.plan.reading_conditions import read_condition
from disclosure.plan.reading_keys import read_key, unsupported_key
from disclosure.plan.reading_outputs import read_output
from disclosure.plan.reading_scope import Scope
from disclosure.plan.reading_source import read_source
from disclosure.plan.tree import Node

Part = TypeVar("Part")
NAME_CHARACTERS_MAX = 100
INTERVAL_SUFFIXES = ("_low", "_high")


def read_question(syntax: Node, asked: Asked) -> Question:
    """Read the tree of one text. Raises Refused."""
    return _read(syntax, asked, mends=False)


def mended_question(syntax: Node, asked: Asked) -> Question | None:
    """Read what can be read of a text that was refused, leaving out the rest; None if nothing."""
    try:
        return _read(syntax, asked, mends=True)
    except Refused:
        return None


def _read(syntax: Node, asked: Asked, *, mends: bool) -> Question:
    try:
        return _Reader(asked, mends=mends).question(syntax)
    except (LookupError, TypeError, AttributeError, ValueError):  # a tree of another shape
        raise refusals.unknown_structure() from None


class _Reader:
    """Reads one text under one licence; a mending one leaves out what it cannot read."""

    def __init__(self, asked: Asked, *, mends: bool) -> None:
        self._asked = asked
        self._mends = mends

    def question(self, syntax: Node) -> Question:
        node = tree.only_select(syntax)
        if node is None or not tree.is_select(node):
            raise refusals.form(
                "sql",
                "聚合查询须是一条 SELECT，不含 UNION、抽样与 QUALIFY。",
                "An aggregate question is one SELECT without UNION, sample or QUALIFY.",
            )
        relation = read_source(node, self._asked)
        scope = replace(relation.scope(self._asked), mends=self._mends)
        outputs = self._outputs(scope, node)
        self._check_outputs(outputs)
        self._check_grouping(scope, node, outputs)
        conditions = [*relation.where]
        for part in tree.conjuncts(node["where_clause"]):
            conditions += self._each(partial(read_condition, scope, part))
        where = both(conditions)
        shown = _Shown(scope, outputs)
        question = Question(
            source=relation.source,
            outputs=outputs,
            where=None if where == TRUE else where,
            having=self._having(shown, node),
        )
        return _pruned(self._with_modifiers(question, shown, node))

    def _each(self, read: Callable[[], Part]) -> list[Part]:
        """Read one part of several; a mending reader leaves out a part that is refused."""
        if not self._mends:
            return [read()]
        try:
            return [read()]
        except (Refused, LookupError, TypeError, AttributeError, ValueError):
            return []

    def _outputs(self, scope: Scope, node: Node) -> tuple[Output, ...]:
        found: list[Output] = []
        for item in node["select_list"]:
            found += self._each(partial(read_output, scope, item))
        if not self._mends:
            return tuple(found)
        if not node["group_expressions"]:
            found = [_averaged(scope, item) for item in found]
        return _completed([*self._missing_keys(scope, node), *found])

    def _missing_keys(self, scope: Scope, node: Node) -> Iterator[KeyOutput]:
        """Give the keys that a mended question should show too: grouped by, or counted apart."""
        counted = [
            call.arguments[0]
            for call in map(tree.call, node["select_list"])
            if call is not None and call.function == "count" and call.distinct and call.arguments
        ]
        for item in (*node["group_expressions"], *counted):
            if tree.column_path(item) is not None:
                for output in self._each(partial(read_output, scope, item)):
                    if isinstance(output, KeyOutput):
                        yield output

    def _check_outputs(self, outputs: tuple[Output, ...]) -> None:
        names = [item.name.lower() for item in outputs]
        for item in outputs:
            if not isinstance(item, KeyOutput):
                names += [item.name.lower() + suffix for suffix in INTERVAL_SUFFIXES]
        if len(set(names)) < len(names):
            raise refusals.form(
                "select",
                "输出列重名（每个聚合列还会带 _low 与 _high 两列），请用 AS 另取名称。",
                "Two output columns share a name (each aggregate also brings _low and _high); "
                "rename one with AS.",
            )
        if any(len(name) > NAME_CHARACTERS_MAX or not name.isprintable() for name in names):
            raise refusals.form(
                "select",
                f"列名须为可显示字符，且不超过 {NAME_CHARACTERS_MAX} 个。",
                f"A column name holds at most {NAME_CHARACTERS_MAX} printable characters.",
            )
        if all(isinstance(item, KeyOutput) for item in outputs):
            raise refusals.form(
                "select",
                "请至少写一个聚合，例如 COUNT(*) AS n。",
                "Ask for at least one aggregate, such as COUNT(*) AS n.",
            )

    def _check_grouping(self, scope: Scope, node: Node, outputs: tuple[Output, ...]) -> None:
        if self._mends:
            return
        keys = _keys_of(outputs)
        if node["aggregate_handling"] == "FORCE_AGGREGATES":  # GROUP BY ALL
            grouped = keys
        else:
            grouped = [_group_key(scope, item, outputs) for item in node["group_expressions"]]
        whole = list(range(len(node["group_expressions"])))
        plain = node["group_sets"] in ([], [[]], [whole])
        if not plain or set(grouped) != set(keys):
            raise refusals.form(
                "group by",
                "GROUP BY 须恰好列出 SELECT 中的各个键，不能用 ROLLUP、CUBE 或 GROUPING SETS。",
                "GROUP BY lists exactly the keys of SELECT, without ROLLUP, CUBE or GROUPING SETS.",
            )

    def _having(self, shown: "_Shown", node: Node) -> tuple[Having, ...]:
        found: list[tuple[Having, ...]] = []
        for part in tree.conjuncts(node["having"]):
            found += self._each(partial(_having, shown, part))
        return tuple(sorted({item for items in found for item in items}, key=_having_order))

    def _with_modifiers(self, question: Question, shown: "_Shown", node: Node) -> Question:
        for item in node["modifiers"]:
            if item["type"] == "ORDER_MODIFIER":
                order: list[Ordering] = []
                for one in item["orders"]:
                    order += self._each(partial(_ordering, shown, one))
                question = replace(question, order=tuple(order))
            elif item["type"] == "LIMIT_MODIFIER" and item["limit_type"] == "ROW_COUNT":
                for limits in self._each(partial(_limits, item)):
                    question = replace(question, limit=limits[0], offset=limits[1])
            elif item["type"] != "DISTINCT_MODIFIER" or item["distinct_on_targets"]:
                self._each(_refuse_modifier)
        return question


def _keys_of(outputs: tuple[Output, ...]) -> list[KeyExpression]:
    return [item.key for item in outputs if isinstance(item, KeyOutput)]


def _group_key(scope: Scope, node: Node, outputs: tuple[Output, ...]) -> KeyExpression:
    path = tree.column_path(node)
    if path is not None and len(path) == 1:
        shown = {o.name.lower(): o.key for o in outputs if isinstance(o, KeyOutput)}
        if path[0] in shown:
            return shown[path[0]]
    if tree.literal(node) is None:
        return read_key(scope, node)
    output = _by_position(node, outputs)
    if not isinstance(output, KeyOutput):
        raise unsupported_key()
    return output.key


def _by_position(node: Node, outputs: tuple[Output, ...]) -> Output | None:
    position = tree.whole_number(node)
    if position is None or not 1 <= position <= len(outputs):
        return None
    return outputs[position - 1]


class _Shown:
    """Finds the output column that an expression of HAVING or ORDER BY stands for."""

    def __init__(self, scope: Scope, outputs: tuple[Output, ...]) -> None:
        self._scope = scope
        self._outputs = outputs

    def find(self, node: Node) -> Output | None:
        """Find by name, by position, or by being the same expression."""
        path = tree.column_path(node)
        if path is not None and len(path) == 1:
            for output in self._outputs:
                if output.name.lower() == path[0]:
                    return output
        if tree.literal(node) is not None:
            return _by_position(node, self._outputs)
        wanted = _content(read_output(self._scope, node))
        return next((item for item in self._outputs if _content(item) == wanted), None)


def _content(output: Output) -> object:
    """Return what an output shows, whatever its name."""
    return output.key if isinstance(output, KeyOutput) else replace(output, name="")


def _having(shown: _Shown, node: Node) -> tuple[Having, ...]:
    ends = tree.between(node)
    if ends is not None:
        tested, lower, upper = ends
        return (_compared(shown, tested, ">=", lower), _compared(shown, tested, "<=", upper))
    sides = tree.comparison(node)
    if sides is None or sides.operator not in tree.FLIPPED:
        raise _unsupported_having()
    if tree.number(sides.left) is not None:
        return (_compared(shown, sides.right, tree.FLIPPED[sides.operator], sides.left),)
    return (_compared(shown, sides.left, sides.operator, sides.right),)


def _compared(shown: _Shown, tested: Node, operator: str, constant: Node) -> Having:
    value: Decimal | None = tree.number(constant)
    if value is None or tree.literal(tested) is not None:
        raise _unsupported_having()
    output = shown.find(tested)
    if output is None or isinstance(output, KeyOutput):
        raise _unsupported_having()
    return Having(output.name, operator, value)


def _having_order(item: Having) -> tuple[str, str, Decimal]:
    return item.output, item.operator, item.literal


def _ordering(shown: _Shown, item: Node) -> Ordering:
    if set(item) != {"type", "null_order", "expression"}:
        raise _unsupported_modifier()
    output = shown.find(item["expression"])
    if output is None:
        raise _unsupported_modifier()
    return Ordering(
        output=output.name,
        descending=item["type"] == "DESCENDING",
        nulls_first=item["null_order"] == "NULLS FIRST",
    )


def _limits(item: Node) -> tuple[int | None, int]:
    limit, offset = item["limit"], item["offset"]
    return (
        None if limit is None else _whole(limit),
        0 if offset is None else _whole(offset),
    )


def _whole(node: Node) -> int:
    value = tree.whole_number(node)
    if value is None:
        raise _unsupported_modifier()
    return value


def _averaged(scope: Scope, output: Output) -> Output:
    """Show the mean of a bounded number that was asked row by row, not a group for each value."""
    if not isinstance(output, KeyOutput) or not isinstance(output.key, Plain):
        return output
    field = output.key.field
    facts = scope.facts(field)
    if facts.public_values or facts.lower is None or facts.upper is None or not facts.is_number:
        return output
    measure = Measure(field, facts.lower, facts.upper, facts.scale, facts.nullable)
    return AggregateOutput(f"mean_{field.column}", Function.AVG, measure)


def _completed(outputs: list[Output]) -> tuple[Output, ...]:
    """Make a mended list whole: no name and no key twice, and at least one aggregate."""
    if all(isinstance(item, KeyOutput) for item in outputs):
        outputs.append(AggregateOutput("n", Function.COUNT))
    kept: dict[object, Output] = {}
    for item in outputs:
        kept.setdefault(_content(item), item)
    named: list[Output] = []
    for place, item in enumerate(kept.values()):
        names = {other.name.lower() for other in named}
        taken = item.name.lower() in names or len(item.name) > NAME_CHARACTERS_MAX
        named.append(replace(item, name=f"column_{place + 1}") if taken else item)
    return tuple(named)


def _pruned(question: Question) -> Question:
    """Leave out the per-unit figures that nothing reads: they change neither answer nor price."""
    per_unit = question.source.per_unit
    if per_unit is None:
        return question
    read = {field.column for field in fields_read(question) if field.relation == PER_UNIT}
    outputs = tuple(item for item in per_unit.outputs if item.name in read)
    source: Source = replace(question.source, per_unit=replace(per_unit, outputs=outputs))
    return replace(question, source=source)


def fields_read(question: Question) -> Iterator[Field]:
    """Give every field that keys, measures, counts and conditions of a question read."""
    for key in question.keys:
        yield from fields_of(key)
    for aggregate in question.aggregates:
        if aggregate.measure is not None:
            yield aggregate.measure.field
        if aggregate.counted is not None:
            yield aggregate.counted
    conditions: tuple[Condition | None, ...] = (question.where,)
    if question.source.per_unit is not None:
        conditions = (*conditions, question.source.per_unit.where)
    for condition in conditions:
        if condition is not None:
            yield from fields_of(condition)


def _refuse_modifier() -> None:
    raise _unsupported_modifier()


def _unsupported_having() -> Refused:
    return refusals.form(
        "having",
        "HAVING 只能将 SELECT 中的聚合列与数字比较，以 AND 相连。",
        "HAVING compares aggregates that stand in SELECT with numbers, joined by AND.",
    )


def _unsupported_modifier() -> Refused:
    return refusals.form(
        "order by",
        "ORDER BY 只能用输出列，LIMIT 与 OFFSET 只能用整数；不支持 DISTINCT ON。",
        "ORDER BY takes output columns, LIMIT and OFFSET take whole numbers; "
        "DISTINCT ON is not supported.",
    )
