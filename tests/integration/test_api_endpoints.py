"""Each endpoint: nobody, the wrong role, a stranger, the wrong state; then the call that holds."""

import hashlib
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest

from audit.tags import EntryKind
from tests.calling import API, entries, problem_of
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

EVERYONE = (
    "founder",
    "steward",
    "analyst",
    "buyer",
    "checker_one",
    "auditor",
    "treasurer",
)
REASON = {"reason": "a reason"}
NAME = {"zh": "名", "en": "name"}
ROLES: dict[tuple[str, str], tuple[str, ...]] = {
    ("POST", "/organisations"): ("founder",),
    ("POST", "/persons"): ("founder",),
    ("POST", "/tokens"): ("founder",),
    ("POST", "/agreements"): ("founder",),
    ("POST", "/licences"): ("founder",),
    ("POST", "/authorities"): ("founder",),
    ("POST", "/delegations"): ("founder",),
    ("POST", "/delegations/x/confirm"): ("founder",),
    ("POST", "/delegations/x/end"): ("founder",),
    ("GET", "/delegations"): EVERYONE,
    ("POST", "/decisions/explain"): ("founder", "auditor", "analyst"),
    ("GET", "/licences/x/extracts"): ("founder", "auditor"),
    ("POST", "/licences/x/extracts"): ("founder",),
    ("GET", "/closed-plan-classes"): ("founder", "auditor"),
    ("POST", "/closed-plan-classes/x/reopening"): ("founder",),
    ("POST", "/licences/x/activate"): ("founder",),
    ("POST", "/licences/x/suspend"): ("founder",),
    ("POST", "/licences/x/resume"): ("founder",),
    ("POST", "/licences/x/end"): ("founder",),
    ("GET", "/licences/x/received"): ("founder", "auditor"),
    ("GET", "/licences/x"): EVERYONE,
    ("POST", "/catalog/populations"): ("founder",),
    ("POST", "/catalog/populations/x/approval"): ("founder",),
    ("POST", "/catalog/entries"): ("founder", "steward"),
    ("POST", "/catalog/datasets"): ("founder", "steward"),
    ("POST", "/catalog/datasets/x/versions"): ("founder", "steward"),
    ("GET", "/catalog/datasets/x/rows"): ("founder", "steward"),
    ("GET", "/catalog/datasets"): EVERYONE,
    ("GET", "/organisations"): EVERYONE,
    ("POST", "/sessions"): ("analyst",),
    ("GET", "/sessions/x"): EVERYONE,
    ("POST", "/sessions/x/tickets"): ("analyst",),
    ("POST", "/sessions/x/close"): ("analyst",),
    ("GET", "/releases"): EVERYONE,
    ("GET", "/releases/x"): EVERYONE,
    ("GET", "/releases/x/preview"): ("checker_one",),
    ("GET", "/releases/x/certificate"): EVERYONE,
    ("POST", "/releases/x/votes"): ("checker_one",),
    ("POST", "/products/x/fetches"): ("buyer",),
    ("POST", "/periods"): ("founder",),
    ("POST", "/periods/x/close"): ("founder",),
    ("GET", "/journals/balances"): ("founder", "treasurer", "auditor"),
    ("GET", "/journals/exports/x"): ("founder", "treasurer", "auditor"),
    ("POST", "/journals/x/reversal"): ("founder", "treasurer"),
    ("GET", "/moves"): ("founder", "treasurer", "auditor"),
    ("POST", "/moves/x/approval"): ("founder", "treasurer"),
    ("POST", "/moves/x/withdrawal"): ("founder", "treasurer", "analyst"),
    ("GET", "/receipts/pools"): EVERYONE,
    ("POST", "/receipts"): ("founder", "treasurer", "analyst"),
    ("POST", "/receipts/matches"): ("founder", "treasurer", "analyst"),
    ("POST", "/receipts/deposits"): ("founder", "treasurer", "analyst"),
    ("POST", "/receipts/refunds"): ("founder", "treasurer"),
    ("GET", "/distributions/claims/x"): EVERYONE,
    ("POST", "/distributions/confirmations"): EVERYONE,
    ("POST", "/distributions"): ("founder", "treasurer"),
    ("GET", "/disputes"): EVERYONE,
    ("POST", "/disputes"): EVERYONE,
    ("POST", "/disputes/x/hold"): ("founder", "treasurer"),
    ("POST", "/disputes/x/decision"): ("founder", "treasurer"),
    ("GET", "/settlement-files"): ("founder", "treasurer", "auditor"),
    ("GET", "/settlement-files/payables/x"): ("founder", "treasurer", "auditor"),
    ("GET", "/settlement-files/x/x"): ("founder", "treasurer", "auditor"),
    ("POST", "/settlement-files"): ("founder", "treasurer", "analyst"),
    ("POST", "/settlement-files/details"): ("founder", "treasurer"),
    ("POST", "/settlement-files/x/sending"): ("founder", "treasurer"),
    ("POST", "/settlement-files/x/withdrawal"): ("founder", "treasurer", "analyst"),
    ("POST", "/settlement-files/x/returns"): ("founder", "treasurer", "analyst"),
    ("GET", "/disclosures/x"): EVERYONE,
    ("GET", "/periods/x/statements"): EVERYONE,
    ("GET", "/periods/x/statements/x/x"): EVERYONE,
    ("GET", "/periods/x/bills/x/x"): EVERYONE,
    ("GET", "/journals/x/voucher/x"): ("founder", "treasurer", "auditor"),
    ("GET", "/licences/x/schemes"): EVERYONE,
    ("POST", "/licences/x/schemes"): ("founder",),
    ("POST", "/licences/x/schemes/x/approval"): ("founder",),
    ("GET", "/budgets/licences/x"): EVERYONE,
    ("GET", "/budgets/licences/x/further"): EVERYONE,
    ("GET", "/budgets/odometer"): ("founder", "auditor"),
    ("GET", "/budgets/holdings"): ("founder", "auditor"),
    ("GET", "/budgets/proposals"): ("founder", "auditor"),
    ("POST", "/budgets/raises"): ("founder",),
    ("POST", "/budgets/raises/x/confirmation"): ("founder",),
    ("POST", "/budgets/settlements"): ("founder",),
    ("POST", "/budgets/settlements/x/confirmation"): ("founder",),
    ("POST", "/budgets/lineages"): ("founder",),
    ("GET", "/log/kept"): ("founder", "auditor"),
    ("GET", "/log/entries"): ("founder", "auditor"),
    ("GET", "/log/entries/0"): EVERYONE,
    ("GET", "/log/entries/0/receipt"): EVERYONE,
    ("POST", "/log/bundles"): ("auditor",),
    ("GET", "/log/own"): EVERYONE,
    ("GET", "/regulator/search"): ("auditor",),
    ("GET", "/regulator/timelines/x/x"): ("auditor",),
    ("GET", "/regulator/columns"): ("auditor",),
    ("GET", "/regulator/odometer"): ("auditor",),
    ("GET", "/regulator/odometer/x/picture"): ("auditor",),
    ("POST", "/regulator/exports"): ("auditor",),
    ("GET", "/regulator/alerts"): ("auditor",),
    ("GET", "/regulator/alert-rules"): ("auditor",),
    ("POST", "/regulator/alert-rules"): ("auditor",),
    ("POST", "/regulator/alert-rules/x"): ("auditor",),
    ("POST", "/regulator/alerts/x/acknowledgement"): ("auditor",),
    ("GET", "/verification-locks"): ("founder", "auditor"),
    ("POST", "/verification-locks/x/lift"): ("founder",),
}
PUBLIC = ("/health", "/log/key", "/log/checkpoint", "/log/witnesses")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


