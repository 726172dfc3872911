"""A sandbox that is asked for its work may answer as it likes: late, for ever, or with nothing.

What stands behind each socket here is a real one that misbehaves; nothing of the host is replaced.
"""

import io
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from foundation.db import metadata, reading
from foundation.errors import Conflict, Message, Unavailable
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from sandbox.backends.interface import Endpoint
from sandbox.egress import EgressBudget
from sandbox.homes.keeping import homes
from sandbox.homes.moving import fetch_home, give_home
from sandbox.lifecycle import SessionMode, SessionState
from sandbox.sessions import Doors, Session, SessionRegistry
from tests.city import City, built_city
from tests.fakes import SteppedClock
from tests.light_slots import cold_slots, light_backend
from tests.parts import (
    REPOSITORY,
    SESSION_ENVIRONMENT,
    need_namespaces,
    need_session_environment,
)
from tests.screens import screen_rules

SECONDS = 0.5
OPERATOR = Actor("p-operator", "org-operator", frozenset({Role.OPERATOR}))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"


def drips(first: bytes) -> Callable[[socket.socket], None]:
    """Answer with some bytes, then with one more each time before the reader gives up."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(b"x")
            time.sleep(SECONDS / 10)

    return answer


def says(what: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(what)


@contextmanager
def slot_that(answer: Callable[[socket.socket], None], directory: Path) -> Iterator[Endpoint]:
    """Listen as a slot's server would, and answer each question so."""
    listener = socket.socket(socket.AF_UNIX)
    (directory / "ui.sock").unlink(missing_ok=True)
    listener.bind(str(directory / "ui.sock"))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(1 << 16)
                    answer(connection)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield Endpoint("a" * 26, directory / "ui.sock", "token", listener, 0)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 100 Continue\r\n\r\n", HEAD],
    ids=["nothing", "a header for ever", "go on for ever", "a body for ever"],
)
def test_a_server_that_drips_is_cut_in_time(first: bytes, tmp_path: Path) -> None:
    with slot_that(drips(first), tmp_path) as endpoint:
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            fetch_home(endpoint, bytes_max=1 << 20, seconds_max=SECONDS)
        with pytest.raises(Unavailable):
            give_home(endpoint, b"home", seconds_max=SECONDS)
        assert time.monotonic() - begun < 4 * SECONDS


def test_a_part_of_a_home_is_none(tmp_path: Path) -> None:
    with (
        slot_that(says(HEAD + b"x" * 999), tmp_path) as endpoint,
        pytest.raises(Unavailable),
    ):
        fetch_home(endpoint, bytes_max=1 << 20, seconds_max=SECONDS)


@need_session_environment
def test_what_a_session_forged_into_its_home_does_not_run_at_the_next_start(tmp_path: Path) -> None:
    names = (".ipython/profile_default/startup/a.py", ".local/lib/x.pth", "sub/../.ipython/b.py")
    (tmp_path / "home").mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import homes; homes.unpack(sys.stdin.buffer.read(), sys.argv[2])"
    )
    subprocess.run(
        [
            str(SESSION_ENVIRONMENT / "bin/python"),
            *("-I", "-c", program, str(REPOSITORY / "sandbox/guest"), str(tmp_path / "home")),
        ],
        input=archive_of(*names, "mine.py"),
        check=True,
    )
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["mine.py"]


