"""A full disk, a failing disk, a lost connection, a clock set back, a power cut: nothing is lost.

The faults are the kernel's and the server's own: a file system without room, a limit on a file's
size, a terminated backend, a log file cut to what was synced. What was acknowledged survives; what
was not is refused by name, and the writer goes on when the fault is gone.
"""

import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from audit.events import AuditEvent, PendingEntry
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import open_engine, reading
from foundation.errors import Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.integration.log_crashes import (
    ORIGIN,
    Acknowledged,
    Home,
    check_invariants,
    new_home,
    sqlite_home,
)
from tests.postgresql import postgresql_server

EVENT = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, {"licence": "lic"}, {"sql": "x" * 900})
HOUR_US = 3_600_000_000


def effect(connection: Connection, entry: PendingEntry) -> None:
    connection.execute(text("INSERT INTO effect VALUES (:i)"), {"i": entry.index})


def appended(writer: GroupCommitWriter, count: int) -> list[Acknowledged]:
    told = [writer.submit(EVENT, effect) for _ in range(count)]
    return [Acknowledged(done.index, done.leaf_hash, done.receipt) for done in told]


def appended_until_refused(writer: GroupCommitWriter) -> list[Acknowledged]:
    promised: list[Acknowledged] = []

    def go_on() -> None:
        for _ in range(5_000):
            promised.extend(appended(writer, 1))

    with pytest.raises(Unavailable) as refused:
        go_on()
    assert refused.value.code == "log_unavailable"
    assert refused.value.way_out is not None
    return promised


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system: run as root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(filling: Path, disk: Path, leaving_bytes: int = 0) -> None:
    room = os.statvfs(disk)
    filling.write_bytes(bytes(room.f_bavail * room.f_frsize - leaving_bytes))


@contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        home = sqlite_home(disk)
        filling = disk / "filling"
        with GroupCommitWriter(
            home.engine, FileKeyStore(disk / "keys"), SystemClock(), ORIGIN, disk / "head"
        ) as writer:
            promised = appended(writer, 5)
            fill(filling, disk, leaving_bytes=200_000)
            promised += appended_until_refused(writer)
            with pytest.raises(Unavailable):
                writer.submit(EVENT, effect)
            filling.unlink()
            promised += appended(writer, 5)
        home.engine.dispose()
        assert check_invariants(home, promised) >= len(promised)


def test_a_disk_that_fails_to_write_refuses_and_loses_nothing(tmp_path: Path) -> None:
    home = sqlite_home(tmp_path / "log")
    with GroupCommitWriter(
        home.engine, FileKeyStore(home.path / "keys"), SystemClock(), ORIGIN, home.path / "head"
    ) as writer:
        promised = appended(writer, 5)
        size = max(file.stat().st_size for file in home.path.glob("control.db*"))
        with files_no_larger_than(size + 60_000):
            promised += appended_until_refused(writer)
        promised += appended(writer, 5)
    home.engine.dispose()
    assert check_invariants(home, promised) >= len(promised)


def test_a_head_file_that_cannot_be_written_refuses_and_forks_nothing(tmp_path: Path) -> None:
    home = sqlite_home(tmp_path / "log")
    with small_disk(tmp_path / "head_disk", "64k") as disk:
        with GroupCommitWriter(
            home.engine, FileKeyStore(home.path / "keys"), SystemClock(), ORIGIN, disk / "head"
        ) as writer:
            promised = appended(writer, 3)
            filling = disk / "filling"
            fill(filling, disk)
            promised += appended_until_refused(writer)
            filling.unlink()
            promised += appended(writer, 3)
        shutil.copy(disk / "head", home.path / "head")
    home.engine.dispose()
    assert check_invariants(home, promised) >= len(promised)


