"""Takes a bureau's book in bulk: batches of entries that walk the same road together.

A batch has one entry of the log a step, which names every row by catalogue code and digest of its
document. All rows of a batch take a step, or none. A row that somebody touches by itself leaves
its batch and walks on alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from catalog.book.batches import (
    Batch,
    batch_digest,
    change_heads,
    change_revisions,
    record_moves,
    row_lines,
)
from catalog.book.drafting import code_taken
from catalog.book.duties import check_code_is, check_drafts
from catalog.book.matters import end_unasked
from catalog.book.parts import Book, entry_digest, papers_digest
from catalog.book.recording import UNSIGNED, check_begins, facets
from catalog.book.states import OPEN_REVISIONS, EntryState, Move, RevisionState
from catalog.book.store import catalog_batch, catalog_entry, catalog_revision
from catalog.entries import Bilingual, CatalogueEntry
from catalog.matters.matter import Counter, MatterKind, NewMatter
from catalog.matters.opening import open_matter
from foundation.errors import Conflict, InvalidInput, Message
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.ids import new_id

NAME_CHARACTERS_MAX = 200


@dataclass(frozen=True)
class Standing:
    """What the book holds under a code already; ``same``: its text is the very same."""

    state: EntryState
    entry_id: str
    provider: str
    same: bool


@dataclass(frozen=True)
class _Held:
    """The head under a code, its published digest, and its draft where it has one."""

    entry_id: str
    provider: str
    state: EntryState
    published: str | None
    draft: str | None
    draft_digest: str | None
    draft_state: RevisionState | None
    matters: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    """One document of a batch, with what the book holds under its code."""

    entry: CatalogueEntry
    digest: str
    held: _Held | None


def standing(connection: Connection, documents: Sequence[CatalogueEntry]) -> list[Standing | None]:
    """Tell what the book holds under each document's code; None for a new one."""
    held = _held_by_code(connection, [item.code for item in documents])
    found: list[Standing | None] = []
    for item in documents:
        there = held.get(item.code)
        if there is None:
            found.append(None)
            continue
        same = entry_digest(item) == (there.draft_digest or there.published)
        found.append(Standing(there.state, there.entry_id, there.provider, same))
    return found


def make_drafts(
    book: Book,
    actor: Actor,
    provider: str,
    entries: Sequence[CatalogueEntry],
    *,
    batch: str,
) -> Recorded[Batch]:
    """Keep checked documents as drafts of one batch; ``batch`` is its name to people.

    A new code is a new entry, a published one begins its change, a draft gets this text. Raises
    Conflict with the row (``$.rows[n]``) for a code that is under review, of another department,
    or whose text is the same already.
    """
    check_drafts(actor, provider)
    _check_size(book, entries, batch)
    batch_id = new_id("bat")
    digests = [entry_digest(item) for item in entries]
    lines = row_lines((item.code, text) for item, text in zip(entries, digests, strict=True))
    event = AuditEvent(
        EntryKind.BATCH_DRAFTED,
        actor,
        public={
            "batch": batch_id,
            "provider": provider,
            "digest": batch_digest(lines),
            "rows": lines,
        },
    )

    def apply(connection: Connection, pending: PendingEntry) -> Batch:
        held = _held_by_code(connection, [item.code for item in entries])
        rows = [
            _Row(item, text, held.get(item.code))
            for item, text in zip(entries, digests, strict=True)
        ]
        begun = sum(row.held is None or row.held.draft is None for row in rows)
        if begun:
            check_begins(book, connection, pending, actor, batch_rows=begun)
        known = book.credit_code(connection, provider)
        for number, row in enumerate(rows):
            _check_row(number, row, provider, known)
        connection.execute(
            insert(catalog_batch).values(
                id=batch_id,
                provider=provider,
                name=batch,
                rows=len(rows),
                digest=batch_digest(lines),
                drafted_us=pending.time_us,
            )
        )
        ids = _place(connection, pending, provider, rows)
        _write_texts(book, connection, pending, actor, batch_id, provider, rows, ids, batch)
        left = (name for row in rows if row.held for name in row.held.matters)
        end_unasked(connection, pending, left)
        return Batch(
            id=batch_id,
            provider=provider,
            name=batch,
            rows=len(rows),
            digest=batch_digest(lines),
            entry_ids=tuple(ids),
        )

    return book.writer.submit(event, apply)


def _place(
    connection: Connection, pending: PendingEntry, provider: str, rows: Sequence[_Row]
) -> list[str]:
    """Make or renew the heads; what is published keeps the facets of its published text."""
    ids = [row.held.entry_id if row.held else new_id("cat") for row in rows]
    stamp = {"changed_us": pending.time_us, "changed_index": pending.index}
    made = [
        {
            "id": entry_id,
            "code": row.entry.code,
            "provider": provider,
            "created_us": pending.time_us,
            "state": EntryState.DRAFT.value,
            **stamp,
            **facets(row.entry),
        }
        for entry_id, row in zip(ids, rows, strict=True)
        if row.held is None
    ]
    if made:
        connection.execute(insert(catalog_entry), made)
    renewed = [
        {"key": row.held.entry_id, "state": EntryState.DRAFT.value, **stamp, **facets(row.entry)}
        for row in rows
        if row.held is not None and row.held.published is None
    ]
    change_heads(connection, renewed)
    return ids


