"""The notebook's SDK against the real gateway on a real Unix socket: what it says is understood."""

import os
import socket
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from foundation.settings import Settings
from service.app import create_gateway
from service.session_gateway_socket import GatewaySockets
from tests.calling import SLOT, in_session
from tests.city import built_city
from tests.city_wide import RESIDENTS_OF, wide_plan
from tests.parts import REPOSITORY, need_namespaces
from tests.rule_files import generous

CLIENT = REPOSITORY / "client" / "src"
if str(CLIENT) not in sys.path:
    sys.path.insert(0, str(CLIENT))

import sandgate  # noqa: E402 - the client is another distribution, found by its path

pytestmark = need_namespaces
BY_TRADE = "SELECT trade, COUNT(DISTINCT unit) AS people FROM residents GROUP BY trade"
BY_MONTH = """SELECT date_trunc('month', day) AS month, COUNT(*) AS n, AVG(pay) AS mean
FROM residents GROUP BY month"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandgate.Gateway]:
    home = tmp_path_factory.mktemp("city")
    settings = Settings(home=home, policies=generous(tmp_path_factory.mktemp("rules")))
    path = str(Path(tmp_path_factory.mktemp("s")) / "g.sock")
    sandgate.language("en")
    with built_city(home, wide_plan(), settings=settings) as city, in_session(city):
        sockets = GatewaySockets(create_gateway(city.platform))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            sockets.serve(SLOT, listener, os.getuid())
            yield sandgate.Gateway(path)
            sockets.close()


def column(dataset: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in dataset.columns if item["name"] == name)
    return found


def test_the_listing_says_what_can_be_asked_and_no_count(gateway: Any) -> None:
    residents, visits = gateway.datasets()["residents"], gateway.datasets()["visits"]
    assert column(residents, "day")["lower"] == "2024-01-01"
    assert [column(residents, name)["key"] for name in ("district", "age", "trade")] == [
        "public",
        "parts",
        "threshold",
    ]
    assert column(residents, "district")["public_values"] == ["north", "south"]
    assert residents.details["joins"] == [
        {"dataset": "visits", "on": ["unit"], "kind": "unit"},
        {"dataset": "zones", "on": ["code"], "kind": "public"},
    ]
    assert visits.details["rows_per_unit_max"] == 2
    assert "2024-01-01 – 2024-12-31" in residents.plain()
    assert "row_count" not in str(gateway.datasets().facts())
    assert "resident" not in {item["name"] for item in residents.columns}


def test_masked_columns_do_not_tell_their_true_range(gateway: Any) -> None:
    colleges = gateway.datasets()["colleges"]
    masked = [item for item in colleges.columns if item["mask"] not in {None, "none"}]
    assert masked
    assert not any({"lower", "upper", "public_values"} & item.keys() for item in masked)


def test_an_estimate_is_the_price_and_the_answer_costs_it(gateway: Any) -> None:
    before = gateway.budget().remaining_nano_rho(RESIDENTS_OF)
    priced = gateway.estimate(BY_MONTH)
    assert priced.alternatives
    assert priced.further_questions
    assert "more exact at the same price" in priced.html()
    answer = priced.ask()
    assert answer.cost.nano_rho == priced.cost_nano_rho
    assert gateway.budget().remaining_nano_rho(RESIDENTS_OF) == before - priced.cost_nano_rho
    assert answer.table.column("month").to_pylist()[0] == date(2024, 1, 1)
    assert set(answer.intervals) == {"n", "mean"}
    assert priced.ask().repeated


def test_a_wanted_exactness_is_kept_by_the_interval(gateway: Any) -> None:
    priced = gateway.estimate("SELECT COUNT(*) AS n FROM residents", half_width=50)
    row = priced.ask().table.to_pylist()[0]
    assert row["n_high"] - row["n_low"] <= 100
    assert priced.cost_nano_rho < gateway.estimate(priced.sql, half_width=25).cost_nano_rho
    with pytest.raises(sandgate.Refused) as caught:
        gateway.estimate(priced.sql, half_width=50, output="other")
    assert caught.value.code == "output_unknown"


def test_hidden_groups_are_announced_and_their_delta_is_shown(gateway: Any) -> None:
    priced = gateway.estimate(BY_TRADE)
    assert "stays hidden with a chance of" in priced.plain()
    answer = priced.ask()
    assert answer.cost.delta_steps == priced.details["cost_delta_steps"] > 0
    assert " + δ " in answer.plain()
    (line,) = (one for one in gateway.budget().populations if one["population"] == RESIDENTS_OF)
    assert line["budget_delta_steps_spent"] >= answer.cost.delta_steps
    assert "This licence" in gateway.budget().plain()


def test_a_refusal_names_its_allowed_form_and_that_runs(gateway: Any) -> None:
    with pytest.raises(sandgate.Refused) as caught:
        gateway.sql("SELECT district, MAX(pay) AS top FROM residents GROUP BY district")
    assert caught.value.allowed_sql
    assert gateway.sql(caught.value.allowed_sql).table.num_rows == 2
