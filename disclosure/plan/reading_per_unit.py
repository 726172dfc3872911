"""From ``SELECT unit, … GROUP BY unit`` to the first aggregate: one row for every unit.

What an inner aggregate is called does not matter: its figures have names of their own here, so
that two spellings are one question.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.datasets import ColumnType
from disclosure.outcome import Refused
from disclosure.plan import refusals, tree
from disclosure.plan.expressions import PER_UNIT, Condition, Field
from disclosure.plan.question import InnerFunction, InnerOutput, PerUnit, Source
from disclosure.plan.reading_literals import compare
from disclosure.plan.reading_scope import Scope, UnitPart, is_whole_unit
from disclosure.plan.tree import Node

_FUNCTIONS = {
    "sum": InnerFunction.SUM,
    "min": InnerFunction.MIN,
    "max": InnerFunction.MAX,
}


@dataclass(frozen=True)
class ReadPerUnit:
    """A per-unit aggregate, the names it shows outside, and its HAVING as outer conditions."""

    per_unit: PerUnit
    fields: Mapping[str, Field]
    unit_names: tuple[str, ...]
    having: tuple[Condition, ...]


def read_per_unit(scope: Scope, node: Node, where: Condition | None) -> ReadPerUnit:
    """Read an inner SELECT that groups by the whole privacy unit and nothing else."""
    units: dict[str, UnitPart] = {}
    outputs: dict[str, InnerOutput] = {}
    for item in node["select_list"]:
        path = tree.column_path(item)
        unit = None if path is None else scope.unit(path)
        if unit is not None and path is not None:
            units[str(item["alias"]).lower() or path[-1]] = unit
            continue
        output = _output(scope, item)
        name = str(item["alias"]).lower() or output.name
        if name in outputs or name in units:
            raise _unsupported()
        outputs[name] = output
    _check_grouping(scope, node, units)
    fields = {name: Field(PER_UNIT, output.name) for name, output in outputs.items()}
    unique = tuple(sorted(set(outputs.values()), key=lambda output: output.name))
    per_unit = PerUnit(unique, where)
    shown = tuple(units) if is_whole_unit(units.values(), scope.asked) else ()
    source = Source(scope.source.dataset, scope.source.public_joins, per_unit=per_unit)
    outer = Scope(scope.asked, source, ())
    having = tuple(_having(scope, outer, fields, part) for part in tree.conjuncts(node["having"]))
    return ReadPerUnit(per_unit, fields, shown, having)


def _output(scope: Scope, node: Node) -> InnerOutput:
    found = tree.call(node)
    if found is None or found.distinct or found.orders:
        raise _unsupported()
    if found.function in {"count", "count_star"}:
        return _count(scope, found.arguments)
    function = _FUNCTIONS.get(found.function)
    if function is None or len(found.arguments) != 1:
        raise _unsupported()
    field = _field(scope, found.arguments[0])
    kinds = {ColumnType.INTEGER, ColumnType.DECIMAL}
    if function is not InnerFunction.SUM:
        kinds.add(ColumnType.DATE)
    if scope.facts(field).type not in kinds:
        raise _unsupported()
    return InnerOutput(_name(scope, function, field), function, field)


def _count(scope: Scope, arguments: tuple[Node, ...]) -> InnerOutput:
    if not arguments or (len(arguments) == 1 and tree.number(arguments[0]) is not None):
        return InnerOutput("count", InnerFunction.COUNT)
    if len(arguments) != 1:
        raise _unsupported()
    field = _field(scope, arguments[0])
    if not scope.facts(field).nullable:
        return InnerOutput("count", InnerFunction.COUNT)
    return InnerOutput(_name(scope, InnerFunction.COUNT, field), InnerFunction.COUNT, field)


def _name(scope: Scope, function: InnerFunction, field: Field) -> str:
    """Name a figure by what it is, so that no two of a question share a name."""
    own = field.relation == scope.source.dataset
    relation = "" if own else f"{field.relation}."
    return f"{function.value}_{relation}{field.column}"


def _field(scope: Scope, node: Node) -> Field:
    found = scope.expanded(node)
    path = tree.column_path(found.node)
    if path is None:
        raise _unsupported()
    return found.scope.field(path)


def _check_grouping(scope: Scope, node: Node, units: Mapping[str, UnitPart]) -> None:
    """Check that the unit, whole, is all that is grouped by."""
    if node["aggregate_handling"] == "FORCE_AGGREGATES":  # GROUP BY ALL
        grouped: list[UnitPart | None] = list(units.values())
    else:
        grouped = [_group(scope, node, item, units) for item in node["group_expressions"]]
    plain = node["group_sets"] in ([], [list(range(len(node["group_expressions"])))])
    if not plain or not is_whole_unit(grouped, scope.asked):
        raise _unsupported()


def _group(scope: Scope, node: Node, item: Node, units: Mapping[str, UnitPart]) -> UnitPart | None:
    path = tree.column_path(item)
    if path is not None:
        by_alias = units.get(path[0]) if len(path) == 1 else None
        return by_alias or scope.unit(path)
    position = tree.whole_number(item)
    listed = node["select_list"]
    if position is None or not 1 <= position <= len(listed):
        return None
    path = tree.column_path(listed[position - 1])
    return None if path is None else scope.unit(path)


def _having(scope: Scope, outer: Scope, fields: Mapping[str, Field], node: Node) -> Condition:
    """Read a HAVING over the figures of one unit: it filters units, as WHERE outside would."""
    sides = tree.comparison(node)
    if sides is None:
        raise _unsupported()
    tested, operator, constant = sides.left, sides.operator, sides.right
    if tree.literal(tested) is not None:
        tested, operator, constant = constant, tree.FLIPPED.get(operator, operator), tested
    path = tree.column_path(tested)
    if path is not None:
        field = fields.get(path[-1]) if len(path) == 1 else None
    else:
        field = Field(PER_UNIT, _output(scope, tested).name)
    if field is None or field not in fields.values():
        raise _unsupported()
    return compare(field, outer.facts(field), operator, constant)


def _unsupported() -> Refused:
    return refusals.form(
        "from",
        "按主体汇总须写作 SELECT unit, COUNT(*)、COUNT(列)、SUM、MIN 或 MAX … GROUP BY unit；"
        "HAVING 只能将所列的数与常量比较。",
        "The aggregate of each unit reads SELECT unit, COUNT(*), COUNT(column), SUM, MIN or MAX … "
        "GROUP BY unit; its HAVING compares what it lists with literals.",
    )
