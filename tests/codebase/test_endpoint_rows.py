"""Every operation has a test in which it succeeds, and one in a wrong state or a reason for none.

The tables are written by ``tests.endpoint_roles.recording`` from what passing tests were answered.
Refusals (no token, wrong role, a thing that is not there) are tried on all operations alike by
``tests/integration/test_api_endpoints.py``, whose own table a new operation must enter as well.
"""

import ast
import json
from functools import cache
from pathlib import Path

from service.app import PREFIX, ROUTERS
from service.openapi import described_operations
from tests.endpoint_roles.stateless import STATELESS

ROOT = Path(__file__).parents[2]
SUCCESSES: dict[str, str | None] = json.loads(
    (ROOT / "tests/endpoint_roles/successes.json").read_text()
)
WRONG_STATES: dict[str, dict[str, str] | None] = json.loads(
    (ROOT / "tests/endpoint_roles/wrong_states.json").read_text()
)


def operations() -> set[str]:
    return {
        f"{method} {item.address.removeprefix(PREFIX)}"
        for item in described_operations(ROUTERS)
        if item.route.include_in_schema and item.address.startswith(PREFIX)
        for method in item.methods
    }


@cache
def named_in(path: str) -> frozenset[str]:
    module = ast.parse((ROOT / path).read_text())
    return frozenset(item.name for item in module.body if isinstance(item, ast.FunctionDef))


def test_every_operation_has_a_row() -> None:
    assert set(SUCCESSES) == operations()
    assert set(WRONG_STATES) == {name for name in operations() if not name.startswith("GET ")}


def test_each_row_names_a_test_that_exists() -> None:
    named = {test for test in SUCCESSES.values() if test is not None}
    named |= {row["test"] for row in WRONG_STATES.values() if row is not None}
    gone = {test for test in named if test.split("::")[-1] not in named_in(test.split("::")[0])}
    assert not gone


def test_every_operation_is_seen_to_succeed() -> None:
    assert not sorted(name for name, test in SUCCESSES.items() if test is None)


def test_every_operation_that_changes_something_is_seen_refused_in_a_wrong_state() -> None:
    assert not sorted(set(WRONG_STATES) - set(seen_refused()) - set(STATELESS))


def test_what_is_said_to_have_no_wrong_state_has_none() -> None:
    assert set(STATELESS) <= set(WRONG_STATES)
    assert not set(STATELESS) & set(seen_refused())


def seen_refused() -> list[str]:
    return [name for name, row in WRONG_STATES.items() if row is not None]
