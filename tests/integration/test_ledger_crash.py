"""kill -9 while journals are posted: none that was acknowledged is lost, none is doubled.

A small child posts from several threads and prints each journal only once it has the receipt. It is
killed at a random moment, started again on the same store, and posts its last keys once more.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

import audit.store  # noqa: F401 - the log's tables
from foundation.db import metadata, open_engine, reading
from revenue import store
from revenue.flow import store as _flow  # noqa: F401 - the tables of the flow
from tests.parts import REPOSITORY
from tests.postgresql import postgresql_server

CHILD = """
import json, os, sys, threading
from pathlib import Path
from sqlalchemy import insert, select
import audit.store
from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from revenue import store
from revenue.ledger import Account, JournalKind, JournalRequest, Posting, post
from revenue.periods import open_at

url, home, first = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
EVENT = AuditEvent(EntryKind.PERIOD_OPENED, SYSTEM_ACTOR, {"period": "p"})
LEGS = tuple(
    Posting(Account("account", f"h{i}"), fen) for i, fen in enumerate((6, -1, -1, -1, -1, -1, -1))
)

def begin(connection, entry):
    if connection.execute(select(store.period)).first() is None:
        connection.execute(insert(store.settlement_rule).values(digest="r", document="{}"))
        open_at(connection, entry, "p")

def work(thread):
    number = first
    while True:
        request = JournalRequest(f"{thread}-{number}", "p", JournalKind.ADJUSTMENT, "r", LEGS)
        done = writer.submit(EVENT, lambda c, e: post(c, e, request))
        os.write(1, json.dumps([thread, number, done.value.id]).encode() + b"\\n")
        number += 1

writer = GroupCommitWriter(
    open_engine(url), FileKeyStore(home / "keys"), SystemClock(), "test.example/log", home / "head"
)
writer.submit(EVENT, begin)
os.write(1, b"ready\\n")
threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
for one in threads:
    one.start()
threading.Event().wait(60)
"""
AGAIN = 3  # keys of before each kill that are posted again after it


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="pg"))  # short and open: the server has its own uid
    home.chmod(0o755)
    with postgresql_server(home / "data") as url:
        yield url
    shutil.rmtree(home)


def run_until_killed(
    url: str, home: Path, first: int, seconds: float
) -> list[tuple[int, int, str]]:
    command = [sys.executable, "-c", CHILD, url, str(home), str(first)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        lines = child.stdout.readlines()
        assert child.wait(60) == -signal.SIGKILL
    found = (json.loads(line) for line in lines if line.endswith(b"\n"))
    return [(thread, number, name) for thread, number, name in found]


def check(url: str, promised: dict[tuple[int, int], str]) -> int:
    """Check what one kill left; return how many journals there are."""
    engine = open_engine(url)
    with reading(engine) as connection:
        journals = dict(
            connection.execute(select(store.journal.c.idempotency_key, store.journal.c.id)).all()
        )
        seals = connection.execute(select(func.count()).select_from(store.seal)).scalar_one()
        sums = connection.execute(select(func.count(), func.sum(store.posting.c.fen))).one()
    engine.dispose()
    for (thread, number), name in promised.items():
        assert journals[f"{thread}-{number}"] == name, "an acknowledged journal is lost or doubled"
    assert seals == len(journals) == len(set(journals.values()))
    assert (sums[0], int(sums[1] or 0)) == (7 * len(journals), 0)
    return len(journals)


def kill_often(url: str, home: Path, kills: int) -> None:
    engine = open_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    promised: dict[tuple[int, int], str] = {}
    first = 0
    for kill in range(kills):
        moment = kill * 37 % 100 / 400  # any time in the first quarter of a second, in no order
        for thread, number, name in run_until_killed(url, home, first, moment):
            assert promised.setdefault((thread, number), name) == name
        check(url, promised)
        last = max((number for _, number in promised), default=0)
        first = max(0, last - AGAIN)
    assert promised


@pytest.mark.parametrize("kills", [10, pytest.param(1_000, marks=pytest.mark.full)])
def test_no_acknowledged_journal_is_lost_or_doubled_on_sqlite(tmp_path: Path, kills: int) -> None:
    kill_often(f"sqlite:///{tmp_path}/control.db", tmp_path, kills)


@pytest.mark.parametrize("kills", [10, pytest.param(1_000, marks=pytest.mark.full)])
def test_no_acknowledged_journal_is_lost_or_doubled_on_postgresql(
    postgresql_url: str, tmp_path: Path, kills: int
) -> None:
    kill_often(postgresql_url, tmp_path, kills)
