"""Idempotency keys: a POST repeated with the same key takes effect once, whatever is killed.

The key, scoped to account, route and body, is written by the same transaction as the request's
first entry; a refusal's entry does not use it up. A repeat gets the first answer again while this
process remembers it, then a conflict naming the entry; another body is always a conflict.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request, Response
from sqlalchemy import BigInteger, Column, Connection, String, Table, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.service_accounts import is_service_token
from foundation.db import metadata
from foundation.errors import Conflict, InvalidInput, Message
from service.api.bodies import Handler, StrictRoute
from service.tokens import TokenIssuer, bearer_of

T = TypeVar("T")

KEY_HEADER = "idempotency-key"
KEY_CHARACTERS_MAX = 200
ANSWERS_BYTES_MAX = 32 << 20
REFUSALS = frozenset(
    {
        EntryKind.REQUEST_REFUSED,
        EntryKind.PRODUCT_REFUSED,
        EntryKind.PURGE_REFUSED,
        EntryKind.SESSION_REFUSED,
        EntryKind.VERSION_REFUSED,
        EntryKind.VOTE_REFUSED,
    }
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("principal", String(64), primary_key=True),
    Column("route", String(400), primary_key=True),
    Column("key", String(KEY_CHARACTERS_MAX), primary_key=True),
    Column("body_digest", String(64), nullable=False),
    Column("entry_index", BigInteger, nullable=False),
)


@dataclass
class RequestKey:
    """The key of the request being served; ``written`` once its row is part of a submit."""

    principal: str
    route: str
    key: str
    body_digest: str
    written: bool = False

    @property
    def place(self) -> tuple[str, str, str]:
        """What makes the key unique."""
        return self.principal, self.route, self.key


@dataclass(frozen=True)
class Remembered:
    """The answer that a repeat gets again."""

    body_digest: str
    status: int
    body: bytes
    headers: dict[str, str]


class AnswerMemory:
    """The newest answers to keyed requests, up to a number of bytes; one for each application."""

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._answers: OrderedDict[tuple[str, str, str], Remembered] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def recall(self, key: RequestKey) -> Response | None:
        """Return the first answer again. Raises Conflict where the body was another."""
        with self._lock:
            known = self._answers.get(key.place)
        if known is None:
            return None
        if known.body_digest != key.body_digest:
            raise _reused()
        return Response(known.body, known.status, known.headers)

    def remember(self, key: RequestKey, response: Response) -> None:
        """Keep an answer whose effect is durable."""
        answer = Remembered(
            key.body_digest, response.status_code, bytes(response.body), dict(response.headers)
        )
        with self._lock:
            self._answers[key.place] = answer
            self._bytes += len(answer.body)
            while self._bytes > ANSWERS_BYTES_MAX:
                self._bytes -= len(self._answers.popitem(last=False)[1].body)

    def forget(self, _licence: str = "") -> None:
        """Forget everything: what a licence gave is not given again once it is shut."""
        with self._lock:
            self._answers.clear()
            self._bytes = 0


_current: ContextVar[RequestKey | None] = ContextVar("idempotency_key", default=None)


class IdempotentWriter:
    """Writes the request's key together with the request's first entry."""

    def __init__(self, writer: Writer) -> None:
        """Stand before the one writer."""
        self._writer = writer

    def submit(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        """Submit as the writer does; within a keyed request, refuse what already took effect."""
        key = _current.get()
        if key is None or key.written or event.kind in REFUSALS:
            return self._writer.submit(event, apply)

        def keyed(connection: Connection, entry: PendingEntry) -> T:
            _refuse_repeat(connection, key)
            connection.execute(
                insert(idempotency_key).values(
                    principal=key.principal,
                    route=key.route,
                    key=key.key,
                    body_digest=key.body_digest,
                    entry_index=entry.index,
                )
            )
            return apply(connection, entry)

        recorded = self._writer.submit(event, keyed)
        key.written = True
        return recorded


class IdempotentRoute(StrictRoute):
    """A route for callers with a token, whose POSTs honour the ``Idempotency-Key`` header."""

    def admit(self, request: Request) -> None:
        """Read nothing of a request without a valid token."""
        _account_of(request)

    async def serve(self, request: Request, handler: Handler) -> Response:
        """Serve once for each key."""
        if request.method != "POST" or KEY_HEADER not in request.headers:
            return await handler(request)
        body = hashlib.sha256(await request.body())
        return await serve_once(request, body.hexdigest(), lambda: handler(request))


async def serve_once(
    request: Request, body_digest: str, serve: Callable[[], Awaitable[Response]]
) -> Response:
    """Serve a request, or give the first answer to the same key again."""
    if KEY_HEADER not in request.headers:
        return await serve()
    key = _key_of(request, body_digest)
    answers: AnswerMemory = request.app.state.answers
    if (known := answers.recall(key)) is not None:
        return known
    token = _current.set(key)
    try:
        response = await serve()
    finally:
        _current.reset(token)
    if key.written:
        answers.remember(key, response)
    return response


def _key_of(request: Request, body_digest: str) -> RequestKey:
    text = request.headers[KEY_HEADER]
    if not 1 <= len(text) <= KEY_CHARACTERS_MAX or not text.isprintable():
        raise InvalidInput(
            "idempotency_key_invalid",
            Message(
                f"幂等键须为 1 至 {KEY_CHARACTERS_MAX} 个可见字符。",
                f"An idempotency key has 1 to {KEY_CHARACTERS_MAX} printable characters.",
            ),
            field="Idempotency-Key",
        )
    principal = hashlib.sha256(_account_of(request).encode()).hexdigest()
    asked = hashlib.sha256(f"{request.url.query}\n{body_digest}".encode()).hexdigest()
    return RequestKey(principal, f"{request.method} {request.url.path}"[:400], text, asked)


def _account_of(request: Request) -> str:
    issuer: TokenIssuer = request.app.state.platform.issuer
    token = bearer_of(request.headers)
    return token if is_service_token(token) else issuer.account_of(token)  # digested by the caller


def _refuse_repeat(connection: Connection, key: RequestKey) -> None:
    table = idempotency_key
    row = connection.execute(
        select(table.c.body_digest, table.c.entry_index).where(
            table.c.principal == key.principal,
            table.c.route == key.route,
            table.c.key == key.key,
        )
    ).first()
    if row is None:
        return
    if row.body_digest != key.body_digest:
        raise _reused()
    raise Conflict(
        "already_done",
        Message(
            f"该请求此前已生效，见日志第 {row.entry_index} 号条目；未重复执行。",
            f"This request took effect before, as log entry {row.entry_index}; not repeated.",
        ),
        field="Idempotency-Key",
    )


def _reused() -> Conflict:
    return Conflict(
        "idempotency_key_reused",
        Message(
            "同一幂等键已用于不同的请求内容，请换一个新键。",
            "This idempotency key was used with another body; use a new key.",
        ),
        field="Idempotency-Key",
    )
