"""How exact an answer would be, and what exactness costs, before anything is asked. Free.

A function of plan and policy alone, the same for all data (I14). Relative errors are at group
sizes that the rule file names; they hold the noise, not clamping or rows left out by bounding.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from statistics import NormalDist

from disclosure.outcome import Refused
from disclosure.plan.expressions import Measure
from disclosure.plan.intervals import Range, joint_reaches, mean_interval, variance_interval
from disclosure.plan.model import AggregatePlan
from disclosure.plan.parts import parts_of
from disclosure.plan.pricing import PricedPlan, PriceTerms
from disclosure.plan.question import AggregateOutput, FormulaOutput, Function
from disclosure.plan.question_caps import OUT_OF_RANGE, cap_nano_rho
from disclosure.plan.shaping import notes_on
from disclosure.privacy import epsilon_shown
from foundation.errors import Message
from policies.schema.privacy import PrivacyRules

CONTINUITY = 0.5


def estimate(priced: PricedPlan, rules: PrivacyRules) -> dict[str, object]:
    """Say what the answer would cost and how exact it would be, as plain JSON."""
    plan = priced.plan
    outputs = plan.question.outputs
    notes = notes_on(priced)
    return {
        "mode": "aggregate",
        "dataset": plan.dataset,
        "road": plan.bounding.road.value,
        "group_set": plan.bounding.group_set,
        "groups": None if plan.has_unknown_keys else plan.group_count,
        "neighbours": str(plan.neighbours),
        "noise": priced.noise.value,
        "cost_nano_rho": priced.cost_nano_rho,
        "cost_delta_steps": priced.cost_delta_steps,
        "epsilon_shown": epsilon_shown(
            priced.cost_nano_rho, rules.epsilon_delta_steps, priced.cost_delta_steps
        ),
        "epsilon_pure": None if priced.epsilon_pure is None else f"{priced.epsilon_pure:.6f}",
        "aggregates": [
            _expected(priced, item, rules) for item in outputs if isinstance(item, AggregateOutput)
        ],
        "formulas": [item.name for item in outputs if isinstance(item, FormulaOutput)],
        "suppression": _suppression(priced, rules),
        "notes": {
            "zh": "".join(note.zh for note in notes),
            "en": " ".join(note.en for note in notes),
        },
    }


def expected_half_width(priced: PricedPlan, output: AggregateOutput, count: int) -> float:
    """Return how far a figure may lie from the truth, in units shown, at a group of some size.

    For a quantile it is in rows of rank. Means and variances are taken where their error is
    greatest: values at a bound, and half of the values at either.
    """
    places = parts_of(priced.plan.measured, output)
    if output.function is Function.QUANTILE:
        return float(priced.chosen_at(places[0]).mechanism.rows_reach(priced.alpha_ppm))
    mechanisms = [priced.noised_at(place).mechanism for place in places]
    measure = output.measure
    unit = 10.0 ** (measure.scale if measure is not None else 0)
    if output.function in {Function.COUNT, Function.UNITS} or measure is None:
        return float(mechanisms[0].reach(priced.alpha_ppm))
    centre = priced.plan.measured[places[0]].centre
    if output.function is Function.SUM:
        if len(mechanisms) == 1:
            return mechanisms[0].reach(priced.alpha_ppm) / unit
        total, rows = joint_reaches(mechanisms, priced.alpha_ppm)
        return math.hypot(total, centre * rows) / unit
    reaches = joint_reaches(mechanisms, priced.alpha_ppm)
    return _ratio_half_width(output, measure, centre, count, reaches)


def price_for(
    plan: AggregatePlan,
    rules: PrivacyRules,
    terms: PriceTerms,
    *,
    output: str,
    target_half_width: Decimal,
    count: int | None = None,
) -> int:
    """Return the least nano-rho at which a figure is within a half width, at a group's size.

    ``count`` matters for means and variances; without it the middle one of the rule's preview
    sizes stands. Raises Refused where even the most that may be asked does not reach it.
    """
    wanted = next(item for item in plan.question.aggregates if item.name == output)
    size = rules.preview_counts[len(rules.preview_counts) // 2] if count is None else count
    delta_steps = rules.mechanisms.threshold_delta_steps if plan.has_unknown_keys else 0
    most = min(terms.question_nano_rho_max, cap_nano_rho(rules, terms.grade, delta_steps))

    def reached(nano_rho: int) -> bool:
        try:
            priced = terms.priced(plan, rules, nano_rho)
        except Refused as refused:
            if refused.code == OUT_OF_RANGE:
                return False  # too little to be split over the aggregates
            raise
        return expected_half_width(priced, wanted, size) <= float(target_half_width)

    return _least(rules.question_nano_rho_min, most, reached)


def relative_error(priced: PricedPlan, output: AggregateOutput, count: int) -> float:
    """Return the half width at a group's size, relative to the greatest figure possible there."""
    width = expected_half_width(priced, output, count)
    return width / (_greatest(output) * (count if _grows(output) else 1))


