"""What crash tests of the log share: a nursery of small children that write, and the invariants.

The nursery is one process that imported everything; each child is a fork of it, writes from several
threads, and notes each acknowledgement in a file only after it has it. A note survives kill -9.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, create_engine, make_url, text

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.notes import open_checkpoint, parse_checkpoint
from audit.proofs import verify_receipt
from audit.reading import LogEntry, consistency_between, read_entries
from audit.tags import EntryKind
from audit.tree import leaf_hash, verify_consistency
from audit.verify.merkle import root_of
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import metadata, open_engine, reading
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.parts import REPOSITORY

ORIGIN = "test.example/log"
NURSERY = """
import json, os, signal, sys, threading
from pathlib import Path
from sqlalchemy import text
import audit.store
from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore

def child(url, home, point, passes):
    home, left = Path(home), [passes]
    notes = os.open(home / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def fault(reached):
        if reached == point:
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def effect(connection, entry):
        connection.execute(text("INSERT INTO effect VALUES (:i)"), {"i": entry.index})

    def work(writer):
        public = {"licence": "lic"}
        event = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, public, {"sql": "x"})
        while True:
            done = writer.submit(event, effect)
            line = json.dumps([done.index, done.leaf_hash.hex(), done.receipt]) + "\\n"
            os.write(notes, line.encode())

    writer = GroupCommitWriter(
        open_engine(url), FileKeyStore(home / "keys"), SystemClock(), "test.example/log",
        home / "head", fault=fault,
    )
    print("ready", os.getpid(), flush=True)
    for _ in range(8):
        threading.Thread(target=work, args=(writer,), daemon=True).start()
    threading.Event().wait(60)

for line in sys.stdin:
    born = os.fork()
    if born == 0:
        try:
            child(*json.loads(line))
        finally:
            os._exit(3)
    status = os.waitpid(born, 0)[1]
    print("ended", os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1, flush=True)
"""


@dataclass(frozen=True)
class Home:
    """One log: its store, and the directory of its keys, head file and acknowledgements."""

    url: str
    path: Path
    engine: Engine

    def acknowledged(self) -> list["Acknowledged"]:
        """What was in somebody's hand, in the order it was noted."""
        notes = self.path / "acknowledged"
        lines = notes.read_bytes().splitlines(keepends=True) if notes.exists() else []
        whole = (json.loads(line) for line in lines if line.endswith(b"\n"))
        return [Acknowledged(index, bytes.fromhex(leaf), note) for index, leaf, note in whole]


@dataclass(frozen=True)
class Acknowledged:
    """What a child had in hand before it was killed."""

    index: int
    leaf: bytes
    receipt: str


def new_home(url: str, path: Path) -> Home:
    """Make an empty log with a table for effects."""
    path.mkdir(exist_ok=True)
    engine = open_engine(url)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(text("CREATE TABLE effect (i BIGINT PRIMARY KEY)"))
    engine.dispose()
    return Home(url, path, engine)


def sqlite_home(path: Path) -> Home:
    """Make an empty log on SQLite."""
    return new_home(f"sqlite:///{path}/control.db", path)


def postgresql_home(server_url: str, path: Path) -> Home:
    """Make an empty log in a database of its own on a running server."""
    root = make_url(server_url)
    name = f"log_{path.name.replace('-', '_')}"
    engine = create_engine(root, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return new_home(root.set(database=name).render_as_string(hide_password=False), path)


@dataclass
class Nursery:
    """Forks children that write until they are killed."""

    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(90)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill_at(self, home: Home, point: str, passes: int) -> None:
        """Have a child kill itself when it passes a point for the n-th time."""
        self._start(home, point, passes)
        assert self._told() == f"ended {int(signal.SIGKILL)}"

    def kill_after(self, home: Home, seconds: float) -> None:
        """Kill a child from outside after it wrote for a while."""
        pid = self._start(home, "never", 0)
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        assert self._told() == f"ended {int(signal.SIGKILL)}"

    def _start(self, home: Home, point: str, passes: int) -> int:
        assert self._process.stdin is not None
        print(
            json.dumps([home.url, str(home.path), point, passes]),
            file=self._process.stdin,
            flush=True,
        )
        word, _, pid = self._told().partition(" ")
        assert word == "ready"
        return int(pid)

    def _told(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def check_invariants(
    home: Home, promised: Sequence[Acknowledged], *, opening: Callable[[], None] | None = None
) -> int:
    """Reopen the log, check I1 to I7, and write one more entry; return how many there were.

    ``opening`` runs between opening the log and looking at it.
    """
    keys = FileKeyStore(home.path / "keys")
    with GroupCommitWriter(home.engine, keys, SystemClock(), ORIGIN, home.path / "head") as writer:
        if opening is not None:
            opening()
        with reading(home.engine) as connection:
            entries = read_entries(connection, limit=10_000_000)
            found = connection.execute(text("SELECT i FROM effect ORDER BY i")).scalars().all()
            notes = (
                connection.execute(text("SELECT note FROM checkpoint ORDER BY size"))
                .scalars()
                .all()
            )
        _check_content(entries, found, promised)
        _check_receipts(entries, notes, promised, writer)
        _check_growth(home, entries, notes, writer)
        event = AuditEvent(EntryKind.POLICY_LOADED, SYSTEM_ACTOR)
        assert writer.submit(event, no_effect).index == len(entries)
    home.engine.dispose()
    return len(entries)


def _check_content(
    entries: Sequence[LogEntry], effects: Sequence[int], promised: Sequence[Acknowledged]
) -> None:
    leaves = [leaf_hash(entry.body) for entry in entries]
    assert [entry.index for entry in entries] == list(range(len(entries)))  # I1: dense
    assert list(effects) == [e.index for e in entries if e.kind != "policy:pack:loaded"]
    assert leaves == [entry.leaf_hash for entry in entries]  # I2: a leaf is its body's hash
    for done in promised:
        assert leaves[done.index] == done.leaf  # I3: what was acknowledged stands at its index


def _check_receipts(
    entries: Sequence[LogEntry],
    notes: Sequence[str],
    promised: Sequence[Acknowledged],
    writer: GroupCommitWriter,
) -> None:
    stored = {parse_checkpoint(note).size: note for note in notes}
    for done in promised[-200:]:
        assert verify_receipt(done.receipt, done.leaf, writer.verifier_key) == done.index
        released = done.receipt.partition("\n\n")[2]
        assert stored[parse_checkpoint(released).size] == released  # I6: stored as released
    assert len(stored) == len(notes)
    assert not entries or max(stored) == len(entries)


def _check_growth(
    home: Home, entries: Sequence[LogEntry], notes: Sequence[str], writer: GroupCommitWriter
) -> None:
    heads = [open_checkpoint(note, writer.verifier_key) for note in (*notes, writer.head())]  # I5
    assert heads[-1].root == root_of([entry.leaf_hash for entry in entries])  # I4
    assert len(heads) == 1 or heads[-2] == heads[-1]
    with reading(home.engine) as connection:
        for old in heads[:: max(1, len(heads) // 10)]:
            new = heads[-1]
            proof = consistency_between(connection, old.size, new.size)
            assert verify_consistency(old.size, new.size, proof, old.root, new.root)  # I7
