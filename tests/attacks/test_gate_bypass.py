"""Two walls, each alone: the gate refuses every forbidden statement without running it, and a
locked worker that holds only the extract has nothing to leak when the gate is off."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from disclosure.engine.supervisor import AnswerCaps, EnginePool, Opener
from disclosure.gate.question import QueryGate
from disclosure.gate.scope import classify
from disclosure.outcome import FAILURES, QuestionFailed, Refused
from tests.attacks.gate_corpus import CANARY, FORBIDDEN, GRANTS, LEGITIMATE, granted_tables
from tests.engines import CAPS, ROWS, RULES, open_pool
from tests.parts import need_namespaces

pytestmark = need_namespaces
SHORT = AnswerCaps(rows_max=10_000, bytes_max=4 << 20, deadline_seconds=0.5)


@pytest.fixture(scope="module")
def pool() -> Iterator[EnginePool]:
    pool = open_pool()
    yield pool
    pool.close()


@pytest.fixture(scope="module", autouse=True)
def canary_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A host file with the canary, under a name that the attacks below reach for."""
    path = tmp_path_factory.mktemp("host") / "secrets.csv"
    path.write_text(f"code\n{CANARY}\n")
    path.chmod(0o644)
    yield path
    path.unlink()


def openers() -> dict[str, Opener]:
    return {name: table.to_reader for name, table in granted_tables().items()}


def run(pool: EnginePool, sql: str, caps: AnswerCaps = SHORT) -> pa.Table:
    return pool.query(ROWS, openers(), sql, caps, person="ps_1")


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_gate_with_its_confined_parser_refuses(pool: EnginePool, name: str) -> None:
    gate = QueryGate(pool.parse, RULES)
    with pytest.raises(Refused):
        classify(gate.check(FORBIDDEN[name], GRANTS), GRANTS)


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_worker_without_any_gate_shows_nothing_hidden(
    pool: EnginePool, name: str, canary_file: Path
) -> None:
    sql = FORBIDDEN[name].replace("/etc/passwd", str(canary_file))
    shown = shown_by(pool, sql)
    assert CANARY not in shown
    assert "root:" not in shown
    assert str(canary_file.parent) not in shown or str(canary_file) in sql


def shown_by(pool: EnginePool, sql: str) -> str:
    """All that a person could see of an answer: headings, rows and metadata, or the failure."""
    try:
        answer = run(pool, sql)
    except QuestionFailed as failed:
        return "" if failed.message == FAILURES[failed.code] else f"{CANARY} {failed}"
    return f"{answer.column_names} {answer.to_pylist()} {answer.schema.metadata}"


@pytest.mark.parametrize("sql", LEGITIMATE)
def test_legitimate_statement_runs_on_the_extract(pool: EnginePool, sql: str) -> None:
    QueryGate(pool.parse, RULES).check(sql, GRANTS)
    assert run(pool, sql, CAPS).num_columns >= 1


def test_nothing_an_attack_did_outlives_it(pool: EnginePool) -> None:
    for name in ("create_table", "create_macro", "drop", "insert", "attach_memory", "set"):
        with pytest.raises(QuestionFailed):
            run(pool, FORBIDDEN[name] + "; SELECT 1")
    answer = pool.query(ROWS, openers(), "SELECT count(*) AS n FROM colleges", CAPS, person="ps_2")
    assert answer.to_pylist() == [{"n": 4}]
