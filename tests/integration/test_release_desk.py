"""The release desk on a running city: who may not release, what may not leave, and what leaves."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from audit.tags import EntryKind
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from disclosure.release.bodies import ReleaseDraft
from disclosure.release.certificate import CONTEXT
from disclosure.release.desk import ReleaseRequest, ReleaseVote
from disclosure.release.files import FileDraft
from disclosure.release.requests import Request
from foundation.canonical import canonical_bytes
from foundation.identity import SYSTEM_ACTOR, ActorKind, Role
from foundation.keys import signature_holds
from tests.calling import API, entries, in_session, opened, problem_of
from tests.city import City, Plan, built_city, household_rows, opened_city, told
from tests.city_documents import ENTERPRISE, OPERATOR, REVIEW, RIVAL, ROWS_QUESTION
from tests.page_visits import signed_in

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
BY_STATE = "SELECT state, COUNT(DISTINCT unit) AS households FROM households GROUP BY state"
WITHOUT_COUNT = "SELECT age_band, SUM(wages) AS wages FROM households GROUP BY age_band"
WEST_KEPT = 3


def few_in_the_west() -> list[dict[str, Any]]:
    rows = household_rows()
    western = sorted({row["household"] for row in rows if row["state"] == "west"})[WEST_KEPT:]
    return [row for row in rows if row["household"] not in set(western)]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    plan = replace(Plan(), households=few_in_the_west())
    with built_city(tmp_path_factory.mktemp("city"), plan) as city:
        register_checkers(city)
        yield city


@pytest.fixture(scope="module")
def answer(city: City) -> str:
    return str(told(city.ask(BY_AGE))["answer_id"])


def register_checkers(city: City) -> None:
    """Register checkers who each lack one thing that voting needs."""
    writer = city.platform.writer
    create_organisation(
        writer,
        SYSTEM_ACTOR,
        Organisation(
            id="operator_subsidiary",
            kind=OrganisationKind.PLATFORM,
            name_zh="子公司",
            name_en="Subsidiary",
            affiliates=(OPERATOR,),
        ),
    )
    register(city, "inside_checker", OPERATOR)
    register(city, "affiliate_checker", "operator_subsidiary")
    register(city, "robot_checker", REVIEW, kind=ActorKind.SERVICE)
    register(city, "buying_checker", ENTERPRISE)
    register(city, "author_checker", OPERATOR, roles=(Role.OPERATOR, Role.CHECKER))
    create_person(
        writer,
        SYSTEM_ACTOR,
        Person(
            id="double_checker",
            name="Two accounts",
            organisations=(REVIEW, RIVAL),
            roles=(Role.CHECKER,),
            accounts=(
                Account(name="double_one", organisation=REVIEW),
                Account(name="double_two", organisation=RIVAL),
            ),
        ),
    )
    create_person(
        writer,
        SYSTEM_ACTOR,
        Person(
            id="secondee",
            name="Seconded from the operator",
            organisations=(REVIEW, OPERATOR),
            roles=(Role.CHECKER,),
            accounts=(Account(name="secondee", organisation=REVIEW),),
        ),
    )


def register(
    city: City,
    name: str,
    organisation: str,
    roles: tuple[Role, ...] = (Role.CHECKER,),
    kind: ActorKind = ActorKind.PERSON,
) -> None:
    account = Account(name=name, organisation=organisation)
    person = Person(
        id=name,
        name=name,
        kind=kind,
        organisations=(organisation,),
        roles=roles,
        accounts=(account,),
    )
    create_person(city.platform.writer, SYSTEM_ACTOR, person)


def submit(city: City, answer_id: str, account: str = "analyst") -> Request:
    asked = ReleaseRequest(answer_id=answer_id, title_zh="住户表", title_en="Households")
    return city.platform.desk.submit(city.actor(account), city.licence, asked)


def vote(city: City, request: Request, account: str, **changes: str) -> httpx.Response:
    body = {"decision": "approve", "sha256": request.sha256, "comment": "read", **changes}
    return city.client(account).post(f"{API}/releases/{request.id}/votes", json=body)


def state_of(city: City, request: Request) -> str:
    found = city.client("auditor").get(f"{API}/releases/{request.id}").json()
    return str(found["state"])


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("analyst", "role_missing"),
        ("founder", "role_missing"),
        ("auditor", "role_missing"),
        ("buyer", "role_missing"),
        ("inside_checker", "checker_of_same_organisation"),
        ("affiliate_checker", "checker_of_same_organisation"),
        ("secondee", "checker_of_same_organisation"),
        ("robot_checker", "service_account_cannot_approve"),
        ("buying_checker", "checker_of_the_buyer"),
    ],
)
def test_who_may_not_vote_is_refused_and_logged(
    city: City, answer: str, account: str, code: str
) -> None:
    request = submit(city, answer)
    refused = len(entries(city, EntryKind.REQUEST_REFUSED, EntryKind.VOTE_REFUSED))
    assert problem_of(vote(city, request, account), 403)["code"] == code
    logged = entries(city, EntryKind.REQUEST_REFUSED, EntryKind.VOTE_REFUSED)
    assert len(logged) == refused + 1
    assert logged[-1].public["code"] == code
    assert state_of(city, request) == "checked"


def test_the_inbox_lists_a_request_to_who_could_vote_on_it(city: City, answer: str) -> None:
    address = f'href="/pages/releases/{submit(city, answer).id}"'
    assert address in signed_in(city, "checker_one").get("/pages").text
    for account in ("inside_checker", "affiliate_checker", "buying_checker", "secondee"):
        assert address not in signed_in(city, account).get("/pages").text, account


def test_the_author_cannot_vote(city: City, answer: str) -> None:
    request = submit(city, answer, "author_checker")
    problem = problem_of(vote(city, request, "author_checker"), 403)
    assert problem["code"] == "applicant_cannot_approve"


def test_an_account_younger_than_the_request_cannot_vote(city: City, answer: str) -> None:
    request = submit(city, answer)
    register(city, "young_checker", REVIEW)
    problem = problem_of(vote(city, request, "young_checker"), 403)
    assert problem["code"] == "account_younger_than_request"


def test_one_checker_alone_cannot_release_under_whatever_account(city: City, answer: str) -> None:
    request = submit(city, answer)
    assert vote(city, request, "double_one").json()["state"] == "checked"
    for account in ("double_one", "double_two"):
        assert problem_of(vote(city, request, account), 403)["code"] == "voted_already"
    assert state_of(city, request) == "checked"
    certificate = city.client("checker_one").get(f"{API}/releases/{request.id}/certificate")
    assert problem_of(certificate, 409)["code"] == "release_not_delivered"


def test_a_vote_on_other_bytes_is_refused_and_logged(city: City, answer: str) -> None:
    request = submit(city, answer)
    other = vote(city, request, "checker_one", sha256="sha256:" + "0" * 64)
    assert problem_of(other, 409)["code"] == "release_bytes_differ"
    assert entries(city, EntryKind.VOTE_REFUSED)[-1].public["code"] == "release_bytes_differ"


@pytest.mark.parametrize("decision", ["refuse", "return"])
def test_to_refuse_or_return_needs_a_comment(city: City, answer: str, decision: str) -> None:
    request = submit(city, answer)
    blank = vote(city, request, "checker_one", decision=decision, comment="  ")
    assert problem_of(blank, 422)["code"] == "refusal_needs_reason"


def test_two_refusals_end_the_request(city: City, answer: str) -> None:
    request = submit(city, answer)
    first = vote(city, request, "checker_one", decision="refuse", comment="too fine").json()
    assert (first["state"], first["votes"]) == ("checked", [])
    refused = vote(city, request, "checker_two", decision="refuse", comment="so say I").json()
    assert refused["state"] == "refused"
    assert [item["comment"] for item in refused["votes"]] == ["too fine", "so say I"]
    assert problem_of(vote(city, request, "double_one"), 409)["code"] == "release_state"


def test_votes_stay_blind_until_they_are_all_in(city: City, answer: str) -> None:
    request = submit(city, answer)
    vote(city, request, "checker_one")
    for reader in ("checker_two", "analyst", "auditor"):
        shown = city.client(reader).get(f"{API}/releases/{request.id}").json()
        assert shown["votes"] == []
    assert vote(city, request, "checker_two").json()["state"] == "delivered"
    shown = city.client("analyst").get(f"{API}/releases/{request.id}").json()
    assert {item["person"] for item in shown["votes"]} == {"checker_one", "checker_two"}


def test_a_group_with_too_few_contributors_cannot_leave(city: City) -> None:
    request = submit(city, str(told(city.ask(BY_STATE))["answer_id"]))
    assert request.state == "refused"
    failed = [item for item in request.checks if not item["passed"]]
    assert [item["check"] for item in failed] == ["contributors_min"]
    assert "10" in failed[0]["reason_zh"]
    assert "HAVING" in failed[0]["reason_en"]
    assert problem_of(vote(city, request, "checker_one"), 409)["code"] == "release_state"


def test_an_answer_without_a_count_cannot_leave(city: City) -> None:
    request = submit(city, str(told(city.ask(WITHOUT_COUNT))["answer_id"]))
    failed = [item["check"] for item in request.checks if not item["passed"]]
    assert (request.state, failed) == ("refused", ["contributors_min"])


def test_rows_cannot_leave(city: City) -> None:
    request = submit(city, str(told(city.ask(ROWS_QUESTION))["answer_id"]))
    failed = [item["check"] for item in request.checks if not item["passed"]]
    assert (request.state, failed) == ("refused", ["answer_type"])
    assert entries(city, EntryKind.RELEASE_REFUSED)[-1].public["failed"] == ["answer_type"]


def test_an_answer_of_another_licence_cannot_be_named(city: City, answer: str) -> None:
    asked = {"answer_id": "ans_unknown", "title_zh": "题", "title_en": "Title"}
    with in_session(city) as gateway:
        unknown = gateway.call("POST", "/v1/releases", json=asked)
        assert problem_of(unknown, 404)["code"] == "answer_unknown"
        assert entries(city, EntryKind.RELEASE_REFUSED)[-1].public["code"] == "answer_unknown"
        asked["answer_id"] = answer
        assert gateway.call("POST", "/v1/releases", json=asked).json()["state"] == "checked"


def test_strangers_see_no_release(city: City, answer: str) -> None:
    request = submit(city, answer)
    for account in ("rival", "buyer", "steward"):
        client = city.client(account)
        assert client.get(f"{API}/releases").json()["releases"] == []
        for path in ("", "/certificate"):
            problem_of(client.get(f"{API}/releases/{request.id}{path}"), 404)
        problem_of(client.get(f"{API}/releases/{request.id}/preview"), 403)


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("buying_checker", "checker_of_the_buyer"),  # would have the product without a bill
        ("inside_checker", "checker_of_same_organisation"),
        ("secondee", "checker_of_same_organisation"),
        ("robot_checker", "service_account_cannot_approve"),
    ],
)
def test_who_may_not_vote_reads_no_preview(
    city: City, answer: str, account: str, code: str
) -> None:
    request = submit(city, answer)
    read = len(entries(city, EntryKind.RELEASE_PREVIEWED))
    shown = city.client(account).get(f"{API}/releases/{request.id}/preview")
    assert problem_of(shown, 403)["code"] == code
    assert len(entries(city, EntryKind.RELEASE_PREVIEWED)) == read
    assert entries(city, EntryKind.REQUEST_REFUSED)[-1].public["code"] == code


def test_reading_the_preview_is_logged(city: City, answer: str) -> None:
    request = submit(city, answer)
    preview = city.client("checker_one").get(f"{API}/releases/{request.id}/preview")
    assert f"sha256:{hashlib.sha256(preview.content).hexdigest()}" == request.sha256
    read = entries(city, EntryKind.RELEASE_PREVIEWED)[-1]
    assert (read.public["release"], read.content["actor"]["person"]) == (request.id, "checker_one")


def test_what_leaves_is_what_was_voted_and_certified(city: City, answer: str) -> None:
    request = submit(city, answer)
    vote(city, request, "checker_one")
    done = vote(city, request, "checker_two").json()
    assert (done["state"], done["sha256"]) == ("delivered", request.sha256)
    certificate = city.client("analyst").get(f"{API}/releases/{request.id}/certificate").json()
    document = certificate["document"]
    assert document["sha256"] == request.sha256
    assert [item["sha256"] for item in document["votes"]] == [request.sha256] * 2
    key, signature = (bytes.fromhex(certificate[name]) for name in ("public_key", "signature"))
    assert signature_holds(key, signature, CONTEXT + canonical_bytes(document))
    forged = {**document, "sha256": "sha256:" + "0" * 64}
    assert not signature_holds(key, signature, CONTEXT + canonical_bytes(forged))
    delivered = entries(city, EntryKind.RELEASE_DELIVERED)[-1]
    assert delivered.public["release"] == request.id
    assert opened(city, delivered)["sha256"] == request.sha256
    assert request.sha256.encode() not in delivered.body


def test_a_suspended_licence_blocks_request_vote_and_delivery(city: City, answer: str) -> None:
    waiting, approved = submit(city, answer), submit(city, answer)
    founder, desk = city.client("founder"), city.platform.desk
    vote(city, approved, "checker_one")
    yes = ReleaseVote(decision="approve", sha256=approved.sha256)
    desk.voting.record(city.actor("checker_two"), approved.id, yes)
    path = f"{API}/licences/{city.licence}"
    assert founder.post(f"{path}/suspend", json={"reason": "look"}).status_code == 200
    try:
        assert problem_of(vote(city, waiting, "checker_one"), 403)["code"] == "licence_not_in_force"
        assert desk.resume() == []
        assert state_of(city, approved) == "approved"
    finally:
        assert founder.post(f"{path}/resume", json={"reason": "good"}).status_code == 200
    assert state_of(city, approved) == "delivered"
    assert state_of(city, waiting) == "checked"


def test_a_delivery_that_a_crash_cut_off_happens_at_the_next_start(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        answer_id = str(told(city.ask(BY_AGE))["answer_id"])
        request = submit(city, answer_id)
        vote(city, request, "checker_one")
        yes = ReleaseVote(decision="approve", sha256=request.sha256)
        desk = city.platform.desk
        desk.voting.record(city.actor("checker_two"), request.id, yes)  # and then the power fails
        unchecked = ReleaseRequest(answer_id=answer_id, title_zh="表", title_en="Table")
        cut_off = desk.submitting.submit_answer(city.actor("analyst"), city.licence, unchecked, "")
        licence = city.licence
    with opened_city(tmp_path, licence=licence) as city:
        assert state_of(city, request) == "delivered"
        assert state_of(city, cut_off) == "checked"
        assert city.platform.desk.resume() == []
        delivered = entries(city, EntryKind.RELEASE_DELIVERED)
        assert [item.public["release"] for item in delivered] == [request.id]


def test_two_votes_at_the_same_moment_deliver_once(city: City, answer: str) -> None:
    request = submit(city, answer)
    voters = ("checker_one", "checker_two", "double_one", "double_two")
    assert state_of(city, request) == "checked"  # the server is up before four threads call it
    with ThreadPoolExecutor(len(voters)) as pool:
        answers = list(pool.map(lambda name: vote(city, request, name), voters))
    assert sum(item.status_code == 201 for item in answers) == 2
    assert state_of(city, request) == "delivered"
    delivered = entries(city, EntryKind.RELEASE_DELIVERED)
    assert [item.public["release"] for item in delivered].count(request.id) == 1


def test_a_request_takes_each_step_in_its_state_only(city: City, answer: str) -> None:
    file = FileDraft(name="a.csv", source="answer", reference=answer)
    asked = ReleaseDraft(title_zh="住户", title_en="Households", files=(file,))
    request = city.platform.desk.draft(city.actor("analyst"), city.licence, asked)
    analyst, founder = city.client("analyst"), city.client("founder")
    path, why = f"{API}/releases/{request.id}", {"reason": "a reason"}
    assert problem_of(analyst.post(f"{path}/revise"), 409)["code"] == "release_state"
    assert problem_of(analyst.post(f"{path}/copies"), 409)["code"] == "release_not_delivered"
    submitted = analyst.post(f"{path}/submit")
    assert (submitted.status_code, submitted.json()["state"]) == (201, "checked")
    assert problem_of(analyst.post(f"{path}/submit"), 409)["code"] == "release_state"
    assert problem_of(founder.post(f"{path}/recall", json=why), 409)["code"] == "release_state"
    told_them = analyst.post(f"{path}/comments", json={"comment": "for the yearbook"}).json()
    assert told_them["comments"][-1]["comment"] == "for the yearbook"
    for checker in ("checker_one", "checker_two"):
        body = {"decision": "approve", "sha256": submitted.json()["sha256"], "comment": "read"}
        assert city.client(checker).post(f"{path}/votes", json=body).status_code == 201
    assert problem_of(analyst.post(f"{path}/withdraw", json=why), 409)["code"] == "release_state"
    assert analyst.post(f"{path}/copies").status_code == 201
    assert [item["person"] for item in founder.get(f"{path}/copies").json()["copies"]] == [
        "analyst"
    ]
