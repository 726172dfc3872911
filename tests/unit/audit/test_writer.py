import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import OperationalError

from audit.events import AuditEvent, PendingEntry, no_effect
from audit.notes import open_checkpoint
from audit.proofs import verify_receipt
from audit.reading import (
    consistency_between,
    current_checkpoint,
    entry_at,
    private_of,
    read_entries,
    receipt_for,
)
from audit.store import entry_private
from audit.tags import EntryKind
from audit.tree import leaf_hash, verify_consistency
from audit.writer import GroupCommitWriter
from foundation.canonical import salted_commitment
from foundation.db import reading
from foundation.errors import Conflict, InvalidInput, Message, NotFound, Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import START_US, SteppedClock

OpenWriter = Callable[..., GroupCommitWriter]
CREATE = "CREATE TABLE purse (owner TEXT PRIMARY KEY, fen INTEGER CHECK (fen >= 0))"


def pay(connection: Connection, entry: PendingEntry) -> int:
    connection.execute(text("INSERT INTO purse VALUES (:owner, 1)"), {"owner": str(entry.index)})
    entry.amend(fen=1)
    return entry.index


def refuse(connection: Connection, _entry: PendingEntry) -> None:
    connection.execute(text("INSERT INTO purse VALUES ('refused', 5)"))
    raise Conflict("nothing_left", Message("没有余额", "Nothing is left"))


def purses(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(text("SELECT owner FROM purse ORDER BY owner")).scalars())


@pytest.fixture
def purse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(CREATE))


def hold_back(release: threading.Event) -> Callable[[str], None]:
    """Hold the writer before a batch, so that several submissions share the next one."""

    def fault(point: str) -> None:
        if point == "before_batch":
            release.wait(10)

    return fault


def fail_at(point: str, times: int = 1) -> Callable[[str], None]:
    left = [times]

    def fault(reached: str) -> None:
        if reached == point and left[0]:
            left[0] -= 1
            raise OSError(28, "No space left on device")

    return fault


def submit_together(
    writer: GroupCommitWriter,
    event: AuditEvent,
    effects: list[Callable[[Connection, PendingEntry], object]],
) -> list[object]:
    results: list[object] = [None] * len(effects)

    def submit(place: int) -> None:
        try:
            results[place] = writer.submit(event, effects[place])
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error

    threads = [threading.Thread(target=submit, args=(i,)) for i in range(len(effects))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


@pytest.mark.usefixtures("purse")
def test_a_refused_effect_leaves_no_entry_and_no_trace(
    writer: GroupCommitWriter, engine: Engine, event: AuditEvent
) -> None:
    with pytest.raises(Conflict) as refusal:
        writer.submit(event, refuse)
    assert refusal.value.code == "nothing_left"
    assert purses(engine) == []
    assert writer.submit(event, pay).index == 0
    assert purses(engine) == ["0"]


@pytest.mark.usefixtures("purse")
def test_refusals_in_a_batch_roll_back_alone_and_use_no_index(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent
) -> None:
    release = threading.Event()
    writer = open_writer(hold_back(release))
    first = threading.Thread(target=writer.submit, args=(event, pay))
    first.start()
    results: list[object] = []
    others = threading.Thread(
        target=lambda: results.extend(
            submit_together(writer, event, [pay, refuse, pay, refuse, pay])
        )
    )
    others.start()
    release.set()
    first.join(20)
    others.join(20)
    refused = [item for item in results if isinstance(item, Conflict)]
    kept = [item for item in results if not isinstance(item, Exception)]
    assert len(refused) == 2
    assert sorted(item.index for item in kept) == [1, 2, 3]  # type: ignore[attr-defined]
    assert purses(engine) == ["0", "1", "2", "3"]


def test_a_body_too_long_for_a_log_entry_is_refused(
    writer: GroupCommitWriter,
) -> None:
    event = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, {"note": "x" * 70_000})
    with pytest.raises(InvalidInput) as refusal:
        writer.submit(event, no_effect)
    assert refusal.value.code == "entry_too_large"


def test_an_effect_cannot_wait_for_itself(writer: GroupCommitWriter, event: AuditEvent) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        writer.submit(event, lambda _connection, _entry: writer.submit(event, no_effect))


