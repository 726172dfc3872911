"""What an estimate and a budget tell: price, error, what is hidden, cheaper forms, what ends."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

import sandgate

QUESTION = "SELECT COUNT(DISTINCT unit) AS households FROM households"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    sandgate.language("en")
    yield
    sandgate.language("en")


@pytest.fixture
def client(gateway: Any) -> sandgate.Gateway:
    gateway.choose = gateway_answers
    return sandgate.Gateway(str(gateway.path))


def gateway_answers(_sql: str) -> pa.Table:
    return pa.table({"households": [100], "households_low": [90], "households_high": [110]})


def test_an_estimate_says_price_and_error_and_charges_nothing(gateway: Any, client: Any) -> None:
    found = client.estimate(QUESTION)
    text = repr(found)
    assert found.cost_nano_rho == 2_500_000
    assert "Price: ρ 0.0025 (ε ≈ 0.31), ρ 0.1 left" in text
    assert text.splitlines()[3].split() == ["households", "±", "27.7", "±", "28%", "±", "2.8%"]
    assert "Room for 40 more at this price; this licence runs out first" in text
    assert found.further_questions == 40
    assert gateway.remaining == 100_000_000


def test_it_is_asked_at_the_price_it_names(gateway: Any, client: Any) -> None:
    found = client.estimate(QUESTION, question_nano_rho=4_000_000)
    assert found.ask().cost.nano_rho == 4_000_000
    assert gateway.bodies[-1] == {"sql": QUESTION, "question_nano_rho": 4_000_000}


def test_a_wanted_exactness_names_the_one_figure_by_itself(gateway: Any, client: Any) -> None:
    found = client.estimate(QUESTION, half_width=55.4)
    assert gateway.bodies[-1]["wanted"] == {"output": "households", "half_width": "55.4"}
    assert found.cost_nano_rho == 625_000
    assert "The least at which households is within ±55.4 at 95%" in found.html()
    client.estimate(QUESTION, half_width=5, output="n", rows=1_000)
    assert gateway.bodies[-1]["wanted"] == {"output": "n", "half_width": "5", "rows": 1_000}


def test_of_several_figures_one_must_be_named(gateway: Any, client: Any) -> None:
    figure = {"function": "count", "half_width": "1", "relative_error_at_rows": {}}
    gateway.estimate_more = {"aggregates": [{"name": "a", **figure}, {"name": "b", **figure}]}
    with pytest.raises(ValueError, match="a, b"):
        client.estimate(QUESTION, half_width=50)
    with pytest.raises(TypeError):
        client.estimate(QUESTION, output="a")


def test_cheaper_forms_are_ranked_escaped_and_one_call_away(gateway: Any, client: Any) -> None:
    found = client.estimate(QUESTION)
    (best,) = found.alternatives
    assert (best.error_gain, best.why) == (8.29, "without grouping by 'state'")
    assert "8.29 times more exact at the same price: without grouping by 'state'" in found.plain()
    assert "-- &lt;b&gt;" in found.html()
    assert "alternatives[0].ask()" in found.html()
    best.ask()
    assert gateway.bodies[-1] == {"sql": best.sql, "question_nano_rho": 2_500_000}
    sandgate.language("zh")
    assert "误差缩小到 1/8.29：不按“state”分组" in found.plain()


def test_what_may_stay_hidden_is_said_in_words(gateway: Any, client: Any) -> None:
    gateway.estimate_more = {
        "suppression": {
            "threshold_units": 109,
            "withheld_share_at_units": {"10": "1.0000", "100": "0.6882", "1000": "0.0000"},
        },
        "cost_delta_steps": 975_956,
        "formulas": ["ratio"],
        "road": "unranked",
        "money": {"question_micro_fen": 0, "product_fetch_fen": 10_001},
    }
    text = client.estimate(QUESTION).plain()
    assert "a group shows from 109 people or units on" in text
    assert "a group of 100 stays hidden with a chance of 69%" in text
    assert "δ 9.76×10⁻¹⁰" in text
    assert "ratio: made of the noisy figures at no further price" in text
    assert "the wait is longer" in text
    assert "unranked" not in text
    assert "each fetch of the product is ¥100.01" in text


def test_the_money_of_a_question_is_written_exactly(gateway: Any, client: Any) -> None:
    for money, words in (
        ({"refused": "tariff_not_approved", "tariff": "t1"}, "no approved tariff holds (t1)"),
        ({"question_micro_fen": 150_000_000, "row_micro_fen": 12_345}, "¥1.50 for this question"),
        ({"question_micro_fen": 0, "row_micro_fen": 12_345}, "and ¥0.00012345 for each row given"),
        ({"question_micro_fen": 0}, "asking is free"),
    ):
        gateway.estimate_more = {"money": money}
        assert words in client.estimate(QUESTION).plain()


def test_means_and_quantiles_are_told_in_their_own_terms() -> None:
    shares = {"100": "0.5", "1000": "0.0366"}
    mean = {
        "name": "m",
        "function": "avg",
        "relative_error_at_rows": shares,
        "half_width_at_rows": {"100": "100000", "1000": "7.32214"},
    }
    median = {
        "name": "q",
        "function": "quantile",
        "relative_error_at_rows": {"100": "2.9", "1000": "0.3"},
        "half_width": "299.5",
    }
    lines = sandgate.Estimate({"mode": "aggregate", "aggregates": [mean, median]}).plain()
    assert "by size" in lines
    assert "± 100,000" in lines
    assert "± 7.32" in lines
    assert "± 299.5 places of rank" in lines
    assert "± > 100%" in lines


LEVELS = [
    ("population/p", "population", 1_000_000_000, 930_000_000),
    ("population/p/lineage/households", "lineage", 1_000_000_000, 930_000_000),
    ("population/p/lineage/households/period/2026-Q4", "period", 500_000_000, 430_000_000),
    ("licence", "licence", 100_000_000, 17_000_000),
]
LINE = {
    "population": "p",
    "budget_nano_rho": 100_000_000,
    "budget_nano_rho_spent": 83_000_000,
    "budget_nano_rho_remaining": 17_000_000,
    "budget_delta_steps": 20_000_000,
    "budget_delta_steps_remaining": 19_000_000,
    "question_nano_rho_max": 20_000_000,
    "epsilon_shown": "1.9",
    "levels": [
        {"level": name, "kind": kind, "cap_nano_rho": cap, "remaining_nano_rho": left}
        for name, kind, cap, left in LEVELS
    ],
    "warnings": [
        {
            "level": "licence",
            "kind": "licence",
            "spent_ppm": 830_000,
            "spent_by_us": 1_796_256_000_000_000,
            "questions_left_like_last": 3,
        }
    ],
    "raises": [
        {
            "level": "population/p/lineage/households",
            "from_nano_rho": 500_000_000,
            "to_nano_rho": 1_000_000_000,
            "raised_us": 1_796_256_000_000_000,
        }
    ],
}


def test_a_budget_shows_its_levels_and_warns_with_a_date_in_words() -> None:
    budget = sandgate.Budget((LINE,))
    text = budget.plain()
    assert "of this licence's ρ 0.1, ρ 0.083 (ε ≈ 1.9) is spent" in text
    assert "This licence: 83% is spent; at this pace it ends on 3 December 2026" in text
    assert "room for 3 more like the last" in text
    assert "This period (shared by all licences) · 2026-Q4" in text
    assert "██░░░░░░░░" in text
    assert "δ 1.9×10⁻⁸ of 2×10⁻⁸ is left" in text
    assert "raised from ρ 0.5 to ρ 1 on 3 December 2026" in text
    html = budget.html()
    assert 'aria-label="17%"' in html
    assert 'role="status"' in html
    sandgate.language("zh")
    assert "本授权的预算已用 83%，按目前速度将于 2026年12月3日 用完" in budget.plain()


def test_a_licence_without_budget_says_so() -> None:
    assert "no privacy budget" in sandgate.Budget(()).plain()
    assert "no privacy budget" in sandgate.Budget(()).html()
