import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import sandgate
from sandgate.figures import cell, delta, interval, percent, rho, rho_short
from tests.parts import need_session_environment

BY_STATE = "SELECT state, COUNT(*) AS households FROM households GROUP BY state"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    sandgate.language("en")
    yield
    sandgate.language("en")


@pytest.fixture
def client(gateway: Any, by_state: pa.Table) -> sandgate.Gateway:
    gateway.tables[BY_STATE] = by_state
    return sandgate.Gateway(str(gateway.path))


def test_an_answer_carries_table_cost_and_receipt(client: Any, by_state: pa.Table) -> None:
    answer = client.sql(BY_STATE)
    assert answer.table.to_pydict() == by_state.to_pydict()
    assert (answer.answer_id, answer.mode) == ("ans_0", "aggregate")
    assert answer.cost.nano_rho == 2_500_000
    assert answer.cost.budget_nano_rho_remaining == 97_500_000
    assert answer.receipt == {"index": 7, "leaf": "00"}
    assert answer.intervals == {"households": ("households_low", "households_high")}


def test_intervals_are_found_by_name_where_the_gateway_names_none(by_state: pa.Table) -> None:
    answer = sandgate.Answer(by_state)
    assert answer.intervals == {"households": ("households_low", "households_high")}


def test_an_answer_is_read_with_intervals_folded_in_and_is_escaped(client: Any) -> None:
    answer = client.sql(BY_STATE)
    assert "1,200  [1,172 – 1,228]" in repr(answer)
    html = answer._repr_html_()
    assert "households_low" not in html
    assert "&lt;b&gt;NY&lt;/b&gt;" in html
    assert "ρ 0.0975 left" in html
    sandgate.language("zh")
    assert "现余 ρ 0.0975" in answer._repr_html_()


def test_a_repeat_and_a_chosen_price_reach_the_gateway(gateway: Any, client: Any) -> None:
    client.sql(BY_STATE, question_nano_rho=1_000_000)
    client.sql(BY_STATE)
    assert gateway.remaining == 99_000_000
    budget = client.budget()
    assert budget.remaining_nano_rho("households") == 99_000_000
    assert "0.099" in budget.plain()
    with pytest.raises(KeyError):
        budget.remaining_nano_rho("fish")


def test_an_estimate_of_rows_names_no_budget() -> None:
    assert "ρ" not in sandgate.Estimate({"mode": "rows", "cost_nano_rho": 0}).plain()


def test_a_release_names_the_stored_answer_and_sends_no_bytes(gateway: Any, client: Any) -> None:
    answer = client.sql(BY_STATE)
    request = client.release(answer, title_zh="各州住户", title_en="Households by state")
    assert gateway.releases == [
        {"answer_id": "ans_0", "title_zh": "各州住户", "title_en": "Households by state"}
    ]
    assert (request.release_id, request.state) == ("rel_1", "submitted")
    assert "rel_1" in request.html()


@pytest.mark.parametrize(
    ("nano_rho", "shown"),
    [(0, "0"), (1, "0.000000001"), (2_500_000, "0.0025"), (10**12, "1,000"), (-1, "-0.000000001")],
)
def test_rho_is_written_exactly(nano_rho: int, shown: str) -> None:
    assert rho(nano_rho) == shown


def test_rho_is_read_in_six_decimals_and_never_as_nothing() -> None:
    assert [rho_short(n) for n in (0, 7, 4_999_999, 213_432_427)] == [
        "0",
        "0.000000007",
        "0.005",
        "0.213432",
    ]


