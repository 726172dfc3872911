"""Each capability of private questions, asked of the whole platform and held to the plain engine.

A figure lies within three half widths of its interval from what plain DuckDB says of the same
rows; the charge is the estimate's, a repeat is free, and each answer carries its receipt.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from audit.proofs import verify_receipt
from audit.reading import private_of
from audit.tags import EntryKind
from disclosure.plan_classes import DONE
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.settings import Settings
from tests.city import City, Row, built_city, rows_of, told
from tests.city_wide import (
    QUESTIONS,
    RARE_TRADE,
    RESIDENTS_OF,
    TRADES,
    plain_answer,
    wide_licence,
    wide_plan,
)
from tests.parts import need_namespaces
from tests.rule_files import generous

pytestmark = need_namespaces
NANO_RHO = 150_000_000
WIDTHS = 3
"""Six deviations: a figure beyond is a fault, not bad luck."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city")
    rules = generous(tmp_path_factory.mktemp("rules"))
    with built_city(home, wide_plan(), settings=Settings(home=home, policies=rules)) as found:
        yield found


def spent(city: City) -> int:
    lines = city.platform.pipeline.budget(city.scope())
    (line,) = (line for line in lines if line["population"] == RESIDENTS_OF)
    found = line["budget_nano_rho_spent"]
    assert isinstance(found, int)
    return found


def engine_said(city: City, index: int) -> str:
    with reading(city.platform.engine) as connection:
        return private_of(connection, index, city.platform.keys)["engine"].text


def keys_of(row: Row, figures: Sequence[str]) -> tuple[Any, ...]:
    shown = {*figures, *(f"{name}_{end}" for name in figures for end in ("low", "high"))}
    return tuple(_plain(value) for name, value in row.items() if name not in shown)


def _plain(value: Any) -> Any:
    """Bring a key of either engine to one form: whole numbers, and days without a time."""
    if isinstance(value, float | Decimal):
        return int(value)
    return value.date() if isinstance(value, datetime) else value


def near(noisy: Row, truth: Row, figures: Sequence[str]) -> None:
    for name in figures:
        low, high = float(noisy[f"{name}_low"]), float(noisy[f"{name}_high"])
        assert low <= float(noisy[name]) <= high
        reach = WIDTHS * (high - low) / 2
        assert abs(float(noisy[name]) - float(truth[name] or 0)) <= reach, (name, noisy, truth)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_private_answer_is_near_what_the_plain_engine_says(city: City, name: str) -> None:
    sql, scope, before = QUESTIONS[name], city.scope(), spent(city)
    expected = city.platform.pipeline.estimate(scope, sql, NANO_RHO)
    given = city.ask(sql, scope=scope, nano_rho=NANO_RHO)
    facts, rows = told(given), rows_of(given)
    assert engine_said(city, given.index) == DONE, "the slot was missed: the host is too busy"
    figures = list(facts["intervals"])
    truths = {keys_of(row, figures): row for row in plain_answer(sql)}
    assert rows
    for row in rows:
        near(row, truths.pop(keys_of(row, figures), dict.fromkeys(figures, 0)), figures)
    assert not truths  # every group of the truth is shown
    assert facts["cost_nano_rho"] == expected["cost_nano_rho"] == spent(city) - before
    assert 0 < facts["cost_nano_rho"] <= NANO_RHO
    entry = city.entries(first=given.index)[0]
    assert verify_receipt(given.receipt, entry.leaf_hash, city.platform.log.verifier_key)
    again = city.ask(sql, scope=city.scope("colleague"), nano_rho=NANO_RHO)
    assert (told(again)["repeated"], rows_of(again)) == (True, rows)
    assert spent(city) - before == facts["cost_nano_rho"]


def asked(city: City, sql: str) -> tuple[list[Row], dict[str, Any]]:
    given = city.ask(sql, nano_rho=NANO_RHO)
    assert engine_said(city, given.index) == DONE, "the slot was missed: the host is too busy"
    return rows_of(given), told(given)


@pytest.mark.parametrize(("function", "share"), [("MEDIAN(age)", 0.5), ("QUANTILE(age, 0.9)", 0.9)])
def test_a_quantile_splits_the_rows_where_it_says(city: City, function: str, share: float) -> None:
    rows, _ = asked(city, f"SELECT district, {function} AS q FROM residents GROUP BY district")
    assert [row["district"] for row in rows] == ["north", "south"]
    for row in rows:
        where = f"district = '{row['district']}'"
        (truth,) = plain_answer(
            f"SELECT avg((age < {row['q_low']})::int) AS low, avg((age <= {row['q']})::int) AS at, "
            f"avg((age <= {row['q_high']})::int) AS high FROM residents WHERE {where}"
        )
        assert row["q_low"] <= row["q"] <= row["q_high"]
        assert abs(truth["at"] - share) < 0.03
        assert truth["low"] < share < truth["high"]


