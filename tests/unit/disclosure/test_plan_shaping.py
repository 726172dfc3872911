"""From integers to the answer: every public group, noise of the priced size, honest intervals."""

import json
from decimal import Decimal

import pyarrow as pa
import pytest

from disclosure.plan.pricing import estimate
from disclosure.plan.shaping import measure, present, shape
from disclosure.privacy import Mechanism, add_noise
from tests.planning import QUESTION_MAX, RULES, bounded, declared, exact, priced

ROWS = [
    *((person, "CA", 1, 100) for person in range(400)),
    *((person, "NY", 2, None) for person in range(300, 500)),
]


def answer(sql: str, nano_rho: int = QUESTION_MAX) -> pa.Table:
    store = bounded(ROWS, declared())
    plan = priced(sql, nano_rho=nano_rho)
    return shape(plan, exact(store, plan.plan)).table


def test_every_public_group_is_there_in_declared_order() -> None:
    table = answer("SELECT state, sex, COUNT(*) AS n FROM survey GROUP BY state, sex")
    assert table.column_names == ["state", "sex", "n", "n_low", "n_high"]
    assert table.column("state").to_pylist() == ["CA", "CA", "NY", "NY", "TX", "TX"]
    assert table.column("sex").to_pylist() == [1, 2, 1, 2, 1, 2]


def test_columns_follow_the_question() -> None:
    table = answer("SELECT COUNT(*) AS n, sex AS gender FROM survey GROUP BY gender")
    assert table.column_names == ["n", "n_low", "n_high", "gender"]
    assert table.column("gender").to_pylist() == [1, 2]


def test_sums_are_scaled_back_and_means_stay_within_bounds() -> None:
    table = answer(
        "SELECT state, SUM(pay) AS s, AVG(pay) AS m FROM survey "
        "WHERE state IN ('CA', 'TX') AND sex = 1 GROUP BY state"
    )
    row, empty = table.to_pylist()
    assert isinstance(row["s"], Decimal)
    assert row["s"] == pytest.approx(Decimal(4000), abs=Decimal(600))
    assert row["m"] == pytest.approx(10.0, abs=2.0)
    assert row["m_low"] <= row["m"] <= row["m_high"]
    assert -5.0 <= empty["m_low"] <= empty["m_high"] <= 20.0


def test_having_order_and_limit_read_noisy_columns_only() -> None:
    plan = priced(
        "SELECT state, COUNT(*) AS n FROM survey GROUP BY state HAVING n >= 5 AND n < 100 "
        "ORDER BY n DESC LIMIT 1 OFFSET 1"
    )
    table = present(plan, [[10, 4, 99]]).table
    assert table.column("state").to_pylist() == ["CA"]


def test_order_is_stable_and_missing_values_stand_last() -> None:
    plan = priced("SELECT state, AVG(pay) AS m FROM survey GROUP BY state ORDER BY m DESC")
    kinds = [str(item.measured.kind) for item in plan.noised]
    noisy = {"values": [-1, 10, 20], "total": [5, 100, 200]}
    table = present(plan, [noisy[kind] for kind in kinds]).table
    assert table.column("state").to_pylist() == ["NY", "TX", "CA"]
    assert table.column("m").to_pylist()[2] is None


def test_an_empty_database_gives_the_same_shape() -> None:
    store = bounded([(1, "nowhere", 1, 1)], declared())
    plan = priced("SELECT state, COUNT(*), SUM(pay) FROM survey GROUP BY state")
    assert [len(v) for v in measure(plan, exact(store, plan.plan))] == [3, 3]


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    plan = priced("SELECT COUNT(*) AS n, AVG(pay) AS m FROM survey", nano_rho=2_000_000)
    truths = {"rows": 50_000, "values": 40_000, "total": 4_000_000}
    exacts = [[truths[str(item.measured.kind)]] for item in plan.noised]
    covered = {"n": 0, "m": 0}
    runs = 400
    for _ in range(runs):
        noisy = [
            add_noise(values, item.mechanism)
            for values, item in zip(exacts, plan.noised, strict=True)
        ]
        row = present(plan, noisy).table.to_pylist()[0]
        covered["n"] += row["n_low"] <= 50_000 <= row["n_high"]
        covered["m"] += row["m_low"] <= 10.0 <= row["m_high"]
    assert all(0.90 <= hits / runs <= 1.0 for hits in covered.values())  # 95 %, 4.5 deviations


def test_the_estimate_is_plain_json_and_names_each_aggregate() -> None:
    plan = priced("SELECT COUNT(*) AS n, SUM(pay) AS s, AVG(pay) AS m FROM survey")
    preview = json.loads(json.dumps(estimate(plan, RULES)))
    assert [item["name"] for item in preview["aggregates"]] == ["n", "s", "m"]
    assert preview["cost_nano_rho"] == plan.cost_nano_rho <= plan.question_nano_rho
    assert preview["epsilon_shown"] == "0.430"


def test_more_budget_gives_less_noise() -> None:
    sql = "SELECT COUNT(*) FROM survey"
    widths = [priced(sql, nano_rho=n).noised[0].half_width for n in (10**6, 10**7, 10**8)]
    assert widths == sorted(widths, reverse=True)
    assert isinstance(priced(sql).noised[0].mechanism, Mechanism)
