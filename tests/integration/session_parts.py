"""A session proxy served on a real port, beside which tests start real sessions."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

from foundation.clock import SystemClock
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.backends.interface import Endpoint
from sandbox.screen import Screens
from sandbox.tickets import Tickets
from service.session_assets import SessionAssets
from service.session_gateway_socket import GatewaySockets
from service.session_page import session_page
from service.session_proxy import SessionHosts, SessionProxy
from tests.parts import SESSION_ENVIRONMENT
from tests.screens import SESSION, opened_screens, screen_of
from tests.session_browser import SessionBrowser

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LIMITS = SessionLimits(memory_bytes_max=1 << 30, pids_max=128, home_bytes_max=64 << 20)


async def who(request: Request) -> JSONResponse:
    """A gateway that says which slot the listener gave the connection."""
    return JSONResponse({"slot": request.state.slot})


async def platform(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("platform")


def viewing(proxy: SessionProxy) -> Route:
    """Return the platform's page around one session, as the service would serve it."""

    async def view(request: Request) -> HTMLResponse:
        slot = request.path_params["slot"]
        return session_page(
            SESSION,
            proxy.enter_url(slot),
            proxy.session_origin(slot),
            request.query_params.get("language", "zh"),
            person="王小明 (p1)",
            now_us=SystemClock().now_us(),
        )

    return Route("/sessions/{slot}/view", view)


@dataclass
class Stage:
    """The running proxy, gateway sockets and backend, and what they reported."""

    port: int
    proxy: SessionProxy
    gateways: GatewaySockets
    backend: BubblewrapBackend
    screens: Screens
    engine: Engine
    exceeded: list[str] = field(default_factory=list)

    def open(self, session: str = SESSION) -> Endpoint:
        slot = self.backend.prestart()
        endpoint = self.backend.assign(slot, session)
        self.gateways.serve(slot, endpoint.gateway_listener, endpoint.peer_uid)
        screen = screen_of(self.screens, slot, session)
        self.proxy.light_up(slot, endpoint.ui_socket, endpoint.ui_token, screen)
        return endpoint

    def enter(self, slot: str) -> SessionBrowser:
        return SessionBrowser(self.proxy.enter_url(slot), "127.0.0.1", self.port)


@contextmanager
def stage(home: Path | None = None, **parts: dict[str, Any]) -> Iterator[Stage]:
    """Serve the proxy on a free port of 127.0.0.1 until the block ends.

    ``parts`` change fields of the screen rules; the log lies in ``home``, else in a directory that
    ends with the block.
    """
    with ExitStack() as stack:
        if home is None:
            home = Path(stack.enter_context(TemporaryDirectory()))
        screens, engine = stack.enter_context(opened_screens(home, None, **parts))
        with _served(screens, engine) as running:
            yield running


@contextmanager
def _served(screens: Screens, engine: Engine) -> Iterator[Stage]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    clock = SystemClock()
    exceeded: list[str] = []
    proxy = SessionProxy(
        Tickets(clock),
        f"http://sandgate.localhost:{port}",
        SessionAssets(SESSION_ENVIRONMENT),
        on_egress_exceeded=exceeded.append,
        on_activity=lambda _slot: None,
    )
    hosts = SessionHosts(Starlette(routes=[Route("/", platform), viewing(proxy)]), proxy)
    config = uvicorn.Config(
        hosts, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener])), name="test service"
    )
    thread.start()
    gateways = GatewaySockets(Starlette(routes=[Route("/who", who)]))
    client = REPOSITORY / "client" / "src" / "sandgate"
    backend = BubblewrapBackend(SESSION_ENVIRONMENT, LIMITS, packages={"sandgate": client})
    try:
        yield Stage(port, proxy, gateways, backend, screens, engine, exceeded)
    finally:
        proxy.close()
        gateways.close()
        backend.close()
        server.should_exit = True
        thread.join()
        listener.close()
