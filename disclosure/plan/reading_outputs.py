"""From the list of SELECT to outputs: keys, aggregates, and arithmetic on aggregates."""

from dataclasses import dataclass, replace
from decimal import Decimal

from disclosure.outcome import Refused
from disclosure.plan import refusals, tree
from disclosure.plan.expressions import Measure
from disclosure.plan.question import (
    AggregateOutput,
    Formula,
    FormulaOutput,
    Function,
    KeyOutput,
    Number,
    Operation,
    Output,
    Reference,
)
from disclosure.plan.reading_keys import KEY_FUNCTIONS, default_name, read_key
from disclosure.plan.reading_measures import read_measure
from disclosure.plan.reading_scope import Scope, is_whole_unit
from disclosure.plan.tree import Call, Node

PPM = 1_000_000
MEDIAN_PPM = 500_000
PAIR = 2
_MOMENTS = {
    "sum": (Function.SUM, False),
    "avg": (Function.AVG, False),
    "mean": (Function.AVG, False),
    "var_samp": (Function.VARIANCE, False),
    "variance": (Function.VARIANCE, False),
    "var_pop": (Function.VARIANCE, True),
    "stddev": (Function.STDDEV, False),
    "stddev_samp": (Function.STDDEV, False),
    "stddev_pop": (Function.STDDEV, True),
}
_QUANTILES = frozenset({"quantile", "quantile_cont", "quantile_disc"})
_ARITHMETIC = frozenset({"+", "-", "*", "/"})
_WIDE = frozenset({"double", "float8", "float", "float4", "real"})


def read_output(scope: Scope, node: Node) -> Output:
    """Return one output of SELECT. Raises Refused."""
    alias = str(node.get("alias", ""))
    if _is_aggregate(node):
        aggregate = read_aggregate(scope, node)
        return replace(aggregate, name=alias or aggregate.name)
    if _holds_aggregate(node):
        return read_formula(scope, node, alias or "formula")
    if tree.literal(node) is not None or tree.is_star(node) or _is_foreign_call(node):
        raise unsupported_output(node)
    key = read_key(scope, node)
    path = tree.column_path(node)
    return KeyOutput(alias or (default_name(key) if path is None else path[-1]), key)


def _is_aggregate(node: Node) -> bool:
    found = tree.call(node)
    names = {"count", "count_star", "median", *_MOMENTS, *_QUANTILES}
    return found is not None and found.function in names


def _is_foreign_call(node: Node) -> bool:
    """Tell whether an output calls a function that no key is made of: another aggregate, say."""
    found = tree.call(node)
    if node.get("class") == "WINDOW" or (node.get("class") == "FUNCTION" and found is None):
        return True
    return found is not None and found.function not in KEY_FUNCTIONS


def _holds_aggregate(node: Node) -> bool:
    """Tell whether an expression is arithmetic with an aggregate somewhere inside."""
    if _is_aggregate(node):
        return True
    arguments = tree.plain_call(node, *_ARITHMETIC, "nullif") or _cast_argument(node)
    return any(_holds_aggregate(item) for item in arguments)


def read_aggregate(scope: Scope, node: Node) -> AggregateOutput:
    """Return one aggregate under its default name. Raises Refused."""
    found = tree.call(node)
    if found is None or (found.distinct and found.function not in {"count", "count_star"}):
        raise unsupported_output(node)
    if found.function in {"count", "count_star"}:
        return _read_count(scope, found)
    if found.function in _MOMENTS and len(found.arguments) == 1 and not found.orders:
        function, of_population = _MOMENTS[found.function]
        measure = read_measure(scope, found.arguments[0])
        name = f"{function}_{measure.field.column}"
        return AggregateOutput(name, function, measure, of_population=of_population)
    return _read_quantile(scope, found)


def _read_count(scope: Scope, found: Call) -> AggregateOutput:
    if found.orders:
        raise unsupported_output()
    if not found.arguments and not found.distinct:
        return AggregateOutput("count", Function.COUNT)
    if len(found.arguments) != 1:
        raise unsupported_output()
    (argument,) = found.arguments
    if tree.number(argument) is not None and not found.distinct:  # COUNT(1)
        return AggregateOutput("count", Function.COUNT)
    expanded = scope.expanded(argument)
    path = tree.column_path(expanded.node)
    if path is None:
        raise unsupported_count()
    if found.distinct:
        if not is_whole_unit([expanded.scope.unit(path)], scope.asked):
            raise refusals.distinct_not_unit(expanded.scope.field(path).column)
        return AggregateOutput("units", Function.UNITS)
    field = expanded.scope.field(path)
    counted = field if scope.facts(field).nullable else None
    return AggregateOutput(f"count_{field.column}", Function.COUNT, counted=counted)