def test_a_closed_writer_refuses(writer: GroupCommitWriter, event: AuditEvent) -> None:
    writer.close()
    writer.close()
    with pytest.raises(Unavailable) as refusal:
        writer.submit(event, no_effect)
    assert refusal.value.code == "log_closed"


@pytest.mark.usefixtures("purse")
@pytest.mark.parametrize("point", ["before_batch", "after_apply", "before_commit"])
def test_a_failing_commit_fails_every_caller_and_the_writer_recovers(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent, point: str
) -> None:
    writer = open_writer(fail_at(point))
    with pytest.raises(Unavailable) as refusal:
        writer.submit(event, pay)
    assert refusal.value.code == "log_unavailable"
    assert purses(engine) == []
    assert writer.submit(event, pay).index == 0
    assert purses(engine) == ["0"]


@pytest.mark.usefixtures("purse")
def test_a_full_disk_fails_every_waiting_caller(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent
) -> None:
    writer = open_writer()
    writer.submit(event, pay)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def fill(connection: Connection, _entry: PendingEntry) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.exec_driver_sql("CREATE TABLE ballast AS SELECT zeroblob(1000000) AS b")

    results = submit_together(writer, event, [fill, pay, fill])
    failed = [item for item in results if isinstance(item, Unavailable | OperationalError)]
    assert len(failed) >= 2
    assert writer.submit(event, pay).index == len(purses(engine)) - 1


@pytest.mark.usefixtures("purse")
def test_a_commit_of_unknown_outcome_is_settled_by_reading_the_head(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent
) -> None:
    writer = open_writer(fail_at("after_commit"))
    recorded = writer.submit(event, pay)
    assert recorded.index == 0
    assert writer.submit(event, pay).index == 1
    assert purses(engine) == ["0", "1"]


@pytest.mark.usefixtures("purse")
def test_no_caller_hears_of_an_entry_that_the_head_file_does_not_hold(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent, tmp_path: Path
) -> None:
    writer = open_writer(fail_at("before_head"))
    with pytest.raises(Unavailable):
        writer.submit(event, pay)
    assert purses(engine) == ["0"]
    assert writer.submit(event, pay).index == 1
    assert (tmp_path / "head").read_text(encoding="utf-8") == writer.head()


def test_an_error_beyond_all_exceptions_still_frees_the_caller(
    open_writer: OpenWriter, event: AuditEvent
) -> None:
    def leave(_connection: Connection, _entry: PendingEntry) -> None:
        raise SystemExit

    writer = open_writer()
    with pytest.raises(Unavailable):
        writer.submit(event, leave)
    assert writer.submit(event, no_effect).index == 0


def test_a_log_has_one_writer(open_writer: OpenWriter) -> None:
    open_writer()
    with pytest.raises(Unavailable) as refusal:
        open_writer()
    assert refusal.value.code == "log_writer_running"


def test_a_receipt_proves_the_entry_before_the_caller_goes_on(
    writer: GroupCommitWriter, engine: Engine, event: AuditEvent
) -> None:
    for index in range(5):
        recorded = writer.submit(event, no_effect)
        assert verify_receipt(recorded.receipt, recorded.leaf_hash, writer.verifier_key) == index
        with reading(engine) as connection:
            stored = entry_at(connection, index)
            assert current_checkpoint(connection) == writer.head()
        assert stored.leaf_hash == recorded.leaf_hash == leaf_hash(stored.body)
    head = open_checkpoint(writer.head(), writer.verifier_key)
    assert head.size == 5


def test_receipts_hold_across_the_edge_of_a_tile(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent
) -> None:
    writer = open_writer()
    effects: list[Callable[[Connection, PendingEntry], object]] = [no_effect] * 30
    notes = [writer.head()]
    for _ in range(18):
        for recorded in submit_together(writer, event, effects):
            verify_receipt(recorded.receipt, recorded.leaf_hash, writer.verifier_key)  # type: ignore[attr-defined]
        notes.append(writer.head())
    writer.close()
    with open_writer() as again:
        assert again.submit(event, no_effect).index == 540
        key = again.verifier_key
    heads = [open_checkpoint(note, key) for note in notes]
    with reading(engine) as connection:
        for index in (0, 255, 256, 511, 512, 540):
            leaf = entry_at(connection, index).leaf_hash
            assert verify_receipt(receipt_for(connection, index), leaf, key) == index
        for old in heads:
            proof = consistency_between(connection, old.size, heads[-1].size)
            assert verify_consistency(old.size, heads[-1].size, proof, old.root, heads[-1].root)


