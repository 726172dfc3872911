"""Prices: within what was asked, charged together, capped by grade, and known before asking."""

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.store import NeighbourRelation
from disclosure.outcome import Refused
from disclosure.plan.estimates import estimate, expected_half_width, price_for
from disclosure.plan.pricing import PriceTerms, price
from disclosure.plan.quantiles import scores, step_of
from disclosure.plan.question import AggregateOutput, Function
from disclosure.privacy import NANO
from tests.pricing_plans import (
    AGE_MEDIAN,
    COUNT,
    GRADE,
    MEAN_PAY,
    MEDIAN_AGE,
    PAY,
    PAY_CENTRED,
    PAY_COUNT,
    PAY_SQUARES,
    PEOPLE,
    QUESTION_MAX,
    ROWS,
    RULES,
    STATE,
    TOWN,
    UNITS,
    key,
    plan,
    priced,
)

EVERYTHING = plan(
    [COUNT, PEOPLE, MEAN_PAY, AggregateOutput("var", Function.VARIANCE, PAY), MEDIAN_AGE],
    [UNITS, ROWS, PAY_COUNT, PAY_CENTRED, PAY_SQUARES, AGE_MEDIAN],
    [STATE],
)

TERMS = PriceTerms(QUESTION_MAX, grade=GRADE)


def refused(code: str, **asked: object) -> None:
    given_plan = asked.pop("plan", EVERYTHING)
    arguments = {"question_nano_rho": None, "question_nano_rho_max": QUESTION_MAX, "grade": GRADE}
    with pytest.raises(Refused) as found:
        price(given_plan, RULES, **{**arguments, **asked})  # type: ignore[arg-type]
    assert found.value.code == code


def test_level_four_and_important_data_need_the_case_approved() -> None:
    refused("case_not_approved", grade="L4")
    refused("case_not_approved", important=True)
    approved = price(
        EVERYTHING,
        RULES,
        question_nano_rho=None,
        question_nano_rho_max=QUESTION_MAX,
        grade="L4",
        case_approved=True,
    )
    assert approved.cost_nano_rho <= RULES.question_nano_rho_default


def test_a_loss_outside_the_limits_is_refused() -> None:
    refused("question_budget_out_of_range", question_nano_rho=999)
    refused("question_budget_out_of_range", question_nano_rho=QUESTION_MAX + 1)
    # epsilon 1 at delta 10^-6 is rho 0.0243...: the cap of level 4 and of an unknown grade
    refused("question_budget_out_of_range", question_nano_rho=25_000_000, grade=None)


def test_pure_privacy_refuses_unknown_keys() -> None:
    refused("pure_needs_public_keys", plan=plan([COUNT], [UNITS, ROWS], [TOWN]), noise="laplace")


def test_too_many_cells_are_refused_before_anything_is_read() -> None:
    wide = key("wide", tuple(f"w{i}" for i in range(10_000)))
    refused("cells_too_many", plan=plan([COUNT, MEDIAN_AGE], [ROWS, AGE_MEDIAN], [wide]))


@settings(max_examples=40, deadline=None)
@given(st.integers(100_000, QUESTION_MAX), st.sampled_from(["gaussian", "laplace"]))
def test_all_aggregates_together_stay_within_the_loss_asked(asked: int, noise: str) -> None:
    found = priced(EVERYTHING, asked, noise=noise)
    exact = sum((item.mechanism.rho for item in found.noised), Fraction(0))
    exact += sum((item.mechanism.rho for item in found.chosen), Fraction(0))
    assert exact <= Fraction(found.cost_nano_rho, NANO) < exact + Fraction(1, NANO)
    assert found.cost_nano_rho <= asked
    assert (found.epsilon_pure is not None) == (noise == "laplace")


def test_shared_vectors_are_paid_for_once() -> None:
    alone = priced(plan([COUNT], [ROWS], [STATE]))
    shared = priced(plan([COUNT, replace(COUNT, name="again")], [ROWS], [STATE]))
    assert alone.noised[0].half_width == shared.noised[0].half_width


def test_unknown_keys_cost_delta_and_public_ones_none() -> None:
    assert priced(EVERYTHING).cost_delta_steps == 0
    found = priced(plan([COUNT], [UNITS, ROWS], [TOWN]))
    assert 0 < found.cost_delta_steps <= RULES.mechanisms.threshold_delta_steps


def test_mixed_populations_get_more_noise_for_the_same_loss() -> None:
    dp_only = priced(plan([COUNT], [ROWS], [STATE]))
    mixed = priced(plan([COUNT], [ROWS], [STATE], neighbours=NeighbourRelation.MIXED))
    assert mixed.noised[0].mechanism.scale > dp_only.noised[0].mechanism.scale


def test_noise_and_loss_are_part_of_what_names_an_answer() -> None:
    digests = {
        priced(EVERYTHING).digest,
        priced(EVERYTHING, 4_000_000).digest,
        priced(EVERYTHING, noise="laplace").digest,
    }
    assert len(digests) == 3


def test_the_estimate_is_plain_json_and_says_what_shows() -> None:
    preview = json.loads(json.dumps(estimate(priced(EVERYTHING), RULES)))
    assert [item["name"] for item in preview["aggregates"]] == [
        "n",
        "people",
        "mean",
        "var",
        "median",
    ]
    assert preview["suppression"] is None
    unknown = estimate(priced(plan([COUNT], [UNITS, ROWS], [TOWN])), RULES)
    withheld = unknown["suppression"]["withheld_share_at_units"]  # type: ignore[index]
    assert withheld["10"] == "1.0000"
    assert withheld["1000"] == "0.0000"


@settings(max_examples=20, deadline=None)
@given(st.integers(45, 2_000))
def test_the_price_of_a_precision_is_exact_to_the_next_nano_rho(half_width: int) -> None:
    asked = plan([COUNT, MEAN_PAY], [ROWS, PAY_COUNT, PAY_CENTRED], [STATE])
    found = price_for(asked, RULES, TERMS, output="n", target_half_width=Decimal(half_width))
    assert expected_half_width(priced(asked, found), COUNT, 1) <= half_width
    if found > RULES.question_nano_rho_min:
        assert expected_half_width(priced(asked, found - 1), COUNT, 1) > half_width


def test_a_precision_out_of_reach_is_refused() -> None:
    with pytest.raises(Refused) as found:
        price_for(EVERYTHING, RULES, TERMS, output="n", target_half_width=Decimal(1))
    assert found.value.code == "precision_not_reachable"


HISTOGRAMS = st.lists(st.integers(0, 30), min_size=2, max_size=12)


@given(HISTOGRAMS, st.integers(0, 20), st.data(), st.integers(-200, 200))
def test_one_row_moves_no_score_by_more_than_its_step(
    counts: list[int], twentieths: int, data: st.DataObject, shift: int
) -> None:
    fraction = Fraction(twentieths, 20)
    more = list(counts)
    more[data.draw(st.integers(0, len(counts) - 1))] += 1
    pairs = zip(scores(counts, fraction, shift), scores(more, fraction, shift), strict=True)
    assert all(abs(left - right) <= step_of(fraction) for left, right in pairs)


@given(HISTOGRAMS, st.integers(0, 20))
def test_the_bin_of_the_quantile_scores_nothing(counts: list[int], twentieths: int) -> None:
    fraction = Fraction(twentieths, 20)
    found = scores(counts, fraction, 0)
    rank = fraction * sum(counts)
    for place, score in enumerate(found):
        below, upto = sum(counts[:place]), sum(counts[: place + 1])
        assert (score == 0) or not below <= rank <= upto
    assert min(found) == 0
