"""A log in SQLite to edit past triggers and writer, and each byte that its tables keep of it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.fsck import check_checkpoints, check_entries, check_index, check_tiles, fsck
from audit.notes import VerifierKey
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock

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

    @property
    def entries(self) -> int:
        """How many entries the log holds."""
        with self.engine.connect() as connection:
            return int(connection.execute(text("SELECT max(size) FROM checkpoint")).scalar_one())


def make_store(home: Path, entries: int) -> Store:
    """Write a log from several callers, then take the triggers away."""
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    with GroupCommitWriter(
        engine, FileKeyStore(home / "keys"), SteppedClock(), "test.example/log", home / "head"
    ) as writer:

        def append(caller: int) -> None:
            public = {"licence": f"lic_{caller}", "datasets": ["trips", "people"]}
            event = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, public, {"sql": "SELECT"})
            for _ in range(entries // CALLERS):
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
    return Store(home / "control.db", engine, key)


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


def is_missed(store: Store, cell: Cell, value: object) -> bool:
    """Change a cell, ask the parts of the check that read it, the narrowest first, and undo it."""
    where = " AND ".join(f"{name} = :k{i}" for i, name in enumerate(KEYS[cell.table]))
    bound = {f"k{i}": part for i, part in enumerate(cell.key)} | {"value": value}
    change = text(f"UPDATE {cell.table} SET {cell.column} = :value WHERE {where}")
    with store.engine.connect() as connection:
        try:
            connection.execute(change, bound)
            return not _is_found(connection, cell, store)
        except SQLAlchemyError:
            return False  # a key that another row holds, or a value that a constraint refuses
        finally:
            connection.rollback()


def _is_found(connection: Connection, cell: Cell, store: Store) -> bool:
    if cell.table == "checkpoint":
        return any(check_checkpoints(connection, store.key))
    if cell.table == "tile":
        return any(check_tiles(connection, store.entries))
    place = int(str(cell.key[-1]))
    part = check_entries if cell.table == "entry" else check_index
    return any(part(connection, place, place + 1)) or any(fsck(connection, store.key))