def test_a_clock_set_back_dates_no_entry_before_another(tmp_path: Path) -> None:
    home, clock = sqlite_home(tmp_path / "log"), SteppedClock()
    keys = FileKeyStore(home.path / "keys")
    with GroupCommitWriter(home.engine, keys, clock, ORIGIN, home.path / "head") as writer:
        promised = appended(writer, 2)
        clock.advance(-HOUR_US)
        promised += appended(writer, 2)
    clock.advance(-HOUR_US)
    with GroupCommitWriter(home.engine, keys, clock, ORIGIN, home.path / "head") as writer:
        promised += appended(writer, 2)
        clock.advance(3 * HOUR_US)
        promised += appended(writer, 2)
    with reading(home.engine) as connection:
        times = [entry.time_us for entry in read_entries(connection)]
    assert times == sorted(times)
    assert times[-1] - times[0] == HOUR_US
    home.engine.dispose()
    assert check_invariants(home, promised) == 8


class PowerCut:
    """Copies a log as a power cut would leave it: the WAL ends where it was last synced."""

    def __init__(self, home: Home, copies: Path, at: int, torn: bytes) -> None:
        self.home, self.copies, self.at, self.torn = home, copies, at, torn
        self.promised: list[Acknowledged] = []
        self.cut: list[Acknowledged] | None = None
        self._synced = 0
        self._passes = 0

    @property
    def wal(self) -> Path:
        return self.home.path / "control.db-wal"

    def reached(self, point: str) -> None:
        if point == "after_commit":
            self._synced = self.wal.stat().st_size
        elif point == "before_commit":
            self._passes += 1
            if self._passes == self.at:
                self._copy()

    def _copy(self) -> None:
        self.cut = list(self.promised)
        shutil.copytree(
            self.home.path, self.copies, ignore=shutil.ignore_patterns("*-wal", "*-shm")
        )
        synced = self.wal.read_bytes()[: self._synced]
        (self.copies / "control.db-wal").write_bytes(synced + self.torn)


@pytest.mark.parametrize("at", [2, 7, 40])
@pytest.mark.parametrize("torn", [b"", bytes(24), b"\x7f" * 3_000], ids=["cut", "zeros", "torn"])
def test_a_power_cut_keeps_what_was_synced(tmp_path: Path, at: int, torn: bytes) -> None:
    home = sqlite_home(tmp_path / "log")
    power = PowerCut(home, tmp_path / "copy", at, torn)
    with GroupCommitWriter(
        home.engine,
        FileKeyStore(home.path / "keys"),
        SystemClock(),
        ORIGIN,
        home.path / "head",
        fault=power.reached,
    ) as writer:

        def work() -> None:
            for _ in range(20):
                power.promised.extend(appended(writer, 1))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while power.cut is None:
            power.promised.extend(appended(writer, 1))
    home.engine.dispose()
    engine = open_engine(f"sqlite:///{power.copies}/control.db")
    left = Home(str(engine.url), power.copies, engine)
    assert power.cut
    assert check_invariants(left, power.cut) >= len(power.cut)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with postgresql_server(tmp_path_factory.mktemp("pg")) as url:
        yield new_home(url, tmp_path_factory.mktemp("home"))


class LostConnection:
    """Has the server end the writer's connection when it reaches a point, once."""

    def __init__(self, engine: Engine, point: str) -> None:
        self.engine, self.point, self.armed, self.lost = engine, point, False, 0

    def reached(self, point: str) -> None:
        if not self.armed or point != self.point:
            return
        self.armed = False
        ended = text(
            "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()"
        )
        with self.engine.connect() as connection:
            self.lost += connection.execute(ended).scalar_one()


@pytest.mark.parametrize("point", ["before_batch", "after_apply", "before_commit", "after_commit"])
def test_a_connection_lost_at_commit_loses_and_doubles_nothing(
    postgresql: Home, point: str
) -> None:
    lost = LostConnection(open_engine(postgresql.url), point)
    notes = postgresql.acknowledged()
    with GroupCommitWriter(
        postgresql.engine,
        FileKeyStore(postgresql.path / "keys"),
        SystemClock(),
        ORIGIN,
        postgresql.path / "head",
        fault=lost.reached,
    ) as writer:
        promised = notes + appended(writer, 3)
        for _ in range(3):
            lost.armed = True
            for _ in range(3):  # one is refused: it may stand in the log, without a receipt
                with suppress(Unavailable):
                    promised += appended(writer, 1)
            promised += appended(writer, 2)
    lost.engine.dispose()
    assert lost.lost == 3
    assert check_invariants(postgresql, promised) >= len(promised)
