"""A worker that holds a governed extract: the strongest property, and every way to hurt it.

Two bases that differ only in what the licence hides give answers, headings and failures that are
equal byte for byte, for every accepted and every forbidden statement, with the gate off.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from authorization.documents import AccessMode, Grant, RowFilter
from catalog.datasets import Column, ColumnType, DatasetDeclaration, Exposure, Grade, Mask, MaskKind
from disclosure.engine.limits import EngineLimits
from disclosure.engine.supervisor import AnswerCaps, EnginePool, Opener, WorkerKey
from disclosure.extracts import build_extract, licence_pseudonym_key, open_extract, plan_extract
from disclosure.outcome import QuestionFailed
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.masks import MaskRules
from tests.attacks.gate_corpus import CANARY, LEGITIMATE, granted_tables
from tests.engines import CAPS, MEBIBYTE, ROWS, kill_engine_guests, open_pool
from tests.parts import need_namespaces

pytestmark = need_namespaces
MASKS = load_policies().rules(MaskRules)
SHORT = AnswerCaps(rows_max=10_000, bytes_max=4 * MEBIBYTE, deadline_seconds=1.0)

# Statements that try to bring hidden values out through values, errors, order or resources.
PROBES = (
    "SELECT * FROM colleges",
    "SELECT name, rowid FROM colleges",
    "SELECT secret FROM colleges",
    "SELECT colleges FROM colleges",
    "SELECT CAST(name AS INTEGER) FROM colleges",
    "SELECT CAST(code AS INTEGER) FROM colleges",
    "SELECT error(code || name) FROM colleges",
    "SELECT 1 / (students - 100) FROM colleges",
    "SELECT students * 9223372036854775807 FROM colleges",
    "SELECT strptime(name, '%Y') FROM colleges",
    "SELECT regexp_matches(name, code || '(') FROM colleges",
    "SELECT (SELECT name FROM colleges) FROM colleges",
    "SUMMARIZE colleges",
    "DESCRIBE colleges",
    "SELECT * FROM pragma_storage_info('colleges')",
    "SELECT * FROM duckdb_tables()",
    "SELECT estimated_size FROM duckdb_tables()",
    "SELECT * FROM duckdb_columns() WHERE NOT internal",
    "SELECT stats(students) FROM colleges",
    "EXPLAIN SELECT * FROM colleges WHERE name = 'x'",
    "SELECT * FROM query_table('colleges')",
    "SELECT * FROM secrets",
    "SELECT * FROM main.sandgate_incoming",
)

COLUMNS = ("code", "name", "state", "students", "tuition", "secret")
DECLARATION = DatasetDeclaration(
    name="colleges",
    entry="ent_x",
    label_zh="院校",
    label_en="Colleges",
    subject="organisation",
    columns=tuple(
        Column(
            name=name,
            type=ColumnType.INTEGER if name in {"students", "tuition"} else ColumnType.TEXT,
            label_zh=name,
            label_en=name,
            grade=Grade.L1,
            exposure=Exposure.NEVER if name == "secret" else Exposure.ROWS,
            mask={
                "code": Mask(kind=MaskKind.NULL),
                "students": Mask(kind=MaskKind.GENERALISE, step=100),
            }.get(name, Mask()),
        )
        for name in COLUMNS
    ),
)
GRANT = Grant(
    dataset="colleges",
    modes=(AccessMode.ROWS,),
    columns=COLUMNS,
    row_filters=(RowFilter(column="state", values=("AK", "AL")),),
)


def base(hidden: str, offset: int, hidden_rows: int) -> pa.Table:
    """A base whose visible part is the same for any arguments."""
    rows = 40
    visible = {
        "code": [f"{hidden}{place}" for place in range(rows)],
        "name": [f"n{place}" for place in range(rows)],
        "state": ["AK" if place % 3 else "AL" for place in range(rows)],
        "students": [place * 100 + offset for place in range(rows)],
        "tuition": list(range(rows)),
        "secret": [hidden] * rows,
    }
    filtered = {
        "code": [hidden] * hidden_rows,
        "name": [hidden] * hidden_rows,
        "state": ["ZZ"] * hidden_rows,
        "students": pa.array([7] * hidden_rows, pa.int64()),
        "tuition": pa.array([7] * hidden_rows, pa.int64()),
        "secret": [hidden] * hidden_rows,
    }
    return pa.concat_tables([pa.table(filtered), pa.table(visible)])


class SameKeys(FileKeyStore):
    """A key store whose data keys are known, so that two builds can be compared."""

    def _fresh_key(self) -> bytes:
        return b"7" * 32


def opener_over(directory: Path, table: pa.Table) -> Opener:
    keys = SameKeys(directory / "keys")
    extract = build_extract(
        plan_extract(DECLARATION, GRANT, MASKS),
        table.to_batches(max_chunksize=7),
        path=directory / "extract.parquet",
        keys=keys,
        key_name="extract.x",
        pseudonym_key=licence_pseudonym_key(keys, "lic_x"),
        rules=MASKS,
    )
    return lambda: open_extract(extract.path, keys.data_key(extract.key_name))


@pytest.fixture
def pool() -> Iterator[EnginePool]:
    pool = open_pool()
    yield pool
    pool.close()


def observed(pool: EnginePool, key: WorkerKey, tables: dict[str, Opener], sql: str) -> bytes:
    try:
        answer = pool.query(key, tables, sql, CAPS, person="ps_1")
    except QuestionFailed as failed:
        return f"{failed.code} {failed.message} {failed.way_out}".encode()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, answer.schema) as stream:
        stream.write_table(answer)
    return bytes(sink.getvalue())


@pytest.fixture
def single_threaded_pool() -> Iterator[EnginePool]:
    """With one thread an answer without ORDER BY has one order, so that bytes can be compared."""
    pool = open_pool(EngineLimits(worker_memory_bytes_max=512 * MEBIBYTE, threads=1))
    yield pool
    pool.close()


def test_two_bases_that_differ_only_in_hidden_values_are_told_apart_by_nothing(
    single_threaded_pool: EnginePool, tmp_path: Path
) -> None:
    pool = single_threaded_pool
    flights = granted_tables()["flights"].to_reader
    bases = (base(CANARY, 0, 1), base("other9b", 99, 400))
    worlds = [
        (
            WorkerKey(f"lic_{place}", "v1", "rows"),
            {"colleges": opener_over(tmp_path / str(place), table), "flights": flights},
        )
        for place, table in enumerate(bases)
    ]
    answered = 0
    for sql in (*PROBES, *LEGITIMATE):
        first, second = (observed(pool, key, tables, sql) for key, tables in worlds)
        assert first == second, sql
        assert CANARY.encode() not in first
        answered += not first.startswith(b"engine_error")
    assert answered > 30


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT CAST(name AS INTEGER) FROM colleges", "engine_error"),
        ("SELECT nothing FROM colleges", "engine_error"),
        ("SELECT list(a.name) FROM colleges a, range(100000000)", "any"),
        ("SELECT count(*) FROM range(1000000000000)", "too_slow"),
        ("SELECT range(1000000000)", "any"),
        ("SELECT * FROM range(100000)", "too_large"),
        ("SELECT repeat('x', 8000000)", "too_large"),
    ],
)
def test_bombs_and_errors_end_in_one_fixed_code_soon_after_the_deadline(
    pool: EnginePool, sql: str, code: str
) -> None:
    tables = {"colleges": granted_tables()["colleges"].to_reader}
    pool.query(ROWS, tables, "SELECT 1", CAPS, person="ps_1")
    start = time.monotonic()
    with pytest.raises(QuestionFailed) as failed:
        pool.query(ROWS, tables, sql, SHORT, person="ps_1")
    assert time.monotonic() - start < SHORT.deadline_seconds + 20
    assert code in {failed.value.code, "any"}
    assert "c1" not in f"{failed.value} {failed.value.message}"
    after = pool.query(ROWS, tables, "SELECT count(*) AS n FROM colleges", CAPS, person="ps_1")
    assert after.to_pylist() == [{"n": 4}]


def test_an_aggregate_worker_has_one_code_for_every_failure(pool: EnginePool) -> None:
    key = WorkerKey("lic_a", "v1", "aggregate")
    tables = {"colleges": granted_tables()["colleges"].to_reader}
    for sql in (
        "SELECT CAST(name AS INTEGER) FROM colleges",
        "SELECT list(a.name) FROM colleges a, range(100000000)",
        "SELECT count(*) FROM range(1000000000000)",
        "SELECT * FROM range(100000)",
    ):
        with pytest.raises(QuestionFailed) as failed:
            pool.query(key, tables, sql, SHORT, person="ps_1")
        assert failed.value.code == "engine_error"


def test_a_killed_worker_gives_the_same_code_and_is_replaced(pool: EnginePool) -> None:
    tables = {"colleges": granted_tables()["colleges"].to_reader}
    pool.query(ROWS, tables, "SELECT 1", CAPS, person="ps_1")
    kill_engine_guests("rows")
    with pytest.raises(QuestionFailed) as failed:
        pool.query(ROWS, tables, "SELECT 1", CAPS, person="ps_1")
    assert failed.value.code == "engine_error"
    answer = pool.query(ROWS, tables, "SELECT count(*) AS n FROM colleges", CAPS, person="ps_1")
    assert answer.to_pylist() == [{"n": 4}]


def test_drop_kills_in_the_middle_of_a_question(pool: EnginePool) -> None:
    tables = {"colleges": granted_tables()["colleges"].to_reader}
    other = WorkerKey("lic_b", "v1", "rows")
    for key in (ROWS, other):
        pool.query(key, tables, "SELECT 1", CAPS, person="ps_1")
    timer = threading.Timer(0.3, pool.drop, [ROWS.licence])
    timer.start()
    start = time.monotonic()
    with pytest.raises(QuestionFailed):
        pool.query(ROWS, tables, "SELECT count(*) FROM range(1000000000000)", CAPS, person="ps_1")
    assert time.monotonic() - start < 20
    timer.join()
    assert pool.warm_keys() == {other}


def test_the_parser_survives_whatever_breaks_it(pool: EnginePool) -> None:
    for sql in ("SELECT '\ud800'", "(" * 60_000, "SELECT " + "- " * 30_000 + "1", "\0"):
        try:
            pool.parse(sql)
        except QuestionFailed as failed:
            assert failed.code == "engine_error"  # noqa: PT017 - any answer will do
    assert pool.parse("SELECT 1").canonical_sql == "SELECT 1"


def test_a_small_worker_cannot_be_overfilled_by_its_load() -> None:
    pool = open_pool(EngineLimits(worker_memory_bytes_max=160 * MEBIBYTE))
    big = pa.table({"name": ["x" * 100] * 3_000_000})
    try:
        with pytest.raises(QuestionFailed) as failed:
            pool.query(ROWS, {"colleges": big.to_reader}, "SELECT 1", CAPS, person="ps_1")
        assert failed.value.code in {"out_of_memory", "engine_error"}
        assert pool.warm_keys() == frozenset()
    finally:
        pool.close()
