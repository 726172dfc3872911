"""The pool over real confined workers: warm, bounded, ordered, clean between people."""

import contextlib
import threading
from collections.abc import Iterator
from typing import NoReturn

import pyarrow as pa
import pytest

from disclosure.engine.limits import EngineLimits
from disclosure.engine.loading import TableSource
from disclosure.engine.supervisor import AnswerCaps, EnginePool, Opener, WorkerKey
from disclosure.outcome import QuestionFailed
from foundation.errors import Message, Unavailable
from tests.engines import CAPS, MEBIBYTE, ROWS, open_pool
from tests.fakes import SteppedClock
from tests.parts import need_namespaces

pytestmark = need_namespaces
ROW_COUNT = 300_000


class CountedTable:
    """A table that counts how often it was opened."""

    def __init__(self) -> None:
        places = pa.array(range(ROW_COUNT), pa.int64())
        self.table = pa.table({"place": places, "name": pa.array(["n"] * ROW_COUNT)})
        self.opened = 0

    def open(self) -> pa.RecordBatchReader:
        self.opened += 1
        return self.table.to_reader(max_chunksize=10_000)


def tables_of(counted: CountedTable) -> dict[str, Opener]:
    return {"rows": counted.open}


@pytest.fixture
def pool() -> Iterator[EnginePool]:
    pool = open_pool()
    yield pool
    pool.close()


def test_nothing_runs_where_isolation_is_missing() -> None:
    def no_isolation(_confinement: object) -> NoReturn:
        raise Unavailable("isolation_unavailable", Message("无", "none"))

    pool = EnginePool(
        open_pool()._environment,
        EngineLimits(),
        SteppedClock(),
        no_isolation,
    )
    with pytest.raises(Unavailable, match="isolation_unavailable"):
        pool.parse("SELECT 1")
    with pytest.raises(Unavailable, match="isolation_unavailable"):
        pool.query(ROWS, {}, "SELECT 1", CAPS, person="ps_1")
    pool.close()


def test_rows_come_in_the_order_they_were_loaded_and_load_once(pool: EnginePool) -> None:
    counted = CountedTable()
    sql = "SELECT place FROM rows LIMIT 10000"
    first = pool.query(ROWS, tables_of(counted), sql, CAPS, person="ps_1")
    assert first.column("place").to_pylist() == list(range(10_000))
    again = pool.query(ROWS, tables_of(counted), sql, CAPS, person="ps_2")
    assert again.equals(first)
    assert counted.opened == 1


def test_tables_are_loaded_as_they_are_needed(pool: EnginePool) -> None:
    first, second = CountedTable(), CountedTable()
    pool.query(ROWS, {"rows": first.open}, "SELECT 1", CAPS, person="ps_1")
    both = {"rows": first.open, "more": second.open}
    sql = "SELECT count(*) AS n FROM rows JOIN more USING (place)"
    answer = pool.query(ROWS, both, sql, CAPS, person="ps_1")
    assert answer.to_pylist() == [{"n": ROW_COUNT}]
    assert (first.opened, second.opened) == (1, 1)


def test_what_one_person_left_in_a_session_the_next_does_not_find(pool: EnginePool) -> None:
    tables = tables_of(CountedTable())
    pool.query(ROWS, tables, "SET VARIABLE mine = 'left'", CAPS, person="ps_1")
    answer = pool.query(ROWS, tables, "SELECT getvariable('mine') AS v", CAPS, person="ps_2")
    assert answer.to_pylist() == [{"v": None}]


def test_the_least_recently_used_worker_makes_room() -> None:
    pool = open_pool(EngineLimits(workers_max=2, worker_memory_bytes_max=512 * MEBIBYTE))
    keys = [WorkerKey(f"lic_{name}", "v1", "rows") for name in "abc"]
    try:
        for key in (keys[0], keys[1], keys[0], keys[2]):
            pool.query(key, {}, "SELECT 1", CAPS, person="ps_1")
        assert pool.warm_keys() == {keys[0], keys[2]}
    finally:
        pool.close()


