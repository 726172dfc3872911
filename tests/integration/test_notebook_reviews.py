"""Reviews of notebooks over HTTP: refusals first, then a life from submission to withdrawal."""

import copy
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from audit.tags import EntryKind
from audit.verify.findings import Report
from audit.verify.sessions import verify_sessions
from foundation.errors import Conflict
from foundation.settings import Settings
from sandbox.reviews import REVIEW_TRANSITIONS, ReviewState
from tests.calling import API, TickingClock, entries, opened, problem_of
from tests.city import City, built_city, licence_json
from tests.notebooks import ipynb
from tests.parts import SESSION_ENVIRONMENT, need_session_environment

pytestmark = need_session_environment
DAY_US = 86_400_000_000
CODE = "import sandgate\nanswer = sandgate.sql('SELECT COUNT(*) FROM households')"
CALLERS = ("founder", "analyst", "colleague", "rival", "checker_one", "auditor")


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    settings = Settings(
        home=tmp_path_factory.mktemp("city"), session_environment=SESSION_ENVIRONMENT
    )
    with built_city(settings.home, settings=settings, clock=clock) as city:
        yield city


@pytest.fixture(scope="module")
def clients(city: City) -> dict[str, httpx.Client]:
    return {name: city.client(name) for name in CALLERS}


@pytest.fixture
def review(city: City, clients: dict[str, httpx.Client]) -> dict[str, Any]:
    body = {"licence": city.licence, "notebook": ipynb(CODE, "answer")}
    response = clients["analyst"].post(f"{API}/reviews", json=body)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def decided(
    client: httpx.Client, review: dict[str, Any], decision: str = "approve", **changes: Any
) -> httpx.Response:
    body = {"decision": decision, "notebook_digest": review["notebook_digest"], **changes}
    return client.post(f"{API}/reviews/{review['id']}/decision", json=body)


