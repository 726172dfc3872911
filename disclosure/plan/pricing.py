"""What a plan costs, in nano-rho and steps of delta, with the mechanism of each measured vector.

All aggregates of a question are charged together: the exact losses of their mechanisms are added
and rounded up once. Price and scales are functions of plan and policy alone; this module has no
way to reach an engine or an answer (I14).

Adding is as tight as composition allows here. A unit's rows can all lie at a clamp's end: such a
unit moves the count and the centred sum each by all that is possible, in either relation of their
signs, so an ellipsoid of changes that covers it and its mirror image covers, by averaging the
two, an ellipsoid along the axes with the same variances; and that is what separate noise with a
divided budget is. Gain comes from sharing vectors and from centring sums, and is taken there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from disclosure.plan.model import AggregatePlan, Measured, MeasuredKind
from disclosure.plan.quantiles import CHOICES, QuantileMechanism, candidates_of, quantile_within
from disclosure.plan.question import FormulaOutput
from disclosure.plan.question_caps import (
    answer_too_large,
    check_asked,
    pure_needs_public_keys,
    range_not_provable,
    too_little,
)
from disclosure.plan.sensitivity import (
    groups_touched,
    l1,
    linf,
    squared_l2,
    sum_cannot_overflow,
)
from disclosure.privacy import (
    PARTS_PER_MILLION,
    Mechanism,
    Noise,
    Threshold,
    mechanism_within,
    threshold_within,
    total_nano_rho,
)
from foundation.canonical import digest
from policies.schema.privacy import PrivacyRules

SCALE_MAX = 2.0**56
"""Above this the noise could reach the ends of 64 bits; such a question is refused."""


@dataclass(frozen=True)
class Noised:
    """One measured vector with additive noise, its place in the plan, and how far it reaches."""

    place: int
    measured: Measured
    mechanism: Mechanism
    share_nano_rho: int
    half_width: int


@dataclass(frozen=True)
class Chosen:
    """One quantile, its place in the plan, and the noisy choices that give it."""

    place: int
    measured: Measured
    mechanism: QuantileMechanism
    share_nano_rho: int


@dataclass(frozen=True)
class PricedPlan:
    """A plan with its mechanisms and its price.

    ``cost_nano_rho`` and ``cost_delta_steps`` are what is charged: the mechanisms' own loss,
    rounded up once, the first never more than ``question_nano_rho``. ``threshold`` stands where
    some keys are unknown: groups show only if their noisy units pass it. ``alpha_ppm`` is the
    chance that the noise alone carries a figure outside its interval.
    """

    plan: AggregatePlan
    question_nano_rho: int
    noise: Noise
    noised: tuple[Noised, ...]
    chosen: tuple[Chosen, ...]
    threshold: Threshold | None
    alpha_ppm: int
    cost_nano_rho: int
    cost_delta_steps: int

    @property
    def digest(self) -> str:
        """Name what is measured, shown and spent: the key under which a repeat is found."""
        return digest(
            {
                "plan": self.plan.as_canonical(),
                "question_nano_rho": self.question_nano_rho,
                "noise": self.noise.value,
            }
        )

    @property
    def epsilon_pure(self) -> Fraction | None:
        """The loss under pure DP, where the licence asks for it."""
        if self.noise is not Noise.LAPLACE:
            return None
        sums = (item.mechanism.epsilon or Fraction(0) for item in self.noised)
        choices = (item.mechanism.epsilon or Fraction(0) for item in self.chosen)
        return sum(sums, Fraction(0)) + sum(choices, Fraction(0))

    def noised_at(self, place: int) -> Noised:
        """Return the additive noise of a place in the plan."""
        return next(item for item in self.noised if item.place == place)

    def chosen_at(self, place: int) -> Chosen:
        """Return the noisy choice of a place in the plan."""
        return next(item for item in self.chosen if item.place == place)


def price(
    plan: AggregatePlan,
    rules: PrivacyRules,
    *,
    question_nano_rho: int | None,
    question_nano_rho_max: int,
    noise: Noise | str = Noise.GAUSSIAN,
    grade: str | None = None,
    important: bool = False,
    case_approved: bool = False,
) -> PricedPlan:
    """Price a plan at the asked loss (nano-rho), or at the rule's default within the limits.

    ``grade`` is the highest grade of the columns that are read; without it the strictest cap
    holds. Raises Refused where the loss is out of range, the case needs the authority's approval,
    the answer has too many cells, or no mechanism fits.
    """
    noise = Noise(noise)
    if plan.has_unknown_keys and noise is Noise.LAPLACE:
        raise pure_needs_public_keys()
    asked = check_asked(
        rules,
        question_nano_rho,
        question_nano_rho_max,
        grade=grade,
        important=important,
        case_approved=case_approved,
        delta_steps=rules.mechanisms.threshold_delta_steps if plan.has_unknown_keys else 0,
    )
    _check_ranges(plan, rules)
    return _priced(plan, rules, asked, noise)


@dataclass(frozen=True)
class PriceTerms:
    """What limits a private question's price; the same for an estimate and for the question.

    Without a grade the strictest cap holds; without a maximum nothing may be lost.
    """

    question_nano_rho_max: int = 0
    noise: Noise = Noise.GAUSSIAN
    grade: str | None = None
    important: bool = False
    case_approved: bool = False

    def priced(
        self, plan: AggregatePlan, rules: PrivacyRules, question_nano_rho: int | None
    ) -> PricedPlan:
        """Price a plan on these terms, at a loss or at the rule's default. Raises Refused."""
        return price(
            plan,
            rules,
            question_nano_rho=question_nano_rho,
            question_nano_rho_max=self.question_nano_rho_max,
            noise=self.noise,
            grade=self.grade,
            important=self.important,
            case_approved=self.case_approved,
        )


