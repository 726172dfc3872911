"""The attack table of private answers, row by row, through the whole platform.

Two cities differ in one person of extreme rows: values beyond every bound, missing ones, a trade
that nobody else has. Attacks that must not be answered are refused with the same words, free of
charge and without an engine; questions that may be asked show nothing but noisy figures.

Rows of the table that are proved elsewhere:

=========================================  =====================================================
row                                        where
=========================================  =====================================================
timing of the answer and its sampler       test_timing_channels, test_two_neighbours_pipeline
files, settings, secrets in the worker     test_gate_bypass (both walls), test_extract_worker
differencing, averaging repeats            test_differencing, test_budget_evasion,
                                           test_pipeline_answers (a repeat is stored and free)
refund by cancel or failure                test_pipeline_refusals, test_plan_class_closing
exact counts in log, listings, catalogue   test_two_neighbours_pipeline
data update between questions              test_budget_evasion, test_pipeline_answers
masks that depend on others' data          test_masks: a mask is a function of one value
the noise itself                           test_gates_b_c
=========================================  =====================================================
"""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from audit.tags import EntryKind
from disclosure.given import table_of
from disclosure.privacy import Mechanism
from foundation.errors import SandgateError
from tests.city import City, Plan, household_rows, rows_of, told
from tests.city_documents import Row, college_rows
from tests.city_wide import QUESTIONS, RESIDENTS_OF, TRADES, resident_rows, wide_plan
from tests.neighbours import (
    Cities,
    log_of,
    of_both,
    open_pair,
    same_bytes,
    seen_of_answer,
    seen_of_refusal,
)
from tests.parts import need_namespaces
from tests.rule_files import generous

pytestmark = need_namespaces
RESIDENTS = 600
NANO_RHO = 150_000_000
LONE_TRADE = "lighthouse keeper " * 100
VICTIM = 777_777
VICTIM_ROWS: list[Row] = [
    {
        "resident": VICTIM,
        "district": "north",
        "age": age,
        "pay": pay,
        "day": day,
        "trade": trade,
        "zone": zone,
    }
    for age, pay, day, trade, zone in (
        (2**40, 2**40, date(9999, 12, 31), LONE_TRADE, None),
        (-(2**40), -(2**40), date(1, 1, 1), LONE_TRADE, "Z1"),
        (50, None, date(2024, 2, 29), None, "Z-unknown"),
    )
]

