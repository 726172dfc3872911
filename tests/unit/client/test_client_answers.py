import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import sandgate
from sandgate.figures import cell, rho
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


def test_an_estimate_says_price_and_error_and_charges_nothing(gateway: Any, client: Any) -> None:
    estimate = client.estimate(BY_STATE)
    assert estimate.cost_nano_rho == 2_500_000
    assert estimate.columns[0]["half_width_95"] == 27.7
    assert "off by about ±2.8%" in repr(estimate)
    assert "27.7" in estimate.html()
    assert gateway.remaining == 100_000_000


def test_an_estimate_of_a_mean_says_its_error_at_so_many_rows() -> None:
    errors = {"100": "0.2800", "1000": "0.0280"}
    mean = {"name": "wages_mean", "function": "avg", "relative_error_at_rows": errors}
    total = {"name": "n", "sigma": "14.1", "half_width": "28", "relative_error_at_rows": errors}
    estimate = sandgate.Estimate({"mode": "aggregate", "aggregates": [mean, total]})
    lines = estimate.plain().splitlines()
    assert lines[-2].split() == ["wages_mean", "–", "–", "±", "28%", "±", "2.8%"]
    assert lines[-1].split() == ["n", "14.1", "±", "28", "±", "28%", "±", "2.8%"]
    assert "at 1000 rows" in estimate.html()


def test_an_estimate_of_rows_names_no_budget() -> None:
    assert "ρ" not in sandgate.Estimate({"mode": "rows", "cost_nano_rho": 0}).plain()


def test_data_sets_are_listed_with_what_may_be_asked_of_each_column(
    gateway: Any, client: Any
) -> None:
    gateway.datasets = [
        {
            "name": "households",
            "label_zh": "住户",
            "label_en": "Households",
            "modes": ["aggregate"],
            "columns": [
                {
                    "name": "income",
                    "type": "integer",
                    "label_zh": "收入",
                    "label_en": "Income <x>",
                    "mask": "none",
                    "mode": "aggregate",
                }
            ],
            "group_sets": [{"name": "s", "keys": ["state"], "measures": ["income"]}],
            "row_filters": [],
        }
    ]
    datasets = client.datasets()
    assert [item.name for item in datasets] == ["households"]
    assert "Group by state: COUNT, and SUM / AVG of income" in repr(datasets)
    assert "Income &lt;x&gt;" in datasets.html()
    sandgate.language("zh")
    assert "差分隐私统计" in datasets["households"].html()
    with pytest.raises(KeyError):
        datasets["fish"]


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
