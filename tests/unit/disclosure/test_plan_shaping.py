"""From integers to the answer: every public group, noise of the priced size, honest intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from catalog.datasets import ColumnType
from catalog.store import NeighbourRelation
from disclosure.plan.noising import Noisy, measure
from disclosure.plan.quantiles import NoisyQuantile
from disclosure.plan.question import (
    AggregateOutput,
    FormulaOutput,
    Function,
    Having,
    Number,
    Operation,
    Ordering,
    Reference,
)
from disclosure.plan.shaping import notes_on, present, shape, shape_empty
from tests.pricing_plans import (
    AGE_MEDIAN,
    COUNT,
    MEAN_PAY,
    MEDIAN_AGE,
    PAY,
    PAY_CENTRED,
    PAY_COUNT,
    PAY_SQUARES,
    PEOPLE,
    ROWS,
    STATE,
    SUM_PAY,
    TOWN,
    UNITS,
    histogram,
    key,
    main_table,
    plan,
    priced,
)

LOUD = 100_000_000
VARIANCE = AggregateOutput("var", Function.VARIANCE, PAY)
DEVIATION = AggregateOutput("sd", Function.STDDEV, PAY, of_population=True)


def noisy(vectors: Mapping[int, Sequence[int]]) -> Noisy:
    """Stand in for noise that happened to be these integers."""
    return Noisy(tuple((v,) for v in ("CA", "NY", "TX")), vectors, {})


def test_every_public_group_is_there_in_its_order_and_others_are_not() -> None:
    asked = plan([COUNT], [ROWS], [STATE])
    table = shape(priced(asked), [main_table(asked, {(2,): (900,), (7,): (10**6,)})]).table
    assert table.column_names == ["state", "n", "n_low", "n_high"]
    assert table.column("state").to_pylist() == ["CA", "NY", "TX"]
    assert max(table.column("n").to_pylist()) < 10_000  # a key outside the domain counts nowhere


def test_a_failed_plan_is_answered_as_if_no_row_matched() -> None:
    asked = plan([COUNT, MEDIAN_AGE], [ROWS, AGE_MEDIAN], [STATE])
    answer = shape(priced(asked), [main_table(asked, {}), histogram(asked, {})]).table
    failed = shape_empty(priced(asked)).table
    assert failed.schema == answer.schema
    assert failed.num_rows == answer.num_rows == 3
    unknown = plan([COUNT], [UNITS, ROWS], [TOWN])
    assert shape_empty(priced(unknown)).table.num_rows == 0


def test_tables_that_are_missing_are_refused() -> None:
    asked = plan([COUNT, MEDIAN_AGE], [ROWS, AGE_MEDIAN], [STATE])
    with pytest.raises(ValueError, match="zip"):
        measure(priced(asked), [main_table(asked, {})])


def test_sums_get_their_centre_back_and_stay_whole() -> None:
    asked = plan([SUM_PAY], [PAY_COUNT, PAY_CENTRED], [STATE])
    found = priced(asked, LOUD)
    row = present(found, noisy({0: [10, 0, -1], 1: [250, 0, 5]})).table.to_pylist()[0]
    assert row["total"] == Decimal("100.0")  # 250 + 75 * 10, in tenths
    assert row["total_high"] - row["total"] == row["total"] - row["total_low"] > 0


def test_a_mean_has_its_centre_back_and_stays_within_its_bounds() -> None:
    asked = plan([MEAN_PAY], [PAY_COUNT, PAY_CENTRED], [STATE])
    found = priced(asked, LOUD)
    rows = present(found, noisy({0: [5_000, -3, 1], 1: [50_000, 9, 90_000]})).table
    first, empty, wild = rows.to_pylist()
    assert first["mean"] == pytest.approx(8.5)
    assert first["mean_low"] < 8.5 < first["mean_high"]
    assert empty["mean"] is None
    assert (empty["mean_low"], empty["mean_high"]) == (-5.0, 20.0)
    assert wild["mean"] == 20.0


def test_variances_come_from_squares_and_never_leave_what_bounds_allow() -> None:
    asked = plan([VARIANCE, DEVIATION], [PAY_COUNT, PAY_CENTRED, PAY_SQUARES], [STATE])
    found = priced(asked, LOUD)
    vectors = {0: [10_001, 1, 10], 1: [0, 5, 0], 2: [25_000_000, 10, -500]}
    first, single, negative = present(found, noisy(vectors)).table.to_pylist()
    assert first["var"] == pytest.approx(25.0)
    assert first["sd"] == pytest.approx(5.0, rel=1e-3)
    assert first["var_low"] < 25.0 < first["var_high"]
    assert single["var"] is None
    assert single["var_high"] == 312.5  # half of the squared range: two rows at either end
    assert negative["var"] == negative["sd"] == 0.0


def test_having_order_and_limit_read_what_is_shown() -> None:
    asked = plan(
        [COUNT],
        [ROWS],
        [STATE],
        having=(Having("n", ">=", Decimal(5)),),
        order=(Ordering("n", descending=True, nulls_first=False),),
        limit=1,
        offset=1,
    )
    found = priced(asked)
    assert present(found, noisy({0: [10, 4, 99]})).table["state"].to_pylist() == ["CA"]


def test_order_is_stable_and_missing_values_stand_where_asked() -> None:
    order = (Ordering("mean", descending=True, nulls_first=False),)
    asked = plan([MEAN_PAY], [PAY_COUNT, PAY_CENTRED], [STATE], order=order)
    found = priced(asked)
    table = present(found, noisy({0: [-1, 10, 20], 1: [5, 100, 200]})).table
    assert table["state"].to_pylist() == ["NY", "TX", "CA"]


def test_formulas_are_worked_out_on_noisy_figures_with_wider_ends() -> None:
    ratio = FormulaOutput(
        "rate",
        Operation("/", Reference(0), Operation("*", Reference(1), Number(Decimal(2)))),
        (COUNT, PEOPLE),
    )
    asked = plan([ratio], [UNITS, ROWS], [STATE])
    found = priced(asked, LOUD)
    whole, zero, _ = present(found, noisy({0: [500, 0, 1], 1: [3_000, 5, 1]})).table.to_pylist()
    assert whole["rate"] == pytest.approx(3.0)
    assert whole["rate_low"] < 3.0 < whole["rate_high"]
    assert zero["rate"] is None
    assert zero["rate_low"] is None


def test_quantiles_are_exact_where_the_loss_is_great() -> None:
    """At hardly any noise the chosen bins are those of the exact quantiles, not one step off."""
    for ppm in (100_000, 500_000, 950_000):
        part = replace(AGE_MEDIAN, quantile_ppm=ppm, grid_step=5)
        output = replace(MEDIAN_AGE, quantile_ppm=ppm)
        asked = plan([output], [part], groups=1, rows=1)
        ages = [(7 * i) % 121 for i in range(50_001)]
        bins: dict[int, int] = {}
        for age in ages:
            bins[age // 5] = bins.get(age // 5, 0) + 1
        tables = [main_table(asked, {(): ()}), histogram(asked, {(): bins})]
        row = shape(priced(asked, LOUD), tables).table.to_pylist()[0]
        exact = sorted(ages)[math.ceil(len(ages) * ppm / 10**6) - 1]
        assert row["median"] == exact // 5 * 5 + 2
        assert row["median_low"] <= exact <= row["median_high"]
        assert row["median_high"] - row["median_low"] <= 14


def test_a_quantile_shows_the_middle_of_its_bin_within_the_bounds() -> None:
    part = replace(AGE_MEDIAN, grid_step=7)
    asked = plan([MEDIAN_AGE], [part])
    found = priced(asked)
    chosen = Noisy(((),), {}, {0: [NoisyQuantile(17, 0, 17)]})
    row = present(found, chosen).table.to_pylist()[0]
    assert row == {"median": 120, "median_low": 0, "median_high": 120}


def test_unknown_groups_show_by_key_past_the_threshold_and_never_how_many_did_not() -> None:
    keys = [TOWN, key("day", None, ColumnType.DECIMAL, 1), STATE]
    asked = plan([COUNT], [UNITS, ROWS], keys)
    exact = {
        ("b", 15, 1): (9_000, 9_000),
        ("a", None, 2): (9_000, 9_000),
        ("a", 25, 0): (9_000, 9_000),
        ("zz", 1, 1): (1, 3),
        (None, 15, 0): (9_000, 9_000),
        ("c", 15, 99): (9_000, 9_000),  # outside a public key's domain
    }
    table = shape(priced(asked), [main_table(asked, exact)]).table
    assert table["town"].to_pylist() == ["a", "a", "b", None]
    assert table["day"].to_pylist() == [Decimal("2.5"), None, Decimal("1.5"), Decimal("1.5")]
    assert table["state"].to_pylist() == ["CA", "TX", "NY", "CA"]


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    outputs = [COUNT, SUM_PAY, MEAN_PAY, VARIANCE, MEDIAN_AGE]
    measured = [ROWS, PAY_COUNT, PAY_CENTRED, PAY_SQUARES, AGE_MEDIAN]
    groups = tuple(f"g{i}" for i in range(150))
    asked = plan(outputs, measured, [key("place", groups)], groups=1, rows=2)
    exact = (5_000, 4_000, 20_000, 9_000_000)
    bins = dict.fromkeys(range(20, 101), 40)
    truth = {"n": 5_000, "total": 32_000.0, "mean": 8.0, "var": 22.255, "median": 60}
    tables = [
        main_table(asked, {(i,): exact for i in range(150)}),
        histogram(asked, {(i,): bins for i in range(150)}),
    ]
    for noise in ("gaussian", "laplace"):
        rows = shape(priced(asked, 20_000_000, noise=noise), tables).table.to_pylist()
        for name, value in truth.items():
            hits = sum(row[f"{name}_low"] <= value <= row[f"{name}_high"] for row in rows)
            assert hits / len(rows) >= 0.86, (noise, name)  # 95 %, five deviations


def test_notes_say_what_is_not_covered() -> None:
    plain = priced(plan([COUNT], [ROWS], [STATE]))
    mixed = priced(plan([COUNT], [UNITS, ROWS], [TOWN], neighbours=NeighbourRelation.MIXED))
    assert len(notes_on(plain)) == 1
    assert any("membership is not protected" in note.en for note in notes_on(mixed))
    assert any("threshold" in note.en for note in notes_on(mixed))
