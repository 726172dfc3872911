"""Over HTTP: decisions explained to whom they concern, and powers lent down to a county and back.

Each with its refusals first: strangers, the wrong person, a power not held, then what holds.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from audit.tags import EntryKind
from foundation.clock import SystemClock
from tests.calling import API, entries, problem_of
from tests.city import City, built_city
from tests.city_documents import AUTHORITY, licence_json
from tests.registering import enrol

EXPLAIN = f"{API}/decisions/explain"
DELEGATIONS = f"{API}/delegations"
REASON = {"reason": "a reason"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        founder = city.client("founder")
        house = {"id": "county", "kind": "authority", "name_zh": "县", "name_en": "county"}
        assert founder.post(f"{API}/organisations", json=house).status_code == 201
        for name in ("county_one", "county_two"):
            person = {
                "id": name,
                "name": name,
                "organisations": ["county"],
                "roles": ["authority"],
                "accounts": [{"name": name, "organisation": "county"}],
            }
            enrol(founder, city.client("security_admin"), person)
        placing = {"authority": "county", "superior": AUTHORITY}
        assert founder.post(f"{API}/authorities", json=placing).status_code == 201
        again = problem_of(founder.post(f"{API}/authorities", json=placing), 409)
        assert again["code"] == "authority_placed_already"
        yield city


def wish(city: City, **changes: Any) -> dict[str, Any]:
    plain = {"licence": city.licence, "action": "query.rows", "dataset": "colleges"}
    return {**plain, "columns": ["state"], **changes}


def document(**changes: Any) -> dict[str, Any]:
    today = datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC)
    return {
        "delegate": "county",
        "powers": ["licence.suspend"],
        "datasets": ["households", "colleges"],
        "valid_from": (today - timedelta(days=1)).isoformat(),
        "valid_until": (today + timedelta(days=30)).isoformat(),
        **changes,
    }


def lend(city: City, **changes: Any) -> str:
    """Have the founder propose and the approver confirm; return the delegation's id."""
    proposed = city.client("founder").post(DELEGATIONS, json=document(**changes))
    assert proposed.status_code == 201, proposed.text
    found = str(proposed.json()["id"])
    confirmed = city.client("approver").post(f"{DELEGATIONS}/{found}/confirm")
    assert confirmed.json()["state"] == "active"
    again = city.client("approver").post(f"{DELEGATIONS}/{found}/confirm")
    assert problem_of(again, 409)["code"] == "delegation_state"
    return found


def suspend(city: City, licence: str, account: str = "county_one") -> httpx.Response:
    return city.client(account).post(f"{API}/licences/{licence}/suspend", json=REASON)


def test_an_operator_asks_for_nobody_else_and_under_no_foreign_licence(city: City) -> None:
    analyst = city.client("analyst")
    problem = problem_of(analyst.post(EXPLAIN, json=wish(city, person="colleague")), 403)
    assert problem["code"] == "explanation_not_yours"
    answer = city.client("rival").post(EXPLAIN, json=wish(city)).json()
    assert answer["allowed"] is False
    assert answer["refusal"]["code"] == "licence_not_usable"
    assert answer["steps"] == []
    unknown = city.client("rival").post(EXPLAIN, json=wish(city, licence="lic_x")).json()
    assert unknown["refusal"] == answer["refusal"]


def test_an_operator_learns_why_they_are_refused_and_sees_no_line(city: City) -> None:
    analyst = city.client("analyst")
    answer = analyst.post(EXPLAIN, json=wish(city, columns=["state", "wages"])).json()
    assert answer["allowed"] is False
    assert [(step["column"], step["cause"]) for step in answer["steps"]] == [("wages", "no_line")]
    assert answer["steps"][0]["way_out"]
    assert "line" not in answer["steps"][0]
    unknown = analyst.post(EXPLAIN, json=wish(city, dataset="nowhere")).json()
    assert {step["cause"] for step in unknown["steps"]} == {"no_line"}
    permitted = analyst.post(EXPLAIN, json=wish(city)).json()
    assert (permitted["allowed"], permitted["steps"]) == (True, [])
    assert entries(city, EntryKind.DECISION_EXPLAINED, person="analyst") == []


