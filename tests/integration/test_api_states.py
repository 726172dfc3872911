"""What the API refuses to a stranger and in the wrong state; then the call that holds."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest

from audit.tags import EntryKind
from audit.verify.certificates import verify_certificate
from audit.verify.notes import read_key
from tests.calling import API, Gateway, entries, in_session, problem_of
from tests.city import City, built_city
from tests.city_documents import (
    AGREEMENTS,
    AUTHORITY,
    COLLEGES,
    HOUSEHOLDS,
    OPERATOR,
    catalogue_entry,
    licence_json,
)
from tests.registering import enrol, proposed

CALLERS = ("founder", "steward", "analyst", "buyer", "checker_one", "auditor")
REASON = {"reason": "a reason"}
NAME = {"zh": "名", "en": "name"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


@pytest.fixture(scope="module")
def clients(city: City) -> dict[str, httpx.Client]:
    return {name: city.client(name) for name in CALLERS}


def test_a_stranger_reads_no_licence(city: City, clients: dict[str, httpx.Client]) -> None:
    path = f"{API}/licences/{city.licence}"
    for name in ("rival", "checker_one"):
        assert problem_of(city.client(name).get(path), 404)["code"] == "licence_unknown"
    unknown = problem_of(clients["founder"].get(f"{API}/licences/lic_x"), 404)
    assert unknown["code"] == "licence_unknown"
    for name in ("founder", "analyst", "buyer", "steward", "auditor"):
        found = clients[name].get(path).json()
        assert (found["state"], found["open"]) == ("active", True)


def test_a_department_registers_and_counts_its_own_data_only(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    organisation = {"id": "other_bureau", "kind": "provider", "name_zh": "局", "name_en": "B"}
    person = {
        "id": "other_steward",
        "name": "Other",
        "organisations": ["other_bureau"],
        "roles": ["provider"],
        "accounts": [{"name": "other_steward", "organisation": "other_bureau"}],
    }
    registered = clients["founder"].post(f"{API}/organisations", json=organisation)
    assert registered.status_code == 201
    assert problem_of(clients["founder"].post(f"{API}/organisations", json=organisation), 409)
    enrol(clients["founder"], city.client("security_admin"), person)
    again = proposed(clients["founder"], {"kind": "person", "person": person}, "other_steward")
    assert problem_of(again, 409)["code"] == "already_registered"
    other = city.client("other_steward")
    entry = catalogue_entry({**HOUSEHOLDS, "entry": "306001/5"})
    foreign = other.post(f"{API}/catalog/entries", params={"provider": "city_bureau"}, json=entry)
    assert problem_of(foreign, 403)["code"] == "provider_required"
    problem_of(other.post(f"{API}/catalog/datasets", json={**COLLEGES, "name": "mine"}), 403)
    problem_of(other.get(f"{API}/catalog/datasets/colleges/rows"), 404)
    upload = other.post(f"{API}/catalog/datasets/colleges/versions?file_name=a.csv", content=b"a")
    assert problem_of(upload, 403)["code"] == "provider_required"
    assert other.post(f"{API}/catalog/entries", json=entry).status_code == 201
    counted = clients["steward"].get(f"{API}/catalog/datasets/colleges/rows").json()
    assert counted["row_count"] == 900


def test_a_population_needs_a_second_person(city: City, clients: dict[str, httpx.Client]) -> None:
    body = {"name": "new_people", "label": NAME, "unit": NAME, "statement": "None."}
    path = f"{API}/catalog/populations"
    assert clients["founder"].post(path, json=body).json()["state"] == "declared"
    problem_of(clients["founder"].post(path, json=body), 409)
    own = clients["founder"].post(f"{path}/new_people/approval")
    assert problem_of(own, 403)["code"]
    assert entries(city, EntryKind.REQUEST_REFUSED)[-1].public["route"].endswith("/approval")
    approver = city.client("approver")
    assert approver.post(f"{path}/new_people/approval").json()["state"] == "approved"
    problem_of(approver.post(f"{path}/new_people/approval"), 409)
    problem_of(approver.post(f"{path}/unknown/approval"), 404)


def test_an_agreement_stands_once(clients: dict[str, httpx.Client]) -> None:
    body = {
        "number": AGREEMENTS[OPERATOR],
        "authority": AUTHORITY,
        "operator": OPERATOR,
        "valid_from": "2025-01-01",
        "valid_until": "2029-06-01",
        "collective_decision": "decision-1",
        "filing_number": "filing-1",
    }
    problem_of(clients["founder"].post(f"{API}/agreements", json=body), 409)
    body["number"] = "agreement-new"
    assert clients["founder"].post(f"{API}/agreements", json=body).status_code == 201


def test_a_licence_moves_only_as_its_states_allow(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    founder, approver = clients["founder"], city.client("approver")
    drafted = founder.post(f"{API}/licences", json=licence_json()).json()
    path = f"{API}/licences/{drafted['id']}"
    assert problem_of(founder.post(f"{path}/activate"), 403)["code"] == "applicant_cannot_approve"
    for move in ("suspend", "resume"):
        problem_of(approver.post(f"{path}/{move}", json=REASON), 409)
    early = problem_of(founder.post(f"{path}/extracts"), 409)
    assert early["code"] == "licence_without_extracts"
    activated = approver.post(f"{path}/activate").json()
    assert activated["state"] == "active"
    assert [item["dataset"] for item in activated["extracts"]] == ["colleges"]
    rebuilt = founder.post(f"{path}/extracts")
    assert (rebuilt.status_code, len(rebuilt.json()["extracts"])) == (201, 1)
    problem_of(approver.post(f"{path}/activate"), 409)
    assert founder.post(f"{path}/suspend", json=REASON).json()["logged"] is True
    session = clients["analyst"].post(f"{API}/sessions", json={"licence": drafted["id"]})
    assert problem_of(session, 403)["code"] == "licence_not_in_force"
    assert founder.post(f"{path}/resume", json=REASON).json()["state"] == "active"
    assert len(founder.post(f"{path}/end", json=REASON).json()["destroyed"]) == 1
    for move in ("suspend", "resume", "end"):
        problem_of(founder.post(f"{path}/{move}", json=REASON))
    problem_of(approver.post(f"{path}/activate"), 409)
    problem_of(founder.post(f"{path}/extracts"), 409)


def test_a_licence_given_by_id_is_not_taken_twice(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    taken = clients["founder"].post(f"{API}/licences", json={**licence_json(), "id": city.licence})
    problem_of(taken, 409)


def test_a_session_is_not_opened_without_a_licence_of_ones_own(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    for name, licence in (("analyst", "lic_x"), ("rival", city.licence)):
        answer = city.client(name).post(f"{API}/sessions", json={"licence": licence})
        problem_of(answer, 403)
    for path in ("", "/tickets", "/close"):
        method = "POST" if path else "GET"
        problem_of(clients["analyst"].request(method, f"{API}/sessions/ses_x{path}"), 404)
    problem_of(city.client().get("/sessions/ses_x?ticket=abc"), 404)


def test_received_is_for_the_authority_itself_and_the_regulator(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    path = f"{API}/licences/{city.licence}/received"
    for name in ("founder", "auditor"):
        assert clients[name].get(path).json()["licence"] == city.licence
    listed = entries(city, EntryKind.RECEIVED_LISTED)
    assert [item.content["actor"]["person"] for item in listed] == ["founder", "auditor"]
    problem_of(clients["founder"].get(f"{API}/licences/lic_x/received"), 404)


def test_an_entry_is_read_whole_by_its_own_organisation_and_the_overseers(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    index = entries(city, EntryKind.AGREEMENT_CREATED)[0].index
    path = f"{API}/log/entries/{index}"
    for name in ("analyst", "buyer", "checker_one"):
        assert problem_of(clients[name].get(path), 404)["code"] == "log_entry_not_found"
    for name in ("founder", "auditor"):
        found = clients[name].get(path).json()
        assert hashlib.sha256(b"\0" + found["body"].encode()).hexdigest() == found["leaf"]


def test_the_regulator_exports_the_log(clients: dict[str, httpx.Client]) -> None:
    auditor = clients["auditor"]
    for response in (auditor.post(f"{API}/log/bundles"), auditor.get(f"{API}/log/kept")):
        assert response.status_code == 200
        assert zipfile.ZipFile(BytesIO(response.content)).testzip() is None
    found: list[dict[str, Any]] = auditor.get(f"{API}/log/entries?limit=2").json()["entries"]
    assert [item["index"] for item in found] == [0, 1]
    assert auditor.get(f"{API}/log/entries/0/receipt").text.startswith("c2sp.org/tlog-proof")
    assert auditor.get(f"{API}/log/checkpoint").text.startswith("sandgate.example/log")


def test_a_package_is_asked_for_once_and_decided_once(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    path = f"{API}/packages/requests"
    wanted = {"package": "example-models", "version": "1.2.3", "reason": "a model of demand"}
    with in_session(city) as session:
        asked = session.call("POST", "/v1/packages", json=wanted)
        assert asked.status_code == 201
        problem_of(session.call("POST", "/v1/packages", json=wanted), 409)
    problem_of(Gateway(city).call("POST", "/v1/packages", json=wanted))  # the session is over
    request = asked.json()["id"]
    for name, count in (("founder", 1), ("auditor", 1), ("analyst", 1), ("steward", 0)):
        assert len(clients[name].get(path).json()["requests"]) == count
    decision = {"decision": "approve", "comment": "read its licence"}
    problem_of(clients["analyst"].post(f"{path}/{request}/decision", json=decision), 403)
    problem_of(clients["founder"].post(f"{path}/unknown/decision", json=decision), 404)
    decided = clients["founder"].post(f"{path}/{request}/decision", json=decision)
    assert decided.json()["state"] == "approved"
    problem_of(clients["founder"].post(f"{path}/{request}/decision", json=decision), 409)


def test_kept_work_is_listed_to_its_own_person_and_the_overseers(
    clients: dict[str, httpx.Client],
) -> None:
    for name in CALLERS:
        assert clients[name].get(f"{API}/homes").json() == {"homes": []}


def test_a_destruction_is_certified_to_its_own_and_not_before_it_happened(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    slot = "b" * 26
    path = f"{API}/sessions/ses_{slot}/destruction-certificates"
    with in_session(city, slot=slot):
        assert problem_of(clients["analyst"].post(path), 409)["code"] == "not_destroyed"
        for name in ("steward", "buyer", "checker_one"):
            assert problem_of(clients[name].post(path), 403)["code"] == "role_missing"
        for name in ("rival", "colleague"):
            assert problem_of(city.client(name).post(path), 404)["code"] == "session_unknown"
    for name in ("analyst", "founder", "auditor"):
        assert clients[name].post(path).json()["document"]["subject"]["session"] == f"ses_{slot}"
    standing = f"{API}/licences/{city.licence}/destruction-certificates"
    problem_of(city.client("rival").post(standing), 404)
    problem_of(clients["analyst"].post(f"{API}/licences/lic_x/destruction-certificates"), 404)
    assert problem_of(clients["analyst"].post(standing), 409)["code"] == "not_destroyed"
    drafted = clients["founder"].post(f"{API}/licences", json=licence_json()).json()["id"]
    assert city.client("approver").post(f"{API}/licences/{drafted}/activate").status_code == 201
    assert clients["founder"].post(f"{API}/licences/{drafted}/end", json=REASON).status_code == 200
    ended = f"{API}/licences/{drafted}/destruction-certificates"
    certificate = clients["analyst"].post(ended).json()
    assert certificate["document"]["destroyed"][0]["kind"] == "extract"
    assert {key["state"] for key in certificate["document"]["keys"]} == {"destroyed"}
    key = clients["analyst"].get(f"{API}/log/key").text.strip()
    report = verify_certificate(json.dumps(certificate).encode(), read_key(key))
    assert [finding.code for finding in report.findings] == ["certificate_holds"]
