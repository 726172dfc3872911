"""Idempotency keys: a POST repeated with the same key takes effect once, whatever is killed.

The key, scoped to principal, route and body, is written by the same transaction as the first
entry of the request. A repeat gets the first answer again while this process remembers it, and
afterwards a conflict that names the entry; the same key with another body is always a conflict.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import BigInteger, Column, Connection, String, Table, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from foundation.db import metadata
from foundation.errors import Conflict, InvalidInput, Message

T = TypeVar("T")

KEY_HEADER = "idempotency-key"
KEY_CHARACTERS_MAX = 200
ANSWERS_REMEMBERED_MAX = 2_000

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
    media_type: str | None


_current: ContextVar[RequestKey | None] = ContextVar("idempotency_key", default=None)
_remembered: OrderedDict[tuple[str, str, str], Remembered] = OrderedDict()
_lock = threading.Lock()


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
        if key is None or key.written:
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


class IdempotentRoute(APIRoute):
    """A route whose POSTs honour the ``Idempotency-Key`` header."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route's own handler."""
        handler = super().get_route_handler()

        async def keyed_handler(request: Request) -> Response:
            if request.method != "POST" or KEY_HEADER not in request.headers:
                return await handler(request)
            key = await _key_of(request)
            if (known := _recall(key)) is not None:
                return Response(known.body, known.status, media_type=known.media_type)
            token = _current.set(key)
            try:
                response = await handler(request)
            finally:
                _current.reset(token)
            _remember(key, response)
            return response

        return keyed_handler


async def _key_of(request: Request) -> RequestKey:
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
    principal = hashlib.sha256(request.headers.get("authorization", "").encode()).hexdigest()
    body = hashlib.sha256(await request.body()).hexdigest()
    return RequestKey(principal, f"{request.method} {request.url.path}"[:400], text, body)


def _recall(key: RequestKey) -> Remembered | None:
    with _lock:
        known = _remembered.get(key.place)
    if known is not None and known.body_digest != key.body_digest:
        raise _reused()
    return known


def _remember(key: RequestKey, response: Response) -> None:
    if not key.written:
        return
    with _lock:
        _remembered[key.place] = Remembered(
            key.body_digest, response.status_code, bytes(response.body), response.media_type
        )
        while len(_remembered) > ANSWERS_REMEMBERED_MAX:
            _remembered.popitem(last=False)


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
