"""Calls a running city over HTTP: problems held to their form, and the gateway as a session's."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from sqlalchemy import insert, update
from starlette.types import ASGIApp, Receive, Scope, Send

from audit.reading import LogEntry, private_of, read_entries
from audit.tags import EntryKind
from foundation.db import reading
from sandbox.store import sessions
from service.app import create_gateway
from tests.city import City
from tests.fakes import SteppedClock

API = "/api/v1"
SLOT = "a" * 26
PROBLEM = "application/problem+json"
_CODE = re.compile(r"[a-z][a-z0-9_]{2,60}")
_LEAKS = re.compile(
    r"Traceback|File \"|sqlite3|sqlalchemy|pydantic|duckdb|ZeroDivision|\w+Error\b|\.py\b"
)


def problem_of(response: httpx.Response, status: int | None = None) -> dict[str, Any]:
    """Insist that a refusal is a whole problem document that leaks nothing; return it."""
    assert 400 <= response.status_code < 500, response.text
    assert status is None or response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    assert _CODE.fullmatch(problem["code"])
    assert problem["type"] == f"urn:sandgate:problem:{problem['code']}"
    assert problem["messages"]["zh"].strip()
    assert problem["messages"]["en"].strip()
    assert problem["detail"] in problem["messages"].values()
    assert re.search(r"[\u4e00-\u9fff]", problem["messages"]["zh"])
    assert not _LEAKS.search(response.text), response.text
    assert len(response.content) < 8_000
    return problem


def entries(city: City, *kinds: EntryKind, **subjects: str) -> list[LogEntry]:
    """Return the log's entries of these kinds."""
    with reading(city.platform.engine) as connection:
        return read_entries(connection, kinds=kinds, subjects=subjects)


def opened(city: City, entry: LogEntry) -> dict[str, str]:
    """Return the private fields of an entry."""
    with reading(city.platform.engine) as connection:
        found = private_of(connection, entry.index, city.platform.keys)
    return {name: hidden.text for name, hidden in found.items()}


class TickingClock(SteppedClock):
    """A clock in which no two readings are equal, and that can be moved."""

    def now_us(self) -> int:
        self.advance(1)
        return super().now_us()


class People:
    """One client for each person, made when first asked for; what they send must end as said."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._clients: dict[str, httpx.Client] = {}

    def __call__(self, name: str) -> httpx.Client:
        if name not in self._clients:
            self._clients[name] = self._city.client(name)
        return self._clients[name]

    def post(self, name: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send what must succeed; return what it answers."""
        answer = self(name).post(f"{API}{path}", json={} if body is None else body)
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def read(self, name: str, path: str) -> dict[str, Any]:
        """Read what must be there."""
        answer = self(name).get(f"{API}{path}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refused(self, name: str, path: str, body: Any, status: int, code: str) -> None:
        """Send what must be refused so."""
        told = problem_of(self(name).post(f"{API}{path}", json=body), status)["code"]
        assert told == code


class Gateway:
    """The gateway as one session's slot reaches it; the slot stands in the scope."""

    def __init__(self, city: City, slot: str = SLOT) -> None:
        self._app = _in_slot(create_gateway(city.platform), slot)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def called() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                return await client.request(method, path, **options)

        return asyncio.run(called())


@contextmanager
def in_session(
    city: City, account: str = "analyst", mode: str = "production", slot: str = SLOT
) -> Iterator[Gateway]:
    """Give a person an open session of the city's licence, without a sandbox."""
    actor = city.actor(account)
    with city.platform.engine.begin() as connection:
        connection.execute(
            insert(sessions).values(
                id="ses_" + slot,
                slot=slot,
                person=actor.person,
                organisation=actor.organisation,
                licence=city.licence,
                purpose="industry",
                mode=mode,
                state=mode,
                requested_us=1,
                changed_us=1,
            )
        )
    try:
        yield Gateway(city, slot)
    finally:
        with city.platform.engine.begin() as connection:
            mine = sessions.c.slot == slot
            connection.execute(update(sessions).where(mine).values(state="destroyed"))


def _in_slot(app: ASGIApp, slot: str) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"slot": slot}}, receive, send)

    return application
