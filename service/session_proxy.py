"""Moves bytes between a browser and the session it was let into; decides nothing itself.

Each session has a host of its own (``<slot>.<platform host>``). ``sandbox.proxy_rules`` says what
may pass, ``sandbox.tickets`` who; every byte out is counted, and ``go_dark`` ends it all at once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from foundation.errors import Conflict, Denied, Message, NotFound, SandgateError, Unavailable
from sandbox.proxy_rules import (
    COOKIE,
    ENTER_PATH,
    Asked,
    check_provenance,
    check_request,
    forwarded_request_headers,
    returned_response_headers,
    safe_location,
    security_headers,
    session_cookie,
    slot_of_host,
)
from sandbox.tickets import Tickets

KERNEL_SUBPROTOCOL = "v1.kernel.websocket.jupyter.org"
FRAME_BYTES_MAX = 64 << 20
REQUEST_BYTES_MAX = 64 << 20
HEADER_SECONDS_MAX = 60.0
CLOSED_BY_POLICY = 1008
GOING_AWAY = 1001
REDIRECTS = frozenset({301, 302, 303, 307, 308})

CountBytes = Callable[[int], bool]


@dataclass
class _Live:
    """One slot that the proxy serves now."""

    ui_socket: Path
    token: str
    count: CountBytes
    dark: bool = False
    frozen: bool = False
    client: httpx.AsyncClient | None = None
    loop: asyncio.AbstractEventLoop | None = None
    channels: dict[asyncio.Event, asyncio.AbstractEventLoop] = field(default_factory=dict)


class SessionProxy:
    """An ASGI application for every host that names a slot.

    ``on_egress_exceeded`` is called once with the slot whose person's day is spent;
    ``on_activity`` with the slot at each kernel message and each change.
    """

    def __init__(
        self,
        tickets: Tickets,
        platform_origin: str,
        *,
        on_egress_exceeded: Callable[[str], None],
        on_activity: Callable[[str], None],
    ) -> None:
        """Serve nothing yet."""
        self._tickets = tickets
        self._platform_origin = platform_origin
        self._platform = urlsplit(platform_origin)
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

    def light_up(self, slot: str, ui_socket: Path, token: str, count: CountBytes) -> None:
        """Begin to serve a slot. Raises Conflict where it was served before: slots live once."""
        if slot in self._live:
            raise Conflict(
                "slot_taken", Message("该沙箱已在服务中。", "This sandbox is already served.")
            )
        self._live[slot] = _Live(ui_socket, token, count)

    def go_dark(self, slot: str, *, frozen: bool = False) -> None:
        """Stop serving a slot at once: channels close, answers end. From any thread; repeatable."""
        live = self._live.get(slot)
        if live is None:
            return
        live.dark, live.frozen = True, frozen
        self._tickets.forget(slot)
        with contextlib.suppress(RuntimeError):  # a loop that ended took its channels with it
            for event, loop in tuple(live.channels.items()):
                loop.call_soon_threadsafe(event.set)
            if live.client is not None and live.loop is not None:
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
            response = self._refusal(error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        slot = self._slot(request.headers.get("host", ""))
        if request.url.path == ENTER_PATH:
            return self._enter(slot, request)
        live = self._let_in(slot, request.headers.get("cookie", ""))
        path, query = check_request(_asked(request, request.method), self.session_origin(slot))
        if request.method not in {"GET", "HEAD"}:  # an open page asks by itself, for ever
            self._on_activity(slot)
        upstream = await self._forward(live, request, path, query)
        location = _location(upstream)
        if upstream.status_code in REDIRECTS and location is None:
            await upstream.aclose()
            raise Denied(
                "session_redirect_refused",
                Message(
                    "会话返回了不允许的跳转。", "The session answered with a foreign redirect."
                ),
            )
        headers = returned_response_headers(
            upstream.headers.multi_items(), self._platform_origin, location
        )
        body = self._counted(slot, live, upstream)
        answer = StreamingResponse(body, status_code=upstream.status_code)
        answer.raw_headers = [(name.encode(), value.encode()) for name, value in headers]
        return answer

    async def _forward(
        self, live: _Live, request: Request, path: str, query: str
    ) -> httpx.Response:
        if live.client is None:
            transport = httpx.AsyncHTTPTransport(uds=str(live.ui_socket))
            timeout = httpx.Timeout(HEADER_SECONDS_MAX)
            live.client = httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)
            live.loop = asyncio.get_running_loop()
        target = quote(path, safe="/@:") + (f"?{query}" if query else "")
        headers = forwarded_request_headers(request.headers.items(), live.token)
        content = await _bounded_body(request)
        built = live.client.build_request(
            request.method, f"http://session{target}", headers=headers, content=content
        )
        try:
            return await live.client.send(built, stream=True)
        except httpx.HTTPError as error:
            raise Unavailable(
                "session_unreachable",
                Message("会话没有响应。", "The session does not answer."),
                way_out=Message("请重新开通会话。", "Open a new session."),
            ) from error

    async def _counted(
        self, slot: str, live: _Live, upstream: httpx.Response
    ) -> AsyncIterator[bytes]:
        try:
            async for chunk in upstream.aiter_raw():
                if live.dark or not self._within_budget(slot, live, len(chunk)):
                    return
                yield chunk
        except httpx.HTTPError:
            return  # the session ended in mid-answer
        finally:
            await upstream.aclose()

    def _within_budget(self, slot: str, live: _Live, byte_count: int) -> bool:
        if live.count(byte_count):
            return True
        if not live.dark:
            self.go_dark(slot, frozen=True)
            self._on_egress_exceeded(slot)
        return False

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
        asked = [name for name in browser.scope["subprotocols"] if name == KERNEL_SUBPROTOCOL]
        target = f"ws://session{quote(path, safe='/')}" + (f"?{query}" if query else "")
        try:
            async with unix_connect(
                str(live.ui_socket),
                uri=target,
                subprotocols=[Subprotocol(name) for name in asked] or None,
                additional_headers={"authorization": f"token {live.token}"},
                max_size=FRAME_BYTES_MAX,
                compression=None,
                proxy=None,
                user_agent_header=None,
            ) as session:
                await browser.accept(subprotocol=session.subprotocol)
                await self._relay(slot, live, browser, session)
        except (OSError, WebSocketException):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await browser.close(CLOSED_BY_POLICY)

    async def _relay(
        self, slot: str, live: _Live, browser: WebSocket, session: ClientConnection
    ) -> None:
        """Pump both ways until one side ends or the slot goes dark."""
        dark = asyncio.Event()
        live.channels[dark] = asyncio.get_running_loop()
        if live.dark:
            dark.set()
        pumps = [
            asyncio.create_task(self._inwards(slot, browser, session)),
            asyncio.create_task(self._outwards(slot, live, browser, session)),
            asyncio.create_task(dark.wait()),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            live.channels.pop(dark, None)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await browser.close(CLOSED_BY_POLICY if live.dark else GOING_AWAY)

    async def _inwards(self, slot: str, browser: WebSocket, session: ClientConnection) -> None:
        while True:
            message = await browser.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._on_activity(slot)
            data = message.get("bytes")
            await session.send(data if data is not None else message["text"])

    async def _outwards(
        self, slot: str, live: _Live, browser: WebSocket, session: ClientConnection
    ) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            async for message in session:
                size = len(message) if isinstance(message, bytes) else len(message.encode())
                if live.dark or not self._within_budget(slot, live, size):
                    return
                self._on_activity(slot)
                if isinstance(message, bytes):
                    await browser.send_bytes(message)
                else:
                    await browser.send_text(message)

    def _refusal(self, error: SandgateError) -> Response:
        headers = dict(security_headers(self._platform_origin))
        hint = error.way_out
        body = {
            "type": f"urn:sandgate:{error.kind}",
            "title": error.message.en,
            "status": error.status,
            "detail": f"{error.message.zh} / {error.message.en}",
            "code": error.code,
            "field": error.field,
            "rule": error.rule,
            "way_out": None if hint is None else {"text": f"{hint.zh} / {hint.en}"},
            "messages": {"zh": error.message.zh, "en": error.message.en},
        }
        return JSONResponse(
            body, error.status, headers=headers, media_type="application/problem+json"
        )


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


async def _bounded_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES_MAX:
            raise Denied(
                "session_request_refused",
                Message("上传内容超过 64 MiB。", "The upload is larger than 64 MiB."),
                field="body",
            )
    return bytes(body)


def _location(upstream: httpx.Response) -> str | None:
    location = upstream.headers.get("location")
    return None if location is None else safe_location(location)


def _gone(live: _Live | None) -> SandgateError:
    """Answer unknown, closed and not-let-in alike; say only to a frozen session that it is."""
    if live is not None and live.frozen:
        return Denied(
            "session_frozen",
            Message("会话已冻结。", "This session is frozen."),
            way_out=Message("请联系数据主管部门。", "Ask the data authority."),
        )
    return NotFound("session_unknown", Message("没有这个会话。", "There is no such session."))
