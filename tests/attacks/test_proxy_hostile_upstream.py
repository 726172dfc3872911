"""A hostile session server behind the real proxy on a real port, asked with raw bytes."""

import asyncio
import http.server
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from foundation.clock import SystemClock
from sandbox.egress import EgressAccount
from sandbox.proxy_rules import COOKIE
from sandbox.screen import Screens
from sandbox.tickets import Tickets
from service.session_assets import SessionAssets
from service.session_proxy import ANSWER_BYTES_MIN, SessionHosts, SessionProxy
from tests.attacks.test_proxy_paths import DENIED
from tests.parts import SESSION_ENVIRONMENT
from tests.screens import LICENCE, PERSON, opened_screens, screen_of

EVIL_HEADERS = (
    "Set-Cookie",
    "Content-Security-Policy",
    "Content-Security-Policy-Report-Only",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Content-Disposition",
    "Service-Worker-Allowed",
    "Refresh",
    "Link",
    "Clear-Site-Data",
    "Report-To",
    "Reporting-Endpoints",
    "NEL",
    "Alt-Svc",
    "SourceMap",
    "Speculation-Rules",
    "X-Accel-Redirect",
    "ETag",
    "Last-Modified",
    "Timing-Allow-Origin",
    "X-Anything",
)
SLOT = "a" * 26
OTHER = "b" * 26


@dataclass
class Hostile:
    """The upstream, what it heard, and the way to it through the proxy."""

    port: int
    proxy: SessionProxy
    tickets: Tickets
    heard: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"{SLOT}.sandgate.localhost:{self.port}"

    def cookie(self) -> str:
        value = self.tickets.redeem(SLOT, self.tickets.give(SLOT))
        return f"{COOKIE}={value}"

    def ask(self, method: str, target: str, **headers: str) -> tuple[int, str]:
        """Send one request as it stands, without any client's tidying."""
        sent = {
            "Host": self.host,
            "Origin": f"http://{self.host}",
            "Cookie": self.cookie(),
            "Connection": "close",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value)
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            client.sendall(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode())
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
        text = answer.decode("utf-8", "replace")
        return int(text.split(" ", 2)[1]), text