def test_unknown_keys_show_past_a_threshold_and_delta_is_charged(city: City) -> None:
    sql = "SELECT trade, COUNT(DISTINCT unit) AS n FROM residents GROUP BY trade"
    expected = city.platform.pipeline.estimate(city.scope(), sql, NANO_RHO)
    rows, facts = asked(city, sql)
    truths = {row["trade"]: row for row in plain_answer(sql)}
    assert [row["trade"] for row in rows] == sorted(TRADES)  # the one falconer stays unseen
    assert RARE_TRADE in truths
    for row in rows:
        near(row, truths[row["trade"]], ["n"])
    decided = city.entries(EntryKind.QUESTION_DECIDED)[-1]
    assert 0 < decided.public["cost_delta_steps"] == expected["cost_delta_steps"]
    assert "others may exist" in facts["notes"]["en"]


def test_a_question_over_unknown_keys_is_refused_without_a_budget_of_delta(city: City) -> None:
    document = wide_licence()
    document["budgets"][1] |= {"budget_delta_steps": 0, "budget_nano_rho": 100_000_000}
    document["budgets"][1]["question_nano_rho_max"] = 50_000_000
    document["budgets"] = document["budgets"][1:]
    document["grants"] = document["grants"][2:]
    scope = city.scope(licence=city.grant(document))
    with pytest.raises(SandgateError) as refused:
        city.ask("SELECT trade, COUNT(*) AS n FROM residents GROUP BY trade", scope=scope)
    assert refused.value.code == "budget_exhausted"


def test_having_order_and_limit_read_noisy_figures(city: City) -> None:
    some = "SELECT month(day) AS m, COUNT(*) AS n FROM residents GROUP BY m"
    rows, _ = asked(city, some + " HAVING n > 400 ORDER BY n DESC, m LIMIT 5 OFFSET 1")
    figures = [row["n"] for row in rows]
    assert len(rows) == 5
    assert figures == sorted(figures, reverse=True)
    assert all(figure > 400 for figure in figures)
    none, _ = asked(city, some + " HAVING n > 100000")
    assert none == []
    truths = {row["m"]: row for row in plain_answer(some)}
    for row in rows:
        near(row, truths[row["m"]], ["n"])


def test_a_formula_is_arithmetic_on_the_noisy_figures_shown(city: City) -> None:
    sql = (
        "SELECT district, SUM(age) AS total, COUNT(*) AS n, SUM(age) / COUNT(*) AS mean "
        "FROM residents GROUP BY district"
    )
    rows, _ = asked(city, sql)
    for row in rows:
        assert math.isclose(float(row["mean"]), float(row["total"]) / row["n"], rel_tol=1e-6)


REFUSED = {
    "SELECT pay FROM residents": "column_protected",
    "SELECT MAX(pay) FROM residents": "aggregate_form",
    "SELECT district, pay FROM residents ORDER BY pay LIMIT 1": "column_protected",
    "SELECT COUNT(DISTINCT trade) AS n FROM residents": "distinct_not_unit",
    "SELECT SUM(pay * age) AS s FROM residents": "aggregate_form",
    "SELECT SUM(1 / pay) AS s FROM residents": "aggregate_form",
    "SELECT district, COUNT(*) AS n FROM residents GROUP BY ROLLUP (district)": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents WHERE unit = 7": "not_granted",
    "SELECT COUNT(*) AS n FROM residents WHERE district = 'nowhere'": "key_value_unknown",
    "SELECT COUNT(*) AS n FROM residents WHERE age > (SELECT 3)": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents a JOIN residents b ON a.unit = b.unit": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents r JOIN zones z ON r.zone = z.area": "join_not_unique",
    "SELECT COUNT(*) AS n FROM residents r, visits v": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents r JOIN visits v ON r.age = v.cost": "aggregate_form",
    "SELECT district, COUNT(*) AS n FROM residents GROUP BY 1 HAVING MAX(pay) > 3": (
        "aggregate_form"
    ),
    "SELECT district, COUNT(*) AS n FROM residents GROUP BY district ORDER BY MAX(pay)": (
        "aggregate_form"
    ),
    "SELECT ROW_NUMBER() OVER (ORDER BY pay) AS r FROM residents": "column_protected",
    "SELECT DISTINCT ON (district) district, COUNT(*) AS n FROM residents GROUP BY district": (
        "aggregate_form"
    ),
    "SELECT COUNT(*) AS n FROM residents UNION SELECT COUNT(*) FROM visits": "aggregate_form",
    "SELECT AVG(n) AS m FROM (SELECT district, COUNT(*) AS n FROM residents GROUP BY 1)": (
        "aggregate_form"
    ),
}


@pytest.mark.parametrize(("sql", "code"), REFUSED.items())
def test_a_refusal_names_field_and_rule_and_its_way_out_is_answered(
    city: City, sql: str, code: str
) -> None:
    before, log = spent(city), city.log_size()
    with pytest.raises(SandgateError) as found:
        city.ask(sql, nano_rho=NANO_RHO)
    error = found.value
    assert (error.code, spent(city), city.log_size()) == (code, before, log + 1)
    assert error.field
    assert error.rule
    assert error.way_out is not None
    assert error.allowed_sql is not None
    given = city.ask(error.allowed_sql, nano_rho=10_000_000)
    assert rows_of(given)