@pytest.fixture(scope="module")
def clients(city: City) -> dict[str, httpx.Client]:
    return {name: city.client(name) for name in EVERYONE}


def send(client: httpx.Client, method: str, path: str) -> httpx.Response:
    if method == "GET":
        return client.get(f"{API}{path}")
    return client.post(f"{API}{path}", json={})


def test_the_table_names_every_endpoint(city: City) -> None:
    paths = city.client().get(f"{API}/openapi.json").json()["paths"]
    listed = {
        (method.upper(), "/".join("{}" if "{" in part else part for part in path.split("/")))
        for path, item in paths.items()
        for method in item
    }
    tabled = {
        (
            method,
            "/".join("{}" if part in {"x", "0"} else part for part in f"{API}{path}".split("/")),
        )
        for method, path in ROLES
    }
    public = {("GET", f"{API}{path}") for path in PUBLIC} | {("GET", "/sessions/{}")}
    assert listed == tabled | public


@pytest.mark.parametrize(("method", "path"), ROLES)
def test_nobody_is_let_in_without_a_token(city: City, method: str, path: str) -> None:
    before = city.platform.log.head()
    assert problem_of(send(city.client(), method, path), 401)["code"] == "token_invalid"
    assert city.platform.log.head() == before


@pytest.mark.parametrize(("method", "path"), ROLES)
def test_the_wrong_role_is_refused_and_logged(
    city: City, clients: dict[str, httpx.Client], method: str, path: str
) -> None:
    for name in EVERYONE:
        if name in ROLES[method, path]:
            continue
        before = len(entries(city, EntryKind.REQUEST_REFUSED))
        problem = problem_of(send(clients[name], method, path), 403)
        assert problem["code"] == "role_missing"
        logged = entries(city, EntryKind.REQUEST_REFUSED)
        assert len(logged) == before + 1
        assert logged[-1].content["actor"]["person"] == name
        assert logged[-1].public["route"] == f"{method} {API}{path}"


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_needs_no_token(city: City, path: str) -> None:
    assert city.client().get(f"{API}{path}").status_code == 200


