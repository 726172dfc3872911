"""Which road bounds a question, over which public groups, measuring what: by policy alone."""

from datetime import date

import pytest

from catalog.store import NeighbourRelation
from disclosure.outcome import Refused
from disclosure.plan.binding import bind
from disclosure.plan.expressions import Among, Comparison, Field, Measure
from disclosure.plan.model import (
    AggregatePlan,
    Asked,
    Bounding,
    Measured,
    MeasuredKind,
    Road,
    StoredColumn,
)
from disclosure.plan.sensitivity import squared_l2
from tests.planning import RULES, STATES, WIDE, asked, asked_dataset, declared, plan, question


def bounding(sql: str, within: Asked = WIDE, road: Road | None = None) -> Bounding:
    return bind(question(sql, within), within, RULES, road).bounding


ROADS = {
    # the declared set itself; where groups fall together, ranks wherever their bound is smaller
    "SELECT state, sex, COUNT(*) FROM survey GROUP BY ALL": Bounding(
        Road.DECLARED, 2, 3, group_set="by_both"
    ),
    "SELECT sex, COUNT(*) FROM survey GROUP BY sex": Bounding(
        Road.RANKED, 1, 3, refines=True, group_set="by_state"
    ),
    "SELECT state, COUNT(*) FROM survey GROUP BY state": Bounding(
        Road.DECLARED, 1, 3, group_set="by_state"
    ),
    "SELECT COUNT(*) FROM survey": Bounding(Road.DECLARED, 1, 3, group_set="by_state"),
    "SELECT COUNT(*), SUM(pay) FROM survey": Bounding(Road.RANKED, 1, 3, group_set="by_state"),
    "SELECT AVG(age) FROM survey": Bounding(Road.DECLARED, 1, 3, group_set="by_state"),
    "SELECT COUNT(*) FROM survey WHERE state = 'CA' AND sex = 1": Bounding(
        Road.DECLARED, 1, 3, group_set="by_both"
    ),
    "SELECT CASE WHEN state = 'CA' OR sex = 1 THEN 1 ELSE 0 END AS k, SUM(pay) FROM survey "
    "GROUP BY k": Bounding(Road.RANKED, 1, 3, refines=True, group_set="by_state"),
    "SELECT CASE WHEN state = 'CA' THEN 'w' END AS k, sex, SUM(pay) FROM survey GROUP BY ALL": (
        Bounding(Road.RANKED, 1, 3, refines=True, group_set="by_state")
    ),
    # other keys, conditions, measures
    "SELECT zone, COUNT(*) FROM survey GROUP BY zone": Bounding(
        Road.RANKED, 1, 3, refines=True, group_set="by_state"
    ),
    "SELECT COUNT(*) FROM survey WHERE age > 3": Bounding(Road.RANKED, 1, 3, group_set="by_state"),
    "SELECT SUM(LEAST(GREATEST(score, 0), 5)) FROM survey": Bounding(
        Road.RANKED, 1, 3, group_set="by_state"
    ),
    "SELECT area, COUNT(*) FROM survey JOIN zones ON zone = code GROUP BY area": Bounding(
        Road.RANKED, 1, 3, refines=True, group_set="by_state"
    ),
    "SELECT COUNT(*) FROM survey JOIN visits USING (unit)": Bounding(
        Road.RANKED, 1, 20, row_caps=(5, 4)
    ),
    "SELECT clinic, COUNT(*) FROM survey JOIN visits USING (unit) GROUP BY clinic": Bounding(
        Road.RANKED, 1, 20, refines=True, row_caps=(5, 4)
    ),
    "SELECT clinic, COUNT(*) FROM visits GROUP BY clinic": Bounding(
        Road.RANKED, 1, 4, refines=True
    ),
    "SELECT COUNT(*) FROM (SELECT unit FROM survey GROUP BY unit)": Bounding(Road.PER_UNIT, 1, 1),
}


@pytest.mark.parametrize(("sql", "expected"), ROADS.items())
def test_the_cheapest_road_with_the_smallest_bound_is_taken(sql: str, expected: Bounding) -> None:
    assert bounding(sql) == expected


def test_units_are_counted_where_no_stored_flag_counts_one_twice() -> None:
    whole = "SELECT state, sex, COUNT(DISTINCT unit) FROM survey GROUP BY ALL"
    merged = "SELECT sex, COUNT(DISTINCT unit) FROM survey GROUP BY ALL"
    assert bounding(whole, asked()).road is Road.DECLARED
    assert bounding(merged, asked()).road is Road.RANKED
    with pytest.raises(Refused, match="units_not_countable"):
        bounding(merged, asked(has_ranks=False))


def test_a_road_can_be_asked_for() -> None:
    sql = "SELECT state, COUNT(*) FROM survey GROUP BY state"
    assert bounding(sql, road=Road.RANKED).group_set == "by_state"
    exact = bounding(sql, road=Road.UNRANKED)
    assert exact == Bounding(Road.UNRANKED, 1, 3)
    with pytest.raises(Refused, match="group_set_not_declared"):
        bounding(sql, road=Road.PER_UNIT)