REFUSED = {
    # A cast, or anything else, that fails on the victim's value only.
    "cast": "SELECT COUNT(*) FROM residents WHERE CAST(trade AS INTEGER) > 0",
    "cast in a sum": "SELECT SUM(CAST(zone AS INTEGER)) FROM residents",
    "error in a case": "SELECT SUM(CASE WHEN trade = 'x' THEN error('x') ELSE 0 END) "
    "FROM residents",
    "error in a key": "SELECT CASE WHEN age > 999 THEN error('x') ELSE 'a' END AS k, COUNT(*) "
    "FROM residents GROUP BY k",
    "modulo by zero": "SELECT SUM(CASE WHEN pay > 99999 THEN 1 % 0 ELSE 0 END) FROM residents",
    "overflow": "SELECT SUM(pay * 9000000000000000000) FROM residents",
    "factorial": "SELECT SUM(factorial(age)) FROM residents",
    "bad pattern": "SELECT COUNT(*) FROM residents WHERE regexp_matches('a', trade)",
    "division": "SELECT SUM(1 / pay) FROM residents",
    "root": "SELECT SUM(sqrt(pay - 1)) FROM residents",
    "logarithm": "SELECT AVG(ln(pay)) FROM residents",
    "not a number": "SELECT SUM(CASE WHEN pay > 99999 THEN 'nan'::DOUBLE ELSE 0 END) "
    "FROM residents",
    "float sum": "SELECT SUM(pay::DOUBLE) FROM residents",
    "kahan sum": "SELECT fsum(pay) FROM residents",
    # Other tables, files and the engine's own.
    "file": "SELECT COUNT(*) FROM residents, read_csv('/etc/passwd')",
    "text file": "SELECT COUNT(*) FROM read_text('/etc/passwd')",
    "settings": "SELECT COUNT(*) FROM residents, duckdb_settings()",
    "secrets": "SELECT * FROM duckdb_secrets()",
    "schema": "SELECT COUNT(*) FROM information_schema.tables",
    "plain form": "SELECT COUNT(*) FROM ranked",
    "statistics": "SELECT stats(pay) FROM residents",
    "explain": "EXPLAIN ANALYZE SELECT COUNT(*) FROM residents",
    "summarize": "SUMMARIZE residents",
    "describe": "DESCRIBE residents",
    # Work that depends on one person.
    "heavy subquery": "SELECT COUNT(*) FROM residents r WHERE age > 999 AND "
    "(SELECT COUNT(*) FROM residents a, residents b WHERE a.age + b.age > r.age) > 0",
    "exists": "SELECT COUNT(*) FROM residents r WHERE EXISTS "
    "(SELECT 1 FROM visits v WHERE v.cost > r.age)",
    # The unit outside of a count.
    "unit filter": f"SELECT COUNT(*) FROM residents WHERE unit = {VICTIM}",
    "unit column": f"SELECT COUNT(*) FROM residents WHERE resident = {VICTIM}",
    "unit in a case": f"SELECT CASE WHEN resident = {VICTIM} THEN 1 ELSE 0 END AS k, COUNT(*) "
    "FROM residents GROUP BY k",
    "unit as key": "SELECT unit, COUNT(*) FROM residents GROUP BY unit",
    "unit as measure": "SELECT MAX(resident) FROM residents",
    "unit in having": "SELECT AVG(n) FROM (SELECT unit, COUNT(*) AS n FROM residents "
    f"GROUP BY unit HAVING unit = {VICTIM})",
    "unit hashed": "SELECT COUNT(*) FROM residents WHERE hash(resident) % 2 = 0",
    # Joins that multiply.
    "self-join": "SELECT COUNT(*) FROM residents a JOIN residents b ON a.unit = b.unit",
    "comma": "SELECT COUNT(*) FROM residents, zones",
    "cross": "SELECT COUNT(*) FROM residents CROSS JOIN zones",
    "not unique": "SELECT COUNT(*) FROM residents r JOIN zones z ON r.zone = z.area",
    "not an equality": "SELECT COUNT(*) FROM residents r JOIN zones z ON r.zone >= z.code",
    "not by unit": "SELECT COUNT(*) FROM residents r JOIN visits v ON r.age = v.cost",
    "other people": "SELECT COUNT(*) FROM residents r JOIN households h ON r.unit = h.unit",
    "units in public rows": f"SELECT COUNT(*) FROM residents r JOIN (VALUES ({VICTIM})) t(x) "
    "ON r.unit = t.x",
    "lateral": "SELECT COUNT(*) FROM residents r, LATERAL (SELECT r.pay) t",
    # Exact aggregates inside.
    "exact having": "SELECT district, COUNT(*) AS n FROM residents GROUP BY 1 HAVING MAX(pay) > 9",
    "exact filter": "SELECT COUNT(*) FROM residents WHERE pay = (SELECT MAX(pay) FROM residents)",
    "nested": "SELECT MAX(n) FROM (SELECT trade, COUNT(*) AS n FROM residents GROUP BY 1)",
    "filter clause": "SELECT COUNT(*) FILTER (WHERE pay > (SELECT 1)) FROM residents",
    "pushed order": "SELECT COUNT(*) FROM (SELECT * FROM residents ORDER BY pay DESC LIMIT 1)",
    "exact order": "SELECT district, COUNT(*) AS n FROM residents GROUP BY 1 ORDER BY MAX(pay)",
    "computed limit": "SELECT district, COUNT(*) AS n FROM residents GROUP BY 1 "
    "LIMIT (SELECT COUNT(*) FROM residents)",
    "grouping sets": "SELECT district, COUNT(*) FROM residents GROUP BY GROUPING SETS ((1), ())",
    # Outside the grammar.
    "window": "SELECT SUM(pay) OVER (ORDER BY day) FROM residents",
    "qualify": "SELECT district, COUNT(*) AS n FROM residents GROUP BY 1 "
    "QUALIFY row_number() OVER (ORDER BY district) = 1",
    "distinct on": "SELECT DISTINCT ON (district) district, pay FROM residents",
    "sample": "SELECT COUNT(*) FROM residents TABLESAMPLE 10%",
    "using sample": "SELECT COUNT(*) FROM residents USING SAMPLE 1 ROWS",
    "random": "SELECT COUNT(*) FROM residents WHERE random() < 0.5",
    "clock": "SELECT COUNT(*) FROM residents WHERE day < now()",
    "row number": "SELECT COUNT(*) FROM residents WHERE rowid < 10",
    "macro": "CREATE MACRO m(x) AS x + 1",
    "union": "SELECT COUNT(*) FROM residents UNION ALL SELECT COUNT(*) FROM residents",
    "list": "SELECT list(trade) FROM residents",
    "string": "SELECT string_agg(trade, ',') FROM residents",
    "arg max": "SELECT arg_max(trade, pay) FROM residents",
    "any value": "SELECT any_value(trade) FROM residents",
    "mode": "SELECT mode(trade) FROM residents",
    "distinct values": "SELECT COUNT(DISTINCT trade) FROM residents",
    "distinct sum": "SELECT SUM(DISTINCT pay) FROM residents",
    "approximate": "SELECT approx_count_distinct(trade) FROM residents",
    "recursion": "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) "
    "SELECT COUNT(*) FROM residents, r",
}
ASKED = {
    **QUESTIONS,
    "keys of a public column, lone value": "SELECT district, SUM(pay) AS total FROM residents "
    "WHERE trade = 'lighthouse keeper' GROUP BY district",
    "undeclared keys": "SELECT trade, COUNT(*) AS n FROM residents GROUP BY trade",
    "undeclared keys of a pair": "SELECT trade, district, COUNT(DISTINCT unit) AS n "
    "FROM residents GROUP BY ALL",
    "no row": "SELECT COUNT(*) AS n, SUM(age) AS s FROM residents WHERE pay > 89999 AND age > 118",
    "ranks": "SELECT QUANTILE(pay, 0.999) AS q, MEDIAN(age) AS m FROM residents",
    "first of an order": "SELECT district, COUNT(*) AS n FROM residents GROUP BY 1 "
    "ORDER BY n DESC LIMIT 1",
}
FREE_KEYS = frozenset({"first of an order"})
"""Questions whose keys follow the noise."""


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cities]:
    """Two neighbours: the first holds the victim; the others' rows stand in another order."""
    small = Plan(households=household_rows(40), colleges=college_rows(30))
    visits: list[Row] = [{"resident": VICTIM, "clinic": "teeth", "cost": c} for c in (-(2**40), 3)]
    whole = wide_plan(RESIDENTS, small, more_residents=VICTIM_ROWS, more_visits=visits)
    plans = (whole, wide_plan(RESIDENTS, small))
    rules = generous(tmp_path_factory.mktemp("rules"), 600)
    with open_pair(tmp_path_factory.mktemp("pair"), plans, rules) as pair:
        yield pair