def _read_quantile(scope: Scope, found: Call) -> AggregateOutput:
    """Read MEDIAN(x), QUANTILE(x, q) and PERCENTILE_CONT(q) WITHIN GROUP (ORDER BY x)."""
    ordered = len(found.orders) == 1 and len(found.arguments) == 1
    if found.function == "median" and len(found.arguments) == 1 and not found.orders:
        measure = read_measure(scope, found.arguments[0])
        return _quantile(f"median_{measure.field.column}", measure, MEDIAN_PPM)
    if found.function in _QUANTILES and ordered:
        (order,) = found.orders
        ppm = _ppm(found.arguments[0])
        if order["type"] == "DESCENDING":
            ppm = PPM - ppm
        return _quantile("", read_measure(scope, order["expression"]), ppm)
    if found.function in _QUANTILES and len(found.arguments) == PAIR and not found.orders:
        measured, quantile = found.arguments
        return _quantile("", read_measure(scope, measured), _ppm(quantile))
    raise unsupported_output()


def _quantile(name: str, measure: Measure, ppm: int) -> AggregateOutput:
    name = name or f"quantile_{measure.field.column}"
    return AggregateOutput(name, Function.QUANTILE, measure, quantile_ppm=ppm)


def _ppm(node: Node) -> int:
    number = tree.number(node)
    scaled = Decimal(0) if number is None else number * PPM
    if not 0 < scaled < PPM or scaled != int(scaled):
        raise refusals.form(
            "select",
            "分位数须为 0 与 1 之间、至多六位小数的常量，例如 QUANTILE_CONT(列, 0.9)。",
            "A quantile is a literal between 0 and 1 of at most six decimal places, as in "
            "QUANTILE_CONT(column, 0.9).",
        )
    return int(scaled)


@dataclass
class _Reads:
    """The aggregates that a formula has read so far, each once."""

    found: list[AggregateOutput]

    def place(self, aggregate: AggregateOutput) -> int:
        if aggregate not in self.found:
            self.found.append(aggregate)
        return self.found.index(aggregate)


def read_formula(scope: Scope, node: Node, name: str) -> FormulaOutput:
    """Return arithmetic on aggregates. Raises Refused for anything else inside."""
    reads = _Reads([])
    formula = _read_part(scope, node, reads)
    return FormulaOutput(name, formula, tuple(reads.found))


def _read_part(scope: Scope, node: Node, reads: _Reads) -> Formula:
    number = tree.number(node)
    if number is not None:
        return Number(number)
    if _is_aggregate(node):
        return Reference(reads.place(read_aggregate(scope, node)))
    converted = _cast_argument(node)
    if converted:
        return _read_part(scope, converted[0], reads)
    arguments = tree.plain_call(node, *_ARITHMETIC)
    found = tree.call(node)
    if arguments is None or found is None:
        raise unsupported_output(node)
    if len(arguments) == 1 and found.function == "-":
        return Operation("-", Number(Decimal(0)), _read_part(scope, arguments[0], reads))
    if len(arguments) != PAIR:
        raise unsupported_output()
    left, right = arguments
    if found.function == "/":
        right = _without_nullif(right)
    return Operation(
        found.function, _read_part(scope, left, reads), _read_part(scope, right, reads)
    )


def _cast_argument(node: Node) -> tuple[Node, ...]:
    """Return what a cast to a floating type converts: figures after the noise are exact anyway."""
    found = tree.cast(node)
    return (found[0],) if found is not None and found[1] in _WIDE else ()


def _without_nullif(node: Node) -> Node:
    """Read ``x / NULLIF(y, 0)`` as ``x / y``: a quotient by zero is missing here in any case."""
    arguments = tree.plain_call(node, "nullif") or ()
    if len(arguments) == PAIR and tree.number(arguments[1]) == 0:
        return arguments[0]
    return node


def unsupported_output(node: Node | None = None) -> Refused:
    """Refuse an output that is neither key nor aggregate nor arithmetic on aggregates."""
    return refusals.form(
        "select",
        "受保护的列只能以分组键，或 COUNT、COUNT(DISTINCT unit)、SUM、AVG、VARIANCE、STDDEV、"
        "MEDIAN、QUANTILE 及其四则运算出现。",
        "Protected data is shown only as keys, as COUNT, COUNT(DISTINCT unit), SUM, AVG, VARIANCE, "
        "STDDEV, MEDIAN, QUANTILE, and as arithmetic on these.",
        "" if node is None else tree.construct(node),
    )


def unsupported_count() -> Refused:
    """Refuse to count an expression."""
    return refusals.form(
        "select",
        "COUNT 只能计行（*）、某一列的非空值或主体（DISTINCT unit）；按条件计数请用 CASE 分组。",
        "COUNT takes *, one column, or DISTINCT unit; to count by a condition, group by a CASE.",
    )
