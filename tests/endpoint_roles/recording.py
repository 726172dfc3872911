"""Finds out which test sees which operation succeed, from the requests that passing tests make.

Run it as ``python -m pytest -p tests.endpoint_roles.recording FILES``: what it sees is merged into
``successes.json``: null where no test was seen. A row whose test is gone is set to null by hand.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import PREFIX, ROUTERS
from service.openapi import described_operations

SUCCESSES = Path(__file__).with_name("successes.json")
_SEEN: dict[str, str] = {}
_now: dict[str, Any] = {"test": "", "asked": []}
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
        name = operation_of(request.method, request.url.path) if answer.is_success else None
        if name is not None:
            _now["asked"].append(name)
        return answer

    return watching


def pytest_configure() -> None:
    """Watch every request from now on."""
    httpx.Client.send = _watched(httpx.Client.send)  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Say whose requests the next ones are."""
    _now.update(test=item.nodeid.partition("[")[0], asked=[])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a passing test saw; the first test to see it stands for it."""
    if report.when == "call" and report.passed:
        for name in _now["asked"]:
            _SEEN.setdefault(name, _now["test"])


def pytest_sessionfinish() -> None:
    """Merge what was seen into the table."""
    known = json.loads(SUCCESSES.read_text()) if SUCCESSES.exists() else {}
    names = {name for _method, _pattern, name in _OPERATIONS}
    known = {name: test for name, test in known.items() if test is not None}
    merged = {name: {**_SEEN, **known}.get(name) for name in names}
    SUCCESSES.write_text(json.dumps(dict(sorted(merged.items())), indent=1) + "\n")
