"""Writes and rewrites drafts: the first text of an entry, a change of a published one.

Whoever touches the text undoes the head's sign-off. A change begins the department's clock (10
working days after a change of law or duties; 5 more with consent), and its submission ends it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from catalog.book.duties import check_drafts, check_provider_code
from catalog.book.matters import check_reason, end_unasked
from catalog.book.parts import (
    Book,
    EntryHead,
    Revision,
    entry_digest,
    head_by_code,
    known_head,
    open_revision,
    published_revision,
    refused_revision,
    required_revision,
    wrong_state,
)
from catalog.book.recording import (
    check_begins,
    facets,
    new_revision,
    record_move,
    write_document,
    write_head,
    write_revision,
)
from catalog.book.signing import reopen_sign_off
from catalog.book.states import EntryState, Move, RevisionState
from catalog.book.store import catalog_entry
from catalog.entries import CatalogueEntry, check_entry
from catalog.matters.matter import Counter, MatterKind, NewMatter
from catalog.matters.opening import open_matter
from foundation.errors import Conflict, InvalidInput, Message
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.ids import new_id


def draft_entry(
    book: Book, actor: Actor, provider: str, raw: Mapping[str, Any]
) -> Recorded[Revision]:
    """Check a document and keep it as the draft of a new entry of a department."""
    check_drafts(actor, provider)
    entry = check_entry(raw, book.rules)
    digest = entry_digest(entry)
    event = AuditEvent(
        EntryKind.ENTRY_DRAFTED,
        actor,
        public={"code": entry.code, "provider": provider, "document_digest": digest},
    )

    def apply(connection: Connection, pending: PendingEntry) -> Revision:
        check_begins(book, connection, pending, actor)
        check_provider_code(book, connection, provider, entry)
        entry_id = place_entry(connection, pending, provider, entry)
        about = {"id": new_id("rev"), "entry_id": entry_id, "provider": provider, "digest": digest}
        new_revision(connection, pending, actor, about, entry)
        revision = required_revision(connection, entry_id, RevisionState.DRAFT)
        record_move(connection, pending, actor, Move.DRAFTED, EntryState.DRAFT, revision)
        pending.amend(catalogue_entry=entry_id)
        return revision

    return book.writer.submit(event, apply)


def revise_entry(
    book: Book, actor: Actor, entry_id: str, raw: Mapping[str, Any]
) -> Recorded[Revision]:
    """Replace the text of a draft. A sign-off given before counts no longer."""
    entry = check_entry(raw, book.rules)
    digest = entry_digest(entry)
    event = AuditEvent(
        EntryKind.ENTRY_REVISED,
        actor,
        public={"catalogue_entry": entry_id, "document_digest": digest},
    )

    def apply(connection: Connection, pending: PendingEntry) -> Revision:
        head = known_head(connection, entry_id)
        check_drafts(actor, head.provider)
        check_same_code(head, entry)
        check_provider_code(book, connection, head.provider, entry)
        revision = _revisable(connection, pending, actor, head)
        write_document(connection, pending, actor, revision, entry, digest)
        end_unasked(connection, pending, (revision.sign_matter, revision.matter))
        if head.version is None:
            write_head(connection, pending, entry_id, facets(entry) | {"state": "draft"})
        reopen_sign_off(book, connection, pending, actor, entry_id)
        revised = required_revision(connection, entry_id, RevisionState.DRAFT)
        state = known_head(connection, entry_id).state
        record_move(connection, pending, actor, Move.REVISED, state, revised)
        pending.amend(previous_digest=revision.digest)
        return revised

    return book.writer.submit(event, apply)


def begin_change(
    book: Book, actor: Actor, entry_id: str, ground: str, raw: Mapping[str, Any] | None = None
) -> Recorded[Revision]:
    """Begin a change of a published or withdrawn entry: its text to start from, and its clock.

    ``ground`` says which change of law or duties asks for it, or why else.
    """
    entry = None if raw is None else check_entry(raw, book.rules)
    check_reason(ground, "$.ground")
    event = AuditEvent(
        EntryKind.ENTRY_CHANGE_BEGUN,
        actor,
        public={"catalogue_entry": entry_id},
        private={"reason": ground},
    )

    def apply(connection: Connection, pending: PendingEntry) -> Revision:
        head = known_head(connection, entry_id)
        check_drafts(actor, head.provider)
        check_begins(book, connection, pending, actor)
        published = _changeable(connection, head)
        text = entry or published.entry
        check_same_code(head, text)
        if entry is not None:
            check_provider_code(book, connection, head.provider, entry)
        digest = entry_digest(text)
        matter = open_matter(connection, pending, book.clocks, _change_of(published))
        about = {
            "id": new_id("rev"),
            "entry_id": entry_id,
            "provider": head.provider,
            "digest": digest,
            "previous_digest": published.digest,
            "change_matter": matter.id,
            "case_number": matter.case,
        }
        new_revision(connection, pending, actor, about, text)
        revision = required_revision(connection, entry_id, RevisionState.DRAFT)
        record_move(
            connection,
            pending,
            actor,
            Move.CHANGE_BEGUN,
            head.state,
            revision,
            matter=matter.id,
            reason=ground,
        )
        pending.amend(document_digest=digest, previous_digest=published.digest)
        return revision

    return book.writer.submit(event, apply)


def discard_draft(book: Book, actor: Actor, entry_id: str) -> Recorded[None]:
    """Give a draft up. A published entry stays as it is published."""
    event = AuditEvent(EntryKind.ENTRY_DRAFT_DISCARDED, actor, public={"catalogue_entry": entry_id})

    def apply(connection: Connection, pending: PendingEntry) -> None:
        head = known_head(connection, entry_id)
        check_drafts(actor, head.provider)
        revision = required_revision(connection, entry_id, RevisionState.DRAFT)
        write_revision(connection, revision.id, {"state": "discarded"})
        asked = (revision.change_matter, revision.sign_matter, revision.matter)
        end_unasked(connection, pending, asked)
        state = head.state if head.version is not None else EntryState.DISCARDED
        write_head(connection, pending, entry_id, {"state": str(state)})
        record_move(connection, pending, actor, Move.DISCARDED, state, revision)
        pending.amend(document_digest=revision.digest)

    return book.writer.submit(event, apply)


def place_entry(
    connection: Connection, pending: PendingEntry, provider: str, entry: CatalogueEntry
) -> str:
    """Make the head of a new entry; a code that its own department gave up is taken up again."""
    held = head_by_code(connection, entry.code)
    if held is None:
        entry_id = new_id("cat")
        connection.execute(
            insert(catalog_entry).values(
                id=entry_id,
                code=entry.code,
                provider=provider,
                created_us=pending.time_us,
                state=EntryState.DRAFT.value,
                changed_us=pending.time_us,
                changed_index=pending.index,
                **facets(entry),
            )
        )
        return entry_id
    if held.state is not EntryState.DISCARDED or held.provider != provider:
        raise code_taken(entry.code)
    write_head(connection, pending, held.id, facets(entry) | {"state": "draft"})
    return held.id


def code_taken(code: str) -> Conflict:
    """Say that a catalogue code belongs to an entry already."""
    return Conflict(
        "entry_exists",
        Message(f"“{code}”已登记，请换一个代码。", f"{code!r} is registered; choose another code."),
        field="$.code",
    )


def check_same_code(head: EntryHead, entry: CatalogueEntry) -> None:
    """Refuse another catalogue code: it names the entry for good."""
    if entry.code != head.code:
        raise InvalidInput(
            "entry_code_fixed",
            Message(
                "目录代码不能更改；如需新代码，请另立条目。",
                "A catalogue code does not change; make another entry for another code.",
            ),
            field="$.code",
        )


def _revisable(
    connection: Connection, pending: PendingEntry, actor: Actor, head: EntryHead
) -> Revision:
    """Return the draft to rewrite; after a refusal of a first text, a fresh draft."""
    found = open_revision(connection, head.id)
    if found is not None and found.state is RevisionState.DRAFT:
        return found
    if found is not None or head.state is not EntryState.REFUSED:
        raise wrong_state(head, found)
    refused = refused_revision(connection, head.id)
    about = {
        "id": new_id("rev"),
        "entry_id": head.id,
        "provider": head.provider,
        "digest": refused.digest,
        "case_number": refused.case_number,
    }
    new_revision(connection, pending, actor, about, refused.entry)
    return required_revision(connection, head.id, RevisionState.DRAFT)


def _changeable(connection: Connection, head: EntryHead) -> Revision:
    at_work = open_revision(connection, head.id)
    if head.version is None or at_work is not None:
        raise wrong_state(head, at_work)
    published = published_revision(connection, head.id, head.version)
    assert published is not None  # noqa: S101 - the store's foreign key
    return published


def _change_of(published: Revision) -> NewMatter:
    return NewMatter(
        kind=MatterKind.CATALOGUE_CHANGE,
        counter=Counter.MANAGE,
        deadline="catalogue_change",
        subject=published.entry_id,
        title=published.entry.name,
        applicant=published.provider,
        applicant_person=SYSTEM_ACTOR.person,  # a duty of the law: nobody applies for it
        handler=published.provider,
        handler_roles=(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD),
    )
