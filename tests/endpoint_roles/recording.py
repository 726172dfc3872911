"""Finds out which test sees which operation succeed, and which sees it refused in a wrong state.

Run it as ``python -m pytest -n 0 -p tests.endpoint_roles.recording FILES``: what the requests of
passing tests were answered is merged into ``successes.json`` (a test each) and, for operations
that change something, into ``wrong_states.json`` (the code of a 409 and the test); null where no
test was seen. Several runs may write at once. A row whose test is gone is set to null by hand.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import PREFIX, ROUTERS
from service.openapi import described_operations

SUCCESSES = Path(__file__).with_name("successes.json")
WRONG_STATES = Path(__file__).with_name("wrong_states.json")
NOT_OF_STATE = frozenset({"idempotency_key_reused", "already_done"})
"""Conflicts of the request's own key: they say nothing about the state of a thing."""
_SEEN: dict[str, str] = {}
_REFUSED: dict[str, dict[str, str]] = {}
_now: dict[str, Any] = {"test": "", "answered": [], "refused": []}
_OPERATIONS = [
    (method, item.pattern, f"{method} {item.address.removeprefix(PREFIX)}")
    for item in described_operations(ROUTERS)
    if item.route.include_in_schema and item.address.startswith(PREFIX)
    for method in item.methods
]


def operation_of(method: str, path: str) -> str | None:
    """Return ``METHOD /path/{names}`` of the operation that a request reaches."""
    found = (
        name for verb, pattern, name in _OPERATIONS if verb == method and pattern.fullmatch(path)
    )
    return next(found, None)


def _watched(send: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    def watching(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = send(self, request, **options)
        name = operation_of(request.method, request.url.path)
        if name is not None and answer.is_success:
            _now["answered"].append(name)
        if name is not None and request.method != "GET" and answer.status_code == 409:
            code = json.loads(answer.read())["code"]
            if code not in NOT_OF_STATE:
                _now["refused"].append((name, code))
        return answer

    return watching


def pytest_configure() -> None:
    """Watch every request from now on."""
    httpx.Client.send = _watched(httpx.Client.send)  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Say whose requests the next ones are."""
    _now.update(test=item.nodeid.partition("[")[0], answered=[], refused=[])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a passing test saw; the first test to see it stands for it."""
    if report.when == "call" and report.passed:
        for name in _now["answered"]:
            _SEEN.setdefault(name, _now["test"])
        for name, code in _now["refused"]:
            _REFUSED.setdefault(name, {"code": code, "test": _now["test"]})


def pytest_sessionfinish() -> None:
    """Merge what was seen into the tables; what stands in them already stays."""
    names = [name for _method, _pattern, name in _OPERATIONS]
    with _alone():
        _merge(SUCCESSES, names, _SEEN)
        _merge(WRONG_STATES, [name for name in names if not name.startswith("GET ")], _REFUSED)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold this folder against other runs that record."""
    folder = os.open(SUCCESSES.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _merge(table: Path, names: list[str], seen: Mapping[str, Any]) -> None:
    known = json.loads(table.read_text()) if table.exists() else {}
    known = {name: row for name, row in known.items() if row is not None}
    merged = {name: known.get(name, seen.get(name)) for name in sorted(names)}
    written = table.with_suffix(".written")
    written.write_text(json.dumps(merged, indent=1) + "\n")
    written.replace(table)
