import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from audit.events import AuditEvent, no_effect
from audit.notes import Checkpoint, HeldKey, sign_note
from audit.tree import leaf_hash
from audit.writer import GroupCommitWriter
from foundation.errors import Unavailable
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock

OpenWriter = Callable[..., GroupCommitWriter]


def test_a_restored_backup_is_refused_at_start(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent, tmp_path: Path
) -> None:
    with open_writer() as writer:
        writer.submit(event, no_effect)
    engine.dispose()
    backup = tmp_path / "backup.db"
    shutil.copy(tmp_path / "control.db", backup)
    with open_writer() as writer:
        writer.submit(event, no_effect)
    engine.dispose()
    for leftover in tmp_path.glob("control.db*"):
        leftover.unlink()
    shutil.copy(backup, tmp_path / "control.db")
    with pytest.raises(Unavailable) as refusal:
        open_writer()
    assert refusal.value.code == "log_behind_head"
    (tmp_path / "head").unlink()
    with pytest.raises(Unavailable) as refusal:
        open_writer()
    assert refusal.value.code == "log_head_missing"


def test_a_head_of_another_history_is_refused_at_start(
    open_writer: OpenWriter, event: AuditEvent, tmp_path: Path, keys: FileKeyStore
) -> None:
    with open_writer() as writer:
        writer.submit(event, no_effect)
        writer.submit(event, no_effect)
        key = writer.verifier_key
    with pytest.raises(Unavailable) as refusal:
        open_writer(origin="other.example/log")
    assert refusal.value.code == "log_checkpoint_invalid"
    fork = Checkpoint(key.name, 1, leaf_hash(b"another history"))
    signed = sign_note(fork.text(), [HeldKey(key, lambda data: keys.sign("log", data))])
    (tmp_path / "head").write_text(signed, encoding="utf-8")
    with pytest.raises(Unavailable) as refusal:
        open_writer()
    assert refusal.value.code == "log_forked"


def test_a_log_under_another_key_or_with_a_lost_entry_is_refused_at_start(
    open_writer: OpenWriter, engine: Engine, event: AuditEvent, tmp_path: Path, clock: SteppedClock
) -> None:
    with open_writer() as writer:
        writer.submit(event, no_effect)
        writer.submit(event, no_effect)
    strangers = FileKeyStore(tmp_path / "strangers")
    with pytest.raises(Unavailable) as refusal:
        GroupCommitWriter(engine, strangers, clock, "test.example/log", tmp_path / "head")
    assert refusal.value.code == "log_checkpoint_invalid"
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER entry_no_update")
        connection.exec_driver_sql("UPDATE entry SET leaf_hash = zeroblob(32) WHERE idx = 0")
    with pytest.raises(Unavailable) as refusal:
        open_writer()
    assert refusal.value.code == "log_inconsistent"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET kind = 'x'",
        "DELETE FROM entry",
        "INSERT OR REPLACE INTO entry SELECT idx, 0, kind, body, leaf_hash FROM entry",
        "REPLACE INTO entry_subject SELECT * FROM entry_subject",
        "UPDATE entry_private SET key_name = 'x'",
        "INSERT OR REPLACE INTO entry_private SELECT idx, field, 'x', sealed FROM entry_private",
        "DELETE FROM entry_private",
        "INSERT OR REPLACE INTO checkpoint SELECT size, root, 'x', time_us FROM checkpoint",
        "DELETE FROM checkpoint",
        "UPDATE OR REPLACE checkpoint SET note = ''",
        (
            "INSERT INTO entry (idx, time_us, kind, body, leaf_hash) "
            "SELECT idx, 0, kind, body, leaf_hash FROM entry WHERE true "
            "ON CONFLICT (idx) DO UPDATE SET time_us = 0"
        ),
    ],
)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_tables_of_the_log_are_append_only(
    writer: GroupCommitWriter, engine: Engine, event: AuditEvent, statement: str, recursive: str
) -> None:
    writer.submit(event, no_effect)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA recursive_triggers={recursive}")
        with pytest.raises(DatabaseError, match="append-only"):
            connection.exec_driver_sql(statement)
        connection.rollback()
        connection.invalidate()
