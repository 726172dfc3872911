"""What a plan costs and how far its answer may lie from the truth, before anything is asked.

Price, scales and expected errors are functions of plan and policy alone; this module has no way
to reach an engine or an answer (I14).
"""

from dataclasses import dataclass

from disclosure.outcome import Refused
from disclosure.plan.model import AggregateOutput, AggregatePlan, Function, Measured, MeasuredKind
from disclosure.plan.sensitivity import squared_l2, value_max
from disclosure.privacy import (
    Mechanism,
    cost_nano_rho,
    epsilon_shown,
    half_width,
    mechanism_within,
)
from foundation.canonical import digest
from foundation.errors import Message
from policies.schema.privacy import PrivacyRules

SCALE_MAX = 2.0**56
"""Above this the noise could reach the ends of 64 bits; such a question is refused."""


@dataclass(frozen=True)
class Noised:
    """One measured vector, its mechanism, and how far its noise reaches."""

    measured: Measured
    mechanism: Mechanism
    share_nano_rho: int
    half_width: int


@dataclass(frozen=True)
class PricedPlan:
    """A plan with its mechanisms and its price.

    ``cost_nano_rho`` is what is charged: the mechanisms' own loss, rounded up once, and never
    more than ``question_nano_rho``.
    """

    plan: AggregatePlan
    question_nano_rho: int
    noised: tuple[Noised, ...]
    cost_nano_rho: int

    @property
    def digest(self) -> str:
        """Name what is measured, shown and spent: the key under which a repeat is found."""
        return digest(
            {"plan": self.plan.as_canonical(), "question_nano_rho": self.question_nano_rho}
        )

    def of(self, kind: MeasuredKind, measure: str | None = None) -> Noised | None:
        """Return the noised vector of a kind, for a measure where the kind has one."""
        return next(
            (
                item
                for item in self.noised
                if item.measured.kind is kind
                and (item.measured.column.name if item.measured.column else None) == measure
            ),
            None,
        )


def price(
    plan: AggregatePlan,
    rules: PrivacyRules,
    *,
    question_nano_rho: int | None,
    question_nano_rho_max: int,
) -> PricedPlan:
    """Price a plan at the asked loss, or at the rule's default within the licence's limit."""
    asked = question_nano_rho
    if asked is None:
        asked = min(rules.question_nano_rho_default, question_nano_rho_max)
    if not rules.question_nano_rho_min <= asked <= question_nano_rho_max:
        raise _out_of_range(rules.question_nano_rho_min, question_nano_rho_max)
    weights = [_weight(item, rules) for item in plan.measured]
    shares = [asked * weight // sum(weights) for weight in weights]
    noised = tuple(
        _noised(plan, item, share, rules) for item, share in zip(plan.measured, shares, strict=True)
    )
    cost = cost_nano_rho(item.mechanism for item in noised)
    return PricedPlan(plan, asked, noised, cost)


def counted_by(priced: PricedPlan, output: AggregateOutput) -> Noised:
    """Return the noisy count beneath an average: of values, or of rows where none is missing."""
    values = priced.of(MeasuredKind.VALUES, output.measure)
    return values or _present(priced.of(MeasuredKind.ROWS))


def main_part(priced: PricedPlan, output: AggregateOutput) -> Noised:
    """Return the noised vector that carries an output: the sum for SUM and AVG."""
    kinds = {Function.COUNT: MeasuredKind.ROWS, Function.UNITS: MeasuredKind.UNITS}
    kind = kinds.get(output.function, MeasuredKind.TOTAL)
    return _present(priced.of(kind, output.measure))


def estimate(priced: PricedPlan, rules: PrivacyRules) -> dict[str, object]:
    """Say what the answer would cost and how exact it would be. Free, and the same for all data."""
    return {
        "mode": "aggregate",
        "dataset": priced.plan.dataset,
        "group_set": priced.plan.group_set.name,
        "groups": priced.plan.group_count,
        "neighbours": str(priced.plan.neighbours),
        "cost_nano_rho": priced.cost_nano_rho,
        "epsilon_shown": epsilon_shown(priced.cost_nano_rho, rules.epsilon_delta_steps),
        "aggregates": [
            _expected(priced, output, rules) for output in priced.plan.question.aggregates
        ],
    }


def _expected(
    priced: PricedPlan, output: AggregateOutput, rules: PrivacyRules
) -> dict[str, object]:
    part = main_part(priced, output)
    column = part.measured.column
    unit = 10 ** (column.scale if column else 0)
    errors = {
        str(count): f"{_relative_error(priced, output, count):.4f}"
        for count in rules.preview_counts
    }
    expected: dict[str, object] = {
        "name": output.name,
        "function": str(output.function),
        "share_nano_rho": part.share_nano_rho,
        "relative_error_at_rows": errors,
    }
    if output.function is not Function.AVG:
        expected["sigma"] = f"{part.mechanism.scale / unit:.6g}"
        expected["half_width"] = f"{part.half_width / unit:.6g}"
    return expected


def _relative_error(priced: PricedPlan, output: AggregateOutput, count: int) -> float:
    """Return the half width at so many rows, relative to the greatest value possible there."""
    part = main_part(priced, output)
    error = part.half_width / (count * value_max(part.measured))
    if output.function is Function.AVG:
        error += counted_by(priced, output).half_width / count
    return error


def _noised(
    plan: AggregatePlan, measured: Measured, share_nano_rho: int, rules: PrivacyRules
) -> Noised:
    squared = squared_l2(plan, measured)
    if share_nano_rho <= 0 or squared == 0:
        raise _out_of_range(rules.question_nano_rho_min, None)
    mechanism = mechanism_within(squared, share_nano_rho)
    if mechanism.scale > SCALE_MAX:
        raise _out_of_range(rules.question_nano_rho_min, None)
    width = half_width(mechanism, rules.interval_alpha_ppm)
    return Noised(measured, mechanism, share_nano_rho, width)


def _weight(measured: Measured, rules: PrivacyRules) -> int:
    return {
        MeasuredKind.ROWS: rules.weights.rows,
        MeasuredKind.UNITS: rules.weights.units,
        MeasuredKind.VALUES: rules.weights.values,
        MeasuredKind.TOTAL: rules.weights.total,
    }[measured.kind]


def _present(noised: Noised | None) -> Noised:
    if noised is None:
        raise ValueError("the plan measures what its outputs are made of")
    return noised


def _out_of_range(least: int, greatest: int | None) -> Refused:
    upper = "" if greatest is None else f" and at most {greatest}"
    upper_zh = "" if greatest is None else f"、不大于 {greatest}"
    return Refused(
        "question_budget_out_of_range",
        Message(
            zh=f"单次查询的隐私预算须不小于 {least}{upper_zh} nano-ρ，且足以分给各个聚合列。",
            en=f"The privacy budget of one question is at least {least}{upper} nano-rho, "
            "and large enough to be split over its aggregates.",
        ),
        field="question_nano_rho",
        rule="policies/privacy",
    )
