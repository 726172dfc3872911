"""What a plan claims: the figures of simple plans by hand, and texts held to them on real rows.

The texts go the whole way: parsed, read, bound to every road that they may take, rendered, run.
The coarsened questions are those of OpenDP issue 2949.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random  # noqa: TID251 - seeded, for tests
from typing import Any

import pytest

from catalog.datasets import ColumnType, GroupSet
from catalog.store import NeighbourRelation
from disclosure.outcome import Refused
from disclosure.plan.binding import bind
from disclosure.plan.expressions import Field, Measure
from disclosure.plan.model import (
    AggregatePlan,
    Asked,
    AskedDataset,
    Bounding,
    Measured,
    MeasuredKind,
    PublicTable,
    Road,
)
from disclosure.plan.sensitivity import (
    counts_each_unit_once,
    groups_touched,
    l1,
    linf,
    squared_l2,
    sum_cannot_overflow,
)
from tests.gate_a import Neighbourhood, neighbourhood, violations_of
from tests.planning import RULES, column, declared, plan, question
from tests.small_worlds import declared_bills, declared_visits

ROWS, UNITS = Measured(MeasuredKind.ROWS), Measured(MeasuredKind.UNITS)
PAY = Field("survey", "pay")
QUANTILE = Measured(MeasuredKind.QUANTILE, Measure(PAY, 0, 9), quantile_ppm=500_000, grid_step=1)
MIXED = NeighbourRelation.MIXED


def _bound(*, mixed: bool = False, unknown: bool = True, **bounding: Any) -> AggregatePlan:
    """Take any plan and give it a bound; unknown keys leave the number of groups open."""
    base = plan("SELECT state, COUNT(*) AS n FROM survey GROUP BY state")
    keys = tuple(replace(key, values=None) if unknown else key for key in base.keys)
    fields: dict[str, Any] = {
        "road": Road.RANKED,
        "groups_per_unit_max": 3,
        "rows_per_group_max": 5,
        **bounding,
    }
    neighbours = MIXED if mixed else NeighbourRelation.DP_ONLY
    return replace(base, keys=keys, neighbours=neighbours, bounding=Bounding(**fields))


def _total(lower: int, upper: int, centre: int = 0) -> Measured:
    return Measured(MeasuredKind.TOTAL, Measure(PAY, lower, upper), centre=centre)


@pytest.mark.parametrize(
    ("bounding", "measured", "l2", "all_changes", "greatest", "touched"),
    [
        ({}, ROWS, 3 * 5**2, 15, 5, 3),
        ({}, UNITS, 3, 3, 1, 3),
        ({}, _total(-2, 7), 3 * 35**2, 105, 35, 3),
        ({}, _total(-2, 7, centre=4), 3 * 30**2, 90, 30, 3),
        ({"merged_max": 3}, ROWS, 15**2, 15, 15, 3),  # OpenDP 2949: not 3 * 5**2
        ({"merged_max": 2}, ROWS, 10**2 + 5**2, 15, 10, 3),
        ({"refines": True}, ROWS, 3 * 5**2, 15, 5, 15),
        ({"refines": True}, UNITS, 15, 15, 1, 15),
        ({"refines": True, "merged_max": 2}, ROWS, 10**2 + 5**2, 15, 10, 15),
        ({"groups_per_unit_max": 1, "rows_per_group_max": 12}, ROWS, 144, 12, 12, 1),
        ({"mixed": True}, ROWS, 2 * 3 * 5**2, 30, 5, 6),
        ({"mixed": True}, UNITS, 6, 6, 1, 6),
        ({"mixed": True}, _total(-2, 7), 2 * (2**2 + 7**2) * 75, 210, 45, 6),
        ({"mixed": True}, QUANTILE, 4 * 75, 30, 10, 6),
        ({"unknown": False, "mixed": True}, ROWS, 3 * 5**2, 15, 5, 3),  # only three states
    ],
)
def test_simple_plans_claim_what_can_be_counted_by_hand(
    bounding: dict[str, Any],
    measured: Measured,
    l2: int,
    all_changes: int,
    greatest: int,
    touched: int,
) -> None:
    found = _bound(**bounding)
    assert squared_l2(found, measured) == l2
    assert l1(found, measured) == all_changes
    assert linf(found, measured) == greatest
    assert groups_touched(found) == touched


def test_the_declared_caps_alone_prove_that_a_sum_fits() -> None:
    assert sum_cannot_overflow(_total(0, 2**40), 2**22 - 1)
    assert not sum_cannot_overflow(_total(0, 2**40), 2**22)
    squares = Measured(MeasuredKind.SQUARES, Measure(PAY, -4, 2**20))
    assert sum_cannot_overflow(squares, 2**22 - 1)
    assert not sum_cannot_overflow(squares, 2**22)


def test_only_bounded_rows_may_count_a_unit_twice() -> None:
    assert counts_each_unit_once(_bound(merged_max=3))
    assert not counts_each_unit_once(_bound(merged_max=3, road=Road.DECLARED))
    assert counts_each_unit_once(_bound(road=Road.DECLARED))
    assert counts_each_unit_once(_bound(merged_max=3, road=Road.DECLARED, groups_per_unit_max=1))


ALL = "COUNT(*) AS n, SUM(pay) AS s, AVG(pay) AS a, MEDIAN(pay) AS m"
TEXTS = (
    f"SELECT state, sex, {ALL}, COUNT(DISTINCT unit) AS u FROM visits GROUP BY state, sex",
    f"SELECT state, {ALL} FROM visits GROUP BY state",
    f"SELECT sex, {ALL} FROM visits WHERE state IN ('CA', 'TX') GROUP BY sex",
    f"SELECT {ALL}, COUNT(DISTINCT unit) AS u FROM visits",
    "SELECT sex, VAR_SAMP(pay) AS v FROM visits WHERE state <> 'CA' GROUP BY sex",
    "SELECT CASE WHEN state = 'CA' THEN 'w' END AS w, SUM(pay) AS s FROM visits GROUP BY 1",
    "SELECT state, age, COUNT(*) AS n, AVG(pay) AS a FROM visits GROUP BY state, age",
    "SELECT date_trunc('month', day) AS m, sex, COUNT(*) AS n FROM visits GROUP BY 1, 2",
    "SELECT town, COUNT(*) AS n, SUM(age) AS s FROM visits GROUP BY town",
    "SELECT state, COUNT(*) AS n FROM visits WHERE age >= 3 AND town IS NOT NULL GROUP BY state",
    "SELECT zone, SUM(pay) AS s FROM visits JOIN regions ON town = code GROUP BY zone",
    "SELECT kind, SUM(due) AS s FROM visits JOIN bills ON visits.unit = bills.unit GROUP BY kind",
    "SELECT AVG(n) AS a FROM (SELECT unit, COUNT(*) AS n FROM visits GROUP BY unit) AS t",
)


def _asked(near: Neighbourhood) -> Asked:
    """Ask the small worlds as if there were one: without the column that tells them apart."""
    base = declared_visits(near.base)
    (both,) = base.group_sets
    visits = base.model_copy(
        update={
            "columns": tuple(item for item in base.columns if item.name != "batch"),
            "group_sets": (GroupSet(**{**both.model_dump(), "keys": ("state", "sex")}),),
            "rows_per_unit_max": 3,
        }
    )
    bills = declared_bills().model_copy(update={"rows_per_unit_max": 2})
    regions = declared().model_copy(
        update={
            "name": "regions",
            "subject": "open",
            "population": None,
            "unit_columns": (),
            "columns": (
                column("code", ColumnType.TEXT),
                column("zone", ColumnType.TEXT, public_values=("cold", "warm")),
            ),
            "group_sets": (),
        }
    )
    return Asked(
        {
            item.name: AskedDataset(
                item,
                frozenset(column.name for column in item.columns) - {*item.unit_columns},
                NeighbourRelation.DP_ONLY,
            )
            for item in (visits, bills)
        },
        {"regions": PublicTable(regions, frozenset({"code", "zone"}), frozenset({"code"}))},
    )


@cache
def _near() -> Neighbourhood:
    return neighbourhood(Random(21), 12, caps=(2, 2))


def _plans_of(sql: str) -> Iterator[AggregatePlan]:
    """Bind a text to the best plan of each road that it may take."""
    asked = _asked(_near())
    asking = question(sql, asked)
    for road in Road:
        try:
            yield bind(asking, asked, RULES, road)
        except Refused:
            continue


@pytest.mark.parametrize("sql", TEXTS)
def test_a_text_holds_to_its_claims_on_every_road(sql: str) -> None:
    plans = list(_plans_of(sql))
    assert plans
    for found in plans:
        assert violations_of(_near(), found) == []


def test_the_texts_take_every_road() -> None:
    roads = [found.bounding.road for sql in TEXTS for found in _plans_of(sql)]
    assert set(roads) == set(Road)
    assert roads.count(Road.RANKED) > len(TEXTS) // 2


def test_a_coarsening_claims_more_than_the_declared_set() -> None:
    """The fault of OpenDP issue 2949: sqrt(L0)·C kept where groups were merged."""
    caps = {"groups_per_unit_max": 2, "rows_per_group_max": 3}
    by_both, by_sex, total = (
        plan(f"SELECT {keys} COUNT(*) AS n FROM survey {by}")
        for keys, by in (
            ("state, sex,", "GROUP BY state, sex"),
            ("sex,", "GROUP BY sex"),
            ("", ""),
        )
    )
    assert declared().group_sets[0].model_dump().items() >= caps.items()
    assert squared_l2(by_both, ROWS) == 2 * 3**2
    assert squared_l2(by_sex, ROWS) == (2 * 3) ** 2
    assert squared_l2(total, ROWS) == (2 * 3) ** 2
