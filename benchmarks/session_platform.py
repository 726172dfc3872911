"""A platform that really serves sessions, for the benchmarks: API, proxy, gateway and a small city.

What is timed here is what an operator does: ask the API for a session, take the link, enter, start
a kernel, run a cell. All of it goes over HTTP and WebSocket on a port of this machine.
"""

import asyncio
import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from foundation.settings import Settings
from service.app import create_app
from tests.city import City, built_city
from tests.session_browser import KernelChannel, SessionBrowser

ENVIRONMENT = Path(__file__).resolve().parent.parent / ".venv-session"
ADDRESS = "127.0.0.1"
SECONDS_MAX = 120.0


@dataclass
class Opened:
    """One session that is open, with its kernel's channel."""

    id: str
    slot: str
    browser: SessionBrowser
    kernel: KernelChannel


class SessionPlatform:
    """The platform as its people meet it."""

    def __init__(self, city: City, port: int) -> None:
        """Take over a served city."""
        self.city, self.port = city, port
        self._clients: dict[str, httpx.Client] = {}

    def api(self, account: str) -> httpx.Client:
        """Return a person's client of the HTTP API."""
        if account not in self._clients:
            settings = self.city.platform.settings
            self._clients[account] = httpx.Client(
                base_url=f"http://{ADDRESS}:{self.port}/api/v1",
                headers={
                    "Authorization": f"Bearer {self.city.token(account)}",
                    "Host": f"{settings.platform_host}:{self.port}",
                },
                timeout=SECONDS_MAX,
                trust_env=False,
            )
        return self._clients[account]

    def close(self) -> None:
        """Let go of the clients."""
        for client in self._clients.values():
            client.close()

    def post(
        self, account: str, path: str, body: object = None, expected: int = 201
    ) -> dict[str, object]:
        """Send one request and insist on its status."""
        answer = self.api(account).post(path, json=body)
        if answer.status_code != expected:
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
        found: dict[str, object] = answer.json()
        return found

    def open(self, account: str = "analyst") -> str:
        """Ask for a session; return its id."""
        return str(self.post(account, "/sessions", {"licence": self.city.licence})["id"])

    def end(self, session: str, account: str = "analyst") -> None:
        """Close a session."""
        self.post(account, f"/sessions/{session}/close", expected=200)

    @contextmanager
    def entered(self, session: str, account: str = "analyst") -> Iterator[SessionBrowser]:
        """Enter a session by a link of its own, as a browser."""
        url = str(self.post(account, f"/sessions/{session}/tickets")["url"])
        with SessionBrowser(url, ADDRESS, self.port, seconds_max=SECONDS_MAX) as browser:
            yield browser

    @contextmanager
    def working(self, account: str = "analyst") -> Iterator[Opened]:
        """Open a session and its kernel; the session is closed at the end."""
        session = self.open(account)
        try:
            with self.entered(session, account) as browser, browser.kernel() as kernel:
                slot = str(self.city.platform.sessions.session(session).slot)
                yield Opened(session, slot, browser, kernel)
        finally:
            with contextlib.suppress(RuntimeError):  # it may have been ended by what is measured
                self.end(session, account)

    def first_cell_seconds(self) -> float:
        """Return how long it takes from asking for a session to the answer of ``1+1``."""
        started = time.perf_counter()
        with self.working() as opened:
            run_cell(opened.kernel)
            return time.perf_counter() - started

    def slot_pids(self) -> list[int]:
        """Return the outermost process of each sandbox: what the backend itself started."""
        backend = self.city.platform.slots.backend
        return [held.process.pid for held in vars(backend)["_slots"].values()]


def run_cell(kernel: KernelChannel) -> None:
    """Execute ``1+1`` and insist on the answer."""
    shown = kernel.execute("1+1").text
    if shown != "2":
        raise RuntimeError(f"the cell answered {shown!r}")


@contextmanager
def session_platform(**settings: object) -> Iterator[SessionPlatform]:
    """Build a city in a new home, serve it, and stop it at the end. The pool is not started."""
    with (
        socket.create_server((ADDRESS, 0)) as listener,
        tempfile.TemporaryDirectory(prefix="sandgate-bench-") as home,
    ):
        port = listener.getsockname()[1]
        chosen = Settings.model_validate(
            {"home": home, "port": port, "session_environment": ENVIRONMENT, **settings}
        )
        with built_city(Path(home), settings=chosen) as city, _served(city, listener):
            platform = SessionPlatform(city, port)
            try:
                yield platform
            finally:
                platform.close()


@contextmanager
def _served(city: City, listener: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(
        create_app(city.platform),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield
    finally:
        city.platform.doors.close()
        server.should_exit = True
        thread.join()
