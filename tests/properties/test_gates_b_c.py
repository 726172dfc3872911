"""Gates B and C: answers carry the noise that was priced, and show no more of a person than paid.

B holds answers to the exact law of their noise; C bounds from below what two neighbouring
databases can be told apart by, and holds that to the price. Both go through the shaping of whole
answers. Each must fail on planted faults: half the noise, twice the sensitivity, float noise.
Every group of an answer is one trial: a unit stands in one group alone, and noise is drawn anew.
"""

import math
import secrets
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pytest

from disclosure.plan.expressions import Field, Measure
from disclosure.plan.model import Measured, MeasuredKind
from disclosure.plan.pricing import PricedPlan, price
from disclosure.plan.quantiles import scores
from disclosure.plan.question import AggregateOutput, Function
from disclosure.plan.shaping import shape
from disclosure.privacy import Mechanism, Noise, epsilon_shown
from tests.noise_trials import (
    choice_law,
    epsilon_lower_bound,
    fits,
    law_of,
)
from tests.planning import Row, bounded, declared, exact
from tests.planning import plan as engine_plan
from tests.pricing_plans import (
    COUNT,
    PAY_TOTAL,
    PEOPLE,
    ROWS,
    RULES,
    SUM_PAY,
    UNITS,
    histogram,
    key,
    main_table,
    plan,
)

DRAWS = pytest.mark.parametrize(
    "draws", [6_000, pytest.param(60_000, marks=pytest.mark.full)], ids=["short", "long"]
)
GROUPS = 250
PLACES = tuple(f"p{i:03}" for i in range(GROUPS))
PLACE = key("place", PLACES)
TOWN = key("town", None)
QUESTION_NANO_RHO = 300_000_000
CHANCE = 1e-4
SHORT = 2_500
TRIES = 6
CHOICES = pytest.mark.parametrize(
    "draws", [SHORT, pytest.param(60_000, marks=pytest.mark.full)], ids=["short", "long"]
)
BINS = Measure(Field("survey", "age"), 0, 11)
MEDIAN = AggregateOutput("median", Function.QUANTILE, BINS, quantile_ppm=500_000)
MEDIAN_PART = Measured(MeasuredKind.QUANTILE, BINS, quantile_ppm=500_000, grid_step=1)
SPREAD = Measure(Field("survey", "age"), 0, 22)
SPREAD_MEDIAN = replace(MEDIAN, measure=SPREAD)
SPREAD_PART = replace(MEDIAN_PART, measure=SPREAD)
YOUNG, MIDDLE, OLD = 0, 4, 22

Trials = Callable[[PricedPlan, int, int], list[Hashable]]
"""Draws of the outcome of one group, for a priced plan, with so many units of the person's kind."""


def asked(
    outputs: Sequence[AggregateOutput],
    measured: Sequence[Measured],
    *,
    noise: Noise = Noise.GAUSSIAN,
    nano_rho: int = QUESTION_NANO_RHO,
    unknown: bool = False,
    rows: int = 3,
) -> PricedPlan:
    rules = RULES
    if unknown:  # a delta that draws can see, where the rule file's cannot be seen
        mechanisms = rules.mechanisms.model_copy(update={"threshold_delta_steps": 5 * 10**13})
        rules = rules.model_copy(
            update={"mechanisms": mechanisms, "epsilon_delta_steps": 2 * 10**14}
        )
    keys = [TOWN if unknown else PLACE]
    return price(
        plan(outputs, measured, keys, groups=1, rows=rows),
        rules,
        question_nano_rho=nano_rho,
        question_nano_rho_max=nano_rho,
        noise=noise,
        grade="L1",
    )


def answers(priced: PricedPlan, tables: Sequence[pa.Table], draws: int) -> list[dict[str, Any]]:
    """Shape whole answers until there are enough groups; every one is a draw."""
    found: list[dict[str, Any]] = []
    while len(found) < draws:
        found += shape(priced, tables).table.to_pylist()
    return found[:draws]


# --- gate B: the law of the noise ---------------------------------------------------------------

EXACT = 1_000


def counts(priced: PricedPlan, draws: int) -> Counter[Hashable]:
    table = main_table(priced.plan, {(i,): (EXACT,) for i in range(GROUPS)})
    return Counter(row["n"] for row in answers(priced, [table], draws))


def mechanism_of(priced: PricedPlan) -> Mechanism:
    return priced.noised[0].mechanism


