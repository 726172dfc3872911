"""People, programs and ties over HTTP and on the pages: two people, at once where it restricts."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from audit.tags import EntryKind
from foundation.errors import Denied
from service.upkeep import Upkeep
from tests.calling import API, problem_of
from tests.city import AUTHORITY, City, built_city
from tests.city_documents import OPERATOR, REVIEW, RIVAL
from tests.fakes import TickingClock
from tests.page_visits import sent, signed_in
from tests.registering import change, enrol, identity, proposed, resident_id

REASON = {"reason": "a reason"}
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=TickingClock()) as city:
        yield city


def newcomer(name: str, house: str = OPERATOR, role: str = "operator") -> dict[str, Any]:
    account = {"name": name, "organisation": house}
    return {
        "id": name,
        "name": name.title(),
        "organisations": [house],
        "roles": [role],
        "accounts": [account],
    }


def test_an_identity_number_is_kept_nowhere_and_never_given_as_a_digest(city: City) -> None:
    founder, security = city.client("founder"), city.client("security_admin")
    enrol(founder, security, newcomer("mei"))
    listed = security.get(f"{API}/persons").text + security.get(f"{API}/role-grants").text
    written = b"".join(path.read_bytes() for path in city.home.rglob("*") if path.is_file())
    assert resident_id("mei") not in listed
    assert resident_id("mei").encode() not in written
    assert "identity" not in listed
    forged = {"kind": "person", "person": {**newcomer("forger"), "identity": "0" * 64}}
    problem = problem_of(proposed(founder, forged), 422)
    assert problem["code"] == "identity_given_as_digest"
    twin = {"change": {"kind": "person", "person": newcomer("twin")}, "identity": identity("mei")}
    problem = problem_of(founder.post(f"{API}/role-grants", json=twin), 409)
    assert problem["code"] == "identity_registered"
    without = problem_of(proposed(founder, {"kind": "person", "person": newcomer("nobody")}), 422)
    assert without["code"] == "identity_required"


def test_a_change_that_was_decided_is_decided_no_more(city: City) -> None:
    founder, security = city.client("founder"), city.client("security_admin")
    for name, step, decider in (("shi", "refuse", security), ("tao", "withdraw", founder)):
        wanted = {"kind": "person", "person": newcomer(name)}
        grant = proposed(founder, wanted, name).json()["id"]
        path = f"{API}/role-grants/{grant}"
        body = REASON if step == "refuse" else None
        done = decider.post(f"{path}/{step}", json=body)
        assert (done.status_code, done.json()["id"]) == (201, grant), done.text
        for again, client in (("refuse", security), ("confirm", security), ("withdraw", founder)):
            late = client.post(f"{path}/{again}", json=REASON if again == "refuse" else None)
            assert problem_of(late, 409)["code"] == "grant_decided"
        assert name not in founder.get(f"{API}/persons").text


def test_who_is_suspended_is_nobody_at_once_and_what_runs_for_them_ends(city: City) -> None:
    founder, security = city.client("founder"), city.client("security_admin")
    analyst = city.client("colleague")
    assert analyst.get(f"{API}/organisations").status_code == 200
    stopped = security.post(f"{API}/persons/colleague/suspension", json=REASON)
    assert stopped.status_code == 201, stopped.text
    again = security.post(f"{API}/persons/colleague/suspension", json=REASON)
    assert problem_of(again, 409)["code"] == "suspended_before"
    assert problem_of(analyst.get(f"{API}/organisations"), 403)["code"] == "person_suspended"
    with pytest.raises(Denied, match="person_suspended"):
        city.actor("colleague")
    Upkeep(city.platform).watch_once()
    change(founder, security, {"kind": "person_resume", "person": "colleague"})
    assert analyst.get(f"{API}/organisations").status_code == 200
    path = f"{API}/organisations/{RIVAL}/suspension"
    assert security.post(path, json=REASON).status_code == 201
    assert problem_of(security.post(path, json=REASON), 409)["code"] == "suspended_before"
    assert problem_of(city.client("rival").get(f"{API}/organisations"), 403)
    change(founder, security, {"kind": "organisation_resume", "organisation": RIVAL})


def test_a_program_calls_its_scopes_with_its_own_secret_and_nothing_else(city: City) -> None:
    founder, security = city.client("founder"), city.client("security_admin")
    account = {
        "id": "bot",
        "name": "Bot",
        "organisation": OPERATOR,
        "roles": ["operator"],
        "scopes": ["catalogue.read"],
    }
    change(founder, security, {"kind": "service_account", "service_account": account})
    analyst = city.client("analyst")
    made = analyst.post(f"{API}/service-accounts/bot/credentials", json={"days": 30}).json()
    header = {"Authorization": f"Bearer {made['token']}", "Idempotency-Key": "one"}
    bot = city.client()
    assert bot.get(f"{API}/catalog/datasets", headers=header).status_code == 200
    for method, path in (("GET", "/sessions"), ("POST", "/sessions"), ("GET", "/me")):
        body: dict[str, str] | None = {} if method == "POST" else None
        refused = bot.request(method, f"{API}{path}", headers=header, json=body)
        assert problem_of(refused, 403)["code"] in {"scope_missing", "role_missing"}
    shown = analyst.get(f"{API}/service-accounts").text
    assert made["token"] not in shown
    assert made["credential"] in shown
    assert city.client("buyer").get(f"{API}/service-accounts").json()["service_accounts"] == []
    end = f"{API}/service-accounts/credentials/{made['credential']}/end"
    problem_of(city.client("buyer").post(end, json=REASON), 404)
    assert analyst.post(end, json=REASON).status_code == 201
    assert problem_of(analyst.post(end, json=REASON), 409)["code"] == "credential_ended"
    gone = problem_of(bot.get(f"{API}/catalog/datasets", headers=header), 401)
    assert gone["code"] == "token_invalid"


def test_an_affiliate_that_is_learned_of_late_flags_what_was_approved(city: City) -> None:
    founder = city.client("founder")
    reviews = f"{API}/control-relations/reviews"
    assert founder.get(reviews).json() == {"approvals": []}
    relation = {
        "organisation": OPERATOR,
        "kind": "actual_control",
        "controller_organisation": AUTHORITY,
        "evidence": "learned of later",
    }
    body = {"relation": relation}
    problem_of(city.client("buyer").post(f"{API}/control-relations", json=body), 403)
    declared = founder.post(f"{API}/control-relations", json=body)
    assert declared.status_code == 201, declared.text
    (found,) = founder.get(reviews).json()["approvals"]
    assert (found["kind"], found["subject"]) == ("licence", city.licence)
    assert found["approved_by"] == "approver"
    listed = city.client("auditor").get(f"{API}/control-relations").json()["relations"]
    assert [one["organisation"] for one in listed] == [OPERATOR]
    assert city.entries(EntryKind.RELATION_DECLARED)


def test_a_person_is_registered_on_the_pages_by_two(city: City) -> None:
    founder, security = signed_in(city, "founder"), signed_in(city, "security_admin")
    fields = {
        "name": "王检查",
        "id": "wang",
        "organisation": REVIEW,
        "role": "checker",
        "account": "wang",
        "document": "resident_id",
        "number": resident_id("wang"),
        "until": "",
    }
    wrong = sent(founder, "/pages/people/new", **{**fields, "number": "110105194912310020"})
    assert wrong.status_code == 422
    made = sent(founder, "/pages/people/new", **fields)
    assert made.status_code == 303, made.text
    page = made.headers["location"].partition("?")[0]
    assert "撤回" in founder.get(page).text
    assert "王检查" in security.get(page).text
    assert sent(founder, f"{page}/withdraw").status_code == 303
    again = sent(founder, "/pages/people/new", **fields)
    page = again.headers["location"].partition("?")[0]
    assert sent(security, f"{page}/confirm").status_code == 303
    assert "王检查" in security.get("/pages/people").text
    assert city.actor("wang").roles
    for account in ("analyst", "checker_one"):
        assert signed_in(city, account).get("/pages/people").status_code == 403