def cells_of(plan: AggregatePlan, rules: PrivacyRules) -> int:
    """Return the noisy figures that an answer takes; unknown keys are counted as one value.

    How many unknown groups there are depends on data; their work is bounded by the answer's slot.
    """
    each = 0
    for measured in plan.measured:
        if measured.kind is MeasuredKind.QUANTILE:
            candidates = -(-candidates_of(measured) // rules.mechanisms.candidates_per_cell)
            each += CHOICES * (rules.mechanisms.cells_per_choice + candidates)
        else:
            each += 1
    return each * plan.group_count


def _priced(plan: AggregatePlan, rules: PrivacyRules, asked: int, noise: Noise) -> PricedPlan:
    shares = _shares(plan, rules, asked)
    noised = tuple(_noised(plan, place, shares[place], rules, noise) for place in _sums(plan))
    alpha_ppm = rules.interval_alpha_ppm
    chosen = tuple(_chosen(plan, place, shares[place], rules, noise) for place in _quantiles(plan))
    threshold = _threshold(plan, noised, rules)
    losses = [*(item.mechanism.rho for item in noised), *(item.mechanism.rho for item in chosen)]
    cost = total_nano_rho(losses)
    delta = 0 if threshold is None else threshold.delta_steps
    return PricedPlan(plan, asked, noise, noised, chosen, threshold, alpha_ppm, cost, delta)


def _shares(plan: AggregatePlan, rules: PrivacyRules, asked: int) -> list[int]:
    """Split a question's loss by the rule's weights.

    Two parts for a sum and one for its count is best for a mean half way between the centre and
    a bound: there the two errors weigh 1 and 1/4, and budget goes with the roots of weights.
    """
    weights = [_weight(item, rules) for item in plan.measured]
    return [asked * weight // sum(weights) for weight in weights]


def _noised(
    plan: AggregatePlan, place: int, share_nano_rho: int, rules: PrivacyRules, noise: Noise
) -> Noised:
    measured = plan.measured[place]
    gaussian = noise is Noise.GAUSSIAN
    squared = squared_l2(plan, measured) if gaussian else l1(plan, measured) ** 2
    if share_nano_rho <= 0:
        raise too_little(rules)
    mechanism = mechanism_within(max(squared, 1), share_nano_rho, noise)
    if mechanism.scale > SCALE_MAX:
        raise too_little(rules)
    width = mechanism.reach(rules.interval_alpha_ppm)
    return Noised(place, measured, mechanism, share_nano_rho, width)


def _chosen(
    plan: AggregatePlan, place: int, share_nano_rho: int, rules: PrivacyRules, noise: Noise
) -> Chosen:
    """Make the choices of one quantile; its ends hold at the part of alpha a formula leaves it."""
    measured = plan.measured[place]
    if share_nano_rho * rules.mechanisms.quantile_ends_ppm < 2 * PARTS_PER_MILLION:
        raise too_little(rules)
    mechanism = quantile_within(
        measured,
        squared_l2(plan, measured),
        l1(plan, measured),
        share_nano_rho,
        ends_ppm=rules.mechanisms.quantile_ends_ppm,
        alpha_ppm=rules.interval_alpha_ppm // _read_together_max(plan),
        noise=noise,
    )
    if max(mechanism.value.scale, mechanism.ends.scale) > SCALE_MAX:
        raise too_little(rules)
    return Chosen(place, measured, mechanism, share_nano_rho)


def _threshold(
    plan: AggregatePlan, noised: tuple[Noised, ...], rules: PrivacyRules
) -> Threshold | None:
    """Choose the threshold of an answer over unknown keys, from the noise on its units."""
    if not plan.has_unknown_keys:
        return None
    units = noised[0]
    if units.measured.kind is not MeasuredKind.UNITS:
        raise ValueError("a plan over unknown keys measures units first")
    found = threshold_within(
        units.mechanism,
        groups_touched(plan),
        linf(plan, units.measured),
        rules.mechanisms.threshold_delta_steps,
    )
    if found is None:
        raise too_little(rules)
    return found


def _check_ranges(plan: AggregatePlan, rules: PrivacyRules) -> None:
    """Prove from declared maxima alone that no sum and no score leaves 62 bits (I11)."""
    if cells_of(plan, rules) > rules.mechanisms.cells_max:
        raise answer_too_large(rules.mechanisms.cells_max)
    for measured in plan.measured:
        if not sum_cannot_overflow(measured, rules.dataset_rows_max):
            raise range_not_provable()
        if measured.kind is not MeasuredKind.QUANTILE:
            continue
        if candidates_of(measured) > rules.mechanisms.candidates_max:
            raise answer_too_large(rules.mechanisms.candidates_max)


def _read_together_max(plan: AggregatePlan) -> int:
    """Return the most aggregates that one formula reads."""
    formulas = [item for item in plan.question.outputs if isinstance(item, FormulaOutput)]
    return max([1, *(len(set(item.reads)) for item in formulas)])


def _sums(plan: AggregatePlan) -> Iterator[int]:
    for place, measured in enumerate(plan.measured):
        if measured.kind is not MeasuredKind.QUANTILE:
            yield place


def _quantiles(plan: AggregatePlan) -> Iterator[int]:
    for place, measured in enumerate(plan.measured):
        if measured.kind is MeasuredKind.QUANTILE:
            yield place


def _weight(measured: Measured, rules: PrivacyRules) -> int:
    return {
        MeasuredKind.ROWS: rules.weights.rows,
        MeasuredKind.UNITS: rules.weights.units,
        MeasuredKind.VALUES: rules.weights.values,
        MeasuredKind.TOTAL: rules.weights.total,
        MeasuredKind.SQUARES: rules.mechanisms.squares_weight,
        MeasuredKind.QUANTILE: rules.mechanisms.quantile_weight,
    }[measured.kind]