def test_nobody_submits_under_a_licence_that_is_not_theirs(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    body = {"licence": city.licence, "notebook": ipynb("1")}
    assert problem_of(clients["rival"].post(f"{API}/reviews", json=body), 403)
    body["notebook"] = "no notebook"
    refused = problem_of(clients["analyst"].post(f"{API}/reviews", json=body), 422)
    assert refused["code"] == "notebook_unreadable"
    assert entries(city, EntryKind.REVIEW_SUBMITTED) == []


def test_a_submission_keeps_the_code_only_and_shows_it_to_who_judges(
    city: City, clients: dict[str, httpx.Client], review: dict[str, Any]
) -> None:
    path = f"{API}/reviews/{review['id']}"
    for name in ("analyst", "colleague", "checker_one"):
        assert clients[name].get(path).json()["cells"] == [CODE, "answer"]
    for name in ("founder", "auditor"):
        assert "cells" not in clients[name].get(path).json()
    problem_of(clients["rival"].get(path), 404)
    listed = clients["checker_one"].get(f"{API}/reviews").json()["reviews"]
    assert review["id"] in {item["id"] for item in listed}
    assert clients["rival"].get(f"{API}/reviews").json()["reviews"] == []
    public = entries(city, EntryKind.REVIEW_SUBMITTED)[-1].public
    assert public["notebook_digest"] == review["notebook_digest"]
    assert public["datasets"] == ["colleges", "households"]
    assert "sandgate.sql" not in str(public)


def test_a_return_says_why_and_ends_the_review(
    city: City, clients: dict[str, httpx.Client], review: dict[str, Any]
) -> None:
    checker = clients["checker_one"]
    assert problem_of(decided(checker, review, "return"), 422)["code"] == "comment_missing"
    returned = decided(checker, review, "return", comment="写出小样本").json()
    assert (returned["state"], returned["valid_until_us"]) == ("returned", None)
    assert opened(city, entries(city, EntryKind.REVIEW_RETURNED)[-1])["comment"] == "写出小样本"
    assert problem_of(decided(checker, review), 409)["code"] == "review_state"


def test_only_the_notebook_that_was_read_is_approved(
    clients: dict[str, httpx.Client], review: dict[str, Any]
) -> None:
    other = {**review, "notebook_digest": "sha256:" + "0" * 64}
    refused = problem_of(decided(clients["checker_one"], other), 409)
    assert refused["code"] == "review_notebook_changed"


def test_an_approval_names_everything_it_binds_and_stands_until_its_term(
    city: City, clients: dict[str, httpx.Client], clock: TickingClock, review: dict[str, Any]
) -> None:
    approved = decided(clients["checker_one"], review).json()
    assert (approved["state"], approved["reviewer"]) == ("approved", "checker_one")
    public = entries(city, EntryKind.REVIEW_APPROVED)[-1].public
    named = ("notebook_digest", "environment_digest", "policy_digest", "licence")
    assert {name: public[name] for name in named} == {name: review[name] for name in named}
    assert public["author"] == "analyst"
    assert public["valid_until_us"] == approved["valid_until_us"]
    desk = city.platform.work.reviews
    with city.platform.engine.connect() as connection:
        assert desk.check_stands(connection, review["id"], city.licence, clock.now_us()).id
        with pytest.raises(Conflict, match="review_expired"):
            desk.check_stands(connection, review["id"], city.licence, approved["valid_until_us"])


def test_rules_or_environment_that_changed_lose_an_approval(
    city: City, clients: dict[str, httpx.Client], clock: TickingClock, review: dict[str, Any]
) -> None:
    decided(clients["checker_one"], review)
    desk = copy.copy(city.platform.work.reviews)
    now_us = clock.now_us()
    ground = desk._ground
    with city.platform.engine.connect() as connection:
        for changed, code in (
            (type(ground)("sha256:other", ground.environment_digest), "review_rules_changed"),
            (type(ground)(ground.policy_digest, lambda: "sha256:x"), "review_environment_changed"),
        ):
            desk._ground = changed
            with pytest.raises(Conflict, match=code):
                desk.check_stands(connection, review["id"], city.licence, now_us)


def test_an_approval_is_under_one_licence_only(
    city: City, clients: dict[str, httpx.Client], clock: TickingClock, review: dict[str, Any]
) -> None:
    decided(clients["checker_one"], review)
    another = city.grant(licence_json())
    desk = city.platform.work.reviews
    with city.platform.engine.connect() as connection, pytest.raises(Exception, match="unknown"):
        desk.check_stands(connection, review["id"], another, clock.now_us())


def test_author_house_and_authority_withdraw_and_nobody_else(
    city: City, clients: dict[str, httpx.Client], review: dict[str, Any]
) -> None:
    path, reason = f"{API}/reviews/{review['id']}/withdrawal", {"reason": "a newer one"}
    problem_of(clients["rival"].post(path, json=reason), 404)
    problem_of(clients["checker_one"].post(path, json=reason), 403)
    decided(clients["checker_one"], review)
    assert clients["founder"].post(path, json=reason).json()["state"] == "withdrawn"
    assert problem_of(clients["analyst"].post(path, json=reason), 409)["code"] == "review_state"
    private = opened(city, entries(city, EntryKind.REVIEW_WITHDRAWN)[-1])
    assert private == reason


def test_a_suspended_licence_takes_and_approves_nothing(
    city: City, clients: dict[str, httpx.Client], review: dict[str, Any]
) -> None:
    path, reason = f"{API}/licences/{city.licence}", {"reason": "a reason"}
    clients["founder"].post(f"{path}/suspend", json=reason)
    try:
        problem_of(decided(clients["checker_one"], review), 403)
        body = {"licence": city.licence, "notebook": ipynb("1")}
        problem_of(clients["analyst"].post(f"{API}/reviews", json=body), 403)
    finally:
        clients["founder"].post(f"{path}/resume", json=reason)


def test_a_repeated_submission_takes_effect_once(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    body = {"licence": city.licence, "notebook": ipynb("once")}
    keyed = {"Idempotency-Key": "the same"}
    first, again = (
        clients["analyst"].post(f"{API}/reviews", json=body, headers=keyed) for _ in range(2)
    )
    assert first.json() == again.json()


@pytest.mark.parametrize(
    "change",
    [
        "cells = x'00'",
        "notebook_digest = 'sha256:x'",
        "person = 'colleague'",
        "licence = 'lic_x'",
        "policy_digest = 'sha256:x'",
        "state = 'submitted'",
        "reviewer = 'analyst'",
    ],
)
def test_the_store_itself_keeps_a_review_as_it_was(
    city: City, clients: dict[str, httpx.Client], review: dict[str, Any], change: str
) -> None:
    decided(clients["checker_one"], review)
    statement = text(f"UPDATE sandbox_reviews SET {change} WHERE id = :id")
    with pytest.raises(DatabaseError), city.platform.engine.begin() as connection:
        connection.execute(statement, {"id": review["id"]})


def test_the_table_of_reviews_ends_in_states_without_a_way_out() -> None:
    ended = {ReviewState.RETURNED, ReviewState.WITHDRAWN}
    assert not [old for old, _ in REVIEW_TRANSITIONS if old in ended]
    assert {new for _, new in REVIEW_TRANSITIONS} == set(ReviewState) - {ReviewState.SUBMITTED}


def test_the_verifier_follows_all_of_this(city: City) -> None:
    report = Report()
    with_content = [
        {"index": one.index, "time_us": one.time_us, **one.content} for one in city.entries()
    ]
    verify_sessions(with_content, report)
    assert report.findings == []
