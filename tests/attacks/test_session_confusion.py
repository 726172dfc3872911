"""Another session's token, socket or cookie gives its own principal or nothing, always.

Several live sandboxes of different people, used at once and crosswise: each try takes a host, a
cookie, a ticket, a token or a header of one session to another. Whatever comes back must belong to
the session that the listener or the cookie belongs to, or nothing at all.
"""

import asyncio
import hashlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from sqlalchemy import Connection, Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from audit.events import PendingEntry
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.identity import Actor, Role
from foundation.settings import Settings
from sandbox.backends.interface import Endpoint
from sandbox.screen import Screens
from sandbox.sessions import Doors, Session, SessionRegistry
from sandbox.tickets import Tickets
from service.doors import SessionDoors
from service.session_proxy import SessionHosts
from tests.light_slots import LightBackend, cold_slots, light_backend
from tests.parts import need_namespaces
from tests.screens import screen_log, screen_rules

pytestmark = need_namespaces
PEOPLE = ("anna", "ben", "cleo", "anna")
LICENCES = ("lic_1", "lic_1", "lic_2", "lic_2")
THREADS = 4
SECONDS_MAX = 60.0
CUT_OFF = (
    "import os,socket,sys\n"
    "os.setgroups([]); os.setresgid(*[int(sys.argv[1])]*3); os.setresuid(*[int(sys.argv[1])]*3)\n"
    "for path in sys.argv[2:]:\n"
    "    caller = socket.socket(socket.AF_UNIX); caller.settimeout(60)\n"
    "    try:\n"
    "        caller.connect(path)\n"
    "        caller.sendall(b'GET /who HTTP/1.1\\r\\nHost: g\\r\\nConnection: close\\r\\n\\r\\n')\n"
    "        print(len(caller.recv(4096)))\n"
    "    except OSError:\n"
    "        print(0)\n"
)


class Unpaid:
    """Sessions are free here."""

    def session_asked(self, _connection: Connection, _entry: PendingEntry, _one: Session) -> None:
        """Let every session be asked for."""

    def session_ended(self, _connection: Connection, _entry: PendingEntry, _one: Session) -> None:
        """Charge nothing."""


@dataclass
class Person:
    """One session, how its host side is reached, and what its own answers look like."""

    session: Session
    endpoint: Endpoint
    cookie: str = ""
    spent: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        return hashlib.sha256(self.endpoint.ui_token.encode()).hexdigest()

    @property
    def principal(self) -> dict[str, str]:
        one = self.session
        return {"session": one.id, "person": one.person, "licence": one.licence}


