"""kill -9 at named points and at any moment: what was acknowledged survives, and nothing forks.

The child writes from several threads and prints each acknowledgement only after it has it; the
parent kills it, reopens the same files and checks the invariants I1 to I7 of the log.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.notes import open_checkpoint, parse_checkpoint
from audit.proofs import verify_receipt
from audit.reading import consistency_between, read_entries
from audit.tags import EntryKind
from audit.tree import leaf_hash, verify_consistency
from audit.verify.merkle import root_of
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import metadata, open_engine, reading
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.parts import REPOSITORY

POINTS = [
    "before_batch",
    "after_apply",
    "before_commit",
    "after_commit",
    "before_head",
    "after_head",
]
ORIGIN = "test.example/log"
CHILD = """
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

home, point, passes = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def fault(reached):
    global passes
    if reached == point:
        passes -= 1
        if passes <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

def effect(connection, entry):
    connection.execute(text("INSERT INTO effect VALUES (:i)"), {"i": entry.index})

def work(writer):
    event = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, {"licence": "lic"}, {"sql": "x"})
    while True:
        done = writer.submit(event, effect)
        line = json.dumps([done.index, done.leaf_hash.hex(), done.receipt]) + "\\n"
        os.write(1, line.encode())

engine = open_engine(f"sqlite:///{home}/control.db")
writer = GroupCommitWriter(
    engine, FileKeyStore(home / "keys"), SystemClock(), "test.example/log", home / "head",
    fault=fault,
)
os.write(1, b"ready\\n")
for _ in range(8):
    threading.Thread(target=work, args=(writer,), daemon=True).start()
threading.Event().wait(60)
"""


@dataclass(frozen=True)
class Acknowledged:
    """What the child had in hand before it was killed."""

    index: int
    leaf: bytes
    receipt: str


def run_until_killed(home: Path, point: str, passes: int, after_seconds: float) -> list[bytes]:
    command = [sys.executable, "-c", CHILD, str(home), point, str(passes)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        assert lines[0] == b"ready\n"
        if point == "any":
            time.sleep(after_seconds)
            os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.readlines()
        assert child.wait(60) == -signal.SIGKILL
    return lines[1:]


def acknowledged(lines: list[bytes]) -> list[Acknowledged]:
    whole = (json.loads(line) for line in lines if line.endswith(b"\n"))
    return [Acknowledged(index, bytes.fromhex(leaf), receipt) for index, leaf, receipt in whole]


def check_invariants(home: Path, promised: list[Acknowledged]) -> int:
    engine = open_engine(f"sqlite:///{home}/control.db")
    keys = FileKeyStore(home / "keys")
    with GroupCommitWriter(engine, keys, SystemClock(), ORIGIN, home / "head") as writer:
        key = writer.verifier_key
        with reading(engine) as connection:
            entries = read_entries(connection, limit=1_000_000)
            effects = list(connection.execute(text("SELECT i FROM effect ORDER BY i")).scalars())
            notes = list(
                connection.execute(text("SELECT note FROM checkpoint ORDER BY size")).scalars()
            )
        assert [entry.index for entry in entries] == list(range(len(entries)))  # I1 dense
        assert effects == [entry.index for entry in entries if entry.kind != "policy:pack:loaded"]
        leaves = [leaf_hash(entry.body) for entry in entries]
        assert leaves == [entry.leaf_hash for entry in entries]  # I2
        for done in promised:
            assert leaves[done.index] == done.leaf  # I3
            assert verify_receipt(done.receipt, done.leaf, key) == done.index
        stored = {parse_checkpoint(note).size: note for note in notes}
        for done in promised[-20:]:
            released = done.receipt.partition("\n\n")[2]
            assert stored[parse_checkpoint(released).size] == released  # I6
        heads = [open_checkpoint(note, key) for note in (*notes, writer.head())]  # I5
        assert heads[-1].root == root_of(leaves)  # I4
        assert len(heads) == 1 or heads[-2] == heads[-1]
        with reading(engine) as connection:
            for old in heads[:: max(1, len(heads) // 10)]:
                proof = consistency_between(connection, old.size, heads[-1].size)
                assert verify_consistency(
                    old.size, heads[-1].size, proof, old.root, heads[-1].root
                )  # I7
        event = AuditEvent(EntryKind.POLICY_LOADED, SYSTEM_ACTOR)
        assert writer.submit(event, no_effect).index == len(entries)
    engine.dispose()
    return len(entries)


def new_home(home: Path) -> Path:
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE effect (i INTEGER PRIMARY KEY)"))
    engine.dispose()
    return home


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_each_point_loses_and_doubles_nothing(tmp_path: Path, point: str) -> None:
    home = new_home(tmp_path)
    promised: list[Acknowledged] = []
    for passes in (1, 9):
        promised += acknowledged(run_until_killed(home, point, passes, 0))
        check_invariants(home, promised)
    assert promised


def test_kills_at_any_moment_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_repeatedly(new_home(tmp_path), 5)


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    kill_repeatedly(new_home(tmp_path), 200)


def kill_repeatedly(home: Path, kills: int) -> None:
    promised: list[Acknowledged] = []
    for kill in range(kills):
        lines = run_until_killed(home, "any", 0, 0.05 + 0.037 * (kill % 7))
        promised += acknowledged(lines)
        assert check_invariants(home, promised[-2_000:]) >= len(promised)
    assert promised