def test_a_worker_that_is_kept_ends_for_nobody_else_between_two_statements() -> None:
    pool = open_pool(EngineLimits(workers_max=1, worker_memory_bytes_max=512 * MEBIBYTE))
    other, table = WorkerKey("lic_b", "v1", "rows"), CountedTable()
    try:
        with pool.keeping(ROWS):
            pool.query(ROWS, tables_of(table), "SELECT 1", CAPS, person="ps_1")
            with pytest.raises(Unavailable, match="engine_busy"):
                pool.query(other, {}, "SELECT 1", CAPS, person="ps_1")
            pool.query(ROWS, tables_of(table), "SELECT 1", CAPS, person="ps_1")
        assert table.opened == 1
        pool.query(other, {}, "SELECT 1", CAPS, person="ps_1")
        assert pool.warm_keys() == {other}
    finally:
        pool.close()


def test_a_full_pool_of_busy_workers_says_so() -> None:
    pool = open_pool(EngineLimits(workers_max=1, worker_memory_bytes_max=512 * MEBIBYTE))
    pool.query(ROWS, {}, "SELECT 1", CAPS, person="ps_1")
    busy = threading.Thread(target=ask_for_long, args=[pool])
    busy.start()
    try:
        while not pool._slots[ROWS].turn.locked():
            pass
        with pytest.raises(Unavailable, match="engine_busy"):
            pool.query(WorkerKey("lic_b", "v1", "rows"), {}, "SELECT 1", CAPS, person="ps_1")
    finally:
        pool.drop(ROWS.licence)
        busy.join()
        pool.close()


def ask_for_long(pool: EnginePool) -> None:
    with pytest.raises(QuestionFailed):
        pool.query(ROWS, {}, "SELECT count(*) FROM range(1000000000000)", CAPS, person="ps_1")


