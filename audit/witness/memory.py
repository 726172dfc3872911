"""What a witness remembers: for each log the newest checkpoint it cosigned, durably.

Checking and storing are one transaction under one lock, so that two requests at once cannot make
a fork; the commit is synced before any signature leaves. A lost memory is not made anew: a witness
without it would sign a second history, so it must be retired.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import Conflict, Message, Unavailable

DISPUTES_MAX = 100  # of one log: enough to prove misbehaviour, too few to fill a disk
PROOFS_MAX = 20  # beyond those, kept free for what is proof by itself
_BUSY_SECONDS_MAX = 30.0
_TABLES = """
CREATE TABLE witnessed (
    origin TEXT PRIMARY KEY, origin_hash TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
    root BLOB NOT NULL, note TEXT NOT NULL, time_s INTEGER NOT NULL
) STRICT;
CREATE TABLE dispute (
    origin TEXT NOT NULL, note TEXT NOT NULL, old_size INTEGER NOT NULL, held_size INTEGER NOT NULL,
    time_s INTEGER NOT NULL, UNIQUE (origin, note)
) STRICT;
CREATE TRIGGER witnessed_only_grows BEFORE UPDATE ON witnessed WHEN NEW.size < OLD.size
BEGIN SELECT RAISE(ABORT, 'a witness does not go back'); END;
CREATE TRIGGER witnessed_is_not_replaced BEFORE INSERT ON witnessed
WHEN EXISTS (SELECT 1 FROM witnessed WHERE origin = NEW.origin AND size > NEW.size)
BEGIN SELECT RAISE(ABORT, 'a witness does not go back'); END;
CREATE TRIGGER witnessed_stays BEFORE DELETE ON witnessed
BEGIN SELECT RAISE(ABORT, 'a witness does not forget'); END;
"""


@dataclass(frozen=True)
class Witnessed:
    """The newest checkpoint cosigned of one log, with the cosignatures in its note."""

    origin: str
    size: int
    root: bytes
    note: str
    time_s: int


class Turn:
    """One request's turn at the memory: nothing changes between what it reads and writes."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Stand in a transaction that holds the write lock."""
        self._database = database

    def held(self, origin: str) -> Witnessed | None:
        """Return what was cosigned last of a log."""
        return _held(self._database, "origin", origin)

    def keep(self, origin_hash: str, new: Witnessed) -> None:
        """Remember a checkpoint; durable once the turn ends without an error."""
        self._database.execute(
            "INSERT INTO witnessed VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE SET "
            "size = excluded.size, root = excluded.root, note = excluded.note, "
            "time_s = excluded.time_s",
            (new.origin, origin_hash, new.size, new.root, new.note, new.time_s),
        )

    def dispute(
        self,
        origin: str,
        note: str,
        old_size: int,
        held_size: int,
        time_s: int,
        *,
        proof: bool = False,
    ) -> None:
        """Keep a signed checkpoint that did not extend what was seen: it may be proof.

        ``proof`` says that it is: a log that fills the room with true checkpoints under wrong
        proofs, which tell nothing, leaves room for it still.
        """
        (kept,) = self._database.execute(
            "SELECT count(*) FROM dispute WHERE origin = ?", (origin,)
        ).fetchone()
        if kept < DISPUTES_MAX + (PROOFS_MAX if proof else 0):
            self._database.execute(
                "INSERT OR IGNORE INTO dispute VALUES (?, ?, ?, ?, ?)",
                (origin, note, old_size, held_size, time_s),
            )


class WitnessMemory:
    """The memory of one witness, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        """Open the memory that ``create_memory`` made. Raises Unavailable where there is none."""
        if not path.is_file():
            raise Unavailable(
                "witness_memory_missing",
                Message(
                    "见证方的记录不见了。没有记录的见证方可能为两份不同的日志签名，必须停用。",
                    "The witness's memory is gone. Without it a second history could be signed: "
                    "retire this witness and set up another under another name.",
                ),
            )
        self._lock = threading.Lock()
        self._database = _opened(path)

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Hold the memory alone; what was kept is durable when the block ends."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")  # against other processes too
            try:
                yield Turn(self._database)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk may have ended it already
                    self._database.execute("ROLLBACK")
                raise

    def by_hash(self, origin_hash: str) -> Witnessed | None:
        """Return what was cosigned last of the log whose origin has this SHA-256."""
        with self._lock:
            return _held(self._database, "origin_hash", origin_hash)

    def every(self) -> list[Witnessed]:
        """Return what was cosigned last of each log."""
        with self._lock:
            rows = self._database.execute(
                "SELECT origin, size, root, note, time_s FROM witnessed ORDER BY origin"
            ).fetchall()
        return [Witnessed(*row) for row in rows]

    def disputes(self) -> list[tuple[str, str, int]]:
        """Return the signed checkpoints that were refused: origin, note, POSIX seconds."""
        with self._lock:
            return self._database.execute(
                "SELECT origin, note, time_s FROM dispute ORDER BY time_s, origin"
            ).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def create_memory(path: Path) -> None:
    """Make an empty memory. Raises Conflict where there is one: a memory is never replaced."""
    if path.exists():
        raise Conflict(
            "witness_memory_exists",
            Message("见证方已有记录，不会覆盖。", "The witness has a memory; it is not replaced."),
        )
    path.touch(mode=0o600)
    database = _opened(path)
    database.executescript(_TABLES)
    database.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(
        path, timeout=_BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "recursive_triggers=ON"):
        database.execute(f"PRAGMA {pragma}")
    return database


def _held(database: sqlite3.Connection, column: str, value: str) -> Witnessed | None:
    row = database.execute(
        f"SELECT origin, size, root, note, time_s FROM witnessed WHERE {column} = ?",  # noqa: S608
        (value,),
    ).fetchone()
    return None if row is None else Witnessed(*row)
