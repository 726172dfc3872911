"""Which measured integers carry which output: every figure shown is made of these alone."""

from collections.abc import Sequence

from disclosure.plan.expressions import Field, Measure
from disclosure.plan.model import Measured, MeasuredKind
from disclosure.plan.question import AggregateOutput, Function

_SPREADS = frozenset({Function.VARIANCE, Function.STDDEV})


def parts_of(measured: Sequence[Measured], output: AggregateOutput) -> tuple[int, ...]:
    """Return the places of what an output is made of, the one that carries it first.

    A sum that was centred needs its count too: the sum is the centred one and centre times count.
    """
    match output.function:
        case Function.COUNT:
            return (_count(measured, output.counted),)
        case Function.UNITS:
            return (_place(measured, MeasuredKind.UNITS),)
        case Function.QUANTILE:
            return (_quantile(measured, output),)
    return _summed(measured, output)


def _summed(measured: Sequence[Measured], output: AggregateOutput) -> tuple[int, ...]:
    measure = _measure(output)
    total = _total(measured, output, measure)
    centre = measured[total].centre
    if output.function is Function.SUM and centre == 0:
        return (total,)
    count = _count(measured, measure.field)
    if output.function not in _SPREADS:
        return (total, count)
    return (_centred(measured, MeasuredKind.SQUARES, measure, centre), total, count)


def row_reach(measured: Measured) -> int:
    """Return the greatest absolute value that one row adds to a sum, after its centre."""
    if measured.measure is None or measured.kind not in {MeasuredKind.TOTAL, MeasuredKind.SQUARES}:
        return 1
    measure, centre = measured.measure, measured.centre
    reach = max(abs(measure.lower - centre), abs(measure.upper - centre))
    return reach**2 if measured.kind is MeasuredKind.SQUARES else reach


def _total(measured: Sequence[Measured], output: AggregateOutput, measure: Measure) -> int:
    """Choose the sum: for SUM the one least in need of a count, else the least sensitive one."""
    squares = {item.centre for item in measured if item.kind is MeasuredKind.SQUARES}
    places = [
        place
        for place, item in enumerate(measured)
        if item.kind is MeasuredKind.TOTAL
        and item.measure == measure
        and (output.function not in _SPREADS or item.centre in squares)
    ]
    if output.function is Function.SUM:
        return min(places, key=lambda place: abs(measured[place].centre))
    return min(places, key=lambda place: row_reach(measured[place]))


def _count(measured: Sequence[Measured], field: Field | None) -> int:
    """Find the count beneath a field: of its values, or of rows where none is missing."""
    if field is None:
        return _place(measured, MeasuredKind.ROWS)
    for place, item in enumerate(measured):
        named = item.measure.field if item.measure is not None else item.counted
        if item.kind is MeasuredKind.VALUES and named == field:
            return place
    return _place(measured, MeasuredKind.ROWS)


def _quantile(measured: Sequence[Measured], output: AggregateOutput) -> int:
    wanted = (MeasuredKind.QUANTILE, output.measure, output.quantile_ppm)
    found = [(item.kind, item.measure, item.quantile_ppm) for item in measured]
    return found.index(wanted)


def _centred(
    measured: Sequence[Measured], kind: MeasuredKind, measure: Measure, centre: int
) -> int:
    found = [(item.kind, item.measure, item.centre) for item in measured]
    return found.index((kind, measure, centre))


def _place(measured: Sequence[Measured], kind: MeasuredKind) -> int:
    return [item.kind for item in measured].index(kind)


def _measure(output: AggregateOutput) -> Measure:
    if output.measure is None:
        raise ValueError("a sum, a mean and a variance name their measure")
    return output.measure
