"""Nothing runs on high-grade data that another house did not read: the roads around a review.

Each attack is tried where the honest way works: author as reviewer under other names, the notebook
swapped between review and run, a cap passed question by question, a session carried over.
"""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DatabaseError

from audit.events import AuditEvent
from audit.tags import EntryKind
from authorization.organisations import Account, Person, create_person
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.settings import Settings
from sandbox.review_store import runs
from sandbox.reviews import Review
from sandbox.store import sessions
from sandbox.unattended import charge_run
from tests.calling import API, TickingClock, entries, problem_of
from tests.city import OPERATOR, REVIEW, City, built_city
from tests.notebooks import ipynb
from tests.parts import SESSION_ENVIRONMENT, need_session_environment

pytestmark = need_session_environment
CAPS = {"budget_nano_rho_max": 1_000, "money_micro_fen_max": 1_000, "wall_seconds_max": 60}
HONEST = "answer = 'what the reviewer read'"
EVIL = "answer = 'what the reviewer never saw'"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    settings = Settings(
        home=tmp_path_factory.mktemp("city"), session_environment=SESSION_ENVIRONMENT
    )
    with built_city(settings.home, settings=settings, clock=TickingClock()) as city:
        yield city


@pytest.fixture(scope="module")
def analyst(city: City) -> httpx.Client:
    return city.client("analyst")


@pytest.fixture
def review(city: City, analyst: httpx.Client) -> dict[str, Any]:
    body = {"licence": city.licence, "notebook": ipynb(HONEST)}
    found: dict[str, Any] = analyst.post(f"{API}/reviews", json=body).json()
    return found


def approve(city: City, account: str, review: dict[str, Any]) -> httpx.Response:
    body = {"decision": "approve", "notebook_digest": review["notebook_digest"]}
    return city.client(account).post(f"{API}/reviews/{review['id']}/decision", json=body)


def enrol(city: City, name: str, *organisations: str, account_of: str) -> None:
    person = Person(
        id=name,
        name=name,
        organisations=organisations,
        roles=(Role.CHECKER,),
        accounts=(Account(name=name, organisation=account_of),),
    )
    create_person(city.platform.writer, SYSTEM_ACTOR, person)


def test_the_author_approves_under_no_account(city: City) -> None:
    """One natural person, two houses, two accounts: operator in one, checker in the other."""
    person = Person(
        id="two_faced",
        name="two_faced",
        organisations=(OPERATOR, REVIEW),
        roles=(Role.OPERATOR, Role.CHECKER),
        accounts=(
            Account(name="face_operator", organisation=OPERATOR),
            Account(name="face_checker", organisation=REVIEW),
        ),
    )
    create_person(city.platform.writer, SYSTEM_ACTOR, person)
    body = {"licence": city.licence, "notebook": ipynb(HONEST)}
    review = city.client("face_operator").post(f"{API}/reviews", json=body).json()
    for account in ("face_operator", "face_checker"):
        refused = problem_of(approve(city, account, review), 403)
        assert refused["code"] == "applicant_cannot_approve"


def test_nobody_of_the_authors_house_or_its_affiliates_approves(
    city: City, review: dict[str, Any]
) -> None:
    affiliate = {
        "id": "pearl_holding",
        "kind": "developer",
        "name_zh": "母公司",
        "name_en": "Parent",
        "affiliates": [OPERATOR],
    }
    made = city.client("founder").post(f"{API}/organisations", json=affiliate)
    assert made.status_code == 201, made.text
    enrol(city, "house_checker", REVIEW, OPERATOR, account_of=REVIEW)
    enrol(city, "holding_checker", "pearl_holding", account_of="pearl_holding")
    later = city.client("analyst").post(
        f"{API}/reviews", json={"licence": city.licence, "notebook": ipynb(HONEST)}
    )
    for account in ("house_checker", "holding_checker"):
        refused = problem_of(approve(city, account, later.json()), 403)
        assert refused["code"] == "checker_of_same_organisation", account
        problem_of(city.client(account).get(f"{API}/reviews/{review['id']}"), 403)


