"""Each output's figures over all groups, with their intervals: post-processing of noisy integers.

Counts stay as the noise left them, below zero too: flooring them would bias every sum over small
groups. Means, variances and quantiles stay within what the declared bounds allow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from disclosure.plan.expressions import Measure
from disclosure.plan.formulas import Ranged, evaluate
from disclosure.plan.intervals import (
    Range,
    deviation_interval,
    joint_reaches,
    mean_interval,
    variance_interval,
)
from disclosure.plan.noising import Noisy
from disclosure.plan.parts import parts_of
from disclosure.plan.pricing import PricedPlan
from disclosure.plan.question import AggregateOutput, FormulaOutput, Function

SHOWN_MAX = 2**63 - 1
REAL_MAX = 2**1000
_INTEGERS = frozenset({Function.COUNT, Function.UNITS, Function.SUM, Function.QUANTILE})


@dataclass(frozen=True)
class Figures:
    """One output over all groups. ``scale`` is the power of ten of whole stored units, or None.

    Without a scale the figures are real numbers in the units shown.
    """

    values: Sequence[int | float | None]
    low: Sequence[int | float | None]
    high: Sequence[int | float | None]
    scale: int | None


def figures_of(
    priced: PricedPlan, output: AggregateOutput | FormulaOutput, noisy: Noisy
) -> Figures:
    """Work out an output over all groups."""
    if isinstance(output, FormulaOutput):
        return _formula(priced, output, noisy)
    return _aggregate(priced, output, noisy, priced.alpha_ppm)


def _aggregate(
    priced: PricedPlan, output: AggregateOutput, noisy: Noisy, alpha_ppm: int
) -> Figures:
    if output.function is Function.QUANTILE:
        return _quantile(priced, output, noisy)
    if output.function in _INTEGERS:
        return _whole(priced, output, noisy, alpha_ppm)
    return _ratio(priced, output, noisy, alpha_ppm)


def _whole(priced: PricedPlan, output: AggregateOutput, noisy: Noisy, alpha_ppm: int) -> Figures:
    """Show a count or a sum; a centred sum gets back its centre for each row counted."""
    carrier, *counts = parts_of(priced.plan.measured, output)
    values = list(noisy.sums[carrier])
    reach = priced.noised_at(carrier).mechanism.reach(alpha_ppm)
    if counts:
        centre = priced.plan.measured[carrier].centre
        pairs = zip(values, noisy.sums[counts[0]], strict=True)
        values = [total + centre * count for total, count in pairs]
        parts = [priced.noised_at(place).mechanism for place in (carrier, counts[0])]
        total_reach, count_reach = joint_reaches(parts, alpha_ppm)
        reach = math.ceil(math.hypot(total_reach, centre * count_reach))
    return Figures(
        [_held(value) for value in values],
        [_held(value - reach) for value in values],
        [_held(value + reach) for value in values],
        0 if output.function is not Function.SUM else _measure(output).scale,
    )


def _quantile(priced: PricedPlan, output: AggregateOutput, noisy: Noisy) -> Figures:
    """Show the middle of the chosen bin, and all of the bins at the interval's ends."""
    (place,) = parts_of(priced.plan.measured, output)
    measure, step = _measure(output), priced.plan.measured[place].grid_step
    found = noisy.quantiles[place]

    def edge(bin_number: int, inside: int) -> int:
        return min(measure.lower + bin_number * step + inside, measure.upper)

    return Figures(
        [edge(item.value, (step - 1) // 2) for item in found],
        [edge(item.low, 0) for item in found],
        [edge(item.high, step - 1) for item in found],
        measure.scale,
    )


def _ratio(priced: PricedPlan, output: AggregateOutput, noisy: Noisy, alpha_ppm: int) -> Figures:
    places = parts_of(priced.plan.measured, output)
    measure, centre = _measure(output), priced.plan.measured[places[0]].centre
    within = Range(measure.lower, measure.upper, centre, 10**measure.scale)
    reaches = joint_reaches([priced.noised_at(place).mechanism for place in places], alpha_ppm)
    rows = zip(*(noisy.sums[place] for place in places), strict=True)
    found = [_spread_or_mean(output, within, row, reaches) for row in rows]
    value, low, high = zip(*found, strict=True) if found else ((), (), ())
    return Figures(value, low, high, None)


def _spread_or_mean(
    output: AggregateOutput, within: Range, row: tuple[int, ...], reaches: tuple[float, ...]
) -> tuple[float | None, float, float]:
    if output.function is Function.AVG:
        (total, count), (total_reach, count_reach) = row, reaches
        return mean_interval(within, total, count, (total_reach, count_reach))
    (squares, total, count), (first, second, third) = row, reaches
    variance = variance_interval(
        within,
        (squares, total, count),
        (first, second, third),
        of_population=output.of_population,
    )
    return variance if output.function is Function.VARIANCE else deviation_interval(variance)


def _formula(priced: PricedPlan, output: FormulaOutput, noisy: Noisy) -> Figures:
    alpha_ppm = max(priced.alpha_ppm // max(len(set(output.reads)), 1), 1)
    reads = [_ranged(_aggregate(priced, item, noisy, alpha_ppm)) for item in output.reads]
    found = [
        evaluate(output.formula, [column[group] for column in reads])
        for group in range(len(noisy.groups))
    ]
    return Figures(
        [_real(item.value) for item in found],
        [_real(item.low) for item in found],
        [_real(item.high) for item in found],
        None,
    )


def _ranged(figures: Figures) -> list[Ranged]:
    unit = 10 ** (figures.scale or 0)
    columns = zip(figures.values, figures.low, figures.high, strict=True)
    return [
        Ranged(*(None if item is None else Fraction(item) / unit for item in row))
        for row in columns
    ]


def _real(value: Fraction | None) -> float | None:
    return None if value is None or abs(value) > REAL_MAX else float(value)


def _held(value: int) -> int:
    return min(max(value, -SHOWN_MAX), SHOWN_MAX)


def _measure(output: AggregateOutput) -> Measure:
    if output.measure is None:
        raise ValueError("a sum, a mean, a variance and a quantile name their measure")
    return output.measure