def spent(city: City) -> int:
    lines = city.platform.pipeline.budget(city.scope())
    return next(
        int(str(i["budget_nano_rho_spent"])) for i in lines if i["population"] == RESIDENTS_OF
    )


@pytest.mark.parametrize("name", REFUSED)
def test_an_attack_is_refused_in_the_same_words_and_runs_nowhere(cities: Cities, name: str) -> None:
    before = [(spent(city), city.platform.pool.warm_keys()) for city in cities]
    sizes = [city.log_size() for city in cities]
    same_bytes([seen_of_refusal(city, REFUSED[name]) for city in cities])
    assert [(spent(city), city.platform.pool.warm_keys()) for city in cities] == before
    logs = [log_of(city, first) for city, first in zip(cities, sizes, strict=True)]
    assert logs[0] == logs[1]
    assert [kind for kind, _, _ in logs[0]] == [EntryKind.QUESTION_REFUSED]


@pytest.mark.parametrize("name", ASKED)
def test_what_may_be_asked_shows_noisy_figures_and_nothing_else(cities: Cities, name: str) -> None:
    sizes = [city.log_size() for city in cities]
    sql = ASKED[name]
    pipelines = [(city.platform.pipeline, city.scope()) for city in cities]
    same_bytes([pipeline.estimate(scope, sql, NANO_RHO) for pipeline, scope in pipelines])
    seen = of_both(cities, lambda city: seen_of_answer(city, sql, NANO_RHO))
    if name in FREE_KEYS:
        for one in seen:
            assert len(one.pop("keys")) == 1
    same_bytes(seen)
    logs = [log_of(city, first) for city, first in zip(cities, sizes, strict=True)]
    assert logs[0] == logs[1]


def test_a_trade_that_one_person_has_never_shows_and_is_not_counted(cities: Cities) -> None:
    """Nor does a missing key; how many groups were withheld stands nowhere."""
    sql = "SELECT trade, COUNT(DISTINCT unit) AS n FROM residents GROUP BY trade"
    for nano_rho in (100_000_000, 120_000_000):
        answers = of_both(cities, partial(City.ask, sql=sql, nano_rho=nano_rho))
        for city, given in zip(cities, answers, strict=True):
            assert [row["trade"] for row in rows_of(given)] == sorted(TRADES)
            entries = city.entries(first=city.log_size() - 2)
            seen = repr((told(given), [entry.body for entry in entries]))
            assert "lighthouse" not in seen
            assert "row_count" not in seen