def noised_by(priced: PricedPlan, double: Mechanism) -> PricedPlan:
    """Put a double in the place of the mechanism that was priced."""
    return replace(priced, noised=(replace(priced.noised[0], mechanism=double),))


@dataclass(frozen=True)
class FloatNoise(Mechanism):
    """Planted fault: continuous noise by Box and Muller, in doubles, rounded to look whole."""

    def add(self, values: Sequence[int]) -> list[int]:
        return [round(value + self.scale * _box_muller()) for value in values]


@dataclass(frozen=True)
class BareFloatNoise(Mechanism):
    """Planted fault: the doubles themselves."""

    def add(self, values: Sequence[int]) -> list[int]:
        return [value + self.scale * _box_muller() for value in values]  # type: ignore[misc]


def _box_muller() -> float:
    first, second = (1 + secrets.randbelow(2**53)) / 2**53, secrets.randbelow(2**53) / 2**53
    return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)


@DRAWS
@pytest.mark.parametrize("noise", list(Noise))
def test_b_counts_follow_the_exact_law(noise: Noise, draws: int) -> None:
    priced = asked([COUNT], [ROWS], noise=noise, rows=1)
    assert fits(lambda: counts(priced, draws), law_of(mechanism_of(priced), EXACT))


@pytest.mark.parametrize("noise", list(Noise))
def test_b_fails_on_half_the_noise(noise: Noise) -> None:
    priced = asked([COUNT], [ROWS], noise=noise, rows=1)
    true = mechanism_of(priced)
    faulty = noised_by(priced, replace(true, scale=true.scale / 2))
    assert not fits(lambda: counts(faulty, 6_000), law_of(true, EXACT))


def test_b_fails_on_float_noise_that_was_rounded() -> None:
    priced = asked([COUNT], [ROWS], rows=1)
    true = replace(mechanism_of(priced), scale=0.6)
    faulty = noised_by(priced, FloatNoise(0.6, 1.0))
    assert fits(lambda: counts(noised_by(priced, true), 6_000), law_of(true, EXACT))
    assert not fits(lambda: counts(faulty, 6_000), law_of(true, EXACT))


def test_b_never_lets_bare_doubles_out() -> None:
    priced = asked([COUNT], [ROWS], rows=1)
    faulty = noised_by(priced, BareFloatNoise(5.0, 1.0))
    with pytest.raises(TypeError, match="integers"):
        counts(faulty, GROUPS)


