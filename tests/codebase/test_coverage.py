"""Every way that ``docs/coverage.md`` and the map of capabilities show leads somewhere."""

import re
from functools import cache
from typing import NamedTuple

import pytest
import typer
from fastapi.routing import APIRoute

from service.app import PREFIX, ROUTERS
from service.cli import app
from service.figures.capabilities import CAPABILITIES
from tests.parts import REPOSITORY

ROWS_OF_SEEDS = {"000": 19, "001": 12, "002": 10, "003": 19, "004": 8}
"""Rows of each seed that are core or core-lite (in 000 the export of one that is not, too)."""
SCOPES = {"core", "core-lite"}
STATUSES = {"here · 已有", "partly · 部分", "beyond · 未建"}
NOTHING = "–"
COLUMNS = 5


class Row(NamedTuple):
    named: str
    scope: str
    status: str
    where: str
    missing: str


@cache
def seeds() -> dict[str, list[Row]]:
    """Read the tables of the seeds."""
    found: dict[str, list[Row]] = {}
    seed = ""
    for line in (REPOSITORY / "docs" / "coverage.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title = re.match(r"## Seed (\d{3})", line)
            seed = title[1] if title else ""
        elif seed and line.startswith("| ") and not line.startswith("| Named"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == COLUMNS, line
            found.setdefault(seed, []).append(Row(*cells))
    return found


@cache
def operations() -> frozenset[tuple[str, str]]:
    return frozenset(
        (method, prefix + route.path)
        for prefix, router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    )


def leads_somewhere(way: str) -> bool:
    """Tell whether a page, an operation, a command, a file or a test is there."""
    if way.startswith("/"):
        return ("GET", way) in operations()
    if way.split(" ", maxsplit=1)[0] in {"GET", "POST"}:
        method, _, path = way.partition(" ")
        return (method, PREFIX + path) in operations()
    if way.startswith("sandgate "):
        return is_command(way.split(" ")[1:])
    path, _, test = way.partition("::")
    file = REPOSITORY / path
    return file.exists() and (not test or f"def {test}(" in file.read_text(encoding="utf-8"))


def is_command(words: list[str]) -> bool:
    command = typer.main.get_command(app)
    for word in words:
        commands = getattr(command, "commands", {})
        if word not in commands:
            return False
        command = commands[word]
    return True


def test_each_row_of_each_seed_is_there_with_scope_and_status() -> None:
    assert {seed: len(rows) for seed, rows in seeds().items()} == ROWS_OF_SEEDS
    for rows in seeds().values():
        for row in rows:
            assert row.scope in SCOPES, row
            assert row.status in STATUSES, row


def test_what_is_claimed_has_a_way_and_what_lacks_is_named() -> None:
    for rows in seeds().values():
        for row in rows:
            claimed = not row.status.startswith("beyond")
            assert claimed == (row.where != NOTHING), row
            assert row.status.startswith("here") or row.missing != NOTHING, row


def test_every_way_leads_somewhere() -> None:
    text = (REPOSITORY / "docs" / "coverage.md").read_text(encoding="utf-8")
    ways = set(re.findall(r"`([^`]+)`", text)) - {"/pages/…", "/api/v1"}
    assert len(ways) > sum(ROWS_OF_SEEDS.values())
    assert [way for way in sorted(ways) if not leads_somewhere(way)] == []


@pytest.mark.parametrize(
    "way",
    [
        *("/pages/nowhere", "GET /nowhere", "POST /figures/headline", "sandgate fly"),
        *("sandgate figures fly", "docs/nowhere.md", "tests/codebase/test_tidy.py::test_nothing"),
    ],
)
def test_a_way_that_is_not_there_is_found_out(way: str) -> None:
    assert not leads_somewhere(way)


def test_the_map_of_capabilities_names_the_eight_tasks_and_only_ways_that_exist() -> None:
    assert len(CAPABILITIES) == len({item.key for item in CAPABILITIES}) == 8
    for item in CAPABILITIES:
        ways = (*item.pages, *item.interfaces, *item.commands)
        assert ways
        assert [way for way in ways if not leads_somewhere(way)] == []
        assert item.beyond.zh
        assert item.beyond.en