def _write_texts(
    book: Book,
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    batch_id: str,
    provider: str,
    rows: Sequence[_Row],
    ids: Sequence[str],
    name: str,
) -> None:
    changing = any(row.held and row.held.published and not row.held.draft for row in rows)
    duty = _open_change(book, connection, pending, provider, batch_id, name) if changing else None
    made: list[dict[str, object]] = []
    rewritten: list[dict[str, object]] = []
    moves: list[dict[str, object]] = []
    for entry_id, row in zip(ids, rows, strict=True):
        text = {
            "batch": batch_id,
            "digest": row.digest,
            "revised_by": actor.person,
            "revised_us": pending.time_us,
            "papers": papers_digest(row.digest, None, None),
            "document": row.entry.model_dump_json(),
        }
        published = row.held.published if row.held else None
        if row.held is not None and row.held.draft is not None:
            rewritten.append({"key": row.held.draft, **text, **_WITHOUT_PAPERS})
        else:
            made.append(
                {
                    "id": new_id("rev"),
                    "entry_id": entry_id,
                    "provider": provider,
                    "state": RevisionState.DRAFT.value,
                    "drafted_by": actor.person,
                    "drafted_us": pending.time_us,
                    "previous_digest": published,
                    "change_matter": duty if published else None,
                    **text,
                }
            )
        state = row.held.state if row.held and published else EntryState.DRAFT
        moves.append(
            {
                "entry_id": entry_id,
                "move": str(Move.CHANGE_BEGUN if published else Move.DRAFTED),
                "state": str(state),
                "digest": row.digest,
                "previous_digest": published,
            }
        )
    if made:
        connection.execute(insert(catalog_revision), made)
    change_revisions(connection, rewritten)
    record_moves(connection, pending, actor, moves)


_WITHOUT_PAPERS = {
    "secrecy": None,
    "secrecy_by": None,
    "personal": None,
    "personal_by": None,
    "sign_matter": None,
    "matter": None,
    **UNSIGNED,
}


def _open_change(
    book: Book,
    connection: Connection,
    pending: PendingEntry,
    provider: str,
    batch_id: str,
    name: str,
) -> str:
    asked = NewMatter(
        kind=MatterKind.CATALOGUE_CHANGE,
        counter=Counter.MANAGE,
        deadline="catalogue_change",
        subject=batch_id,
        title=Bilingual(zh=f"批量变更：{name}", en=f"Batch of changes: {name}"),
        applicant=provider,
        applicant_person=SYSTEM_ACTOR.person,
        handler=provider,
        handler_roles=(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD),
    )
    return open_matter(connection, pending, book.clocks, asked).id


def _held_by_code(connection: Connection, codes: Sequence[str]) -> dict[str, _Held]:
    head, published, draft = catalog_entry, catalog_revision.alias(), catalog_revision.alias()
    query = (
        select(
            head.c.code,
            head.c.id,
            head.c.provider,
            head.c.state,
            published.c.digest.label("published"),
            draft.c.id.label("draft"),
            draft.c.digest.label("draft_digest"),
            draft.c.state.label("draft_state"),
            draft.c.sign_matter,
            draft.c.matter,
        )
        .outerjoin(
            published,
            (published.c.entry_id == head.c.id) & (published.c.version == head.c.version),
        )
        .outerjoin(draft, (draft.c.entry_id == head.c.id) & draft.c.state.in_(OPEN_REVISIONS))
        .where(head.c.code.in_(codes))
    )
    return {
        row.code: _Held(
            entry_id=row.id,
            provider=row.provider,
            state=EntryState(row.state),
            published=row.published,
            draft=row.draft,
            draft_digest=row.draft_digest,
            draft_state=RevisionState(row.draft_state) if row.draft_state else None,
            matters=tuple(name for name in (row.sign_matter, row.matter) if name),
        )
        for row in connection.execute(query)
    }


def _check_size(book: Book, entries: Sequence[CatalogueEntry], name: str) -> None:
    if not 1 <= len(entries) <= book.rules.batch_rows_max:
        raise InvalidInput(
            "batch_size",
            Message(
                f"每批为1至{book.rules.batch_rows_max}条目录。",
                f"A batch holds 1 to {book.rules.batch_rows_max} entries.",
            ),
            field="$.rows",
            rule="policies/catalog",
        )
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise InvalidInput(
            "batch_name",
            Message(
                f"批次名称为1至{NAME_CHARACTERS_MAX}字。",
                f"A batch's name has 1 to {NAME_CHARACTERS_MAX} characters.",
            ),
            field="$.name",
        )
    seen: set[str] = set()
    for number, item in enumerate(entries):
        if item.code in seen:
            raise _at(number, code_taken(item.code))
        seen.add(item.code)


def _check_row(number: int, row: _Row, provider: str, known: str | None) -> None:
    try:
        check_code_is(known, row.entry)
    except InvalidInput as error:
        error.field = f"$.rows[{number}].provider.code"
        raise
    held = row.held
    if held is None:
        return
    if held.provider != provider:
        raise _at(number, code_taken(row.entry.code))
    if held.draft_state is RevisionState.SUBMITTED:
        raise _at(
            number,
            Conflict(
                "entry_under_review",
                Message(
                    f"“{row.entry.code}”正在审核，不能导入新内容。",
                    f"{row.entry.code!r} is under review; no new text is taken now.",
                ),
            ),
        )
    if row.digest == (held.draft_digest or held.published):
        raise _at(
            number,
            Conflict(
                "entry_unchanged",
                Message(
                    f"“{row.entry.code}”与现有内容相同，无需导入。",
                    f"{row.entry.code!r} says what the book says already.",
                ),
            ),
        )


def _at(number: int, error: Conflict) -> Conflict:
    """Name the row (from 0) in the refusal of a whole batch."""
    error.field = f"$.rows[{number}]"
    return error