def test_an_account_made_for_the_occasion_approves_nothing(
    city: City, review: dict[str, Any]
) -> None:
    enrol(city, "fresh_checker", REVIEW, account_of=REVIEW)
    refused = problem_of(approve(city, "fresh_checker", review), 403)
    assert refused["code"] == "account_younger_than_request"
    for account in ("founder", "auditor", "rival", "steward"):
        assert problem_of(approve(city, account, review), 403)["code"] == "role_missing"


def test_the_store_takes_no_other_notebook_under_an_approval(
    city: City, review: dict[str, Any]
) -> None:
    assert approve(city, "checker_one", review).status_code == 201
    evil = text("UPDATE sandbox_reviews SET cells = :cells WHERE id = :id")
    with pytest.raises(DatabaseError), city.platform.engine.begin() as connection:
        connection.execute(evil, {"cells": b"{}", "id": review["id"]})


def test_a_notebook_swapped_beneath_the_guards_is_not_run(
    city: City, analyst: httpx.Client, review: dict[str, Any]
) -> None:
    """Whoever owns the store drops its guards: the digest in the approval still tells."""
    approve(city, "checker_one", review)
    kept = city.platform.work.reviews.review(review["id"])
    swapped = kept.cells.replace(HONEST.encode(), EVIL.encode())
    assert swapped != kept.cells
    guard = text(
        "SELECT sql FROM sqlite_master WHERE name = 'sandbox_reviews_no_update' AND type='trigger'"
    )
    with city.platform.engine.begin() as connection:
        stood = connection.execute(guard).scalar_one()
        connection.execute(text("DROP TRIGGER sandbox_reviews_no_update"))
        swap = text("UPDATE sandbox_reviews SET cells = :cells WHERE id = :id")
        connection.execute(swap, {"cells": swapped, "id": review["id"]})
        connection.execute(text(stood))
    asked = analyst.post(f"{API}/runs", json={"review": review["id"], **CAPS})
    assert problem_of(asked, 409)["code"] == "review_notebook_changed"
    with pytest.raises(SandgateError, match="review_notebook_changed"):
        _ = city.platform.work.reviews.review(review["id"]).notebook


def test_a_run_that_waits_while_its_approval_is_lost_never_begins(
    city: City, analyst: httpx.Client, review: dict[str, Any]
) -> None:
    approve(city, "checker_one", review)
    run = analyst.post(f"{API}/runs", json={"review": review["id"], **CAPS}).json()
    analyst.post(f"{API}/reviews/{review['id']}/withdrawal", json={"reason": "lost"})
    opened = len(entries(city, EntryKind.SESSION_REQUESTED))
    ended = city.platform.work.runner.execute(city.platform.work.runs.run(run["id"]))
    assert (ended.state, ended.code) == ("failed", "review_not_approved")
    assert len(entries(city, EntryKind.SESSION_REQUESTED)) == opened


def test_another_operator_runs_nothing_on_a_strangers_approval(
    city: City, review: dict[str, Any]
) -> None:
    approve(city, "checker_one", review)
    asked = city.client("rival").post(f"{API}/runs", json={"review": review["id"], **CAPS})
    assert problem_of(asked, 403)["code"] == "review_not_yours"


def running(city: City, review: Review) -> str:
    """Put a run under way, without a sandbox, and return its session."""
    session, slot = f"ses_{review.id[4:]}", review.id[4:]
    with city.platform.engine.begin() as connection:
        common = {"licence": review.licence, "person": "analyst", "organisation": OPERATOR}
        connection.execute(
            insert(sessions).values(
                **common,
                id=session,
                slot=slot,
                purpose="industry",
                mode="production",
                review=review.id,
                state="production",
                requested_us=1,
                changed_us=1,
            )
        )
        connection.execute(
            insert(runs).values(
                **common,
                id=f"run_{slot}",
                review=review.id,
                notebook_digest=review.notebook_digest,
                trigger="person",
                session=session,
                state="running",
                **CAPS,
                requested_us=1,
                changed_us=1,
            )
        )
    return session


