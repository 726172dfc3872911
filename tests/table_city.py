"""A city whose operators hold rows about residents, and ask for tables of them to be released."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from disclosure.release.bodies import ReleaseDraft, ReleaseVote
from disclosure.release.files import FileDraft
from disclosure.release.requests import Request
from tests.city import City, Plan, built_city
from tests.city_documents import (
    OPERATOR,
    TYPES,
    Further,
    Row,
    column,
    licence_json,
)

TYPES.update({"pid": pa.int64(), "region": pa.string(), "band": pa.string(), "day": pa.date32()})
TYPES.update({"cost": pa.int64(), "urgent": pa.bool_()})
REGIONS = ("east", "north", "south", "west")
BANDS = ("0-17", "18-39", "40-64", "65+")
RESIDENTS = 800
VISITS: dict[str, Any] = {
    "name": "visits",
    "entry": "306001/9",
    "label_zh": "就诊",
    "label_en": "Visits",
    "subject": "person",
    "population": "city_residents",
    "unit_columns": ["pid"],
    "columns": [
        column("pid", "integer", "L2", "unit", identifier="direct"),
        column("region", "text", "L2", "rows", identifier="quasi"),
        column("band", "text", "L2", "rows", identifier="quasi"),
        column("day", "date", "L2", "rows"),
        column("urgent", "boolean", "L2", "rows"),
        column("cost", "integer", "L2", "rows", nullable=True, lower=0, upper=100_000),
    ],
}


def visit_rows(residents: int = RESIDENTS) -> list[Row]:
    """Return one visit a resident, two of every fifth, by arithmetic; few are missing a cost."""
    return [
        {
            "pid": pid,
            "region": REGIONS[pid % 4],
            "band": BANDS[(pid // 4) % 4],
            "day": date(2026, 1, 1) + timedelta(days=(pid * 37 + visit * 11) % 180),
            "urgent": (pid * 13 + visit) % 3 == 0,
            "cost": None if pid % 40 == 7 else 100 + (pid * 7_919 + visit * 331) % 9_000,
        }
        for pid in range(residents)
        for visit in range(2 if pid % 5 == 0 else 1)
    ]


def visits_licence(operator: str = OPERATOR, **changes: Any) -> dict[str, Any]:
    """Return a licence of rows about residents, and of private answers about households."""
    document = licence_json(operator)
    rows = {
        "dataset": "visits",
        "modes": ["rows"],
        "columns": ["region", "band", "day", "urgent", "cost"],
        "basis": "a fictional approval",
        **changes,
    }
    return {**document, "grants": [*document["grants"], rows]}


@contextmanager
def table_city(home: Path, rows: Sequence[Row] | None = None) -> Iterator[City]:
    """Build the city; its own licence holds visits as rows."""
    visits = Further(VISITS, list(rows if rows is not None else visit_rows()))
    plan = replace(Plan(), licence=visits_licence(), further=[visits])
    with built_city(home, plan) as city:
        yield city


def table_draft(sql: str, name: str = "table.csv", **more: Any) -> ReleaseDraft:
    """Return a draft of one table."""
    file = FileDraft(name=name, source="table", plan={"sql": sql, **more})
    return ReleaseDraft(title_zh="就诊表", title_en="Visits", context="a test", files=(file,))


def submitted(
    city: City, sql: str, *, account: str = "analyst", licence: str | None = None, **more: Any
) -> Request:
    """Draft and submit one table."""
    actor, desk = city.actor(account), city.platform.desk
    request = desk.draft(actor, licence or city.licence, table_draft(sql, **more))
    return desk.submit_draft(actor, request.id)


def delivered(city: City, request: Request) -> Request:
    """Let two checkers approve a request."""
    for checker in ("checker_one", "checker_two"):
        vote = ReleaseVote(decision="approve", sha256=request.sha256, comment="read")
        request = city.platform.desk.vote(city.actor(checker), request.id, vote)
    return request


def table_rows(content: bytes) -> list[Mapping[str, str]]:
    """Read the desk's CSV back, as anybody outside would."""
    lines = content.decode().splitlines()
    names = lines[0].split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
