"""The tables of imports: what was judged, row by row, and what of it was taken. They only grow."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
)

from catalog.entries import CatalogueEntry
from catalog.exchange.judging import JudgedRow, Judgement, RowState
from foundation.db import metadata
from foundation.guards import guard_append_only

PAGE_ROWS = 1_000

import_table = Table(
    "catalog_import",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("provider", String(64), nullable=False, index=True),
    Column("organisation", String(64), nullable=False),
    Column("person", String(64), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("file_digest", String(80), nullable=False, index=True),
    Column("rules_digest", String(80), nullable=False),
    Column("sheet", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("judged_us", BigInteger, nullable=False),
    Column("judged_index", BigInteger, nullable=False),
    Index("ix_catalog_import_person", "person", "judged_us"),
)

import_row_table = Table(
    "catalog_import_row",
    metadata,
    Column("import_id", String(64), ForeignKey("catalog_import.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("document", Text),
    Column("cells", Text),
    Column("faults", Text),
)

import_taken_table = Table(
    "catalog_import_taken",
    metadata,
    Column("import_id", String(64), ForeignKey("catalog_import.id"), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("taken_us", BigInteger, nullable=False),
    Column("taken_index", BigInteger, nullable=False),
    Column("counts", Text, nullable=False),
)

guard_append_only("catalog_import", "catalog_import_row", "catalog_import_taken")


@dataclass(frozen=True)
class Import:
    """One judged import. ``about`` holds counts, headers and ignored columns for people."""

    id: str
    provider: str
    organisation: str
    person: str
    file_name: str
    file_digest: str
    rules_digest: str
    sheet: str
    about: Mapping[str, Any]
    judged_us: int
    judged_index: int
    taken: Mapping[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return what its owner sees of it."""
        return {
            "import": self.id,
            "provider": self.provider,
            "file_name": self.file_name,
            "file_digest": self.file_digest,
            "sheet": self.sheet,
            "judged_us": self.judged_us,
            "judged_index": self.judged_index,
            **self.about,
            "taken": self.taken,
        }


@dataclass(frozen=True)
class StoredRow:
    """One row of an import as it was judged."""

    number: int
    state: RowState
    entry: CatalogueEntry | None
    cells: tuple[str, ...]
    faults: tuple[Mapping[str, Any], ...]


def write_import(connection: Connection, head: Mapping[str, object], judged: Judgement) -> None:
    """Keep a judgement whole."""
    connection.execute(insert(import_table).values(**head))
    rows = [_row_values(str(head["id"]), row) for row in judged.rows]
    for start in range(0, len(rows), PAGE_ROWS):
        connection.execute(insert(import_row_table), rows[start : start + PAGE_ROWS])


def write_taken(connection: Connection, values: Mapping[str, object]) -> None:
    """Keep that an import was taken."""
    connection.execute(insert(import_taken_table).values(**values))


def import_by_id(connection: Connection, import_id: str) -> Import | None:
    """Return an import."""
    query = select(import_table).where(import_table.c.id == import_id)
    row = connection.execute(query).first()
    return _import(connection, row) if row else None


def same_import(
    connection: Connection, provider: str, sheet: str, file_digest: str, rules_digest: str
) -> Import | None:
    """Return the newest import of the same bytes for the same department under the same rules."""
    query = (
        select(import_table)
        .where(
            import_table.c.provider == provider,
            import_table.c.sheet == sheet,
            import_table.c.file_digest == file_digest,
            import_table.c.rules_digest == rules_digest,
        )
        .order_by(import_table.c.judged_index.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _import(connection, row) if row else None


def imports_of(
    connection: Connection, provider: str | None, limit: int, before: int | None = None
) -> list[Import]:
    """Return the imports of one department, or of all, newest first."""
    query = select(import_table).order_by(import_table.c.judged_index.desc()).limit(limit)
    if provider is not None:
        query = query.where(import_table.c.provider == provider)
    if before is not None:
        query = query.where(import_table.c.judged_index < before)
    return [_import(connection, row) for row in connection.execute(query)]


def rows_of(
    connection: Connection, import_id: str, *, states: frozenset[RowState] | None = None
) -> Iterator[StoredRow]:
    """Give the rows of an import in the order of the sheet, a page at a time."""
    after = 0
    while True:
        query = (
            select(import_row_table)
            .where(import_row_table.c.import_id == import_id, import_row_table.c.number > after)
            .order_by(import_row_table.c.number)
            .limit(PAGE_ROWS)
        )
        if states is not None:
            query = query.where(import_row_table.c.state.in_([str(state) for state in states]))
        page = connection.execute(query).all()
        for row in page:
            yield _stored(row)
        if len(page) < PAGE_ROWS:
            return
        after = page[-1].number


def _row_values(import_id: str, row: JudgedRow) -> dict[str, object]:
    return {
        "import_id": import_id,
        "number": row.number,
        "state": str(row.state),
        "document": None if row.entry is None else row.entry.model_dump_json(),
        "cells": _json(row.cells) if row.state is RowState.REFUSED else None,
        "faults": _json([fault.as_json() for fault in row.faults]) if row.faults else None,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _import(connection: Connection, row: Row[Any]) -> Import:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    taken = connection.execute(
        select(import_taken_table).where(import_taken_table.c.import_id == row.id)
    ).first()
    done = None
    if taken is not None:
        done = {
            "taken_us": taken.taken_us,
            "entry": taken.taken_index,
            **json.loads(taken.counts),
        }
    return Import(**{**values, "about": json.loads(values["about"])}, taken=done)


def _stored(row: Row[Any]) -> StoredRow:
    return StoredRow(
        number=row.number,
        state=RowState(row.state),
        entry=CatalogueEntry.model_validate_json(row.document) if row.document else None,
        cells=tuple(json.loads(row.cells)) if row.cells else (),
        faults=tuple(json.loads(row.faults)) if row.faults else (),
    )