def charged(city: City, session: str, rho: int, fen: int) -> str:
    public = {"session": session, "licence": city.licence, "question": "q", "code": "probe"}
    event = AuditEvent(EntryKind.QUESTION_REFUSED, SYSTEM_ACTOR, public)

    def apply(connection: Any, _entry: Any) -> None:
        charge_run(connection, session, nano_rho=rho, micro_fen=fen)

    try:
        city.platform.writer.submit(event, apply)
    except SandgateError as refusal:
        return refusal.code
    return ""


def test_no_rush_of_questions_at_once_passes_a_cap(city: City, review: dict[str, Any]) -> None:
    approve(city, "checker_one", review)
    session = running(city, city.platform.work.reviews.review(review["id"]))
    codes: list[str] = []
    rush = [
        threading.Thread(target=lambda: codes.append(charged(city, session, 30, 7)))
        for _ in range(60)
    ]
    for thread in rush:
        thread.start()
    for thread in rush:
        thread.join()
    run = city.platform.work.runs.run(f"run_{session[4:]}")
    assert run.spent_nano_rho == 30 * codes.count("") == 990
    assert codes.count("run_budget_cap") == 60 - 33
    assert charged(city, session, 0, 1_000) == "run_money_cap"
    over = text("UPDATE sandbox_runs SET spent_nano_rho = 1001 WHERE id = :id")
    with pytest.raises(DatabaseError), city.platform.engine.begin() as connection:
        connection.execute(over, {"id": run.id})


@pytest.mark.parametrize("column", ["spent_nano_rho = 0", "budget_nano_rho_max = 9000000"])
def test_what_was_spent_and_allowed_never_turns_back(
    city: City, review: dict[str, Any], column: str
) -> None:
    approve(city, "checker_one", review)
    session = running(city, city.platform.work.reviews.review(review["id"]))
    assert charged(city, session, 500, 0) == ""
    change = text(f"UPDATE sandbox_runs SET {column} WHERE session = :session")
    with pytest.raises(DatabaseError), city.platform.engine.begin() as connection:
        connection.execute(change, {"session": session})


def test_a_reviewed_session_outside_its_run_answers_nothing(
    city: City, review: dict[str, Any]
) -> None:
    approve(city, "checker_one", review)
    session = running(city, city.platform.work.reviews.review(review["id"]))
    with city.platform.engine.begin() as connection:
        over = text("UPDATE sandbox_runs SET state = 'failed' WHERE session = :session")
        connection.execute(over, {"session": session})
    assert charged(city, session, 1, 0) == "run_state"


def test_no_person_enters_production_where_a_review_is_demanded(
    city: City, analyst: httpx.Client, review: dict[str, Any]
) -> None:
    """A debug session names an approval of nothing, and a session that is no debug session."""
    body = {"review": review["id"], **CAPS}
    for path in ("ses_x", "ses_" + "z" * 26):
        problem_of(analyst.post(f"{API}/sessions/{path}/production", json=body), 404)
    approve(city, "checker_one", review)
    session = running(city, city.platform.work.reviews.review(review["id"]))
    moved = analyst.post(f"{API}/sessions/{session}/production", json=body)
    assert problem_of(moved, 409)["code"] == "session_state"
    ticket = analyst.post(f"{API}/sessions/{session}/tickets")
    assert problem_of(ticket, 409)["code"] == "session_unattended"


def test_a_run_that_died_with_its_service_is_ended_at_the_next_start(
    city: City, review: dict[str, Any]
) -> None:
    approve(city, "checker_one", review)
    session = running(city, city.platform.work.reviews.review(review["id"]))
    assert charged(city, session, 10, 0) == ""
    assert f"run_{session[4:]}" in {run.id for run in city.platform.work.runs.recover()}
    failed = [one.public for one in entries(city, EntryKind.RUN_FAILED)]
    (told,) = (one for one in failed if one["run"] == f"run_{session[4:]}")
    assert told["code"] == "service_restarted"
    assert told["cost_nano_rho"] == 10
    assert city.platform.work.runs.recover() == []
