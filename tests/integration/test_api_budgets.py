"""Budgets over HTTP: holders see their own, overseers the odometer, two persons raise a cap."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit.tags import EntryKind
from catalog.registration import register_dataset
from tests.calling import API, entries, problem_of
from tests.catalogue import SYSTEM, publish_entry
from tests.city import COUNT_BY_STATE, POPULATION, City, built_city, told
from tests.city_documents import HOUSEHOLDS, PROVIDER, catalogue_entry
from tests.parts import need_namespaces

pytestmark = need_namespaces
ROOT = f"population/{POPULATION}"
RAISE = {
    "level": ROOT,
    "cap_nano_rho": 1_500_000_000,
    "cap_delta_steps": 500_000_000,
    "reason": "The census of 2026 is asked more often than planned.",
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        city.ask(COUNT_BY_STATE)
        yield city


def got(city: City, account: str, path: str, **query: Any) -> dict[str, Any]:
    response = city.client(account).get(f"{API}/budgets{path}", params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_holder_reads_each_level_of_the_own_licence(city: City) -> None:
    (line,) = got(city, "analyst", f"/licences/{city.licence}")["populations"]
    kinds = [level["kind"] for level in line["levels"]]
    assert kinds == ["population", "lineage", "period", "licence"]
    cost = line["budget_nano_rho_spent"]
    assert cost > 0
    for level in line["levels"]:
        assert level["cap_nano_rho"] - level["remaining_nano_rho"] == cost
    assert line["budget_nano_rho_remaining"] == 100_000_000 - cost
    assert line["warnings"] == line["raises"] == []


@pytest.mark.parametrize("path", ["", "/further?population=p&nano_rho=1"])
def test_others_learn_nothing_of_a_licence_and_its_budgets(city: City, path: str) -> None:
    for account in ("rival", "buyer", "steward", "checker_one", "treasurer"):
        for licence in (city.licence, "lic_none"):
            response = city.client(account).get(f"{API}/budgets/licences/{licence}{path}")
            assert problem_of(response, 404)["code"] == "licence_unknown"


def test_what_could_still_be_asked_is_counted_for_each_level(city: City) -> None:
    asked = {"population": POPULATION, "nano_rho": 10_000_000}
    found = got(city, "analyst", f"/licences/{city.licence}/further", **asked)
    assert found["stops_at_level"] == "licence"
    assert found["questions"] == 9
    assert [level["kind"] for level in found["levels"]][-1] == "licence"
    problem = problem_of(
        city.client("analyst").get(
            f"{API}/budgets/licences/{city.licence}/further",
            params={"population": "city_colleges", "nano_rho": 1},
        ),
        403,
    )
    assert problem["code"] == "budget_missing"


def test_the_odometer_reads_the_log_and_finds_the_tree_in_order(city: City) -> None:
    (charged,) = entries(city, EntryKind.QUESTION_DECIDED)
    for account in ("founder", "auditor"):
        found = got(city, account, "/odometer")
        assert found["agrees"] is True
        assert found["committed_digest"] == found["spent_digest"] == charged.public["spent_digest"]
        losses = {level["kind"]: level["log"]["spent_nano_rho"] for level in found["levels"]}
        assert set(losses) == {"population", "lineage", "period", "licence"}
        assert set(losses.values()) == {charged.public["cost_nano_rho"]}
    held = got(city, "auditor", "/holdings")["populations"][POPULATION]
    assert [one["held_nano_rho"] for one in held] == [100_000_000]


def test_two_persons_raise_a_cap_and_its_holders_read_the_new_total(city: City) -> None:
    founder, approver = city.client("founder"), city.client("approver")
    proposed = founder.post(f"{API}/budgets/raises", json=RAISE)
    assert proposed.status_code == 201, proposed.text
    path = f"{API}/budgets/raises/{proposed.json()['id']}/confirmation"
    assert problem_of(founder.post(path, json={}), 403)["code"] == "applicant_cannot_approve"
    confirmed = approver.post(path, json={})
    assert confirmed.status_code == 201, confirmed.text
    assert problem_of(approver.post(path, json={}), 409)["code"] == "proposal_confirmed"
    (line,) = got(city, "analyst", f"/licences/{city.licence}")["populations"]
    assert line["levels"][0]["cap_nano_rho"] == RAISE["cap_nano_rho"]
    (raised,) = line["raises"]
    assert (raised["from_nano_rho"], raised["to_nano_rho"]) == (10**9, 1_500_000_000)
    assert "reason" not in raised
    (entry,) = entries(city, EntryKind.BUDGET_RAISED)
    assert entry.public["proposed_by"] == "founder"
    assert got(city, "auditor", "/odometer")["agrees"] is True
    (kept,) = got(city, "auditor", "/proposals")["proposals"]
    assert kept["reason"] == RAISE["reason"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/raises", {**RAISE, "cap_nano_rho": 2_000_000_001}, 422, "cap_above_ceiling"),
        ("/raises", {**RAISE, "cap_nano_rho": 1}, 422, "cap_not_raised"),
        ("/raises", {**RAISE, "level": "population/none"}, 404, "level_unknown"),
        ("/raises", {**RAISE, "reason": " "}, 422, "reason_missing"),
        ("/settlements", {"reason": "No reason."}, 409, "budgets_agree"),
        ("/raises/prp_none/confirmation", {}, 404, "proposal_unknown"),
        ("/settlements/prp_none/confirmation", {}, 404, "proposal_unknown"),
        ("/lineages", {"dataset": "households", "source": "colleges"}, 422, None),
        ("/lineages", {"dataset": "households", "source": "households"}, 409, "lineage_stands"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    city: City, path: str, body: dict[str, Any], status: int, code: str | None
) -> None:
    before = city.log_size()
    problem = problem_of(city.client("founder").post(f"{API}/budgets{path}", json=body), status)
    assert code in {None, problem["code"]}
    kinds = {entry.kind for entry in city.entries(first=before)}
    assert kinds <= {EntryKind.REQUEST_REFUSED}


def test_the_session_reads_the_same_lines(city: City) -> None:
    (over_http,) = got(city, "analyst", f"/licences/{city.licence}")["populations"]
    (in_session,) = city.platform.pipeline.budget(city.scope())
    assert in_session == over_http
    left = told(city.ask(COUNT_BY_STATE))["budget_nano_rho_remaining"]
    assert left == over_http["budget_nano_rho_remaining"]


def test_a_derived_data_set_is_put_into_its_line_once(city: City) -> None:
    columns = [one for one in HOUSEHOLDS["columns"] if one["name"] != "name"]
    regions = {**HOUSEHOLDS, "name": "regions", "entry": "306001/91", "columns": columns}
    publish_entry(city.platform, catalogue_entry(regions, SYSTEM), PROVIDER, city.actor)
    register_dataset(city.platform.writer, city.actor("steward"), regions)
    founder, body = city.client("founder"), {"dataset": "regions", "source": "households"}
    declared = founder.post(f"{API}/budgets/lineages", json=body)
    assert (declared.status_code, declared.json()["lineage"]) == (201, "households")
    again = problem_of(founder.post(f"{API}/budgets/lineages", json=body), 409)
    assert again["code"] == "lineage_stands"


def give_back(city: City) -> None:
    """Edit the store as no part of the service can: what was spent is unspent."""
    raw = city.platform.engine.raw_connection()
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    for (name,) in raw.cursor().execute(triggers).fetchall():
        raw.cursor().execute(f"DROP TRIGGER {name}")
    raw.cursor().execute("UPDATE budget_node SET spent_nano_rho = 0")
    raw.commit()
    raw.close()


def test_two_persons_settle_what_tables_and_log_differ_by(city: City) -> None:
    """The last test of this city: its tables are edited, and charged again from the log."""
    founder, approver = city.client("founder"), city.client("approver")
    before = got(city, "auditor", "/odometer")["levels"]
    body = {"reason": "A table was edited."}
    agreed = problem_of(founder.post(f"{API}/budgets/settlements", json=body), 409)
    assert agreed["code"] == "budgets_agree"
    give_back(city)
    assert got(city, "auditor", "/odometer")["agrees"] is False
    proposed = founder.post(f"{API}/budgets/settlements", json=body)
    assert proposed.status_code == 201, proposed.text
    path = f"{API}/budgets/settlements/{proposed.json()['id']}/confirmation"
    assert problem_of(founder.post(path), 403)["code"] == "applicant_cannot_approve"
    confirmed = approver.post(path)
    assert confirmed.status_code == 201, confirmed.text
    assert problem_of(approver.post(path), 409)["code"] == "proposal_confirmed"
    odometer = got(city, "auditor", "/odometer")
    assert odometer["agrees"] is True
    assert [level["tree"] for level in odometer["levels"]] == [one["tree"] for one in before]
