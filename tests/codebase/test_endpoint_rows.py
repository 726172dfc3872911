"""Every operation of the API has a test in which it succeeds, named in a table, or is counted.

The table is written by ``tests.endpoint_roles.recording`` from what passing tests were answered.
Refusals (no token, wrong role, a thing that is not there) are tried on all operations alike by
``tests/integration/test_api_endpoints.py``, whose own table a new operation must enter as well.
"""

import ast
import json
from functools import cache
from pathlib import Path

from service.app import PREFIX, ROUTERS
from service.openapi import described_operations

ROOT = Path(__file__).parents[2]
SUCCESSES: dict[str, str | None] = json.loads(
    (ROOT / "tests/endpoint_roles/successes.json").read_text()
)
UNSEEN_MAX = 107
"""How many operations no recorded test sees succeed yet; this number only ever falls."""


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


def test_each_row_names_a_test_that_exists() -> None:
    named = {test for test in SUCCESSES.values() if test is not None}
    gone = {test for test in named if test.split("::")[-1] not in named_in(test.split("::")[0])}
    assert not gone


def test_no_more_operations_lack_a_success_than_before() -> None:
    unseen = sorted(name for name, test in SUCCESSES.items() if test is None)
    assert len(unseen) <= UNSEEN_MAX, unseen