def test_two_sets_of_one_population_need_row_caps() -> None:
    uncapped = asked_dataset(declared())
    within = Asked({**WIDE.protected, "survey": uncapped})
    with pytest.raises(Refused, match="group_set_not_declared"):
        plan("SELECT COUNT(*) FROM survey JOIN visits USING (unit)", within)


def test_sets_of_two_populations_are_not_joined() -> None:
    visits = WIDE.protected["visits"]
    other = asked_dataset(visits.declaration.model_copy(update={"population": "others"}))
    with pytest.raises(Refused, match="aggregate_form"):
        plan(
            "SELECT COUNT(*) FROM survey JOIN visits USING (unit)",
            Asked({**WIDE.protected, "visits": other}),
        )


def test_the_neighbours_of_a_join_are_those_of_its_weaker_side() -> None:
    sql = "SELECT COUNT(*) FROM survey JOIN visits USING (unit)"
    assert plan(sql, WIDE).neighbours is NeighbourRelation.DP_ONLY
    declaration = WIDE.protected["visits"].declaration
    mixed = asked_dataset(declaration, NeighbourRelation.MIXED)
    within = Asked({**WIDE.protected, "visits": mixed})
    assert plan(sql, within).neighbours is NeighbourRelation.MIXED
    assert plan(sql, within).populations == ("residents",)


def test_a_filter_narrows_the_bound() -> None:
    total = plan("SELECT COUNT(*) FROM survey")
    one = plan("SELECT COUNT(*) FROM survey WHERE state = 'CA' AND sex = 1")
    assert squared_l2(total, total.measured[0]) == 36
    assert squared_l2(one, one.measured[0]) == 9


def test_a_row_filter_of_the_licence_always_holds() -> None:
    forced = asked(forced={"state": ("CA", "NY"), "sex": ("1",)})
    state, sex = Field("survey", "state"), Field("survey", "sex")
    found = plan("SELECT COUNT(*) FROM survey", forced)
    parts = {Among(state, ("CA", "NY")), Comparison(sex, "=", 1)}
    assert set(found.where.parts) == parts  # type: ignore[union-attr]
    assert found.question.where is None
    grouped = plan("SELECT state, COUNT(*) FROM survey WHERE state <> 'NY' GROUP BY state", forced)
    assert grouped.keys[0].values == ("CA",)
    assert grouped.where == plan("SELECT COUNT(*) FROM survey WHERE state = 'CA'", forced).where
    for condition in ("state = 'TX'", "state = 'CA' AND sex = 2"):
        with pytest.raises(Refused, match="key_value_unknown"):
            plan(f"SELECT COUNT(*) FROM survey WHERE {condition}", forced)


def test_a_row_filter_holds_inside_a_first_aggregate_and_on_both_sides_of_a_join() -> None:
    visits = WIDE.protected["visits"].declaration
    forced = asked_dataset(visits, forced={"clinic": ("a",)})
    within = Asked({**WIDE.protected, "visits": forced})
    expected = Comparison(Field("visits", "clinic"), "=", "a")
    for sql in (
        "SELECT COUNT(*) FROM survey JOIN visits USING (unit)",
        "SELECT COUNT(*) FROM (SELECT unit FROM visits GROUP BY unit)",
    ):
        assert plan(sql, within).where == expected


def test_a_row_filter_on_a_column_that_is_not_granted_holds_too() -> None:
    dataset = asked_dataset(forced={"secret": ("x",)})
    found = plan("SELECT COUNT(*) FROM survey", Asked({"survey": dataset}))
    assert found.where == Comparison(Field("survey", "secret"), "=", "x")
    assert found.bounding.road is Road.RANKED


def key_of(sql: str) -> tuple[object, object]:
    (key,) = plan(sql, WIDE).keys
    return key.values, key.engine_values


def values(key: str, where: str = "TRUE") -> object:
    return key_of(f"SELECT {key} AS k, COUNT(*) FROM survey WHERE {where} GROUP BY k")[0]


def test_public_values_are_the_groups_and_where_selects_them() -> None:
    by_state = "SELECT state, COUNT(*) FROM survey {} GROUP BY state"
    assert key_of(by_state.format("")) == (STATES, (0, 1, 2))
    assert key_of(by_state.format("WHERE state > 'CA'")) == (("NY", "TX"), (1, 2))
    assert key_of(by_state.format("WHERE state <> 'NY' AND age > 3")) == (("CA", "TX"), (0, 2))
    assert values("member") == (False, True)


