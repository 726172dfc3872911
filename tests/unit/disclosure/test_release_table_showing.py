"""What a protected table shows: exact figures to fixed places, NULL and a mark where held back."""

import statistics
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from catalog.datasets import Grade
from disclosure.outcome import Refused
from disclosure.release.tables.checked import cells_of
from disclosure.release.tables.counting import TOTAL
from disclosure.release.tables.nearness import NOTHING_EARLIER
from disclosure.release.tables.protecting import protect_table
from disclosure.release.tables.showing import Rounding, show
from tests.table_world import CHECKS, RULES, counted_of

REGIONS = ("east", "north", None)


def rows(small: int = 40) -> list[dict[str, Any]]:
    """Return 40 people in each region, ``small`` of them without one; every fifth came twice."""
    people = [(region, n) for region in REGIONS for n in range(small if region is None else 40)]
    return [
        {
            "person": place,
            "region": region,
            "age": n,
            "day": date(2026, 1 + n % 3, 1),
            "cost": None if n % 8 == 7 else 1_000 + n * 37 - 5 * visit,
        }
        for place, (region, n) in enumerate(people)
        for visit in range(2 if n % 5 == 0 else 1)
    ]


def shown(sql: str, held: list[dict[str, Any]], base: int = 1, **more: Any) -> list[dict[str, Any]]:
    counted = counted_of(sql, held, **more)
    protection = protect_table(counted, NOTHING_EARLIER, RULES, CHECKS, Grade.L2, base)
    rounding = Rounding(base, protection.summed)
    table = show(counted, protection.hidden, rounding, totals=protection.totals, decimals=3)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_sums_means_and_deviations_are_exact_to_their_places() -> None:
    sql = "SELECT region, SUM(cost) AS t, AVG(cost) AS m, STDDEV(cost) AS s FROM visits GROUP BY 1"
    for row in shown(sql, rows()):
        costs = [r["cost"] / 100 for r in rows() if r["region"] == row["region"] and r["cost"]]
        assert row["t"] == Decimal(sum(round(c * 100) for c in costs)) / 100
        assert float(row["m"]) == pytest.approx(statistics.mean(costs), abs=1e-5)
        assert float(row["s"]) == pytest.approx(statistics.stdev(costs), abs=1e-5)
        assert row["m"].as_tuple().exponent == -5
        assert row["suppressed"] is False


def test_a_held_back_row_is_null_in_every_figure_and_marked() -> None:
    sql = "SELECT region, COUNT(*) AS n, SUM(cost) AS t FROM visits GROUP BY region"
    found = {row["region"]: row for row in shown(sql, rows(small=6))}
    assert found[None] == {"region": None, "n": None, "t": None, "suppressed": True}
    assert found["east"]["n"] == 48
    assert not found["east"]["suppressed"]


def test_a_total_does_not_give_a_held_back_row_away() -> None:
    sql = "SELECT region, COUNT(*) AS n FROM visits GROUP BY region"
    found = shown(sql, rows(small=6), margins=True)
    held = [row for row in found if row["suppressed"]]
    assert len(held) >= 2
    assert [row["totalled"] for row in found][-1] == "region"


def test_counts_are_rounded_and_sums_are_not() -> None:
    sql = "SELECT region, COUNT(*) AS n, SUM(cost) AS t FROM visits GROUP BY region"
    plain = {row["region"]: row for row in shown(sql, rows())}
    for row in shown(sql, rows(), base=5):
        assert row["n"] % 5 == 0
        assert abs(row["n"] - plain[row["region"]]["n"]) <= 2
        assert row["t"] == plain[row["region"]]["t"]


def test_a_table_without_keys_is_one_row() -> None:
    (row,) = shown("SELECT COUNT(*) AS n, COUNT(DISTINCT unit) AS people FROM visits", rows())
    assert (row["n"], row["people"]) == (144, 120)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) AS n FROM visits WHERE age = 3",
        "SELECT region, COUNT(*) AS n FROM visits WHERE region = 'west' GROUP BY region",
        "SELECT age, COUNT(*) AS n FROM visits GROUP BY age",
    ],
)
def test_a_table_of_which_nothing_may_show_is_refused(sql: str) -> None:
    with pytest.raises(Refused) as refusal:
        shown(sql, rows())
    assert refusal.value.code == "table_not_protectable"


def test_contributors_are_people_with_a_value_and_never_rows() -> None:
    counted = counted_of("SELECT region, SUM(cost) AS t FROM visits GROUP BY region", rows())
    table = cells_of(counted, 0)
    for cell in table.cells:
        region = cell.key[0]
        own = [r for r in rows() if not isinstance(region, str | None) or r["region"] == region]
        assert cell.contributors == len({r["person"] for r in own if r["cost"] is not None})
        assert cell.rows == sum(r["cost"] is not None for r in own)
        assert cell.missing == sum(r["cost"] is None for r in own)
    assert counted.at((TOTAL,))[0].people == 105


def test_one_person_who_brings_most_of_a_sum_is_held_back() -> None:
    held = rows()
    held[0] = {**held[0], "cost": 9_000_000}
    sql = "SELECT region, SUM(cost) AS t FROM visits GROUP BY region"
    found = {row["region"]: row["suppressed"] for row in shown(sql, held)}
    assert found == {"east": True, "north": False, None: False}
