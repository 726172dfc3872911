"""Writes what a move does to the book: the entry's head, its revision, and one line of history."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, update

from audit.events import PendingEntry
from catalog.book.parts import Assessment, Book, Revision, papers_digest
from catalog.book.states import EntryState, Move
from catalog.book.store import catalog_entry, catalog_entry_system, catalog_move, catalog_revision
from catalog.entries import CatalogueEntry
from catalog.matters.daily import Daily, DailyAct
from foundation.identity import Actor


def facets(entry: CatalogueEntry) -> dict[str, object]:
    """Return what lists and searches read of an entry without its document."""
    tags = (*entry.base_libraries, *entry.themes)
    return {
        "zone": entry.zone,
        "grade": str(entry.classification.grade),
        "share_attribute": str(entry.share_attribute),
        "open_attribute": str(entry.open_attribute),
        "return_attribute": str(entry.return_attribute),
        "tags": f"|{'|'.join(tags)}|" if tags else "",
        "name_zh": entry.name.zh,
        "name_en": entry.name.en,
        "search_text": search_text(entry),
    }


def search_text(entry: CatalogueEntry) -> str:
    """Return all that a search finds an entry by, folded as the words of a search are."""
    abstract = (entry.abstract.zh, entry.abstract.en) if entry.abstract else ()
    items = (text for item in entry.data_items for text in (item.zh, item.en))
    parts = dict.fromkeys(
        (
            *(entry.name.zh, entry.name.en, entry.code),
            *(entry.provider.name.zh, entry.provider.name.en, entry.provider.code),
            *(entry.classification.category.zh, entry.classification.category.en),
            *abstract,
            *items,
        )
    )
    return folded("\n".join(parts))


def folded(text: str) -> str:
    """Make full-width and upper-case forms one (NFKC, case folded), for search."""
    return unicodedata.normalize("NFKC", text).casefold()


def write_head(
    connection: Connection, pending: PendingEntry, entry_id: str, values: Mapping[str, object]
) -> None:
    """Change an entry's head; its place in the change feed is this entry of the log."""
    connection.execute(
        update(catalog_entry)
        .where(catalog_entry.c.id == entry_id)
        .values(changed_us=pending.time_us, changed_index=pending.index, **values)
    )


def write_revision(connection: Connection, revision: str, values: Mapping[str, object]) -> None:
    """Change a revision that is not decided yet."""
    connection.execute(
        update(catalog_revision).where(catalog_revision.c.id == revision).values(**values)
    )


def write_document(
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    revision: Revision,
    entry: CatalogueEntry,
    digest: str,
) -> None:
    """Replace a draft's text: a sign-off over the earlier one is undone with it."""
    write_revision(
        connection,
        revision.id,
        {
            "document": entry.model_dump_json(),
            "digest": digest,
            "revised_by": actor.person,
            "revised_us": pending.time_us,
            "papers": papers_digest(digest, revision.secrecy, revision.personal),
            **UNSIGNED,
            **(ALONE if revision.batch else {}),
        },
    )


ALONE: Mapping[str, Any] = {"batch": None, "sign_matter": None, "matter": None}
"""A row that is touched by itself leaves its batch, and the batch's matters, behind."""
UNSIGNED: Mapping[str, Any] = {"signed_by": None, "signed_us": None, "signed_papers": None}


_TEXTS = Daily(DailyAct.ENTRY_TEXTS, catalog_revision.c.drafted_by, catalog_revision.c.drafted_us)
_ALONE = Daily(
    DailyAct.ENTRY_DRAFTS,
    catalog_revision.c.drafted_by,
    catalog_revision.c.drafted_us,
    catalog_revision.c.batch.is_(None),
)


def check_begins(
    book: Book, connection: Connection, pending: PendingEntry, actor: Actor, batch_rows: int = 0
) -> None:
    """Refuse more texts than one person begins in a day, by themselves or as rows of a batch."""
    if not batch_rows:
        _ALONE.check(connection, book.clocks, pending.time_us, actor.person)
    _TEXTS.check(connection, book.clocks, pending.time_us, actor.person, batch_rows or 1)


def new_revision(
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    revision: Mapping[str, object],
    entry: CatalogueEntry,
) -> None:
    """Add a draft text of an entry, without papers."""
    digest = str(revision["digest"])
    nothing: Assessment | None = None
    connection.execute(
        insert(catalog_revision).values(
            state="draft",
            drafted_by=actor.person,
            drafted_us=pending.time_us,
            revised_by=actor.person,
            revised_us=pending.time_us,
            papers=papers_digest(digest, nothing, nothing),
            document=entry.model_dump_json(),
            **revision,
        )
    )


def record_move(
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    move: Move,
    state: EntryState,
    revision: Revision | None = None,
    **more: object,
) -> None:
    """Add one line to an entry's history."""
    about: dict[str, object] = {}
    if revision is not None:
        about = {
            "entry_id": revision.entry_id,
            "version": revision.version,
            "digest": revision.digest,
            "previous_digest": revision.previous_digest,
            "matter": revision.matter,
        }
    connection.execute(
        insert(catalog_move).values(
            idx=pending.index,
            time_us=pending.time_us,
            move=str(move),
            state=str(state),
            person=actor.person,
            organisation=actor.organisation,
            **(about | more),
        )
    )


def link_systems(
    connection: Connection, entry_id: str, version: int, entry: CatalogueEntry
) -> None:
    """Say which registered systems feed this version (目录关联系统)."""
    names = dict.fromkeys(entry.systems)
    if names:
        connection.execute(
            insert(catalog_entry_system),
            [{"entry_id": entry_id, "version": version, "system": name} for name in names],
        )