def test_overseers_see_the_deciding_line_and_its_source_and_their_look_is_logged(
    city: City,
) -> None:
    for name in ("auditor", "founder"):
        answer = city.client(name).post(EXPLAIN, json=wish(city, person="analyst")).json()
        assert answer["allowed"] is True
        for step in answer["steps"]:
            assert step["line"]["eft"] == "allow"
            assert step["source"].startswith("$.grants[")
        assert answer["policy"].startswith("sha256:")
        (logged,) = entries(city, EntryKind.DECISION_EXPLAINED, person=name)
        assert logged.index == answer["entry"]
        assert logged.public["subject"] == "analyst"
    stranger = city.client("auditor").post(EXPLAIN, json=wish(city, person="nobody"))
    assert problem_of(stranger, 404)["code"] == "person_unknown"
    itself = city.client("auditor").post(EXPLAIN, json=wish(city)).json()
    assert itself["refusal"]["code"] == "licence_not_usable"


def test_an_explanation_is_given_in_the_callers_language(city: City) -> None:
    asked = wish(city, columns=["wages"])
    chinese = city.client("analyst", "zh").post(EXPLAIN, json=asked).json()["steps"][0]["reason"]
    english = city.client("analyst", "en").post(EXPLAIN, json=asked).json()["steps"][0]["reason"]
    assert chinese != english
    assert english.isascii()


def test_an_authority_beneath_does_nothing_without_a_power_lent_to_it(city: City) -> None:
    problem = problem_of(suspend(city, city.licence), 403)
    assert problem["code"] == "power_not_lent"
    assert problem_of(suspend(city, "lic_x"), 403)["code"] == "power_not_lent"
    below = city.client("county_one")
    for path in (f"{API}/licences/{city.licence}/end", f"{API}/periods", f"{API}/role-grants"):
        assert problem_of(below.post(path, json=REASON), 403)["code"] == "role_missing"
    upwards = below.post(DELEGATIONS, json=document(delegate=AUTHORITY))
    assert problem_of(upwards, 403)["code"] == "delegate_not_beneath"


def test_a_power_is_exercised_while_it_is_lent_and_not_a_moment_longer(city: City) -> None:
    found = lend(city)
    licence = city.grant(licence_json())
    shut = suspend(city, licence)
    assert shut.json()["state"] == "suspended"
    logged = entries(city, EntryKind.LICENCE_SUSPENDED, licence=licence)[-1]
    assert logged.content["actor"]["organisation"] == "county"
    resumed = city.client("county_one").post(f"{API}/licences/{licence}/resume", json=REASON)
    assert problem_of(resumed, 403)["code"] == "role_missing"
    draft = city.draft(licence_json())
    activation = city.client("county_one").post(f"{API}/licences/{draft}/activate")
    assert problem_of(activation, 403)["code"] == "power_not_lent"  # another power
    ended = city.client("founder").post(f"{DELEGATIONS}/{found}/end", json=REASON)
    assert ended.json()["state"] == "ended"
    again = city.client("founder").post(f"{DELEGATIONS}/{found}/end", json=REASON)
    assert problem_of(again, 409)["code"] == "delegation_state"
    assert problem_of(suspend(city, city.licence), 403)["code"] == "power_not_lent"


def test_a_power_over_some_of_the_data_is_none_over_the_licence(city: City) -> None:
    lend(city, datasets=["households"])
    assert problem_of(suspend(city, city.licence), 403)["code"] == "power_not_lent"


def test_a_restriction_overrides_what_was_lent(city: City) -> None:
    lend(city, powers=["licence.activate"])
    draft = city.draft(licence_json())
    restriction = {"delegate": "county", "effect": "deny", "powers": ["licence.activate"]}
    made = city.client("founder").post(DELEGATIONS, json={**restriction, "datasets": ["colleges"]})
    assert made.json()["state"] == "active"
    activate = f"{API}/licences/{draft}/activate"
    refused = problem_of(city.client("county_two").post(activate), 403)
    assert refused["code"] == "power_not_lent"
    lifted = f"{DELEGATIONS}/{made.json()['id']}/end"
    assert city.client("approver").post(lifted, json=REASON).status_code == 200
    activated = city.client("county_two").post(activate)
    assert activated.json()["state"] == "active"


def test_delegations_are_listed_to_whom_they_concern(city: City) -> None:
    found = lend(city)
    for name in ("founder", "auditor", "county_one"):
        listed = city.client(name).get(DELEGATIONS).json()
        assert found in {one["id"] for one in listed["delegations"]}
        assert listed["superiors"] == {"county": AUTHORITY}
    for name in ("analyst", "rival"):
        assert city.client(name).get(DELEGATIONS).json() == {"delegations": [], "superiors": {}}