def shown_share(priced: PricedPlan, units: int) -> float:
    """Return the chance that a group of so many units shows: 1 where keys are public."""
    if priced.threshold is None:
        return 1.0
    missing = priced.threshold.threshold - units - CONTINUITY
    return 1 - NormalDist().cdf(missing / priced.threshold.mechanism.scale)


def _least(least: int, most: int, reached: Callable[[int], bool]) -> int:
    """Search the least loss that reaches a target; what is reached never shrinks with the loss."""
    if not reached(most):
        raise _not_reachable(most)
    low, high = least - 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _ratio_half_width(
    output: AggregateOutput,
    measure: Measure,
    centre: int,
    count: int,
    reaches: tuple[float, ...],
) -> float:
    within = Range(measure.lower, measure.upper, centre, 10**measure.scale)
    if output.function is Function.AVG:
        ends = [
            mean_interval(within, (value - centre) * count, count, (reaches[0], reaches[1]))
            for value in (measure.lower, measure.upper, (measure.lower + measure.upper) // 2)
        ]
        return max((high - low) / 2 for _, low, high in ends)
    half = (measure.upper - measure.lower) // 2
    total = ((measure.lower + measure.upper) // 2 - centre) * count
    squares = half**2 * count + total**2 // max(count, 1)
    found = variance_interval(
        within,
        (squares, total, count),
        (reaches[0], reaches[1], reaches[2]),
        of_population=output.of_population,
    )
    width = (found[2] - found[1]) / 2
    if output.function is Function.VARIANCE:
        return width
    return (math.sqrt(found[2]) - math.sqrt(found[1])) / 2


def _expected(
    priced: PricedPlan, output: AggregateOutput, rules: PrivacyRules
) -> dict[str, object]:
    widths = {count: expected_half_width(priced, output, count) for count in rules.preview_counts}
    relative = {str(n): f"{relative_error(priced, output, n):.4f}" for n in rules.preview_counts}
    expected: dict[str, object] = {
        "name": output.name,
        "function": str(output.function),
        "share_nano_rho": _share(priced, output),
        "relative_error_at_rows": relative,
    }
    if _grows(output):
        expected["half_width"] = f"{widths[rules.preview_counts[0]]:.6g}"
    else:
        expected["half_width_at_rows"] = {str(n): f"{w:.6g}" for n, w in widths.items()}
    return expected


def _share(priced: PricedPlan, output: AggregateOutput) -> int:
    place = parts_of(priced.plan.measured, output)[0]
    if output.function is Function.QUANTILE:
        return priced.chosen_at(place).share_nano_rho
    return priced.noised_at(place).share_nano_rho


def _grows(output: AggregateOutput) -> bool:
    """Tell whether the figure grows with the group, while its error stays."""
    return output.function in {Function.COUNT, Function.UNITS, Function.SUM, Function.QUANTILE}


def _greatest(output: AggregateOutput) -> float:
    """Return the greatest figure of one row, or of any group for means and spreads."""
    measure = output.measure
    if measure is None or output.function in {Function.COUNT, Function.QUANTILE}:
        return 1.0
    unit = 10.0**measure.scale
    if output.function in {Function.SUM, Function.AVG}:
        return max(abs(measure.lower), abs(measure.upper), 1) / unit
    half = max(measure.upper - measure.lower, 1) / 2 / unit
    return half**2 if output.function is Function.VARIANCE else half


def _suppression(priced: PricedPlan, rules: PrivacyRules) -> dict[str, object] | None:
    """Say which groups of unknown keys would likely be withheld."""
    if priced.threshold is None:
        return None
    return {
        "threshold_units": priced.threshold.threshold,
        "withheld_share_at_units": {
            str(units): f"{1 - shown_share(priced, units):.4f}"
            for units in rules.mechanisms.preview_units
        },
    }


def _not_reachable(most: int) -> Refused:
    return Refused(
        "precision_not_reachable",
        Message(
            zh=f"在单次查询上限 {most} nano-ρ 内达不到所要求的精度。",
            en=f"The precision asked for is not reached within the {most} nano-rho that one "
            "question may lose.",
        ),
        field="target_half_width",
        rule="policies/privacy",
        way_out=Message(
            zh="请放宽精度，或减少聚合列、使用更窄的上下界。",
            en="Ask for less precision, for fewer aggregates, or clamp to narrower bounds.",
        ),
    )
