"""A question given up ends at once, unbilled and logged; a private one is never, and tells nothing.

Promise: cancelling ends the engine's work within a second, harms no question of another person, and
leaves a decision with a failed outcome; of a private question neither progress nor an end is had.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from audit.tags import EntryKind
from disclosure.asks import Ask, Asks
from disclosure.outcome import QuestionFailed
from foundation.db import reading
from foundation.errors import Conflict, NotFound
from revenue.usage_store import usage
from tests.calling import Gateway, entries, in_session, problem_of
from tests.city import COUNT_BY_STATE, ROWS_QUESTION, City, built_city
from tests.engines import CAPS, ROWS, open_pool
from tests.parts import need_namespaces

pytestmark = need_namespaces
SLOW = """SELECT count(*) AS n FROM colleges AS a JOIN colleges AS b ON a.state <> b.state
JOIN colleges AS c ON b.degree <> c.degree JOIN colleges AS d ON c.state <> d.state"""
ENDLESS = "SELECT count(*) AS n FROM range(1000000000000)"
NAME = "0123456789abcdef" * 2
END_SECONDS_MAX = 20.0


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("cancelled")) as found:
        yield found


@pytest.fixture(scope="module", params=["production", "debug"])
def gateway(city: City, request: pytest.FixtureRequest) -> Iterator[Gateway]:
    letter = {"production": "a", "debug": "b"}[request.param]
    with in_session(city, mode=request.param, slot=letter * 26) as found:
        yield found


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def asked(threads: ThreadPoolExecutor, gateway: Gateway, sql: str) -> "Future[httpx.Response]":
    body = {"sql": sql, "ask": NAME}
    return threads.submit(gateway.call, "POST", "/v1/query", json=body)


def until(found: Callable[[], Any], seconds_max: float = 15.0) -> Any:
    ends = time.monotonic() + seconds_max
    while time.monotonic() < ends:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def progress(gateway: Gateway) -> httpx.Response:
    return gateway.call("GET", f"/v1/queries/{NAME}")


def test_nothing_is_known_of_a_question_that_this_session_does_not_ask(gateway: Gateway) -> None:
    for method in ("GET", "DELETE"):
        answered = gateway.call(method, f"/v1/queries/{NAME}")
        assert problem_of(answered, 404)["code"] == "ask_unknown"
        problem_of(gateway.call(method, f"/v1/queries/{NAME.upper()}"), 422)


def test_a_private_question_has_no_progress_and_no_end_before_its_slot(
    gateway: Gateway, threads: ThreadPoolExecutor
) -> None:
    answer = asked(threads, gateway, COUNT_BY_STATE)
    private = until(lambda: progress(gateway).status_code == 409 and progress(gateway))
    assert problem_of(private, 409)["code"] == "private_answer_at_its_slot"
    told = problem_of(gateway.call("DELETE", f"/v1/queries/{NAME}"), 409)
    assert (told["code"], told["rule"]) == (private.json()["code"], private.json()["rule"])
    assert told["way_out"]
    assert answer.result().status_code == 200, answer.result().text
    assert problem_of(progress(gateway), 404)


def test_rows_are_given_up_at_once_logged_and_not_billed(
    gateway: Gateway, threads: ThreadPoolExecutor, city: City
) -> None:
    size, billed = city.log_size(), billed_count(city)
    answer = asked(threads, gateway, SLOW)
    percent = until(lambda: progress(gateway).json().get("percent") is not None)
    assert percent
    started = time.monotonic()
    ended = gateway.call("DELETE", f"/v1/queries/{NAME}")
    assert (ended.status_code, ended.json()) == (200, {"cancelled": True})
    assert problem_of(answer.result(), 422)["code"] == "cancelled"
    assert time.monotonic() - started < END_SECONDS_MAX
    decided, failed = city.entries(first=size)
    assert decided.kind in {EntryKind.QUESTION_DECIDED, EntryKind.DEBUG_QUESTION_DECIDED}
    assert failed.kind in {EntryKind.ANSWER_FAILED, EntryKind.DEBUG_QUESTION_FAILED}
    assert failed.public["code"] == "cancelled"
    assert billed_count(city) == billed
    assert problem_of(progress(gateway), 404)
    again = gateway.call("POST", "/v1/query", json={"sql": ROWS_QUESTION, "ask": NAME})
    assert again.status_code == 200  # a new worker took the place of the ended one


def test_no_other_session_follows_or_ends_a_question(
    city: City, threads: ThreadPoolExecutor
) -> None:
    with in_session(city, slot="c" * 26) as mine, in_session(city, slot="d" * 26) as theirs:
        answer = asked(threads, mine, SLOW)
        until(lambda: progress(mine).status_code == 200)
        for method in ("GET", "DELETE"):
            answered = theirs.call(method, f"/v1/queries/{NAME}")
            assert problem_of(answered, 404)["code"] == "ask_unknown"
        twice = mine.call("POST", "/v1/query", json={"sql": ROWS_QUESTION, "ask": NAME})
        assert problem_of(twice, 409)["code"] == "ask_in_use"
        assert not answer.done()
        assert mine.call("DELETE", f"/v1/queries/{NAME}").status_code == 200
        assert problem_of(answer.result())["code"] == "cancelled"
        assert entries(city, EntryKind.ANSWER_FAILED)[-1].public["code"] == "cancelled"


def test_who_waits_behind_a_question_given_up_is_answered_by_a_new_worker() -> None:
    pool, first, second, third = open_pool(), Ask(), Ask(), Ask()
    caps = CAPS
    with ThreadPoolExecutor() as threads:

        def ask(sql: str, one: Ask, person: str) -> Any:
            return threads.submit(pool.query, ROWS, {}, sql, caps, person=person, ask=one)

        running = ask(ENDLESS, first, "ps_1")
        until(lambda: first.percent is not None)
        waiting, leaving = ask("SELECT 7 AS v", second, "ps_2"), ask(ENDLESS, third, "ps_3")
        third.cancel()
        with pytest.raises(QuestionFailed, match="cancelled"):
            leaving.result(timeout=END_SECONDS_MAX)  # it never had its turn, and ends nobody's
        assert not running.done()
        first.cancel()
        with pytest.raises(QuestionFailed, match="cancelled"):
            running.result(timeout=END_SECONDS_MAX)
        assert waiting.result().to_pylist() == [{"v": 7}]
    pool.close()


def test_a_given_answer_cannot_be_taken_back_and_a_private_one_never() -> None:
    given, private, early = Ask(), Ask(), Ask()
    given.settle()
    with pytest.raises(Conflict, match="already_answered"):
        given.cancel()
    private.keep_private()
    for forbidden in (private.cancel, private.progress):
        with pytest.raises(Conflict, match="private_answer_at_its_slot"):
            forbidden()
    early.cancel()
    for late in (early.settle, early.keep_private):
        with pytest.raises(QuestionFailed, match="cancelled"):
            late()


def test_an_answer_is_either_given_or_given_up() -> None:
    for _ in range(200):
        ask, told, gate = Ask(), list[str](), threading.Barrier(2)
        moves = ((ask.settle, "given"), (ask.cancel, "given up"))
        pair = [threading.Thread(target=tried, args=(gate, told, *move)) for move in moves]
        for one in pair:
            one.start()
        for one in pair:
            one.join()
        assert len(told) == 1


def test_a_name_is_free_again_once_its_question_ended() -> None:
    asks = Asks()
    with pytest.raises(ZeroDivisionError), asks.open("ses_a", NAME):
        raise ZeroDivisionError
    with pytest.raises(NotFound):
        asks.of("ses_a", NAME)


def tried(gate: threading.Barrier, told: list[str], move: Callable[[], None], name: str) -> None:
    gate.wait()
    try:
        move()
    except (Conflict, QuestionFailed):
        return
    told.append(name)


def billed_count(city: City) -> int:
    with reading(city.platform.engine) as connection:
        return len(connection.execute(select(usage)).all())
