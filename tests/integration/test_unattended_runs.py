"""Unattended runs in real sandboxes: caps hold, failures name a cell and no value, versions follow.

A run has no browser; what it may cost is counted beside each question.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from audit.tags import EntryKind
from foundation.settings import Settings
from service.app import create_app
from service.upkeep import Upkeep
from tests.calling import API, entries, problem_of
from tests.city import (
    COUNT_BY_STATE,
    City,
    Plan,
    built_city,
    college_rows,
    household_rows,
    licence_json,
)
from tests.notebooks import ipynb
from tests.parts import SESSION_ENVIRONMENT, need_namespaces, need_session_environment
from tests.tariffs import price_json, tariff_json

pytestmark = [need_namespaces, need_session_environment]
RUN_SECONDS_MAX = 90.0
RHO = 20_000_000
CAPS = {"budget_nano_rho_max": 10**9, "money_micro_fen_max": 10**15, "wall_seconds_max": 120}
ASK = """
import http.client, json, socket
class Gateway(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/gateway.sock")
def ask(path, **body):
    gateway = Gateway("gateway")
    gateway.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    answer = gateway.getresponse()
    told = answer.read()
    if answer.status != 200:
        raise RuntimeError(told.decode())
    return told
"""
COUNT = f"ask('/v1/query', sql={COUNT_BY_STATE!r}, question_nano_rho={RHO})"
TOTAL = f"ask('/v1/query', sql='SELECT COUNT(*) FROM households', question_nano_rho={RHO})"
ROWS = "ask('/v1/query', sql='SELECT state, degree FROM colleges LIMIT 5')"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    settings = Settings(
        home=tmp_path_factory.mktemp("city"), session_environment=SESSION_ENVIRONMENT
    )
    licence = licence_json()
    prices = [price_json(meter, 1_000) for meter in ("call", "row", "session_hour")]
    licence["product"]["tariff"] = tariff_json(prices=prices)
    with built_city(settings.home, Plan(licence=licence), settings=settings) as city:
        create_app(city.platform)
        yield city


@pytest.fixture(scope="module")
def analyst(city: City) -> httpx.Client:
    return city.client("analyst")


def approved(city: City, *cells: str) -> str:
    """Submit a notebook and have it approved; return the review's name."""
    body = {"licence": city.licence, "notebook": ipynb(ASK, *cells)}
    made = city.client("analyst").post(f"{API}/reviews", json=body).json()
    word = {"decision": "approve", "notebook_digest": made["notebook_digest"]}
    path = f"{API}/reviews/{made['id']}/decision"
    assert city.client("checker_one").post(path, json=word).status_code == 201
    return str(made["id"])


def ended(city: City, analyst: httpx.Client, run: str) -> dict[str, Any]:
    """Let the platform's own upkeep begin what waits, and wait for the run's end."""
    began = time.monotonic()
    while time.monotonic() - began < RUN_SECONDS_MAX:
        city.platform.work.runner.run_waiting()
        found: dict[str, Any] = analyst.get(f"{API}/runs/{run}").json()
        if found["state"] in {"finished", "failed"}:
            return found
        threading.Event().wait(0.05)
    raise AssertionError("the run did not end")


def ran(city: City, analyst: httpx.Client, review: str, **caps: Any) -> dict[str, Any]:
    asked = analyst.post(f"{API}/runs", json={"review": review, **CAPS, **caps})
    assert asked.status_code == 202, asked.text
    return ended(city, analyst, asked.json()["id"])


def test_no_run_without_an_approval_that_stands(city: City, analyst: httpx.Client) -> None:
    body = {"licence": city.licence, "notebook": ipynb("1")}
    review = analyst.post(f"{API}/reviews", json=body).json()["id"]
    asked = {"review": review, **CAPS}
    assert problem_of(analyst.post(f"{API}/runs", json=asked), 409)["code"] == "review_not_approved"
    each = {**asked, "dataset": "households"}
    early = problem_of(analyst.post(f"{API}/runs/subscriptions", json=each), 409)
    assert early["code"] == "review_not_approved"
    assert problem_of(city.client("rival").post(f"{API}/runs", json=asked), 403)
    other = {**asked, "project": "atlas"}
    assert problem_of(analyst.post(f"{API}/runs", json=other), 422)["code"] == "project_unknown"
    long = {**asked, "wall_seconds_max": 7 * 86_400}
    assert problem_of(analyst.post(f"{API}/runs", json=long), 422)["code"] == "run_too_long"
    assert entries(city, EntryKind.RUN_REQUESTED) == []


def test_a_run_executes_every_cell_and_logs_what_it_cost(city: City, analyst: httpx.Client) -> None:
    review = approved(city, COUNT, ROWS)
    run = ran(city, analyst, review)
    assert (run["state"], run["cells_run"], run["code"]) == ("finished", 3, None)
    assert 0 < run["spent_nano_rho"] <= RHO
    finished = entries(city, EntryKind.RUN_FINISHED)[-1].public
    assert finished["cost_nano_rho"] == run["spent_nano_rho"]
    assert finished["cost_micro_fen"] == run["spent_micro_fen"] > 0
    assert [item.partition(":")[0] for item in finished["versions"]] == ["colleges", "households"]
    session = city.platform.sessions.session(run["session"])
    assert (session.state, session.review) == ("destroyed", review)
    decided = [one.public["session"] for one in entries(city, EntryKind.QUESTION_DECIDED)]
    assert decided == [session.id] * 2


def test_a_failing_cell_is_named_by_its_number_alone(city: City, analyst: httpx.Client) -> None:
    secret = "raise ValueError('household 17 earns 40931')"
    run = ran(city, analyst, approved(city, "a = 1", secret, "never = 1"))
    assert (run["state"], run["code"], run["failed_cell"]) == ("failed", "cell_failed", 3)
    assert run["cells_run"] == 2
    told = entries(city, EntryKind.RUN_FAILED)[-1]
    assert "40931" not in told.body.decode() + str(run)


def test_the_budget_cap_stops_a_run_before_the_question(city: City, analyst: httpx.Client) -> None:
    before = len(entries(city, EntryKind.QUESTION_DECIDED))
    run = ran(city, analyst, approved(city, TOTAL), budget_nano_rho_max=10)
    assert (run["state"], run["failed_cell"], run["spent_nano_rho"]) == ("failed", 2, 0)
    assert entries(city, EntryKind.QUESTION_REFUSED)[-1].public["code"] == "run_budget_cap"
    assert len(entries(city, EntryKind.QUESTION_DECIDED)) == before


def test_the_money_cap_counts_the_session_and_withholds_rows(
    city: City, analyst: httpx.Client
) -> None:
    review = approved(city, ROWS)
    whole = ran(city, analyst, review)
    assert whole["state"] == "finished"
    answered = len(entries(city, EntryKind.ANSWER_RELEASED))
    short = ran(city, analyst, review, money_micro_fen_max=whole["spent_micro_fen"] - 1)
    assert (short["state"], short["failed_cell"]) == ("failed", 2)
    assert short["spent_micro_fen"] < whole["spent_micro_fen"]
    assert len(entries(city, EntryKind.ANSWER_RELEASED)) == answered
    none = ran(city, analyst, review, money_micro_fen_max=0)
    assert (none["state"], none["code"], none["session"]) == ("failed", "run_money_cap", None)


def test_time_is_capped_too(city: City, analyst: httpx.Client) -> None:
    run = ran(city, analyst, approved(city, "while True: pass"), wall_seconds_max=2)
    assert (run["state"], run["code"]) == ("failed", "cell_timeout")
    assert run["failed_cell"] in {1, 2}  # a cold kernel may take all of it


def test_a_withdrawn_approval_stops_a_run_at_its_next_question(
    city: City, analyst: httpx.Client
) -> None:
    review = approved(city, "import time; time.sleep(3)", TOTAL)
    asked = analyst.post(f"{API}/runs", json={"review": review, **CAPS}).json()
    while not analyst.get(f"{API}/runs/{asked['id']}").json()["session"]:
        city.platform.work.runner.run_waiting()
    reason = {"reason": "changed my mind"}
    analyst.post(f"{API}/reviews/{review}/withdrawal", json=reason)
    run = ended(city, analyst, asked["id"])
    assert (run["state"], run["failed_cell"]) == ("failed", 3)
    assert entries(city, EntryKind.QUESTION_REFUSED)[-1].public["code"] == "review_not_approved"
    again = {"review": review, **CAPS}
    assert problem_of(analyst.post(f"{API}/runs", json=again), 409)["code"] == "review_not_approved"


def test_a_reviewed_session_has_no_browser_and_ends_with_its_run(
    city: City, analyst: httpx.Client
) -> None:
    review = approved(city, "import time; time.sleep(60)")  # it is ended long before
    asked = analyst.post(f"{API}/runs", json={"review": review, **CAPS}).json()
    while not (session := analyst.get(f"{API}/runs/{asked['id']}").json()["session"]):
        city.platform.work.runner.run_waiting()
    ticket = analyst.post(f"{API}/sessions/{session}/tickets")
    assert problem_of(ticket, 409)["code"] == "session_unattended"
    shown = analyst.get(f"{API}/sessions/{session}").json()
    assert (shown["mode"], shown["review"], shown["idle_ends_us"]) == ("production", review, None)
    closed = city.client("founder").post(
        f"{API}/sessions/{session}/closure", json={"reason": "an incident"}
    )
    assert closed.json()["state"] == "destroyed"
    run = ended(city, analyst, asked["id"])
    assert (run["state"], run["code"]) == ("failed", "closed_by_authority")


def test_a_debug_session_moves_on_in_a_fresh_sandbox(city: City, analyst: httpx.Client) -> None:
    opening = {"licence": city.licence, "mode": "debug"}
    session = analyst.post(f"{API}/sessions", json=opening).json()
    assert (session["state"], session["review"]) == ("debug", None)
    body = {"review": approved(city, COUNT), **CAPS}
    path = f"{API}/sessions/{session['id']}/production"
    asked = analyst.post(path, json=body)
    assert asked.status_code == 202, asked.text
    assert problem_of(analyst.post(path, json=body), 409)["code"] == "run_state"
    run = ended(city, analyst, asked.json()["id"])
    assert (run["state"], run["session"], run["trigger"]) == ("finished", session["id"], "session")
    moved = entries(city, EntryKind.SESSION_PROMOTED)[-1].public
    assert (moved["session"], moved["reviewer"]) == (session["id"], "checker_one")
    assert moved["slot"] != session["slot"]
    assert not city.platform.slots.backend.stats(session["slot"]).alive
    assert problem_of(analyst.post(path, json=body), 409)["code"] == "session_not_open"


def test_a_subscription_runs_once_on_each_new_version(city: City, analyst: httpx.Client) -> None:
    review = approved(city, "done = 1")
    foreign = {"review": review, "dataset": "elsewhere", **CAPS}
    refused = problem_of(analyst.post(f"{API}/runs/subscriptions", json=foreign), 422)
    assert refused["code"] == "dataset_not_reviewed"
    made = analyst.post(
        f"{API}/runs/subscriptions", json={**foreign, "dataset": "households"}
    ).json()
    upkeep, before = Upkeep(city.platform), len(entries(city, EntryKind.RUN_REQUESTED))
    upkeep.build_once()
    assert len(entries(city, EntryKind.RUN_REQUESTED)) == before
    city.publish("colleges", college_rows(30))
    version = city.publish("households", household_rows(1_100))
    for _ in range(2):
        upkeep.build_once()
        city.platform.work.runner.follow_versions()
    (asked,) = entries(city, EntryKind.RUN_REQUESTED)[before:]
    assert (asked.public["trigger"], asked.public["subscription"]) == ("version", made["id"])
    assert asked.public["version"] == version.manifest_digest
    assert ended(city, analyst, asked.public["run"])["state"] == "finished"
    path = f"{API}/runs/subscriptions/{made['id']}/end"
    problem_of(city.client("rival").post(path, json={"reason": "not mine"}), 404)
    assert analyst.post(path, json={"reason": "enough"}).json()["ended_us"]
    problem_of(analyst.post(path, json={"reason": "again"}), 409)
    city.publish("households", household_rows(1_000))
    upkeep.build_once()
    assert len(entries(city, EntryKind.RUN_REQUESTED)) == before + 1


def test_a_subscription_whose_approval_is_lost_ends_by_itself(
    city: City, analyst: httpx.Client
) -> None:
    review = approved(city, "done = 2")
    asked = {"review": review, "dataset": "households", **CAPS}
    made = analyst.post(f"{API}/runs/subscriptions", json=asked).json()
    analyst.post(f"{API}/reviews/{review}/withdrawal", json={"reason": "a newer one"})
    city.publish("households", household_rows(900))
    city.platform.work.runner.follow_versions()
    over = city.platform.work.subscriptions.subscription(made["id"])
    assert over.ended_us is not None
    assert entries(city, EntryKind.SUBSCRIPTION_ENDED)[-1].public["subscription"] == made["id"]


def test_a_service_that_stops_ends_its_runs_with_an_entry(
    city: City, analyst: httpx.Client
) -> None:
    """The last of this file: the runner starts nothing afterwards."""
    review = approved(city, "import time; time.sleep(60)")
    asked = analyst.post(f"{API}/runs", json={"review": review, **CAPS}).json()
    path = f"{API}/runs/{asked['id']}"
    while not (session := analyst.get(path).json()["session"]):
        city.platform.work.runner.run_waiting()
    city.platform.work.runner.close()
    run = analyst.get(path).json()
    assert (run["state"], run["code"]) == ("failed", "service_stopped")
    assert city.platform.sessions.session(session).state == "destroyed"
    later = analyst.post(f"{API}/runs", json={"review": review, **CAPS}).json()
    city.platform.work.runner.run_waiting()
    assert analyst.get(f"{API}/runs/{later['id']}").json()["state"] == "waiting"