def test_roles_of_the_authority_and_of_finance_count_in_their_own_house_only(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    for role in ("authority", "finance"):
        person = {
            "id": f"pretender_{role}",
            "name": "Pretender",
            "organisations": ["river_operator"],
            "roles": [role],
            "accounts": [{"name": f"pretender_{role}", "organisation": "river_operator"}],
        }
        assert clients["founder"].post(f"{API}/persons", json=person).status_code == 201
    pretender = city.client("pretender_authority")
    for method, path in (("POST", "/persons"), ("GET", "/log/entries"), ("POST", "/periods")):
        assert problem_of(send(pretender, method, path), 403)["code"] == "role_missing"
    assert clients["founder"].post(f"{API}/periods", json={"id": "2026-01"}).status_code == 201
    assert clients["founder"].post(f"{API}/periods/2026-01/close").status_code == 201
    path = f"{API}/periods/2026-01/statements"
    assert clients["treasurer"].get(path).json()["period"] is not None
    for name in ("pretender_authority", "pretender_finance"):
        assert problem_of(city.client(name).get(path), 403)["code"] == "statement_not_yours"


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
    for path, body in (("/organisations", organisation), ("/persons", person)):
        assert clients["founder"].post(f"{API}{path}", json=body).status_code == 201
        assert problem_of(clients["founder"].post(f"{API}{path}", json=body), 409)
    other = city.client("other_steward")
    entry = catalogue_entry({**HOUSEHOLDS, "entry": "bureau/other"})
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
    activated = approver.post(f"{path}/activate").json()
    assert activated["state"] == "active"
    assert [item["dataset"] for item in activated["extracts"]] == ["colleges"]
    problem_of(approver.post(f"{path}/activate"), 409)
    assert founder.post(f"{path}/suspend", json=REASON).json()["logged"] is True
    session = clients["analyst"].post(f"{API}/sessions", json={"licence": drafted["id"]})
    assert problem_of(session, 403)["code"] == "licence_not_in_force"
    assert founder.post(f"{path}/resume", json=REASON).json()["state"] == "active"
    assert len(founder.post(f"{path}/end", json=REASON).json()["destroyed"]) == 1
    for move in ("suspend", "resume", "end"):
        problem_of(founder.post(f"{path}/{move}", json=REASON))
    problem_of(approver.post(f"{path}/activate"), 409)


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


def test_a_token_names_an_account_and_is_logged(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    given = clients["founder"].post(f"{API}/tokens", json={"account": "analyst"}).json()
    issued = entries(city, EntryKind.TOKEN_ISSUED)[-1]
    assert issued.public["subject"] == "analyst"
    assert given["token"] not in issued.body.decode()
    header = {"Authorization": f"Bearer {given['token']}"}
    assert city.client().get(f"{API}/organisations", headers=header).status_code == 200


def test_problems_speak_the_callers_language(city: City) -> None:
    for language, wanted in (("zh-CN,zh;q=0.9", "zh"), ("en-GB", "en"), ("fr", "zh")):
        client = city.client("analyst", language=language)
        problem = problem_of(client.get(f"{API}/releases/rel_x"), 404)
        assert problem["detail"] == problem["messages"][wanted]
