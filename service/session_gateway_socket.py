"""Serves the gateway on one Unix socket per slot: the listener, not the request, says who asks.

Until its slot's assignment is committed a socket does not listen, so that nothing sent before can
be answered after; what connected meanwhile is dropped unread, as is any uid but the slot's own. The
slot stands in the ASGI scope as ``state["slot"]``. A slot is served a few requests at once, the
rest wait on no thread: one session's flood delays no other.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

T = TypeVar("T")

CLOSE_SECONDS_MAX = 10.0
REQUESTS_AT_ONCE = 4
"""A slot's requests that hold a thread; a private answer holds one until its time has come."""
THREADS_MAX = 1_024
"""Enough for every slot of a host to be served at once."""
BACKLOG = 64
_PEER_CREDENTIALS = struct.Struct("3i")


@dataclass
class _Served:
    """One slot's listener and what it may do."""

    peer_uid: int
    listener: socket.socket
    dark: bool = False
    server: asyncio.Server | None = None
    state: ServerState = field(default_factory=ServerState)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REQUESTS_AT_ONCE))


class GatewaySockets:
    """Every slot's gateway socket, in one event loop of its own thread."""

    def __init__(self, gateway: ASGIApp) -> None:
        """Start the loop; no socket is served yet."""
        self._gateway = gateway
        self._served: dict[str, _Served] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="gateway sockets", daemon=True)
        self._thread.start()

    def serve(self, slot: str, listener: socket.socket, peer_uid: int) -> None:
        """Listen and answer: call only after the slot's assignment was committed to the log.

        The socket should be bound and not yet listening; where it listens already, whatever
        connected is cut off unread.
        """
        _drop_pending(listener)
        listener.listen(BACKLOG)
        served = _Served(peer_uid, listener)
        self._served[slot] = served
        self._await(self._listen(slot, served, listener))

    def go_dark(self, slot: str) -> None:
        """Stop serving a slot for good and cut its connections; waits on nothing. From any thread.

        The kernel refuses every further connection from here on.
        """
        served = self._served.pop(slot, None)
        if served is not None:
            served.dark = True
            with contextlib.suppress(OSError):  # its backend may have closed it already
                served.listener.shutdown(socket.SHUT_RDWR)
                _drop_pending(served.listener)
            self._loop.call_soon_threadsafe(_shut, served)

    def close(self) -> None:
        """Stop serving every slot and end the thread; safe to repeat."""
        if not self._thread.is_alive():
            return
        for slot in tuple(self._served):
            self.go_dark(slot)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS_MAX)

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(_let_go())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def _await(self, work: "Awaitable[T]") -> T:
        async def awaited() -> T:
            return await work

        future: Future[T] = asyncio.run_coroutine_threadsafe(awaited(), self._loop)
        return future.result(CLOSE_SECONDS_MAX)

    async def _listen(self, slot: str, served: _Served, listener: socket.socket) -> None:
        current_default_thread_limiter().total_tokens = THREADS_MAX
        application = _in_turn(self._gateway, served)
        config = Config(application, lifespan="off", log_config=None, access_log=False, ws="none")
        config.load()

        def connection() -> asyncio.Protocol:
            return _OwnPeerOnly(
                served, config=config, server_state=served.state, app_state={"slot": slot}
            )

        served.server = await self._loop.create_unix_server(connection, sock=listener.dup())
        if served.dark:  # it went dark while it was being opened
            _shut(served)


class _OwnPeerOnly(H11Protocol):
    """HTTP for one uid, while its slot is served: any other is cut off before a byte is read."""

    def __init__(self, served: _Served, **parts: Any) -> None:
        super().__init__(**parts)
        self._served = served

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        own = peer_uid_of(transport.get_extra_info("socket")) == self._served.peer_uid
        if own and not self._served.dark:  # it may have been accepted just before
            super().connection_made(transport)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "transport") and self.transport is not None:
            super().connection_lost(exc)


async def _let_go() -> None:
    """Let connections that were just cut close their sockets."""
    for _ in range(3):
        await asyncio.sleep(0)


def peer_uid_of(connection: socket.socket) -> int:
    """Return the uid on the other end of a Unix socket, as the kernel knows it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    uid: int = _PEER_CREDENTIALS.unpack(raw)[1]
    return uid


def _in_turn(gateway: ASGIApp, served: _Served) -> Callable[..., Awaitable[None]]:
    """Hand a few requests at once to the gateway, and none once the slot went dark."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        async with served.turns:
            if not served.dark:
                await gateway(scope, receive, send)
                return
        while (await receive())["type"] != "http.disconnect":
            pass  # its connection is cut already: there is nobody to answer

    return application


def _drop_pending(listener: socket.socket) -> None:
    """Cut off what connected before now; a socket that does not listen has nothing pending."""
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return
    listener.setblocking(False)
    with contextlib.suppress(OSError):  # none is left, or the listener was shut down
        while True:
            listener.accept()[0].close()


def _shut(served: _Served) -> None:
    if served.server is not None:
        served.server.close()
    for connection in tuple(served.state.connections):
        if connection.transport is not None:
            connection.transport.abort()
