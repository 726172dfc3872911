"""A session that floods its gateway with slow questions keeps no other session waiting."""

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.session_gateway_socket import REQUESTS_AT_ONCE, GatewaySockets

FLOOD = 60  # more than the threads that a loop has by itself
SECONDS_MAX = 20.0


class Slow:
    """A gateway whose questions end when they are let go."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0
        self.full = threading.Event()

    def slow(self, _request: Request) -> Response:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            if self._inside == REQUESTS_AT_ONCE:
                self.full.set()
        self.ended.wait(SECONDS_MAX)
        with self._lock:
            self._inside -= 1
        return PlainTextResponse("done")

    def quick(self, _request: Request) -> Response:
        return PlainTextResponse("quick")


@pytest.fixture
def gateway() -> Iterator[tuple[Slow, GatewaySockets]]:
    slow = Slow()
    sockets = GatewaySockets(
        Starlette(routes=[Route("/slow", slow.slow), Route("/quick", slow.quick)])
    )
    try:
        yield slow, sockets
    finally:
        slow.ended.set()
        sockets.close()


def client(sockets: GatewaySockets, directory: Path, slot: str) -> httpx.Client:
    path = directory / slot
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        sockets.serve(slot, listener, os.geteuid())
    limits = httpx.Limits(max_connections=FLOOD)
    transport = httpx.HTTPTransport(uds=str(path), limits=limits)
    return httpx.Client(transport=transport, base_url="http://gateway", timeout=SECONDS_MAX)


def test_another_session_is_answered_while_one_floods(
    gateway: tuple[Slow, GatewaySockets], tmp_path: Path
) -> None:
    slow, sockets = gateway
    with (
        client(sockets, tmp_path, "flooding") as flooding,
        client(sockets, tmp_path, "other") as other,
        ThreadPoolExecutor(FLOOD) as pool,
    ):
        asked = [pool.submit(flooding.get, "/slow") for _ in range(FLOOD)]
        assert slow.full.wait(SECONDS_MAX)
        assert other.get("/quick", timeout=SECONDS_MAX / 2).text == "quick"
        assert not any(one.done() for one in asked)
        slow.ended.set()
        assert {one.result().text for one in asked} == {"done"}
    assert slow.most == REQUESTS_AT_ONCE
