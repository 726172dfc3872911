"""Nothing that a slot sent before it belonged to a session is answered under that session.

An anonymous slot runs before anybody has it. If what it queued then were served later, whoever
could run a line in a pooled slot would ask with the next person's identity.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from service.session_gateway_socket import GatewaySockets

ASK = b"GET /who HTTP/1.1\r\nHost: gateway\r\n\r\n"
SECONDS_MAX = 5


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def sockets(asked: list[str]) -> Iterator[GatewaySockets]:
    def who(request: Request) -> PlainTextResponse:
        asked.append(request.state.slot)
        return PlainTextResponse(request.state.slot)

    sockets = GatewaySockets(Starlette(routes=[Route("/who", who)]))
    yield sockets
    sockets.close()


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[socket.socket]:
    """A gateway socket as a backend hands it over: bound, and not listening."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "gateway.sock"))
        yield bound


def connected(bound: socket.socket) -> socket.socket:
    caller = socket.socket(socket.AF_UNIX)
    caller.settimeout(SECONDS_MAX)
    try:
        caller.connect(bound.getsockname())
    except OSError:
        caller.close()
        raise
    return caller


def answer(caller: socket.socket) -> bytes:
    """What comes back: nothing where the connection was cut."""
    found = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        caller.sendall(ASK)
        while not found.endswith(b"slot") and (more := caller.recv(4096)):
            found += more
    return found


def test_before_the_assignment_no_connection_can_exist(
    sockets: GatewaySockets, bound: socket.socket
) -> None:
    with pytest.raises(ConnectionRefusedError):
        connected(bound)
    sockets.serve("slot", bound, os.geteuid())
    with connected(bound) as caller:
        assert answer(caller).endswith(b"slot")


def test_what_was_queued_on_a_listening_socket_is_never_answered(
    sockets: GatewaySockets, bound: socket.socket, asked: list[str]
) -> None:
    """Even where a backend listened too early: requests in the backlog die unread."""
    bound.listen(8)
    early = [connected(bound) for _ in range(8)]
    for caller in early[:4]:
        caller.sendall(ASK)
    sockets.serve("slot", bound, os.geteuid())
    try:
        assert [answer(caller) for caller in early] == [b""] * 8
        with connected(bound) as late:
            assert answer(late).endswith(b"slot")
        assert asked == ["slot"]
    finally:
        for caller in early:
            caller.close()


def test_when_its_session_ends_a_slot_is_cut_off_and_refused(
    sockets: GatewaySockets, bound: socket.socket, asked: list[str]
) -> None:
    sockets.serve("slot", bound, os.geteuid())
    with connected(bound) as before:
        assert answer(before).endswith(b"slot")
        sockets.go_dark("slot")
        with pytest.raises(ConnectionRefusedError):
            connected(bound)
        assert answer(before) == b""
    assert asked == ["slot"]