def archive_of(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return out.getvalue()


class Free:
    """A tariff under which sessions cost nothing."""

    def session_asked(self, *_asked: object) -> None:
        """Let everybody in."""

    def session_ended(self, *_asked: object) -> None:
        """Bill nothing."""


@dataclass
class Register:
    """A registry over small real sandboxes, and what its doors were told."""

    registry: SessionRegistry
    engine: Engine
    during_bring_back: Callable[[Session], None] = lambda _session: None
    during_keep: Callable[[Session], None] = lambda _session: None
    happened: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def register(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[Register]:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        made: list[Register] = []
        doors = Doors(
            lambda session, _end: made[0].happened.append(("open", session.id)),
            lambda slot, _frozen: made[0].happened.append(("dark", slot)),
            lambda session, _end: made[0].during_bring_back(session),
            lambda session, _end: made[0].during_keep(session),
        )
        backend = light_backend()
        egress = EgressBudget(clock, screen_rules().egress, engine, writer)
        slots = cold_slots(backend, clock)
        made.append(Register(SessionRegistry(engine, writer, slots, egress, doors, Free()), engine))
        try:
            yield made[0]
        finally:
            backend.close()


@need_namespaces
class TestEndings:
    def test_a_session_closed_while_it_opens_has_no_door(self, register: Register) -> None:
        def close(session: Session) -> None:
            register.registry.close(session.id, OPERATOR, "closed_by_operator")

        register.during_bring_back = close
        with pytest.raises(Conflict):
            register.registry.open(OPERATOR, "lic_1", "credit")
        (session,) = register.registry.sessions()
        assert session.state is SessionState.DESTROYED
        assert register.happened[-1] == ("dark", session.slot)

    def test_one_that_cannot_be_ended_keeps_no_other_from_ending(
        self, register: Register, clock: SteppedClock
    ) -> None:
        for _ in range(3):
            register.registry.open(OPERATOR, "lic_1", "credit")
        newest, *others = register.registry.sessions()

        def fail(session: Session) -> None:
            if session.id == newest.id:
                raise Unavailable("disk_full", Message("满", "full"))

        register.during_keep = fail
        clock.advance(10_000_000)
        register.registry.close_expired(clock.now_us(), idle_us_max=1, wall_us_max=10**12)
        ended = [register.registry.session(one.id).state for one in others]
        assert ended == [SessionState.DESTROYED] * 2

    def test_a_service_that_stops_waits_for_hostile_sandboxes_together(
        self, register: Register
    ) -> None:
        for _ in range(8):
            register.registry.open(OPERATOR, "lic_1", "credit")
        register.during_keep = lambda _session: time.sleep(SECONDS)
        begun = time.monotonic()
        register.registry.close_all("service_stopped")
        assert time.monotonic() - begun < 4 * SECONDS
        assert register.registry.sessions(live=True) == ()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with built_city(tmp_path / "home") as city:
        yield city


def working(city: City, number: int) -> Session:
    return Session(
        id=f"ses_{number}",
        slot="a" * 26,
        person="analyst",
        organisation="o_operator",
        licence=city.licence,
        purpose="credit",
        project=None,
        mode=SessionMode.PRODUCTION,
        review=None,
        state=SessionState.PRODUCTION,
        reason=None,
        egress_bytes=0,
        opened_us=1,
        changed_us=1,
    )


def tarred(content: bytes) -> Callable[[socket.socket], None]:
    return says(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content) + content)


class TestTerms:
    WORK = archive_of("work.ipynb")

    def saved(self, city: City, session: Session, directory: Path, work: bytes = WORK) -> bool:
        with slot_that(tarred(work), directory) as endpoint:
            return city.platform.homes.save(session, endpoint)

    def test_work_is_kept_and_an_empty_home_replaces_nothing(
        self, city: City, tmp_path: Path
    ) -> None:
        first, second = working(city, 1), working(city, 2)
        with slot_that(says(b"HTTP/1.1 204 No Content\r\n\r\n"), tmp_path) as endpoint:
            city.platform.homes.bring_back(first, endpoint)
        assert not self.saved(city, first, tmp_path, archive_of())
        assert self.saved(city, first, tmp_path)
        with slot_that(says(b"HTTP/1.1 409 Conflict\r\n\r\n"), tmp_path) as endpoint:
            city.platform.homes.bring_back(second, endpoint)  # it never was ready
        assert not self.saved(city, second, tmp_path, archive_of("other"))

    def test_nothing_is_kept_of_a_session_under_a_shut_licence(
        self, city: City, tmp_path: Path
    ) -> None:
        session = working(city, 1)
        with slot_that(says(b""), tmp_path) as endpoint:
            city.platform.homes.bring_back(session, endpoint)
        city.platform.revocation.suspend(city.actor("approver"), city.licence, "test")
        assert not self.saved(city, session, tmp_path)
        city.platform.revocation.resume(city.actor("founder"), city.licence, "settled")
        city.platform.activation.reload()
        with reading(city.platform.engine) as connection:
            assert homes(connection) == []

    def test_what_wider_terms_showed_is_not_kept_under_narrow_ones(
        self, city: City, tmp_path: Path
    ) -> None:
        session = working(city, 1)
        with slot_that(says(b""), tmp_path) as endpoint:
            city.platform.homes.bring_back(session, endpoint)
        held = city.platform.enforcer.snapshot.licences
        wide = city.platform.homes._worked_under[session.id]
        assert held[city.licence] is not None
        columns = {name: found | {"one_more"} for name, found in wide.columns.items()}
        city.platform.homes._worked_under[session.id] = replace(wide, columns=columns)
        assert not self.saved(city, session, tmp_path)
        assert not self.saved(city, session, tmp_path)  # nor when it is asked again
