"""Who sees and ends which session, when each ends by itself, and what a session knows of itself."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from audit.tags import EntryKind
from foundation.settings import Settings
from sandbox.store import sessions
from service.app import create_app
from service.cli import app
from tests.calling import API, Gateway, TickingClock, entries, in_session, opened, problem_of
from tests.city import COUNT_BY_STATE, City, built_city, licence_json
from tests.notebooks import ipynb
from tests.parts import SESSION_ENVIRONMENT, need_namespaces, need_session_environment

pytestmark = [need_namespaces, need_session_environment]
MINUTE_US = 60_000_000
IDLE_MINUTES, WALL_MINUTES = 30, 12 * 60
REASON = {"reason": "演练"}


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    settings = Settings(
        home=tmp_path_factory.mktemp("city"), session_environment=SESSION_ENVIRONMENT
    )
    with built_city(settings.home, settings=settings, clock=clock) as city:
        create_app(city.platform)
        yield city


@pytest.fixture(scope="module")
def analyst(city: City) -> httpx.Client:
    return city.client("analyst")


def opened_session(analyst: httpx.Client, city: City, **more: Any) -> dict[str, Any]:
    response = analyst.post(f"{API}/sessions", json={"licence": city.licence, **more})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def test_warnings_come_before_the_idle_stop_and_the_wall(
    city: City, analyst: httpx.Client, clock: TickingClock
) -> None:
    session = opened_session(analyst, city)
    path = f"{API}/sessions/{session['id']}"
    begun_us = session["opened_us"]
    assert session["warning"] is None
    assert session["ends_us"] == begun_us + WALL_MINUTES * MINUTE_US
    assert session["idle_ends_us"] == begun_us + IDLE_MINUTES * MINUTE_US
    clock.advance((IDLE_MINUTES - 5) * MINUTE_US)
    idle = analyst.get(path).json()["warning"]
    assert "5 min" in idle["en"]
    assert "5 分钟" in idle["zh"]
    city.platform.sessions.touch(session["slot"], clock.now_us())
    used = analyst.get(path).json()
    assert (used["warning"], used["ends_us"]) == (None, session["ends_us"])
    assert used["idle_ends_us"] > session["idle_ends_us"]
    clock.advance(session["ends_us"] - clock.now_us() - 14 * MINUTE_US)
    assert "time limit" in analyst.get(path).json()["warning"]["en"]
    closed = analyst.post(f"{path}/close").json()
    assert (closed["ends_us"], closed["idle_ends_us"], closed["warning"]) == (None, None, None)


def test_each_lists_what_is_theirs_to_see(city: City, analyst: httpx.Client) -> None:
    session = opened_session(analyst, city, mode="debug")
    for name, seen in (("analyst", True), ("founder", True), ("auditor", True), ("rival", False)):
        for asked in ({}, {"licence": city.licence}, {"live": True}):
            found = city.client(name).get(f"{API}/sessions", params=asked).json()["sessions"]
            assert (session["id"] in {one["id"] for one in found}) is seen, (name, asked)
    other = analyst.get(f"{API}/sessions", params={"licence": "lic_x"}).json()
    assert other == {"sessions": []}
    analyst.post(f"{API}/sessions/{session['id']}/close")
    live = analyst.get(f"{API}/sessions", params={"live": True}).json()["sessions"]
    assert session["id"] not in {one["id"] for one in live}


def test_the_authority_freezes_and_closes_any_session_with_a_reason(
    city: City, analyst: httpx.Client
) -> None:
    session, founder = opened_session(analyst, city), city.client("founder")
    path = f"{API}/sessions/{session['id']}"
    for name in ("analyst", "auditor", "checker_one"):
        assert problem_of(city.client(name).post(f"{path}/freeze", json=REASON), 403)
    problem_of(founder.post(f"{path}/freeze", json={"reason": ""}), 422)
    assert f"/sessions/{session['id']}?ticket=" in analyst.post(f"{path}/tickets").json()["page"]
    assert founder.post(f"{path}/freeze", json=REASON).json()["state"] == "frozen"
    entry = entries(city, EntryKind.SESSION_FROZEN)[-1]
    assert entry.public["reason"] == "frozen_by_authority"
    assert opened(city, entry) == {"note": "演练"}
    assert city.platform.slots.backend.stats(session["slot"]).alive
    asked = Gateway(city, session["slot"]).call("GET", "/v1/session")
    assert problem_of(asked, 403)["code"] == "session_not_open"
    problem_of(founder.post(f"{path}/freeze", json=REASON), 409)
    for step in ("tickets", "close"):
        shut = problem_of(analyst.post(f"{path}/{step}"), 409)
        assert shut["code"] == "session_not_open"
    assert founder.post(f"{path}/closure", json=REASON).json()["state"] == "destroyed"
    assert entries(city, EntryKind.SESSION_CLOSED)[-1].public["reason"] == "closed_by_authority"
    assert not city.platform.slots.backend.stats(session["slot"]).alive
    problem_of(founder.post(f"{path}/closure", json=REASON), 409)


def test_a_session_knows_what_it_has_and_what_it_spent(city: City) -> None:
    with in_session(city) as gateway:
        before = gateway.call("GET", "/v1/session").json()
        assert (before["state"], before["mode"], before["run"]) == ("production",) * 2 + (None,)
        assert before["spent_nano_rho"] == 0
        assert before["licence_days_left"] > 0
        answer = gateway.call("POST", "/v1/query", json={"sql": COUNT_BY_STATE})
        assert answer.status_code == 200
        after = gateway.call("GET", "/v1/session").json()
        cost = entries(city, EntryKind.QUESTION_DECIDED)[-1].public["cost_nano_rho"]
        assert after["spent_nano_rho"] == cost > 0
        left = [one["budgets"][0]["budget_nano_rho_remaining"] for one in (before, after)]
        assert left[0] - left[1] == cost
        again = gateway.call("POST", "/v1/query", json={"sql": COUNT_BY_STATE})
        assert again.status_code == 200
        assert gateway.call("GET", "/v1/session").json()["spent_nano_rho"] == cost


def test_a_session_hands_in_its_own_notebook(city: City) -> None:
    with in_session(city, mode="debug", slot="b" * 26) as gateway:
        made = gateway.call("POST", "/v1/reviews", json={"notebook": ipynb("print(1)")})
        assert made.status_code == 201, made.text
        assert (made.json()["author"], made.json()["licence"]) == ("analyst", city.licence)
        bad = gateway.call("POST", "/v1/reviews", json={"notebook": "print(1)"})
        assert problem_of(bad, 422)["code"] == "notebook_unreadable"


def test_a_session_that_ended_while_a_question_was_on_its_way_decides_nothing(city: City) -> None:
    slot = "c" * 26
    with in_session(city, slot=slot) as gateway:
        scope = city.scope(session="ses_" + slot)
        with city.platform.engine.begin() as connection:
            mine = sessions.c.slot == slot
            connection.execute(update(sessions).where(mine).values(state="closed"))
        decided = len(entries(city, EntryKind.QUESTION_DECIDED))
        with pytest.raises(Exception, match="session_not_open"):
            city.ask("SELECT COUNT(*) FROM households", scope=scope)
        with pytest.raises(Exception, match="session_not_open"):
            city.ask(COUNT_BY_STATE, scope=scope)  # a stored answer is no answer either
        assert len(entries(city, EntryKind.QUESTION_DECIDED)) == decided
        assert gateway.call("GET", "/v1/session").status_code == 403


def test_high_grades_open_in_debug_only(city: City, analyst: httpx.Client) -> None:
    rules = city.platform.work.rules
    assert rules.production_needs_review_from_grade == "L4"
    strict = rules.model_copy(update={"production_needs_review_from_grade": "L3"})
    files = dict(city.platform.pack.files)
    name = next(key for key, value in files.items() if value is rules)
    object.__setattr__(city.platform.pack, "files", {**files, name: strict})
    try:
        wanted = {"licence": city.licence, "mode": "production"}
        problem = problem_of(analyst.post(f"{API}/sessions", json=wanted), 403)
        assert problem["code"] == "production_needs_review"
        assert "mode=debug" in str(problem["way_out"])
        session = opened_session(analyst, city)
        assert (session["mode"], session["state"]) == ("debug", "debug")
        analyst.post(f"{API}/sessions/{session['id']}/close")
        low = licence_json(budgets=[])
        low["grants"] = [
            {"dataset": "colleges", "modes": ["rows"], "columns": ["state", "degree", "year"]}
        ]
        session = opened_session(analyst, city, licence=city.grant(low))
        assert session["mode"] == "production"
        analyst.post(f"{API}/sessions/{session['id']}/close")
    finally:
        object.__setattr__(city.platform.pack, "files", files)


def test_the_same_by_command(city: City, tmp_path: Any) -> None:
    client = city.client("analyst")
    url = str(client.base_url)
    notebook = tmp_path / "brief.ipynb"
    notebook.write_text(ipynb("1 + 1"), encoding="utf-8")

    def command(account: str, *words: str, code: int = 0) -> str:
        options = ["--token", city.token(account), "--url", url]
        done = CliRunner().invoke(app, [*words, *options])
        assert done.exit_code == code, done.output
        return done.output

    assert '"sessions"' in command("founder", "session", "list", "--licence", city.licence)
    submit = ("session", "review", "submit")
    made = command("analyst", *submit, str(notebook), "--licence", city.licence)
    review = client.get(f"{API}/reviews").json()["reviews"][0]
    assert review["id"] in made
    digest = ("--digest", review["notebook_digest"])
    command("analyst", "session", "review", "approve", review["id"], *digest, code=1)
    approve = command("checker_one", "session", "review", "approve", review["id"], *digest)
    assert '"approved"' in approve
    caps = ("--budget", "0", "--money", "0", "--seconds", "60")
    assert "waiting" in command("analyst", "session", "run", "start", review["id"], *caps)
    withdrawn = ("session", "review", "withdraw", review["id"], "--reason", "done")
    assert '"withdrawn"' in command("founder", *withdrawn)
    command("founder", "session", "freeze", "ses_x", "--reason", "none", code=1)
    command("analyst", *submit, "no.ipynb", "--licence", "x", code=2)
