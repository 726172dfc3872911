"""Each capability of private questions, asked of the whole platform and held to the plain engine.

A figure lies within three half widths of its interval from what plain DuckDB says of the same
rows; the charge is the estimate's, a repeat is free, and each answer carries its receipt.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from audit.proofs import verify_receipt
from audit.tags import EntryKind
from foundation.errors import SandgateError
from foundation.settings import Settings
from tests.city import City, Row, built_city, rows_of, told
from tests.city_wide import (
    AREAS,
    CLINICS,
    RARE_TRADE,
    RESIDENTS_OF,
    TRADES,
    plain_answer,
    wide_plan,
)
from tests.parts import need_namespaces
from tests.rule_files import generous

pytestmark = need_namespaces
NANO_RHO = 150_000_000
WIDTHS = 3
"""Six deviations: a figure beyond is a fault, not bad luck."""

PER_UNIT = (
    "SELECT unit, COUNT(*) AS times, SUM(pay) AS total FROM residents GROUP BY unit"
)
ANSWERED = {
    "count of rows": "SELECT COUNT(*) AS n FROM residents",
    "count of values": "SELECT district, COUNT(pay) AS n FROM residents GROUP BY district",
    "units": "SELECT district, COUNT(DISTINCT unit) AS n FROM residents GROUP BY district",
    "units of ranked rows": "SELECT COUNT(DISTINCT unit) AS n FROM residents WHERE age < 50",
    "sum, clamped": "SELECT district, SUM(LEAST(GREATEST(pay, 1000), 50000)) AS total "
    "FROM residents GROUP BY district",
    "mean": "SELECT district, AVG(pay) AS mean FROM residents GROUP BY district",
    "variance": "SELECT VARIANCE(age) AS v, VAR_POP(age) AS p FROM residents",
    "deviation": "SELECT STDDEV(age) AS s, STDDEV_POP(age) AS p FROM residents",
    "bins": "SELECT floor(age / 20) * 20 AS bin, COUNT(*) AS n FROM residents GROUP BY bin",
    "months": "SELECT date_trunc('month', day) AS month, COUNT(*) AS n FROM residents "
    "GROUP BY month",
    "weekdays": "SELECT isodow(day) AS weekday, COUNT(*) AS n FROM residents GROUP BY weekday",
    "labels": "SELECT CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' ELSE 'old' END "
    "AS life, COUNT(*) AS n FROM residents GROUP BY life",
    "range of a measure": "SELECT COUNT(*) AS n FROM residents WHERE pay BETWEEN 20000 AND 60000",
    "range of dates": "SELECT COUNT(*) AS n FROM residents WHERE day >= DATE '2024-03-01' "
    "AND day < DATE '2024-07-01'",
    "not in": "SELECT COUNT(*) AS n FROM residents WHERE trade NOT IN ('baker', 'nurse')",
    "in": "SELECT COUNT(*) AS n FROM residents WHERE trade IN ('baker', 'nurse')",
    "is null": "SELECT district, COUNT(*) AS n FROM residents WHERE pay IS NULL GROUP BY district",
    "or": "SELECT COUNT(*) AS n FROM residents WHERE age < 20 OR (pay > 50000 AND NOT age = 30)",
    "public join": "SELECT z.area AS area, COUNT(*) AS n, AVG(r.pay) AS mean FROM residents r "
    "JOIN zones z ON r.zone = z.code GROUP BY area",
    "outer public join": "SELECT COUNT(*) AS n FROM residents r LEFT JOIN zones z "
    "ON r.zone = z.code WHERE z.area IS NULL",
    "public measure": "SELECT SUM(z.hectares) AS total FROM residents r "
    "JOIN zones z ON r.zone = z.code",
    "unit join": "SELECT v.clinic AS clinic, COUNT(*) AS n, SUM(r.age) AS ages FROM residents r "
    "JOIN visits v ON r.unit = v.unit GROUP BY clinic",
    "units of units": f"SELECT COUNT(*) AS people, AVG(LEAST(times, 5)) AS mean FROM ({PER_UNIT})",
    "bins of units": "SELECT CASE WHEN times >= 3 THEN 'often' ELSE 'seldom' END AS often, COUNT(*) "
    f"AS people FROM ({PER_UNIT}) GROUP BY often",
}


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


@pytest.mark.parametrize("name", ANSWERED)
def test_a_private_answer_is_near_what_the_plain_engine_says(city: City, name: str) -> None:
    sql, scope, before = ANSWERED[name], city.scope(), spent(city)
    expected = city.platform.pipeline.estimate(scope, sql, NANO_RHO)
    given = city.ask(sql, scope=scope, nano_rho=NANO_RHO)
    facts, rows = told(given), rows_of(given)
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