class Upstream(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, _address = super().get_request()
        return connection, ("session", 0)

    def handle_error(self, *_parts: object) -> None:
        """A refused answer is cut off in the middle; that is no news here."""


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with opened_screens(tmp_path_factory.mktemp("screens")) as (opened, _engine):
        yield opened


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, screens: Screens) -> Iterator[Hostile]:
    heard: list[str] = []
    seen: list[dict[str, str]] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            heard.append(self.path)
            seen.append({name.lower(): value for name, value in self.headers.items()})
            redirect = self.path.startswith("/api/config/")
            self.send_response(302 if redirect else 200)
            for name in EVIL_HEADERS:
                self.send_header(name, f"evil-{name}")
            if redirect:
                self.send_header("Location", "http://evil.example/")
            page = self.path.startswith("/api/me")
            self.send_header("Content-Type", "text/html" if page else "application/json")
            body = b"<script>1</script>" if page else b'{"said": "hello"}'
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    path = Path(f"/tmp/sandgate-hostile-{tmp_path_factory.getbasetemp().name}.sock")
    path.unlink(missing_ok=True)
    upstream = Upstream(str(path), Answer)
    threading.Thread(target=upstream.serve_forever, name="upstream").start()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    tickets = Tickets(SystemClock())
    proxy = SessionProxy(
        tickets,
        f"http://sandgate.localhost:{port}",
        SessionAssets(SESSION_ENVIRONMENT),
        on_egress_exceeded=lambda _slot: None,
        on_activity=lambda _slot: None,
    )
    for slot in (SLOT, OTHER):
        proxy.light_up(slot, path, "ui-token", screen_of(screens, slot))
    config = uvicorn.Config(
        SessionHosts(Starlette(), proxy), log_config=None, access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    yield Hostile(port, proxy, tickets, heard, seen)
    proxy.close()
    server.should_exit = True
    thread.join()
    listener.close()
    upstream.shutdown()
    upstream.server_close()
    path.unlink()


def test_an_allowed_request_arrives_and_comes_back_clean(hostile: Hostile) -> None:
    status, text = hostile.ask("GET", "/api/status", X_Forwarded_For="10.1.1.1")
    assert status == 200
    assert "hello" in text
    assert "evil" not in text
    ours = {"content-security-policy", "permissions-policy", "referrer-policy"}
    named = {line.partition(":")[0].lower() for line in text.partition("\r\n\r\n")[0].split("\r\n")}
    assert not {name.lower() for name in EVIL_HEADERS} - ours & named - ours
    heard = hostile.headers[-1]
    assert heard["authorization"] == "token ui-token"
    assert not {"cookie", "x-forwarded-for", "origin"} & set(heard)


@pytest.mark.parametrize(
    ("method", "path", "query"), [one for one in DENIED if one[0] not in {"WEBSOCKET", "CONNECT"}]
)
def test_no_odd_path_reaches_the_session(
    hostile: Hostile, method: str, path: str, query: str
) -> None:
    before = len(hostile.heard)
    target = path + (f"?{query}" if query else "")
    status, _text = hostile.ask(method, target)
    assert 400 <= status < 500
    assert len(hostile.heard) == before


def test_a_page_of_the_sessions_own_is_not_passed_on(hostile: Hostile) -> None:
    status, text = hostile.ask("GET", "/api/me")
    assert status == 403
    assert "<script>" not in text
    assert "session_answer_refused" in text


def test_scripts_and_the_page_never_come_from_the_session(hostile: Hostile) -> None:
    before = len(hostile.heard)
    for path in ("/lab", "/lab/tree/a/b.ipynb", "/favicon.ico", "/lab/extensions/x/static/y.js"):
        assert hostile.ask("GET", path)[0] in {200, 404}
    assert len(hostile.heard) == before


def test_a_foreign_redirect_is_not_passed_on(hostile: Hostile) -> None:
    status, text = hostile.ask("GET", "/api/config/notebook")
    assert status == 403
    assert "evil.example" not in text


@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=guess", f"{COOKIE}=", "other=1", "=;=,"])
def test_a_wrong_cookie_sees_nothing(hostile: Hostile, cookie: str) -> None:
    before = len(hostile.heard)
    status, text = hostile.ask("GET", "/lab", Cookie=cookie)
    assert status == 404
    assert "session_unknown" in text
    assert len(hostile.heard) == before


def test_another_sessions_cookie_opens_nothing(hostile: Hostile) -> None:
    before = len(hostile.heard)
    host = f"{OTHER}.sandgate.localhost:{hostile.port}"
    status, _text = hostile.ask("GET", "/lab", Host=host, Origin=f"http://{host}")
    assert status == 404
    assert len(hostile.heard) == before


def test_a_session_opened_as_a_tab_is_refused(hostile: Hostile) -> None:
    assert hostile.ask("GET", "/lab", Sec_Fetch_Dest="document")[0] == 403


@pytest.mark.parametrize("ticket", ["", "ticket=", "ticket=guess", "ticket=a&ticket=b"])
def test_a_wrong_ticket_opens_nothing(hostile: Hostile, ticket: str) -> None:
    status, text = hostile.ask("GET", f"/sandgate/enter?{ticket}", Cookie="")
    assert status == 403
    assert "set-cookie" not in text.lower()


def test_two_host_headers_do_not_confuse_it(hostile: Hostile) -> None:
    before = len(hostile.heard)
    raw = (
        f"GET /lab HTTP/1.1\r\nHost: localhost\r\nHost: {hostile.host}\r\n"
        f"Cookie: {hostile.cookie()}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", hostile.port), 10) as client:
        client.sendall(raw.encode())
        status = int(client.recv(65536).split(b" ", 2)[1])
    assert 400 <= status < 500
    assert len(hostile.heard) == before


def test_an_answers_mere_coming_counts(hostile: Hostile, screens: Screens) -> None:
    """A status code carries some bits: no answer is free, not even one that is refused."""
    account = EgressAccount(PERSON, LICENCE)
    for method, path in (("HEAD", "/api/status"), ("GET", "/api/me"), ("GET", "/api/config/a")):
        before = screens.egress.remaining(account)
        hostile.ask(method, path)
        after = screens.egress.remaining(account)
        assert before[0] - after[0] >= ANSWER_BYTES_MIN
        assert before[1] > after[1]