class House:
    """Registry, doors and small sandboxes, served on a port."""

    def __init__(self, home: Path, engine: Engine, writer: GroupCommitWriter, port: int) -> None:
        clock = SystemClock()
        self.port, self.answered = port, 0
        self.screens = Screens(screen_rules(), engine, writer, clock)
        settings = Settings(home=home, port=port)
        self.doors = SessionDoors(settings, Tickets(clock), self.screens)
        self.backend: LightBackend = light_backend()
        self.endpoints: dict[str, Endpoint] = {}
        self.registry = SessionRegistry(
            engine,
            writer,
            cold_slots(self.backend, clock),
            self.screens.egress,
            Doors(open=self._opened, darken=self.doors.darken),
            Unpaid(),
        )
        gateway = Starlette(routes=[Route("/who", self._who)])
        self.doors.connect(gateway, self.registry.freeze_slot, lambda _slot: None)
        self.hosts = SessionHosts(Starlette(), self.doors.proxy)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=SECONDS_MAX, trust_env=False
        )

    def _opened(self, session: Session, endpoint: Endpoint) -> None:
        self.endpoints[endpoint.slot] = endpoint
        self.doors.open(session, endpoint)

    def _who(self, request: Request) -> JSONResponse:
        """Say who asks, as the platform's gateway knows it: by the slot of the listener."""
        session = self.registry.session_of_slot(request.state.slot)
        if session is None:
            return JSONResponse({}, 503)
        self.answered += 1
        principal = {"person": session.person, "licence": session.licence}
        return JSONResponse({"session": session.id, **principal})

    def open(self, person: str, licence: str) -> Person:
        actor = Actor(person, "org", frozenset({Role.OPERATOR}))
        session = self.registry.open(actor, licence, "credit")
        opened = Person(session, self.endpoints[str(session.slot)])
        answer = self.enter(opened, opened)
        opened.cookie = answer.headers["set-cookie"].partition(";")[0]
        return opened

    def host(self, person: Person) -> str:
        return self.doors.proxy.session_origin(person.endpoint.slot).removeprefix("http://")

    def enter(self, host: Person, ticket: Person) -> httpx.Response:
        """Redeem one session's ticket at the host of another, or of the same."""
        path = self.doors.proxy.enter_url(ticket.endpoint.slot).split("/", 3)[3]
        return self.client.get(f"/{path}", headers={"host": self.host(host)})

    def status(self, host: Person, cookie: Person) -> httpx.Response:
        headers = {"host": self.host(host), "cookie": cookie.cookie}
        return self.client.get("/api/status", headers=headers)

    def ask(self, person: Person, forged: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Let a sandbox ask the gateway, with headers that name somebody else."""
        connection = http.client.HTTPConnection("session", timeout=SECONDS_MAX)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(SECONDS_MAX)
        headers = {"Authorization": f"token {person.endpoint.ui_token}"}
        try:
            connection.sock.connect(str(person.endpoint.ui_socket))
            connection.request("POST", "/ask", json.dumps(forged), headers)
            told = json.loads(connection.getresponse().read())
        except TimeoutError:  # its question still stood in the queue of a door that was shut
            return 0, {}
        finally:
            connection.close()
        return told["status"], json.loads(told["body"]) if told["status"] else {}

    def close(self) -> None:
        self.client.close()
        self.doors.close()
        self.backend.close()
        self.screens.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("house")
    with screen_log(home) as (engine, writer), socket.create_server(("127.0.0.1", 0)) as listener:
        house = House(home, engine, writer, listener.getsockname()[1])
        config = uvicorn.Config(
            house.hosts, log_config=None, access_log=False, lifespan="off", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        yield house
        house.close()
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def people(house: House) -> list[Person]:
    return [house.open(*one) for one in zip(PEOPLE, LICENCES, strict=True)]


def forged(other: Person) -> dict[str, str]:
    """Every way in which a request could say that it is somebody else's."""
    return {
        "Authorization": f"token {other.endpoint.ui_token}",
        "Cookie": other.cookie,
        "Host": f"{other.endpoint.slot}.sandgate.localhost",
        "X-Session": other.session.id,
        "X-Slot": other.endpoint.slot,
        "Forwarded": f"for={other.endpoint.slot}",
    }


def tried(house: House, mine: Person, other: Person) -> str:
    """Take something of one session to another; name what went wrong, if anything did."""
    same = mine is other
    match secrets.randbelow(4):
        case 0:
            answer = house.status(mine, other)
            good = answer.json().get("me") == mine.mark if same else answer.status_code == 404
            return "" if good else "cookie"
        case 1:
            answer = house.enter(mine, other)
            return "" if answer.status_code == (303 if same else 403) else "ticket"
        case 2:
            status, principal = house.ask(mine, forged(other))
            return "" if (status, principal) == (200, mine.principal) else "gateway"
        case _:
            headers = {"Authorization": f"token {other.endpoint.ui_token}"}
            transport = httpx.HTTPTransport(uds=str(mine.endpoint.ui_socket))
            with httpx.Client(transport=transport, base_url="http://session") as client:
                answer = client.get("/api/status", headers=headers)
            good = answer.json().get("me") == mine.mark if same else answer.status_code == 403
            return "" if good else "token"


@pytest.mark.parametrize("tries", [60, pytest.param(1_000, marks=pytest.mark.full)])
def test_no_try_of_many_interleaved_ones_confuses_two_sessions(
    house: House, people: list[Person], tries: int
) -> None:
    def some(_number: int) -> list[str]:
        pairs = [(secrets.choice(people), secrets.choice(people)) for _ in range(tries // THREADS)]
        return [tried(house, mine, other) for mine, other in pairs]

    with ThreadPoolExecutor(THREADS) as pool:
        found = [name for names in pool.map(some, range(THREADS)) for name in names]
    assert len(found) == tries
    assert [name for name in found if name] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives sessions a uid of their own")
def test_the_uid_of_one_session_reaches_no_other_gateway(people: list[Person]) -> None:
    """The kernel names the caller's uid; a socket's path and mode would let it through."""
    assert len({person.endpoint.peer_uid for person in people}) == len(people)
    paths = [str(one.endpoint.ui_socket.with_name("gateway.sock")) for one in people]
    for number, person in enumerate(people):
        command = [sys.executable, "-I", "-c", CUT_OFF, str(person.endpoint.peer_uid), *paths]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=270)
        answered = [int(line) > 0 for line in done.stdout.split()]
        assert answered == [place == number for place in range(len(people))]


def test_a_suspended_licence_ends_its_sessions_at_both_doors_and_no_others(house: House) -> None:
    """Nothing is answered once the doors are shut, and what was open before is cut."""
    mine = [house.open(f"dora{number}", "lic_ending") for number in range(6)]
    other = house.open("eve", "lic_staying")
    shut, stopping = threading.Event(), threading.Event()
    late: list[int] = []

    def hammer(person: Person) -> None:
        while not stopping.is_set():
            asked_late = shut.is_set()
            status, _principal = house.ask(person, {})
            if asked_late:
                late.append(status)

    before = house.answered
    with ThreadPoolExecutor(len(mine)) as pool:
        hammers = [pool.submit(hammer, person) for person in mine]
        while house.answered < before + 2 * len(mine):
            time.sleep(0.01)
        house.doors.darken_licence("lic_ending")
        shut.set()
        while len(late) < 5 * len(mine) and not any(one.done() for one in hammers):
            time.sleep(0.01)
        stopping.set()
        for one in hammers:
            one.result(2 * SECONDS_MAX)
    assert set(late) == {0}
    assert [house.ask(person, {})[0] for person in mine] == [0] * len(mine)
    assert [house.status(person, person).status_code for person in mine] == [403] * len(mine)
    assert house.ask(other, {}) == (200, other.principal)
    assert house.status(other, other).json()["me"] == other.mark


def test_a_closed_session_is_gone_and_its_things_are_worthless(
    house: House, people: list[Person]
) -> None:
    gone = house.open("fred", "lic_1")
    process = house.backend._slots[gone.endpoint.slot].process
    link = house.doors.proxy.enter_url(gone.endpoint.slot)
    house.registry.close(gone.session.id, Actor("fred", "org", frozenset()), "closed")
    assert not Path("/proc", str(process.init_pid)).exists()
    assert not gone.endpoint.ui_socket.exists()
    assert house.status(gone, gone).status_code == 404
    assert all(house.status(one, gone).status_code == 404 for one in people)
    entered = house.client.get(f"/{link.split('/', 3)[3]}", headers={"host": house.host(gone)})
    assert entered.status_code == 404
