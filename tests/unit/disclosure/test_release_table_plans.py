"""What a table for release may ask, what it is refused, and what its plan keeps of the text."""

import pytest

from catalog.datasets import BOUND_MAX
from disclosure.outcome import Refused
from disclosure.release.tables.plan import Kind, Statistic, is_unbounded
from foundation.errors import SandgateError
from tests.table_world import plan_of

JOINED = (
    "SELECT a.region, COUNT(*) AS n FROM visits a JOIN visits b ON a.unit = b.unit "
    "GROUP BY a.region"
)
PER_PERSON = (
    "SELECT v, COUNT(*) AS n FROM (SELECT unit, COUNT(*) // 2 AS v FROM visits GROUP BY unit) "
    "GROUP BY v"
)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT region, age FROM visits", "aggregate_form"),
        ("SELECT * FROM visits", "aggregate_form"),
        ("SELECT illness, COUNT(*) AS n FROM visits GROUP BY illness", "table_not_granted_as_rows"),
        ("SELECT pid, COUNT(*) AS n FROM visits GROUP BY pid", "table_not_granted_as_rows"),
        ("SELECT nosuch, COUNT(*) AS n FROM visits GROUP BY nosuch", "table_not_granted_as_rows"),
        ("SELECT region, COUNT(*) AS n FROM visits GROUP BY region HAVING n > 3", "table_form"),
        ("SELECT region, COUNT(*) AS n FROM visits GROUP BY region ORDER BY n", "table_form"),
        ("SELECT region, COUNT(*) AS n FROM visits GROUP BY region LIMIT 2", "table_form"),
        ("SELECT region, MEDIAN(cost) AS m FROM visits GROUP BY region", "table_form"),
        ("SELECT region, MAX(cost) AS m FROM visits GROUP BY region", "aggregate_form"),
        ("SELECT region, SUM(cost) / COUNT(*) AS m FROM visits GROUP BY region", "table_form"),
        (
            "SELECT region, COUNT(DISTINCT age) AS m FROM visits GROUP BY region",
            "distinct_not_unit",
        ),
        ("SELECT region, COUNT(*) AS suppressed FROM visits GROUP BY region", "table_form"),
        (JOINED, "aggregate_form"),
        (PER_PERSON, "aggregate_form"),
        ("SELECT COUNT(*) AS n FROM elsewhere", "table_not_granted"),
    ],
)
def test_what_is_no_table_over_granted_rows_is_refused(sql: str, code: str) -> None:
    with pytest.raises(SandgateError) as refusal:
        plan_of(sql)
    assert refusal.value.code == code
    assert refusal.value.message.zh
    assert refusal.value.rule


def test_a_refusal_shows_a_table_that_would_be_allowed() -> None:
    with pytest.raises(Refused) as refusal:
        plan_of("SELECT region, illness, MEDIAN(cost) AS m FROM visits GROUP BY region, illness")
    allowed = refusal.value.allowed_sql
    assert allowed == "SELECT region, COUNT(*) AS n FROM visits GROUP BY region"
    assert plan_of(allowed).keys[0].name == "region"


def test_a_protected_column_and_an_unknown_one_are_refused_alike() -> None:
    words = []
    for name in ("illness", "nosuch"):
        with pytest.raises(Refused) as refusal:
            plan_of(f"SELECT {name}, COUNT(*) AS n FROM visits GROUP BY {name}")
        words.append((refusal.value.code, refusal.value.message, refusal.value.allowed_sql))
    assert words[0] == words[1]


def test_a_plan_keeps_keys_figures_and_filter_and_names_itself() -> None:
    sql = (
        "SELECT region, date_trunc('month', day) AS month, COUNT(*) AS n, "
        "COUNT(DISTINCT unit) AS people, SUM(cost) AS total, AVG(LEAST(cost, 100)) AS mean "
        "FROM visits WHERE age BETWEEN 20 AND 64 GROUP BY region, month"
    )
    plan = plan_of(sql, margins=True)
    assert [item.name for item in plan.keys] == ["region", "month"]
    assert [item.statistic for item in plan.figures] == [
        Statistic.ROWS,
        Statistic.PEOPLE,
        Statistic.SUM,
        Statistic.AVERAGE,
    ]
    assert plan.columns == ("age", "cost", "day", "region")
    total, clamped = plan.figures[2].measure, plan.figures[3].measure
    assert total is not None
    assert clamped is not None
    assert is_unbounded(total)
    assert (clamped.lower, clamped.upper) == (-BOUND_MAX, 10_000)
    assert plan.digest == plan_of(sql.replace("\n", " ").lower(), margins=True).digest
    assert plan.digest != plan_of(sql, margins=False).digest


def test_an_average_tells_its_sum_and_a_count_that_is_not_shown() -> None:
    plan = plan_of("SELECT region, AVG(cost) AS mean FROM visits GROUP BY region")
    assert [part.kind for part in plan.parts] == [Kind.TOTAL, Kind.VALUES]
    assert [part.comparable for part in plan.parts] == ["total:cost", "behind:cost"]
    shown = plan_of("SELECT region, COUNT(cost) AS n, COUNT(*) AS m FROM visits GROUP BY region")
    assert {part.comparable for part in shown.parts} == {"count"}
