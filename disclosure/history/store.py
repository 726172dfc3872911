"""The table of what a licence's statistics were over, so that the next is compared in few steps.

A set of conditions stands once for each condition left out (and once whole), under the digest of
what remains: two sets that differ in one condition meet under one key. Rows are only ever added.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, String, Table, Text, case, or_, select

from disclosure.history.parts import Part, as_json, from_json
from foundation.canonical import digest
from foundation.db import metadata
from foundation.guards import guard_append_only

question_history = Table(
    "question_history",
    metadata,
    Column("licence", String(80), primary_key=True),
    Column("dataset", String(63), primary_key=True),
    Column("rest_key", String(80), primary_key=True),
    Column("part_key", String(80), primary_key=True),
    Column("part", Text, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
)

guard_append_only("question_history")


@dataclass(frozen=True)
class Remembered:
    """One set of an earlier question: the part that stands beside a known rest, and when."""

    part: Part | None
    asked_us: int


def find_remembered(
    connection: Connection, licence: str, dataset: str, rest_keys: Collection[str], limit: int
) -> Mapping[str, Sequence[Remembered]]:
    """Return earlier sets that share a rest, at most ``limit``.

    Whole sets come first and exceptions next, for these are what a tracker needs: no number of
    other questions pushes them out. Then the newest.
    """
    columns = question_history.c
    kept_first = case(
        (columns.part == "null", 0),
        (or_(columns.part.like("%true]"), columns.part.like('["except"%')), 1),
        else_=2,
    )
    query = (
        select(columns.rest_key, columns.part, columns.asked_us)
        .where(
            columns.licence == licence,
            columns.dataset == dataset,
            columns.rest_key.in_(sorted(rest_keys)),
        )
        .order_by(kept_first, columns.asked_us.desc())
        .limit(limit)
    )
    found: dict[str, list[Remembered]] = {}
    for row in connection.execute(query):
        value = json.loads(row.part)
        part = None if value is None else from_json(value)
        found.setdefault(row.rest_key, []).append(Remembered(part, row.asked_us))
    return found


def add_remembered(
    connection: Connection,
    licence: str,
    rows: Iterable[tuple[str, str, Part | None]],
    *,
    asked_us: int,
    entry_index: int,
) -> None:
    """Add what is new of (data set, rest, part); runs inside the writer's savepoint."""
    wanted: dict[tuple[str, str, str], dict[str, Any]] = {}
    for dataset, rest_key, part in rows:
        value = None if part is None else as_json(part)
        part_key = digest(value)
        wanted[dataset, rest_key, part_key] = {
            "licence": licence,
            "dataset": dataset,
            "rest_key": rest_key,
            "part_key": part_key,
            "part": json.dumps(value, ensure_ascii=False),
            "asked_us": asked_us,
            "entry_index": entry_index,
        }
    columns = question_history.c
    rest_keys = sorted({rest_key for _, rest_key, _ in wanted})
    known = select(columns.dataset, columns.rest_key, columns.part_key).where(
        columns.licence == licence, columns.rest_key.in_(rest_keys)
    )
    for row in connection.execute(known):
        wanted.pop((row.dataset, row.rest_key, row.part_key), None)
    if wanted:
        connection.execute(question_history.insert(), list(wanted.values()))