def test_time_never_runs_backwards(
    writer: GroupCommitWriter, clock: SteppedClock, event: AuditEvent
) -> None:
    assert writer.submit(event, no_effect).time_us == START_US
    clock.advance(-5_000_000)
    assert writer.submit(event, no_effect).time_us == START_US
    clock.advance(6_000_000)
    assert writer.submit(event, no_effect).time_us == START_US + 1_000_000


def test_private_fields_are_commitments_and_lie_sealed_beside_the_log(
    writer: GroupCommitWriter, engine: Engine, event: AuditEvent, keys: FileKeyStore
) -> None:
    writer.submit(event, no_effect)
    with reading(engine) as connection:
        stored, hidden = entry_at(connection, 0), private_of(connection, 0, keys)["sql"]
        row = connection.execute(select(entry_private)).one()
    assert hidden.text == "SELECT 1"
    assert b"SELECT" not in stored.body
    assert b"SELECT" not in row.sealed
    commitment = salted_commitment(hidden.salt, hidden.text.encode())
    assert stored.content["private"] == {"sql": commitment}


@pytest.mark.usefixtures("purse")
def test_amended_fields_stand_in_the_body_with_kind_actor_index_and_time(
    writer: GroupCommitWriter, engine: Engine, event: AuditEvent
) -> None:
    writer.submit(event, pay)
    with reading(engine) as connection:
        content = entry_at(connection, 0).content
    assert content["public"]["fen"] == 1
    assert content["index"] == 0
    assert content["time_us"] == START_US
    assert content["kind"] == "query:question:decided"
    assert content["actor"]["person"] == "system"
    assert len(bytes.fromhex(content["nonce"])) == 16


def test_entries_are_found_by_place_kind_and_subject(
    writer: GroupCommitWriter, engine: Engine, event: AuditEvent
) -> None:
    other = AuditEvent(EntryKind.PERIOD_OPENED, SYSTEM_ACTOR, {"period": "2026-11", "licence": 7})
    for item in (event, other, event):
        writer.submit(item, no_effect)
    with reading(engine) as connection:

        def found(**filters: object) -> list[int]:
            return [item.index for item in read_entries(connection, **filters)]  # type: ignore[arg-type]

        assert found() == [0, 1, 2]
        assert found(newest_first=True, limit=2) == [2, 1]
        assert found(first=1, end=2) == [1]
        assert found(kinds=[EntryKind.PERIOD_OPENED]) == [1]
        assert found(subjects={"licence": "lic_a", "dataset": "colleges"}) == [0, 2]
        assert found(subjects={"dataset": "households"}) == []
        assert found(subjects={"person": "system"}) == [0, 1, 2]
        assert read_entries(connection)[1].public == {"period": "2026-11", "licence": 7}
        with pytest.raises(NotFound):
            entry_at(connection, 3)
        with pytest.raises(NotFound):
            receipt_for(connection, 3)


def test_an_effect_sees_the_entries_that_precede_it_in_its_batch(
    open_writer: OpenWriter, event: AuditEvent
) -> None:
    def count(connection: Connection, entry: PendingEntry) -> bool:
        seen = connection.execute(text("SELECT count(*) FROM entry")).scalar_one()
        return bool(seen == entry.index)

    writer = open_writer()
    results = submit_together(writer, event, [no_effect, count, count, no_effect, count])
    assert all(item.value in {None, True} for item in results)  # type: ignore[attr-defined]


def test_bodies_are_canonical_json(
    writer: GroupCommitWriter, engine: Engine, event: AuditEvent
) -> None:
    writer.submit(event, no_effect)
    with reading(engine) as connection:
        body = entry_at(connection, 0).body
    content = json.loads(body)
    text_again = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert body == text_again.encode()
