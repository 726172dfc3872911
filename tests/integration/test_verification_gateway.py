"""Verification through the gateway, as a session's code reaches it: bad claims first, then good."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from audit.tags import EntryKind
from catalog.store import NeighbourRelation, population
from foundation.db import reading
from tests.calling import Gateway, entries, in_session, problem_of
from tests.city import POPULATION, City, Plan, built_city
from tests.city_documents import household_rows
from tests.claims import claim_json, consent, verifying


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    plan = replace(Plan(), households=household_rows(200), licence=verifying())
    with built_city(tmp_path_factory.mktemp("verifying"), plan) as city:
        yield city


@pytest.fixture(scope="module")
def gateway(city: City) -> Iterator[Gateway]:
    with in_session(city) as gateway:
        yield gateway


GOOD = claim_json(4, state="east")
BAD: dict[str, dict[str, Any]] = {
    "no consent": {key: value for key, value in GOOD.items() if key != "consent"},
    "a consent without a day": {**GOOD, "consent": {**consent("c"), "given_on": "yesterday"}},
    "a consent without a number": {**GOOD, "consent": {**consent("c"), "number": ""}},
    "no subject": {**GOOD, "subject": {}},
    "no claim": {**GOOD, "claimed": {}},
    "a number for text": {**GOOD, "subject": {"household": 4}},
    "a list of values": {**GOOD, "claimed": {"state": ["east", "north"]}},
    "another subject's field": {**GOOD, "subject": {"household": "4", "name": "x"}},
    "a column with quotes": {**GOOD, "claimed": {'state" OR "1': "x"}},
    "unknown field": {**GOOD, "licence": "lic_other"},
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_claim_is_a_whole_problem(gateway: Gateway, name: str) -> None:
    problem_of(gateway.call("POST", "/v1/verify", json=BAD[name]))


def test_a_claim_is_answered_with_a_receipt_and_no_value(city: City, gateway: Gateway) -> None:
    response = gateway.call("POST", "/v1/verify", json=GOOD)
    assert response.status_code == 200, response.text
    answered = response.json()
    told = {"claim", "answer", "padding", "salt", "entry", "receipt", "gross_micro_fen"}
    assert set(answered) == told
    assert answered["answer"] == "yes"
    assert answered["receipt"].startswith("c2sp.org/tlog-proof")
    found = entries(city, EntryKind.VERIFICATION_ANSWERED)[-1]
    assert found.index == answered["entry"]
    assert found.public["claim"] == answered["claim"]


def test_verification_tells_membership_so_its_population_is_mixed(city: City) -> None:
    with reading(city.platform.engine) as connection:
        found = population(connection, POPULATION)
    assert found is not None
    assert found.relation is NeighbourRelation.MIXED


def test_what_is_only_verified_is_no_column_to_ask(gateway: Gateway) -> None:
    response = gateway.call("POST", "/v1/query", json={"sql": "SELECT household FROM households"})
    assert "household" in problem_of(response)["detail"]


def test_the_session_is_told_which_claims_it_may_make(gateway: Gateway) -> None:
    listed = gateway.call("GET", "/v1/datasets").json()["datasets"]
    found = next(item for item in listed if item["name"] == "households")
    assert found["modes"] == ["aggregate", "verify"]
    assert found["verification"] == {
        "identifiers": ["household"],
        "columns": ["state", "age_band", "wages"],
        "ranges": {"wages": ["low", "middle", "high"]},
        "consent_purposes": ["loan_review"],
        "consent_days_max": 90,
    }
    assert next(item for item in listed if item["name"] == "colleges")["verification"] is None