@DRAWS
def test_b_released_groups_follow_the_exact_law_past_the_threshold(draws: int) -> None:
    priced = asked([PEOPLE], [UNITS], unknown=True)
    threshold = priced.threshold
    assert threshold is not None
    units = threshold.threshold - 1  # on the edge: about half of the groups show
    table = main_table(priced.plan, {(place,): (units,) for place in PLACES})

    def released() -> Counter[Hashable]:
        found: Counter[Hashable] = Counter()
        for _ in range(draws // GROUPS):
            shown = shape(priced, [table]).table.column("people").to_pylist()
            found.update(shown)
            found["withheld"] += GROUPS - len(shown)
        return found

    law: dict[Hashable, float] = {"withheld": 0.0}
    for value, chance in law_of(threshold.mechanism, units).items():
        shown = isinstance(value, int) and value >= threshold.threshold
        law[value if shown else "withheld"] = chance + (0.0 if shown else law["withheld"])
    assert fits(released, law)


def bins_of(priced: PricedPlan, bins: dict[int, int]) -> list[pa.Table]:
    main = main_table(priced.plan, {(i,): () for i in range(GROUPS)})
    return [main, histogram(priced.plan, {(i,): bins for i in range(GROUPS)})]


@CHOICES
@pytest.mark.parametrize("noise", list(Noise))
def test_b_medians_follow_the_exact_law(noise: Noise, draws: int) -> None:
    priced = asked([MEDIAN], [MEDIAN_PART], noise=noise)
    mechanism = priced.chosen[0].mechanism
    bins = {YOUNG: 12, 2: 4, 11: 10}
    exact = scores([bins.get(i, 0) for i in range(12)], mechanism.fraction, 0)
    law = choice_law(exact, mechanism.value.scale, noise)
    tables = bins_of(priced, bins)
    assert fits(lambda: Counter(r["median"] for r in answers(priced, tables, draws)), law)
    half = replace(mechanism.value, scale=mechanism.value.scale / 2)
    faulty = replace(
        priced, chosen=(replace(priced.chosen[0], mechanism=replace(mechanism, value=half)),)
    )
    assert not fits(lambda: Counter(r["median"] for r in answers(faulty, tables, 2_000)), law)


# --- gate C: what two neighbours can be told apart by -------------------------------------------


def loss_shown(priced: PricedPlan, trials: Trials, draws: int, delta: float, units: int) -> float:
    """Bound from below the loss that answers show, with the person's rows ``units`` times over."""
    with_person, without = trials(priced, draws, units), trials(priced, draws, 0)
    return epsilon_lower_bound(with_person, without, delta=delta, chance=CHANCE).epsilon


def heaviest(priced: PricedPlan, draws: int, units: int) -> list[Hashable]:
    """Weigh count and sum as an attacker would who knows every other row, and both noises."""
    base, person = (50, 4_000), (3, 600)
    row = tuple(b + units * p for b, p in zip(base, person, strict=True))
    table = main_table(priced.plan, {(i,): row for i in range(GROUPS)})
    scales = [item.mechanism.scale for item in priced.noised]
    squares = [scale**2 if priced.noise is Noise.GAUSSIAN else scale for scale in scales]

    def weighed(found: dict[str, Any]) -> Hashable:
        seen = (found["n"], int(found["total"] * 10))
        parts = zip(seen, base, person, squares, strict=True)
        ratio: float = sum((s - b) * p / square for s, b, p, square in parts)
        return round(4 * ratio)

    return [weighed(found) for found in answers(priced, [table], draws)]


def middle_aged(priced: PricedPlan, draws: int, units: int) -> list[Hashable]:
    """Add a person whose rows are all above the median.

    The few rows in the middle hold it so that low candidates get worse by all that one row can
    do, and high ones better: the most that the exponential mechanism can show.
    """
    bins = {YOUNG: 10, MIDDLE: 8, OLD: 8 + 3 * units}
    return [found["median"] for found in answers(priced, bins_of(priced, bins), draws)]


def halved(priced: PricedPlan) -> PricedPlan:
    """Plant a fault: every mechanism at half of its scale, at the price of the whole one."""

    def of(mechanism: Any) -> Any:
        return replace(mechanism, scale=mechanism.scale / 2)

    return replace(
        priced,
        noised=tuple(replace(item, mechanism=of(item.mechanism)) for item in priced.noised),
        chosen=tuple(
            replace(item, mechanism=replace(item.mechanism, value=of(item.mechanism.value)))
            for item in priced.chosen
        ),
    )


DELTA = 0.05


def claimed(priced: PricedPlan) -> float:
    """Return the epsilon that the price stands for at the delta of these trials."""
    return float(epsilon_shown(priced.cost_nano_rho, round(DELTA * 10**15)))


@DRAWS
def test_c_the_heaviest_person_costs_what_was_charged(draws: int) -> None:
    priced = asked([COUNT, SUM_PAY], [ROWS, PAY_TOTAL])
    shown = loss_shown(priced, heaviest, draws, DELTA, 1)
    assert 0.2 < shown <= claimed(priced)  # it sees the person, and no more than was paid for


def test_c_fails_on_half_the_noise_and_on_twice_the_sensitivity() -> None:
    priced = asked([COUNT, SUM_PAY], [ROWS, PAY_TOTAL])
    assert loss_shown(halved(priced), heaviest, 6_000, DELTA, 1) > claimed(priced)
    assert loss_shown(priced, heaviest, 6_000, DELTA, 2) > claimed(priced)


@DRAWS
def test_c_under_pure_privacy_without_any_delta(draws: int) -> None:
    priced = asked([COUNT], [ROWS], noise=Noise.LAPLACE)
    assert priced.epsilon_pure is not None

    def trials(p: PricedPlan, n: int, units: int) -> list[Hashable]:
        table = main_table(p.plan, {(i,): (50 + 3 * units,) for i in range(GROUPS)})
        return [found["n"] // 3 for found in answers(p, [table], n)]

    claim = float(priced.epsilon_pure)
    assert 0.2 < loss_shown(priced, trials, draws, 0.0, 1) <= claim
    assert loss_shown(priced, trials, 6_000, 0.0, 2) > claim
    assert loss_shown(halved(priced), trials, 6_000, 0.0, 1) > claim


@DRAWS
def test_c_a_person_alone_in_a_group_shows_no_oftener_than_delta(draws: int) -> None:
    priced = asked([PEOPLE], [UNITS], unknown=True)
    threshold = priced.threshold
    assert threshold is not None

    def shown_share(p: PricedPlan, units: int) -> float:
        table = main_table(p.plan, {(place,): (units,) for place in PLACES})
        rounds = draws // GROUPS
        shown = sum(int(shape(p, [table]).table.num_rows) for _ in range(rounds))
        return shown / (rounds * GROUPS)

    delta = threshold.delta_steps / 10**15
    slack = 4 * math.sqrt(delta / draws)
    assert 0.001 < delta <= 0.05
    assert delta / 10 < shown_share(priced, 1) <= delta + slack
    assert shown_share(priced, 0) == 0.0
    narrow = replace(threshold.mechanism, scale=threshold.mechanism.scale * 2)
    for faulty, units in ((replace(threshold, mechanism=narrow), 1), (threshold, 2)):
        assert shown_share(replace(priced, threshold=faulty), units) > delta + slack


@CHOICES
def test_c_a_median_costs_what_was_charged(draws: int) -> None:
    """The value's choice is charged epsilon²/8, the exponential mechanism's rate: that is held."""
    priced = asked([SPREAD_MEDIAN], [SPREAD_PART])
    claim = math.sqrt(8 * priced.chosen[0].mechanism.value.rho)
    tries = 1 if draws > SHORT else TRIES  # one short look sees a fault three times in four
    shown = [loss_shown(priced, middle_aged, draws, 0.0, 1) for _ in range(tries)]
    assert 0.05 < max(shown) <= claim
    faulty = [loss_shown(priced, middle_aged, SHORT, 0.0, 3) for _ in range(TRIES)]
    assert max(faulty) > claim


@pytest.mark.full
def test_c_fails_on_a_median_at_half_the_noise() -> None:
    priced = asked([SPREAD_MEDIAN], [SPREAD_PART])
    claim = math.sqrt(8 * priced.chosen[0].mechanism.value.rho)
    assert loss_shown(halved(priced), middle_aged, 30_000, 0.0, 1) > claim


# --- gate C through the engine ------------------------------------------------------------------

CROWD: list[Row] = [(person, "CA", 1, 100) for person in range(2, 40)]
HEAVIEST: list[Row] = [*([(1, "CA", 1, 200)] * 10), *([(1, "NY", 2, 200)] * 10)]
"""Twenty rows in two groups, of which the bound keeps six."""


@pytest.mark.parametrize("draws", [3_000, pytest.param(60_000, marks=pytest.mark.full)])
def test_c_from_stored_rows_to_the_answer(draws: int) -> None:
    """Onboarded, bounded and summed by the real engine, with the heaviest person and without."""
    asked_plan = engine_plan("SELECT COUNT(*) AS n, SUM(pay) AS total FROM survey")
    priced = price(
        asked_plan,
        RULES,
        question_nano_rho=QUESTION_NANO_RHO,
        question_nano_rho_max=QUESTION_NANO_RHO,
        grade="L1",
    )
    without = exact(bounded(CROWD, declared()), asked_plan)
    with_person = exact(bounded([*CROWD, *HEAVIEST], declared()), asked_plan)
    place = [item.measured.kind for item in priced.noised].index(MeasuredKind.ROWS)
    rows = f"v{priced.noised[place].place}"
    base, more = (tables[0].column(rows)[0].as_py() for tables in (without, with_person))
    assert more - base == 6
    unbounded = [without[0].set_column(*column_of(without[0], rows, base + 20))]

    def trials(tables: Sequence[pa.Table]) -> list[Hashable]:
        found = [shape(priced, tables).table.to_pylist()[0] for _ in range(draws)]
        return [(row["n"] - base) // 3 for row in found]

    crowd = trials(without)

    def look(tables: Sequence[pa.Table]) -> float:
        return epsilon_lower_bound(trials(tables), crowd, delta=DELTA, chance=CHANCE).epsilon

    assert look(with_person) <= claimed(priced)
    # without the bound the engine would be caught, if not at the first short look
    assert any(look(unbounded) > claimed(priced) for _ in range(TRIES))


def column_of(table: pa.Table, name: str, value: int) -> tuple[int, str, pa.Array]:
    return table.column_names.index(name), name, pa.array([value], pa.int64())
