"""Moves bytes between a browser and the session it was let into; decides nothing itself.

Each session has a host of its own (``<slot>.<platform host>``). ``sandbox.proxy_rules`` says what
may pass, ``sandbox.tickets`` who, ``sandbox.screen`` what of it is shown; the session answers with
JSON alone, every byte of it is counted, and ``go_dark`` ends it all at once.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from foundation.errors import Conflict, Denied, Message, NotFound, SandgateError
from sandbox.kernel_messages import V1
from sandbox.proxy_rules import (
    COOKIE,
    ENTER_PATH,
    Asked,
    check_provenance,
    check_request,
    forwarded_request_headers,
    security_headers,
    session_cookie,
    slot_of_host,
)
from sandbox.screen import SlotScreen, unlike_json
from sandbox.tickets import Tickets
from service.session_answers import (
    bounded_answer,
    bounded_body,
    redirected,
    refusal,
    unreachable,
)
from service.session_assets import SessionAssets
from service.session_channel import CLOSED_BY_POLICY, EventChannel, KernelChannel
from service.session_files import brought_in, is_a_file

REQUEST_BYTES_MAX = 64 << 20
REQUESTS_AT_ONCE, FILES_AT_ONCE = 8, 2
"""Of one session: what more it asks waits, so that its bodies fill no memory but a little."""
ANSWER_SECONDS_MAX = 120.0
ANSWER_BYTES_MIN = 64
"""What each answer counts beside its body: that it came, and its status, tell something as well."""
HEADER_SECONDS_MAX = 60.0
REDIRECTED_FROM = 300
FAILED_FROM = 400
NO_CONTENT = frozenset({204, 304})
EVENTS = "/api/events/subscribe"


@dataclass
class _Live:
    """One slot that the proxy serves now."""

    name: str
    ui_socket: Path
    token: str
    screen: SlotScreen
    exceeded: Callable[[str], None]
    activity: Callable[[str], None]
    dark: bool = False
    frozen: bool = False
    client: httpx.AsyncClient | None = None
    loop: asyncio.AbstractEventLoop | None = None
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REQUESTS_AT_ONCE))
    files: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILES_AT_ONCE))
    channels: dict[asyncio.Event, asyncio.AbstractEventLoop] = field(default_factory=dict)

    async def within_budget(self, byte_count: int, values: int) -> bool:
        """Count what is about to be shown; False where nothing may be shown any more."""
        within = self.screen.meter.count(byte_count, values)
        if within is None:  # a further part of the day is set aside in the log first
            within = await asyncio.to_thread(self.screen.meter.cover)
        if not within and not self.dark:
            self.exceeded(self.name)
        return within and not self.dark

    def used(self) -> None:
        """Note that somebody works in the session."""
        self.activity(self.name)


class SessionProxy:
    """An ASGI application for every host that names a slot.

    ``on_egress_exceeded`` is called with the slot whose person's day is spent; ``on_activity`` with
    the slot at each kernel message and each change. ``assets`` are the page's own files.
    """

    def __init__(
        self,
        tickets: Tickets,
        platform_origin: str,
        assets: SessionAssets,
        *,
        on_egress_exceeded: Callable[[str], None],
        on_activity: Callable[[str], None],
    ) -> None:
        """Serve nothing yet."""
        self._tickets = tickets
        self._platform_origin = platform_origin
        self._platform = urlsplit(platform_origin)
        self._assets = assets
        self._on_egress_exceeded = on_egress_exceeded
        self._on_activity = on_activity
        self._live: dict[str, _Live] = {}

    @property
    def platform_host(self) -> str:
        """The host name under which each slot is a subdomain."""
        return self._platform.hostname or ""

    def session_origin(self, slot: str) -> str:
        """Return the origin that a slot's pages have in the browser."""
        port = "" if self._platform.port is None else f":{self._platform.port}"
        return f"{self._platform.scheme}://{slot}.{self.platform_host}{port}"

    def enter_url(self, slot: str) -> str:
        """Return a link that works once, within a minute, and lets a browser into a session."""
        return f"{self.session_origin(slot)}{ENTER_PATH}?ticket={self._tickets.give(slot)}"

    def light_up(self, slot: str, ui_socket: Path, token: str, screen: SlotScreen) -> None:
        """Begin to serve a slot. Raises Conflict where it was served before: slots live once."""
        if slot in self._live:
            raise Conflict(
                "slot_taken", Message("该沙箱已在服务中。", "This sandbox is already served.")
            )
        self._live[slot] = _Live(slot, ui_socket, token, screen, self._spent, self._on_activity)

    def go_dark(self, slot: str, *, frozen: bool = False) -> None:
        """Stop serving a slot at once: channels close, answers end. From any thread; repeatable.

        That a slot is frozen is remembered; of any other, nothing: names never recur.
        """
        live = self._live.get(slot) if frozen else self._live.pop(slot, None)
        if live is None:
            return
        live.dark, live.frozen = True, frozen
        self._tickets.forget(slot)
        with contextlib.suppress(RuntimeError):  # a loop that ended took its channels with it
            for event, loop in tuple(live.channels.items()):
                loop.call_soon_threadsafe(event.set)
            if live.client is not None and live.loop is not None and live.loop.is_running():
                asyncio.run_coroutine_threadsafe(live.client.aclose(), live.loop)

    def close(self) -> None:
        """Go dark everywhere."""
        for slot in tuple(self._live):
            self.go_dark(slot)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one channel."""
        if scope["type"] == "websocket":
            await self._channel(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except SandgateError as error:
            response = refusal(error, self._platform_origin)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        slot = self._slot(request.headers.get("host", ""))
        if request.url.path == ENTER_PATH:
            return self._enter(slot, request)
        live = self._let_in(slot, request.headers.get("cookie", ""))
        path, query = check_request(_asked(request, request.method), self.session_origin(slot))
        if path == "/":
            return self._ours(Response(status_code=303, headers={"location": "/lab"}))
        if self._assets.serves(path):
            return self._ours(await asyncio.to_thread(self._assets.answer, path))
        if request.method not in {"GET", "HEAD"}:  # an open page asks by itself, for ever
            live.used()
        async with live.turns:
            return self._ours(await self._through(live, request, path, query))

    async def _through(self, live: _Live, request: Request, path: str, query: str) -> Response:
        """Ask the session, and answer with its JSON as far as it may be shown."""
        if not await live.within_budget(ANSWER_BYTES_MIN, 1):
            raise _gone(live)
        content, waiting = await self._brought(live, request, path, query)
        if waiting is not None:
            return JSONResponse(waiting)
        status, kind, body = await self._fetched(live, request, path, query, content)
        if status in NO_CONTENT or request.method == "HEAD":
            return Response(status_code=status)
        if not kind.startswith("application/json"):
            if status < FAILED_FROM:
                raise unlike_json()
            return JSONResponse({"message": "", "reason": None}, status)
        shown = await asyncio.to_thread(live.screen.answer, path, body)
        if not await live.within_budget(len(shown.body), shown.values):
            raise _gone(live)
        return Response(shown.body, status, media_type="application/json")

    async def _brought(
        self, live: _Live, request: Request, path: str, query: str
    ) -> tuple[bytes, dict[str, Any] | None]:
        """Return the body to forward once the log holds what it must, or the answer meanwhile."""
        if not is_a_file(request.method, path):
            content = await bounded_body(request, live.screen.rules.uploads.setting_bytes_max)
            await _durable(live.screen.asked(request.method, path, query, content))
            return content, None
        async with live.files:
            content = await bounded_body(request, REQUEST_BYTES_MAX)
            await _durable(live.screen.asked(request.method, path, query, b""))
            return await asyncio.to_thread(brought_in, live.screen.files, path, content)

    async def _fetched(
        self, live: _Live, request: Request, path: str, query: str, content: bytes
    ) -> tuple[int, str, bytes]:
        """Return status, content type and whole body. Raises Denied, Unavailable."""
        target = quote(path, safe="/@:") + (f"?{query}" if query else "")
        headers = forwarded_request_headers(request.headers.items(), live.token)
        client = self._client(live)
        built = client.build_request(
            request.method, f"http://session{target}", headers=headers, content=content
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                upstream = await client.send(built, stream=True)
                try:
                    if REDIRECTED_FROM <= upstream.status_code < FAILED_FROM:
                        raise redirected()
                    body = await bounded_answer(upstream.aiter_raw(), live.screen)
                finally:
                    await upstream.aclose()
        except (httpx.HTTPError, TimeoutError, RuntimeError) as error:
            raise _gone(live) if live.dark else unreachable() from error
        return upstream.status_code, upstream.headers.get("content-type", ""), body

    def _client(self, live: _Live) -> httpx.AsyncClient:
        if live.client is None:
            transport = httpx.AsyncHTTPTransport(uds=str(live.ui_socket))
            timeout = httpx.Timeout(HEADER_SECONDS_MAX)
            live.client = httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)
            live.loop = asyncio.get_running_loop()
        return live.client

    def _ours(self, response: Response) -> Response:
        """Put our headers on an answer; none of the session's own ever is."""
        response.headers.update(dict(security_headers(self._platform_origin)))
        if "cache-control" not in response.headers:
            response.headers["cache-control"] = "no-store"
        return response

    def _spent(self, slot: str) -> None:
        self.go_dark(slot, frozen=True)
        self._on_egress_exceeded(slot)

    def _enter(self, slot: str, request: Request) -> Response:
        live = self._live.get(slot)
        if live is None or live.dark:
            raise _gone(live)
        check_provenance(_asked(request, request.method), self.session_origin(slot))
        ticket = parse_qs(request.url.query).get("ticket", [""])[0]
        cookie = self._tickets.redeem(slot, ticket)
        if cookie is None:
            raise Denied(
                "ticket_spent",
                Message("链接已失效。", "This link has expired or was used."),
                field="ticket",
                way_out=Message("请从平台页面重新打开会话。", "Open the session again."),
            )
        headers = dict(security_headers(self._platform_origin))
        headers["set-cookie"] = session_cookie(cookie)
        headers["location"] = "/lab"
        return Response(status_code=303, headers=headers)

    def _slot(self, host: str) -> str:
        slot = slot_of_host(host, self.platform_host)
        if slot is None:
            raise _gone(None)
        return slot

    def _let_in(self, slot: str, cookie_header: str) -> _Live:
        live = self._live.get(slot)
        if live is None or live.dark:
            raise _gone(live)
        cookies: SimpleCookie = SimpleCookie()
        with contextlib.suppress(CookieError):
            cookies.load(cookie_header)
        if COOKIE not in cookies or not self._tickets.knows(slot, cookies[COOKIE].value):
            raise _gone(None)
        return live

    async def _channel(self, browser: WebSocket) -> None:
        try:
            slot = self._slot(browser.headers.get("host", ""))
            live = self._let_in(slot, browser.headers.get("cookie", ""))
            path, query = check_request(_asked(browser, "WEBSOCKET"), self.session_origin(slot))
        except SandgateError:
            await browser.close(CLOSED_BY_POLICY)
            return
        if not await live.within_budget(ANSWER_BYTES_MIN, 1):
            await browser.close(CLOSED_BY_POLICY)
            return
        asked = [name for name in browser.scope["subprotocols"] if name == V1]
        target = f"ws://session{quote(path, safe='/')}" + (f"?{query}" if query else "")
        try:
            async with unix_connect(
                str(live.ui_socket),
                uri=target,
                subprotocols=[Subprotocol(name) for name in asked] or None,
                additional_headers={"authorization": f"token {live.token}"},
                max_size=live.screen.rules.display.message_bytes_max,
                compression=None,
                proxy=None,
                user_agent_header=None,
            ) as session:
                await browser.accept(subprotocol=session.subprotocol)
                await self._relay(live, browser, session, events=path == EVENTS)
        except (OSError, WebSocketException):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await browser.close(CLOSED_BY_POLICY)

    async def _relay(
        self, live: _Live, browser: WebSocket, session: ClientConnection, *, events: bool
    ) -> None:
        dark = asyncio.Event()
        live.channels[dark] = asyncio.get_running_loop()
        if live.dark:
            dark.set()
        relay = EventChannel if events else KernelChannel
        try:
            await relay(live, browser, session).run(dark)
        finally:
            live.channels.pop(dark, None)


