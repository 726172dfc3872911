"""A session proxy served on a real port, beside which tests start real sessions."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

from foundation.clock import SystemClock
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.backends.interface import Endpoint
from sandbox.egress import EgressAccount, EgressBudget
from sandbox.tickets import Tickets
from service.session_gateway_socket import GatewaySockets
from service.session_page import session_page
from service.session_proxy import SessionHosts, SessionProxy
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
        return session_page("ses_test", proxy.enter_url(slot), proxy.session_origin(slot), "zh")

    return Route("/sessions/{slot}/view", view)


@dataclass
class Stage:
    """The running proxy, gateway sockets and backend, and what they reported."""

    port: int
    proxy: SessionProxy
    gateways: GatewaySockets
    backend: BubblewrapBackend
    egress: EgressBudget
    exceeded: list[str] = field(default_factory=list)

    def open(self) -> Endpoint:
        slot = self.backend.prestart()
        endpoint = self.backend.assign(slot, "ses_test")
        self.gateways.serve(slot, endpoint.gateway_listener, endpoint.peer_uid)
        count = self.egress.meter(slot, EgressAccount("p1", "lic_1"))
        self.proxy.light_up(slot, endpoint.ui_socket, endpoint.ui_token, count)
        return endpoint

    def enter(self, slot: str) -> SessionBrowser:
        return SessionBrowser(self.proxy.enter_url(slot), "127.0.0.1", self.port)


@contextmanager
def stage(*, egress_bytes_max: int = 1 << 30) -> Iterator[Stage]:
    """Serve the proxy on a free port of 127.0.0.1 until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    clock = SystemClock()
    exceeded: list[str] = []
    proxy = SessionProxy(
        Tickets(clock),
        f"http://sandgate.localhost:{port}",
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
    backend = BubblewrapBackend(REPOSITORY / ".venv-session", LIMITS, packages={"sandgate": client})
    egress = EgressBudget(clock, egress_bytes_max)
    try:
        yield Stage(port, proxy, gateways, backend, egress, exceeded)
    finally:
        proxy.close()
        gateways.close()
        backend.close()
        server.should_exit = True
        thread.join()
        listener.close()