@pytest.mark.parametrize(
    ("steps", "shown"),
    [(0, "0"), (975_956, "9.76×10⁻¹⁰"), (1_000_000, "10⁻⁹"), (20_000_000, "2×10⁻⁸")],
)
def test_delta_is_written_as_a_power_of_ten(steps: int, shown: str) -> None:
    assert delta(steps) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0%"), (0.0289, "2.9%"), (0.6882, "69%"), (1, "100%"), (2.9, "> 100%")]
)
def test_shares_are_written_in_percent(share: float, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.00863718, 0.00563042, 0.0117037, "0.0086  [0.0056 – 0.0117]"),
        (11770.4, 11551.4, 11988.9, "11,770  [11,551 – 11,989]"),
        (Decimal("1.50"), Decimal("1.25"), Decimal("1.75"), "1.50  [1.25 – 1.75]"),
        (7, None, None, "7"),
        (0.5, 0.5, 0.5, "0.500000  [0.500000 – 0.500000]"),
    ],
)
def test_a_figure_is_no_finer_than_its_interval(
    value: Any, low: Any, high: Any, shown: str
) -> None:
    assert interval(value, low, high) == shown


def test_keys_are_written_as_keys_and_what_is_missing_has_a_word() -> None:
    figures = {"n": [9000, 8000, 10], "n_low": [1, 1, 1], "n_high": [2, 2, 2]}
    years = sandgate.Answer(pa.table({"year": [2012, 2013, None], **figures}))
    assert "2012" in years.plain()
    assert "(none)" in years.plain()
    bins = sandgate.Answer(pa.table({"bin": [0, 20_000, 40_000], **figures}))
    assert "20,000" in bins.plain()


def test_a_repeat_is_said_to_be_free_and_delta_is_shown_where_it_was_charged() -> None:
    table = pa.table({"n": [1]})
    told = {"mode": "aggregate", "epsilon_shown": "0.43", "budget_nano_rho_remaining": 10**9}
    charged = {"cost_nano_rho": 5_000_000, "cost_delta_steps": 975_956, **told}
    assert "ρ 0.005 (ε ≈ 0.43) + δ 9.76×10⁻¹⁰, ρ 1 left" in sandgate.Answer(table, charged).plain()
    again = sandgate.Answer(table, {"cost_nano_rho": 0, "repeated": True, **told})
    assert "Asked before: free this time, ρ 1 left" in again.plain()
    assert again.facts()["repeated"] is True
    sandgate.language("zh")
    assert "问过的问题，不再收费，现余 ρ 1" in again.html()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "True"),
        (1234567, "1,234,567"),
        (1234567.8, "1,234,568"),
        (Decimal("1234567.89"), "1,234,567.89"),
    ],
)
def test_values_are_written_for_reading(value: object, shown: str) -> None:
    assert cell(value) == shown


@need_session_environment
def test_frames_and_charts_come_from_the_same_table(
    gateway: Any, by_state: pa.Table, in_session: Callable[[str], str]
) -> None:
    gateway.tables[BY_STATE] = by_state
    program = f"""
import json, sandgate
answer = sandgate.sql({BY_STATE!r})
chart = answer.plot()
bundle, metadata = chart._repr_mimebundle_()
print(json.dumps([answer.to_pandas().shape, answer.to_polars().shape, bundle, metadata]))
"""
    pandas_shape, polars_shape, bundle, metadata = json.loads(in_session(program))
    assert pandas_shape == polars_shape == [3, 4]
    spec = bundle["application/vnd.vegalite.v5+json"]
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["bar", "errorbar"]
    assert spec["data"]["values"][0] == {"key": "CA", "value": 1200, "low": 1172, "high": 1228}
    assert metadata["application/vnd.vegalite.v5+json"]["embed_options"]["ast"] is True


@need_session_environment
def test_a_chart_of_rows_takes_the_columns_it_is_given(in_session: Callable[[str], str]) -> None:
    program = """
import json, pyarrow as pa, sandgate
table = pa.table({"a.b": ["x", "y"], "n": [1, 2], "m": [3, None]})
print(json.dumps(sandgate.Answer(table).plot(x="a.b", y="m").to_dict()["data"]["values"]))
try:
    sandgate.Answer(pa.table({"t": ["x"]})).plot()
except ValueError as error:
    print(error)
"""
    drawn, refused = in_session(program).splitlines()
    assert json.loads(drawn) == [{"key": "x", "value": 3}, {"key": "y", "value": None}]
    assert "no number column" in refused