def without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mechanism, "add", lambda _self, values: list(values))


def exact(city: City, sql: str, nano_rho: int) -> list[Row]:
    rows = rows_of(city.ask(sql, nano_rho=nano_rho))
    return [{k: v for k, v in row.items() if not k.endswith(("_low", "_high"))} for row in rows]


def test_sums_are_whole_numbers_that_no_order_of_rows_changes(
    cities: Cities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the sampler taken out: the same exact sum by two workers, and the victim clamped."""
    without_noise(monkeypatch)
    sql = "SELECT district, SUM(pay) AS total, COUNT(pay) AS n FROM residents GROUP BY district"
    first = of_both(cities, lambda city: exact(city, sql, 1_000_001))
    for city in cities:
        city.platform.pool.drop(city.licence)
    assert of_both(cities, lambda city: exact(city, sql, 1_000_002)) == first
    (north, south), (north_without, south_without) = first
    assert south == south_without
    # Two values of the victim, clamped to the declared bounds; the missing one is left out.
    assert north["total"] - north_without["total"] == 90_000
    assert north["n"] - north_without["n"] == 2
    assert all(isinstance(row["total"], int) for row in (north, south))


def test_one_person_moves_no_count_beyond_the_declared_rows(
    cities: Cities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fan-out is bounded by caps: three rows of one set, two of the other, six of both joined."""
    without_noise(monkeypatch)
    for sql, most in (
        ("SELECT COUNT(*) AS n FROM residents", 3),
        ("SELECT COUNT(*) AS n FROM residents r JOIN visits v ON r.unit = v.unit", 6),
        ("SELECT COUNT(DISTINCT unit) AS n FROM residents", 1),
        ("SELECT COUNT(*) AS n FROM residents WHERE zone IS NULL", 1),
        ("SELECT COUNT(*) AS n FROM residents WHERE NOT zone = 'Z1' AND age > 118", 0),
    ):
        one, two = of_both(cities, partial(exact, sql=sql, nano_rho=1_000_003))
        assert one[0]["n"] - two[0]["n"] == most, sql


def test_a_row_without_its_person_is_never_stored(cities: Cities) -> None:
    rows: list[Row] = [*resident_rows(5), {**resident_rows(1)[0], "resident": None}]
    for city in cities:
        version = city.entries(EntryKind.VERSION_PUBLISHED)[-1].index
        with pytest.raises(SandgateError) as refused:
            city.publish("residents", rows)
        assert refused.value.field
        assert city.entries(EntryKind.VERSION_PUBLISHED)[-1].index == version


def test_nothing_travels_with_an_answer_but_what_policy_says(cities: Cities) -> None:
    """No metadata of the engine's columns, no buffer beneath a missing value, no count."""
    sql = "SELECT district, AVG(pay) AS mean FROM residents WHERE age > 118 GROUP BY district"
    for city in cities:
        table = table_of(city.ask(sql, nano_rho=1_000_000).arrow_stream)
        assert set(table.schema.metadata) == {b"sandgate"}
        assert all(field.metadata is None for field in table.schema)
        for column in table.column("mean").chunks:
            assert hidden_bytes(column) == b""


def hidden_bytes(column: pa.Array) -> bytes:
    """Return what lies beneath missing values, where it is not zero."""
    data = column.buffers()[1]
    width = column.type.bit_width // 8
    raw = b"" if data is None else data.to_pybytes()
    parts = [raw[i * width : (i + 1) * width] for i in range(len(column)) if not column[i].is_valid]
    return b"".join(parts).strip(b"\0")


def test_the_neighbours_really_differ(cities: Cities, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the sampler taken out, each kind of road tells the two apart."""
    without_noise(monkeypatch)
    for name in ("values and units", "months", "unit join", "units of units"):
        one, two = of_both(cities, partial(exact, sql=ASKED[name], nano_rho=1_000_004))
        assert one != two, name


def test_the_log_of_both_is_the_same_in_the_end(cities: Cities) -> None:
    found: list[Any] = [log_of(city) for city in cities]
    assert [kind for kind, _, _ in found[0]] == [kind for kind, _, _ in found[1]]
    assert [size for _, _, size in found[0]] == [size for _, _, size in found[1]]