def test_several_people_ask_one_worker_at_once(pool: EnginePool) -> None:
    counted = CountedTable()
    found: list[int] = []

    def ask(person: str) -> None:
        sql = "SELECT sum(place) AS s FROM rows"
        answer = pool.query(ROWS, tables_of(counted), sql, CAPS, person=person)
        found.append(int(answer.column("s")[0].as_py()))

    threads = [threading.Thread(target=ask, args=[f"ps_{place}"]) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [ROW_COUNT * (ROW_COUNT - 1) // 2] * 6
    assert counted.opened == 1


def test_nothing_of_the_engines_memory_lies_beneath_nulls(pool: EnginePool) -> None:
    sql = "SELECT TRY_CAST(name AS INTEGER) AS a, NULLIF(place, 7) AS b FROM rows LIMIT 10"
    answer = pool.query(ROWS, tables_of(CountedTable()), sql, CAPS, person="ps_1")
    nulls, one_null = (column.chunk(0).buffers()[1].to_pybytes() for column in answer.columns)
    assert set(nulls) == {0}
    assert one_null[56:64] == bytes(8)
    assert answer.schema.metadata is None


def test_a_table_that_breaks_while_it_is_sent_is_never_asked(pool: EnginePool) -> None:
    def broken() -> pa.RecordBatchReader:
        table = CountedTable().table

        def batches() -> Iterator[pa.RecordBatch]:
            yield from table.to_batches(max_chunksize=1_000)[:3]
            raise RuntimeError("the file ended early")

        return pa.RecordBatchReader.from_batches(table.schema, batches())

    for _ in range(2):
        with pytest.raises(QuestionFailed) as failed:
            pool.query(ROWS, {"rows": broken}, "SELECT count(*) FROM rows", CAPS, person="ps_1")
        assert failed.value.code == "engine_error"
    assert pool.warm_keys() == frozenset()


def test_nested_answers_are_refused(pool: EnginePool) -> None:
    with pytest.raises(QuestionFailed, match="engine_error"):
        pool.query(ROWS, {}, "SELECT [1, 2] AS a", CAPS, person="ps_1")


class CountedColumns:
    """A table that says which columns were asked of it, each time."""

    def __init__(self, rows: int = ROW_COUNT) -> None:
        places = pa.array(range(rows), pa.int64())
        days = pa.array([place * 7 % 1_000 for place in range(rows)], pa.int32())
        self.table = pa.table(
            {"place": places, "day": days.cast(pa.date32()), "name": pa.array(["n"] * rows)}
        )
        self.asked: list[tuple[str, ...]] = []

    def source(self, *needed: str, each_bytes: int = 1_000) -> TableSource:
        sizes = dict.fromkeys(self.table.column_names, each_bytes)
        return TableSource(self._open, sizes, frozenset(needed), "day")

    def _open(self, columns: tuple[str, ...]) -> pa.RecordBatchReader:
        self.asked.append(columns)
        return self.table.select(list(columns)).to_reader(max_chunksize=10_000)


def test_only_the_columns_that_questions_need_are_streamed(pool: EnginePool) -> None:
    counted = CountedColumns()
    asked = (
        ("SELECT count(*) AS n FROM rows", ()),
        ("SELECT sum(place) AS n FROM rows", ("place",)),
        ("SELECT count(name) AS n FROM rows WHERE day IS NOT NULL", ("day", "name")),
        ("SELECT sum(place) AS n FROM rows", ("place",)),
    )
    for sql, needed in asked:
        pool.query(ROWS, {"rows": counted.source(*needed)}, sql, CAPS, person="ps_1")
    assert counted.asked == [("place",), ("place", "day", "name")]


def test_rows_are_laid_out_by_the_shown_date_where_it_is_loaded(pool: EnginePool) -> None:
    counted = CountedColumns()
    sql = "SELECT day FROM rows LIMIT 10000"
    answer = pool.query(ROWS, {"rows": counted.source("day")}, sql, CAPS, person="ps_1")
    days = answer.column("day").to_pylist()
    assert days == sorted(days)


def test_what_cannot_fit_is_refused_before_a_row_is_read(pool: EnginePool) -> None:
    counted = CountedColumns()
    large = counted.source("place", "name", each_bytes=400 * MEBIBYTE)
    for kind, code in (("rows", "out_of_memory"), ("aggregate", "engine_error")):
        key = WorkerKey("lic_a", "v1", "rows" if kind == "rows" else "aggregate")
        with pytest.raises(QuestionFailed, match=code):
            pool.query(key, {"rows": large}, "SELECT 1", CAPS, person="ps_1")
    assert counted.asked == []
    small = {"rows": counted.source("day")}
    sql = "SELECT count(day) AS n FROM rows"
    answer = pool.query(ROWS, small, sql, CAPS, person="ps_1")
    assert answer.to_pylist() == [{"n": ROW_COUNT}]


def test_a_table_larger_than_the_engines_memory_is_loaded_by_spilling_inside_the_limit() -> None:
    names = pa.array([f"{place:0100d}" for place in range(100_000)])
    batch = pa.record_batch([names], names=["name"])

    def rows() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(batch.schema, (batch for _ in range(60)))

    rows_bytes = 60 * batch.nbytes
    sql = "SELECT count(*) AS n FROM rows"
    caps = AnswerCaps(rows_max=10, bytes_max=1 << 20, deadline_seconds=60.0)
    pool = open_pool(EngineLimits(worker_memory_bytes_max=1024 * MEBIBYTE, workers_max=2))
    assert pool._limits.engine_bytes("rows") < rows_bytes
    try:
        answer = pool.query(ROWS, {"rows": rows}, sql, caps, person="ps_1")
    finally:
        pool.close()
    assert answer.to_pylist() == [{"n": 6_000_000}]


def test_a_worker_whose_spill_holds_anothers_file_is_not_handed_on(pool: EnginePool) -> None:
    tables = tables_of(CountedTable())
    pool.query(ROWS, tables, "SELECT 1", CAPS, person="ps_1")
    copied = "COPY (SELECT 'left' AS note) TO '/spill/note.csv'"
    with contextlib.suppress(QuestionFailed):  # the gate lets no COPY through; here it is off
        pool.query(ROWS, tables, copied, CAPS, person="ps_1")
    with pytest.raises(QuestionFailed, match="engine_error"):
        pool.query(ROWS, tables, "SELECT 1", CAPS, person="ps_2")
    read = "SELECT count(*) AS n FROM glob('/spill/*.csv')"
    answer = pool.query(ROWS, tables, read, CAPS, person="ps_2")
    assert answer.to_pylist() == [{"n": 0}]