class SessionHosts:
    """Sends requests for a slot's host to the proxy, all others to the platform."""

    def __init__(self, platform: ASGIApp, proxy: SessionProxy) -> None:
        """Stand before both."""
        self._platform = platform
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose by the Host header alone."""
        chosen: ASGIApp = self._platform
        if scope["type"] in {"http", "websocket"}:
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if slot_of_host(host, self._proxy.platform_host) is not None:
                chosen = self._proxy
        await chosen(scope, receive, send)


def _asked(request: Request | WebSocket, method: str) -> Asked:
    scope = request.scope
    raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return Asked(method, raw_path.partition(b"?")[0], scope["query_string"], request.headers)


async def _durable(noted: "Future[object] | None") -> None:
    """Wait for an entry, where there is to be one. Raises what writing it raises."""
    if noted is not None:
        await asyncio.wrap_future(noted)


def _gone(live: _Live | None) -> SandgateError:
    """Answer unknown, closed and not-let-in alike; say only to a frozen session that it is."""
    if live is not None and live.frozen:
        return Denied(
            "session_frozen",
            Message("会话已冻结。", "This session is frozen."),
            way_out=Message("请联系数据主管部门。", "Ask the data authority."),
        )
    return NotFound("session_unknown", Message("没有这个会话。", "There is no such session."))
