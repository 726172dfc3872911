"""Reads the entries that are on the catalogue now, by code, a page at a time."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from catalog.book.states import EntryState
from catalog.book.store import catalog_entry, catalog_revision
from catalog.entries import CatalogueEntry
from catalog.exchange.dcat import Published

PAGE_ROWS = 500
ON_CATALOGUE = (EntryState.PUBLISHED.value, EntryState.CHANGE_SUBMITTED.value)
"""A change under review takes nothing off the catalogue."""


def published_page(connection: Connection, after: str, limit: int) -> list[Published]:
    """Return the published entries whose code comes after ``after``, at most ``limit``."""
    query = _query().where(catalog_entry.c.code > after).order_by(catalog_entry.c.code).limit(limit)
    return [_published(row) for row in connection.execute(query)]


def published_one(connection: Connection, code: str) -> Published | None:
    """Return one published entry by its code."""
    row = connection.execute(_query().where(catalog_entry.c.code == code)).first()
    return None if row is None else _published(row)


def all_published(connection: Connection) -> Iterator[Published]:
    """Give every published entry, by code; one connection sees one state of the catalogue."""
    after = ""
    while page := published_page(connection, after, PAGE_ROWS):
        yield from page
        after = page[-1].entry.code


def _query() -> Select[Any]:
    return (
        select(
            catalog_revision.c.document, catalog_revision.c.version, catalog_revision.c.decided_us
        )
        .join(
            catalog_entry,
            (catalog_revision.c.entry_id == catalog_entry.c.id)
            & (catalog_revision.c.version == catalog_entry.c.version),
        )
        .where(catalog_entry.c.state.in_(ON_CATALOGUE))
    )


def _published(row: Row[Any]) -> Published:
    entry = CatalogueEntry.model_validate_json(row.document)
    return Published(entry, row.version, row.decided_us)
