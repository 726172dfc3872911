"""What has to be measured for a question: each vector of integers once, in a fixed order.

Every output is made of counts, sums, sums of squares and histograms; outputs that need the same
integers share them, so that they are paid for once.
"""

from collections.abc import Iterator

from disclosure.plan.expressions import Field, Measure
from disclosure.plan.model import Measured, MeasuredKind
from disclosure.plan.question import AggregateOutput, Function

ROWS = Measured(MeasuredKind.ROWS)
UNITS = Measured(MeasuredKind.UNITS)
_SPREAD = frozenset({Function.VARIANCE, Function.STDDEV})


def measured_for(
    aggregates: tuple[AggregateOutput, ...], *, unknown_keys: bool, candidates_max: int
) -> tuple[Measured, ...]:
    """List what is measured for some outputs; units come first, where groups pass a threshold."""
    centres = _centres(aggregates)
    wanted = {UNITS} if unknown_keys else set()
    for output in aggregates:
        wanted |= set(_parts_of(output, centres, candidates_max))
    return tuple(sorted(wanted, key=_order))


def _centres(aggregates: tuple[AggregateOutput, ...]) -> dict[Measure, int]:
    """Choose what is subtracted from each value: the middle of its bounds for means and spreads.

    A sum that is asked beside a mean is better left as it is; beside a spread it is worth moving.
    """
    asked: dict[Measure, set[Function]] = {}
    for item in aggregates:
        if item.measure is not None:
            asked.setdefault(item.measure, set()).add(item.function)
    return {
        measure: (measure.lower + measure.upper) // 2
        for measure, functions in asked.items()
        if functions & _SPREAD or (Function.AVG in functions and Function.SUM not in functions)
    }


def _parts_of(
    output: AggregateOutput, centres: dict[Measure, int], candidates_max: int
) -> Iterator[Measured]:
    measure = output.measure
    if output.function is Function.UNITS:
        yield UNITS
    elif output.function is Function.COUNT:
        yield ROWS if output.counted is None else _values(output.counted)
    elif measure is None:
        raise ValueError("an aggregate of values names its measure")
    elif output.function is Function.QUANTILE:
        step = (measure.upper - measure.lower) // candidates_max + 1
        yield Measured(
            MeasuredKind.QUANTILE, measure, quantile_ppm=output.quantile_ppm, grid_step=step
        )
    else:
        centre = centres.get(measure, 0)
        yield Measured(MeasuredKind.TOTAL, measure, centre=centre)
        if output.function in _SPREAD:
            yield Measured(MeasuredKind.SQUARES, measure, centre=centre)
        if output.function is not Function.SUM or centre:
            yield _values(measure.field) if measure.nullable else ROWS


def _values(field: Field) -> Measured:
    return Measured(MeasuredKind.VALUES, counted=field)


def _order(item: Measured) -> tuple[object, ...]:
    field = item.counted or (item.measure.field if item.measure is not None else None)
    names = ("", "") if field is None else (field.relation, field.column)
    bounds = (0, 0) if item.measure is None else (item.measure.lower, item.measure.upper)
    place = list(MeasuredKind).index(item.kind)
    return (item.kind is not MeasuredKind.UNITS, names, bounds, place, item.quantile_ppm or 0)
