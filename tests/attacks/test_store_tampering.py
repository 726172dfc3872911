"""Every byte that the store keeps of the log, flipped in turn: found, or provably no content.

The attacker writes to the database itself, past triggers and writer. What is searched must be what
was logged: an edited row of the index is found as well as an edited body.
"""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.fsck import (
    Fault,
    check_checkpoints,
    check_entries,
    check_index,
    check_tiles,
    fsck,
)
from audit.notes import VerifierKey
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock

ENTRIES = 1_000
CALLERS = 20
KEYS = {
    "entry": ("idx",),
    "entry_subject": ("field", "value", "idx"),
    "tile": ("level", "number"),
    "checkpoint": ("size",),
}
CONTENT = {
    "entry": ("idx", "time_us", "kind", "body", "leaf_hash"),
    "entry_subject": ("field", "value", "idx"),
    "tile": ("level", "number", "data", "root"),
    "checkpoint": ("size", "root", "note"),
}
OUTSIDE = {("checkpoint", "time_us")}
"""When a checkpoint was signed is the platform's own remark; nothing is decided by it."""


@dataclass(frozen=True)
class Store:
    """A log in SQLite and the key it is checked with."""

    path: Path
    engine: Engine
    key: VerifierKey


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("store")
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    with GroupCommitWriter(
        engine, FileKeyStore(home / "keys"), SteppedClock(), "test.example/log", home / "head"
    ) as writer:

        def append(caller: int) -> None:
            public = {"licence": f"lic_{caller}", "datasets": ["trips", "people"]}
            event = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, public, {"sql": "SELECT"})
            for _ in range(ENTRIES // CALLERS):
                writer.submit(event, no_effect)

        threads = [threading.Thread(target=append, args=(n,)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        key = writer.verifier_key
    with engine.begin() as connection:
        triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type='trigger'"))
        for name in triggers.scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    engine.dispose()  # the last connection moves everything into the one file
    yield Store(home / "control.db", engine, key)
    engine.dispose()


def faults(store: Store) -> list[Fault]:
    with store.engine.connect() as connection:
        return list(fsck(connection, store.key))


@dataclass(frozen=True)
class Cell:
    """One value of the log's tables, and how many bytes of it can be flipped."""

    table: str
    key: tuple[object, ...]
    column: str
    value: object

    def flips(self) -> Iterator[object]:
        if isinstance(self.value, int):
            yield from (self.value ^ (1 << 8 * place) for place in range(6))
        elif isinstance(self.value, str):
            raw = self.value.encode()
            for place in range(len(raw)):
                changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
                yield changed.decode(errors="replace")
        elif isinstance(self.value, bytes):
            raw = self.value
            for place in range(len(raw)):
                yield raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


def cells(store: Store) -> Iterator[Cell]:
    with store.engine.connect() as connection:
        for table, columns in CONTENT.items():
            names = ", ".join(columns)
            for row in connection.execute(text(f"SELECT {names} FROM {table}")).all():
                held = dict(zip(columns, row, strict=True))
                key = tuple(held[name] for name in KEYS[table])
                yield from (Cell(table, key, name, held[name]) for name in columns)


def flips(store: Store) -> Iterator[tuple[Cell, object]]:
    return ((cell, value) for cell in cells(store) for value in cell.flips())


def is_found(connection: Connection, cell: Cell, store: Store) -> bool:
    """Ask the parts of the check that read this cell, the narrowest first."""
    size = ENTRIES
    if cell.table == "checkpoint":
        return any(check_checkpoints(connection, store.key))
    if cell.table == "tile":
        return any(check_tiles(connection, size))
    place = int(str(cell.key[-1]))
    part = check_entries if cell.table == "entry" else check_index
    return any(part(connection, place, place + 1)) or any(fsck(connection, store.key))


def flip_and_look(store: Store, chosen: Iterator[tuple[Cell, object]]) -> int:
    looked = 0
    with store.engine.connect() as connection:
        for cell, value in chosen:
            where = " AND ".join(f"{name} = :k{i}" for i, name in enumerate(KEYS[cell.table]))
            bound = {f"k{i}": part for i, part in enumerate(cell.key)} | {"value": value}
            try:
                connection.execute(
                    text(f"UPDATE {cell.table} SET {cell.column} = :value WHERE {where}"), bound
                )
                assert is_found(connection, cell, store), (cell.table, cell.key, cell.column)
            except SQLAlchemyError:
                pass  # a key that another row holds, or a value that a constraint refuses
            finally:
                connection.rollback()
            looked += 1
    return looked


def test_an_untouched_store_has_no_fault(store: Store) -> None:
    assert faults(store) == []


def test_flipped_bytes_of_the_tables_are_found(store: Store) -> None:
    assert flip_and_look(store, islice(flips(store), 3, None, 997)) > 400


@pytest.mark.full
@pytest.mark.timeout(4 * 3_600)
def test_every_flipped_byte_of_the_tables_is_found(store: Store) -> None:
    assert flip_and_look(store, flips(store)) > 500_000


def logged(path: Path) -> list[object]:
    database = sqlite3.connect(path)
    try:
        return [
            database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2").fetchall()
            for table, columns in CONTENT.items()
        ]
    finally:
        database.close()


def flip_file_bytes(store: Store, copy: Path, offsets: Iterator[int]) -> tuple[int, int]:
    """Flip bytes of the database file itself; what is not found must hold the same content."""
    whole, content = store.path.read_bytes(), logged(store.path)
    found = outside = 0
    for offset in offsets:
        copy.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
        engine = open_engine(f"sqlite:///{copy}")
        try:
            with engine.connect() as connection:
                noticed = any(fsck(connection, store.key))
            same = not noticed and logged(copy) == content
        except (SQLAlchemyError, sqlite3.DatabaseError, TypeError, ValueError, OverflowError):
            noticed, same = True, False  # the store cannot be read
        finally:
            engine.dispose()
            for leftover in (f"{copy}-wal", f"{copy}-shm"):
                Path(leftover).unlink(missing_ok=True)
        assert noticed or same, offset
        found, outside = found + noticed, outside + same
    return found, outside


def test_flipped_bytes_of_the_database_file_are_found_or_no_content(
    store: Store, tmp_path: Path
) -> None:
    size = store.path.stat().st_size
    found, _ = flip_file_bytes(store, tmp_path / "copy.db", iter(range(7, size, 16_411)))
    assert found > 20


@pytest.mark.full
@pytest.mark.timeout(4 * 3_600)
def test_many_flipped_bytes_of_the_database_file(store: Store, tmp_path: Path) -> None:
    size = store.path.stat().st_size
    found, outside = flip_file_bytes(store, tmp_path / "copy.db", iter(range(0, size, 97)))
    assert found > outside


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM entry WHERE idx = 700", "entry_missing"),
        ("DELETE FROM entry WHERE idx >= 900", "entry_missing"),
        ("DELETE FROM entry_subject WHERE idx = 700", "index_changed"),
        ("UPDATE entry_subject SET value = 'lic_x' WHERE field = 'licence'", "index_changed"),
        ("INSERT INTO entry_subject VALUES ('licence', 'lic_z', 700)", "index_changed"),
        ("DELETE FROM tile WHERE level = 0 AND number = 1", "tile_missing"),
        ("INSERT INTO tile SELECT 3, 0, data, root FROM tile LIMIT 1", "tile_extra"),
        ("DELETE FROM checkpoint WHERE size > 500", "entry_beyond_checkpoint"),
        ("UPDATE entry_private SET field = 'other' WHERE idx = 3", "private_unknown"),
        ("UPDATE entry SET kind = 'policy:pack:loaded' WHERE idx = 9", "column_differs"),
    ],
)
def test_what_was_done_to_the_store_is_named(store: Store, statement: str, code: str) -> None:
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql(statement)
        assert code in {fault.code for fault in fsck(connection, store.key)}
        connection.rollback()
