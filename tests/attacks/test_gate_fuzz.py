"""Thousands of made-up questions through the real gate and, where accepted, on two real workers.

The two worlds show their licence the same and hide different rows and columns. No question may
tell them apart by a byte of answer, heading or failure; none may break the service, show an
engine's own words, or reach beyond what is granted.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest

from disclosure.engine.limits import EngineLimits
from disclosure.engine.supervisor import EnginePool, Opener, WorkerKey
from disclosure.gate.nearest import read_question
from disclosure.gate.question import CheckedQuestion, QueryGate
from disclosure.gate.refusals import GateRefused
from disclosure.gate.scope import TableGrant
from disclosure.outcome import FAILURES, QuestionFailed
from tests.attacks.gate_corpus import CANARY, granted_tables
from tests.attacks.gate_fuzzer import TABLES, Grammar
from tests.attacks.test_extract_worker import base, observed, opener_over
from tests.engines import MEBIBYTE, RULES, kill_engine_guests, open_pool
from tests.parts import need_namespaces

pytestmark = need_namespaces
GRANTS = {name: TableGrant(extract=columns) for name, columns in TABLES.items()}
QUESTIONS = 1_500
QUESTIONS_FULL = 50_000
SEED = 20_261_122
ENGINE_WORDS = ("Error:", "LINE 1", "Binder", "Catalog", "Did you mean", "Candidate", "memory.main")

World = tuple[WorkerKey, dict[str, Opener]]


@pytest.fixture(scope="module")
def pool() -> Iterator[EnginePool]:
    """With one thread an answer without ORDER BY has one order, so that bytes can be compared."""
    pool = open_pool(EngineLimits(worker_memory_bytes_max=512 * MEBIBYTE, threads=1))
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    flights = granted_tables()["flights"].to_reader
    return [
        (
            WorkerKey(f"lic_{hidden}", "v1", "rows"),
            {
                "colleges": opener_over(
                    tmp_path_factory.mktemp(hidden), base(hidden, offset, rows)
                ),
                "flights": flights,
            },
        )
        for hidden, offset, rows in ((CANARY, 0, 1), ("other9b", 99, 400))
    ]


def check_refusal(refused: GateRefused, sql: str) -> None:
    way_out = refused.way_out
    shown = f"{refused.message.zh} {refused.message.en} {way_out.en if way_out else ''}"
    assert refused.field, sql
    assert refused.rule, sql
    assert way_out, sql
    assert not [word for word in ENGINE_WORDS if word in shown and word not in sql], sql
    assert CANARY not in shown, sql


def asked(gate: QueryGate, sql: str, seen: Counter[str]) -> CheckedQuestion | None:
    """Ask the gate; whatever it says but a question or a refusal fails the test."""
    try:
        checked, _ = read_question(gate, sql, GRANTS, today=date(2026, 11, 22))
    except GateRefused as refused:
        seen[refused.code] += 1
        seen["nearest forms"] += refused.allowed_sql is not None
        check_refusal(refused, sql)
        return None
    except QuestionFailed as failed:  # the parser worker gave up on it, which is a refusal too
        seen["parser gave up" if failed.message == FAILURES[failed.code] else "engine text"] += 1
        return None
    assert checked.tables <= set(GRANTS), sql
    return checked


def replay(pool: EnginePool, worlds: list[World], sql: str, seen: Counter[str]) -> None:
    first, second = (observed(pool, key, tables, sql) for key, tables in worlds)
    if first != second and b"too_slow" in {first[:8], second[:8]}:  # this machine's load, once more
        first, second = (observed(pool, key, tables, sql) for key, tables in worlds)
    assert first == second, sql
    assert CANARY.encode() not in first, sql
    failed = any(first.startswith(code.encode()) for code in FAILURES)
    seen["failed alike" if failed else "answered alike"] += 1


def fuzz(pool: EnginePool, worlds: list[World], count: int, *, show: bool) -> Counter[str]:
    gate = QueryGate(pool.parse, RULES)
    grammar = Grammar(SEED)
    seen: Counter[str] = Counter()
    started = time.monotonic()
    for number in range(count):
        sql = grammar.question()
        if asked(gate, sql, seen) is not None:
            replay(pool, worlds, sql, seen)
        if show and number % 1_000 == 999:
            took = time.monotonic() - started
            print(f"{number + 1:,} of {count:,} questions, {took:.0f} s")  # noqa: T201 - progress
    return seen


def test_no_made_up_question_tells_two_worlds_apart_or_breaks_anything(
    pool: EnginePool, worlds: list[World]
) -> None:
    seen = fuzz(pool, worlds, QUESTIONS, show=False)
    assert not seen["engine text"]
    assert seen["answered alike"] > QUESTIONS // 8
    assert seen["failed alike"] > QUESTIONS // 40
    assert seen["nearest forms"] > QUESTIONS // 100
    assert len(seen) > 8


@pytest.mark.full
@pytest.mark.timeout(7_200)
def test_nor_do_fifty_thousand(
    pool: EnginePool, worlds: list[World], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        seen = fuzz(pool, worlds, QUESTIONS_FULL, show=True)
        print(dict(seen))  # noqa: T201 - what they came to
    assert not seen["engine text"]
    assert seen["answered alike"] > QUESTIONS_FULL // 8


def test_a_parser_that_dies_refuses_one_question_and_is_replaced(pool: EnginePool) -> None:
    gate = QueryGate(pool.parse, RULES)
    sql = "SELECT name FROM colleges"
    read_question(gate, sql, GRANTS)
    kill_engine_guests("parser")
    with pytest.raises(QuestionFailed) as failed:
        read_question(gate, sql, GRANTS)
    assert failed.value.message == FAILURES["engine_error"]
    read_question(gate, sql, GRANTS)