def test_bins_and_dates_have_the_groups_of_their_bounds() -> None:
    assert values("floor(age / 50) * 50") == (0, 50, 100)
    assert values("floor(age / 50)") == (0, 1, 2)
    assert values("floor(pay / 10) * 10") == (-100, 0, 100, 200, None)
    assert values("floor(score / 5) * 5") is None
    assert values("floor(score / 5) * 5", "score BETWEEN -1 AND 9") == (-5, 0, 5)
    assert values("floor(score / 5) * 5", "score >= 0") is None
    assert values("floor(age / 50) * 50", "age >= 60") == (50, 100)
    assert values("floor(age / 50) * 50", "age = 60") == (50,)
    months = values("date_trunc('month', day)")
    assert isinstance(months, tuple)
    assert months[:2] == (date(2024, 1, 1), date(2024, 2, 1))
    assert months[-2:] == (date(2025, 3, 1), None)
    assert values("date_trunc('week', day)", "day < '2024-01-23'") == (
        date(2024, 1, 15),
        date(2024, 1, 22),
    )
    assert values("year(day)") == (2024, 2025, None)
    assert values("year(seen)") is None
    assert values("year(seen)", "seen BETWEEN '2020-05-01' AND '2021-05-01'") == (2020, 2021)
    assert values("quarter(seen)") == (1, 2, 3, 4)
    assert values("isodow(day)", "day IS NOT NULL") == (1, 2, 3, 4, 5, 6, 7)
    assert values("date_trunc('month', seen)") is None


def test_labels_are_the_groups_of_a_case() -> None:
    assert values("CASE WHEN age > 3 THEN 'a' WHEN pay > 2 THEN 'b' ELSE 'a' END") == ("a", "b")
    assert values("CASE WHEN age > 3 THEN 2 WHEN pay > 2 THEN 1 END") == (2, 1, None)


def test_an_outer_join_has_a_group_without_a_partner() -> None:
    sql = "SELECT area, COUNT(*) FROM survey {} JOIN zones ON zone = code GROUP BY area"
    assert key_of(sql.format("INNER"))[0] == ("east", "west")
    assert key_of(sql.format("LEFT")) == (("east", "west", None), ("east", "west", None))


def test_a_key_without_a_domain_is_shown_past_a_threshold() -> None:
    found = plan("SELECT zone, AVG(age) FROM survey GROUP BY zone", WIDE)
    assert found.has_unknown_keys
    assert found.measured[0] == Measured(MeasuredKind.UNITS)


def measured(outputs: str) -> list[tuple[object, ...]]:
    found = plan(f"SELECT {outputs} FROM survey", WIDE).measured
    return [(str(m.kind), m.counted.column if m.counted else None, m.centre) for m in found]


def test_what_is_measured_is_measured_once() -> None:
    middle = (-50 + 200) // 2
    values_of_pay = ("values", "pay", 0)
    assert measured("COUNT(*), COUNT(age)") == [("rows", None, 0)]
    assert measured("SUM(pay)") == [("total", None, 0)]
    assert sorted(measured("AVG(pay), COUNT(pay)")) == [("total", None, middle), values_of_pay]
    assert sorted(measured("AVG(pay), SUM(pay)")) == [("total", None, 0), values_of_pay]
    assert sorted(measured("STDDEV(pay), SUM(pay), AVG(pay)")) == [
        ("squares", None, middle),
        ("total", None, middle),
        values_of_pay,
    ]
    assert measured("AVG(age), COUNT(*)") == [("rows", None, 0), ("total", None, 59)]
    assert len(measured("AVG(pay), AVG(LEAST(pay, 3)) AS b, MEDIAN(pay), QUANTILE(pay, 0.9)")) == 5


def test_the_grid_of_a_quantile_keeps_to_the_rule() -> None:
    sql = "SELECT MEDIAN(LEAST(GREATEST(score, {}), {})) FROM survey"
    most = RULES.mechanisms.candidates_max
    for lower, upper in ((0, 0), (0, 1), (-5, most - 6), (-5, most - 5), (0, 10**9)):
        (found,) = plan(sql.format(lower, upper), WIDE).measured
        candidates = (upper - lower) // found.grid_step + 1
        assert candidates <= most
        assert (upper - lower) // max(found.grid_step - 1, 1) + 1 > most or found.grid_step == 1


def test_every_field_that_is_read_is_listed_as_it_is_stored() -> None:
    found: AggregatePlan = plan(
        "SELECT area, SUM(pay) FROM survey JOIN zones ON zone = code "
        "WHERE sex = 1 AND day > '2024-05-01' GROUP BY area",
        WIDE,
    )
    fields = [(item.field.relation, item.field.column) for item in found.stored]
    assert fields == [
        ("survey", "day"),
        ("survey", "pay"),
        ("survey", "sex"),
        ("survey", "zone"),
        ("zones", "area"),
        ("zones", "code"),
    ]
    by_name = {item.field.column: item for item in found.stored}
    assert by_name["sex"].public_values == (1, 2)
    assert by_name["area"].public_values is None
    pay = by_name["pay"]
    assert isinstance(pay, StoredColumn)
    assert (pay.scale, pay.lower, pay.upper) == (1, -50, 200)


def test_a_count_of_each_unit_is_kept_within_the_row_cap() -> None:
    sql = "SELECT AVG(n) FROM (SELECT unit, COUNT(*) AS n FROM survey GROUP BY unit)"
    total = next(m for m in plan(sql, WIDE).measured if m.kind is MeasuredKind.TOTAL)
    assert total.measure == Measure(Field("", "count"), 0, 5)
