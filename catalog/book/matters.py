"""The matters that the book opens: the head's sign-off, the authority's review; and their ends."""

from collections.abc import Iterable

from sqlalchemy import Connection, or_, select

from audit.events import PendingEntry
from catalog.book.batches import Batch
from catalog.book.parts import Book, Revision
from catalog.book.states import OPEN_REVISIONS
from catalog.book.store import catalog_revision
from catalog.entries import Bilingual
from catalog.matters.matter import Counter, Matter, MatterKind, MatterState, NewMatter
from catalog.matters.opening import complete_papers, conclude, open_matter, withdraw
from catalog.matters.reads import matter
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor, Role

REASON_CHARACTERS_MAX = 400
REVIEW_CLOCK = "catalogue_review"


def open_sign_off(
    book: Book, connection: Connection, pending: PendingEntry, actor: Actor, revision: Revision
) -> Matter:
    """Put a draft with both assessments before the head of its department. No law sets a clock."""
    asked = _sign_off(revision, actor, revision.entry_id, revision.entry.name)
    return open_matter(connection, pending, book.clocks, asked)


def batch_sign_off(
    book: Book,
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    batch: Batch,
    first: Revision,
) -> Matter:
    """Put a whole batch before the head of its department, where it does not lie there already."""
    lying = matter(connection, first.sign_matter) if first.sign_matter else None
    if lying is not None and not lying.is_over:
        return lying
    asked = _sign_off(first, actor, batch.id, _batch_title(batch))
    return open_matter(connection, pending, book.clocks, asked)


def open_review(
    book: Book, connection: Connection, pending: PendingEntry, actor: Actor, revision: Revision
) -> Matter:
    """Put a signed text before the authority; a text returned before restarts its own clock."""
    if revision.change_matter and is_live(connection, revision.change_matter):
        conclude(connection, pending, revision.change_matter, "submitted")
    if revision.matter and is_waiting(connection, revision.matter):
        return complete_papers(connection, pending, book.clocks, revision.matter)
    asked = _review(book, revision, actor, revision.entry_id, revision.entry.name)
    return open_matter(connection, pending, book.clocks, asked)


def batch_review(
    book: Book,
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    batch: Batch,
    first: Revision,
) -> Matter:
    """Put a whole signed batch before the authority; one returned before restarts its clock."""
    if first.matter and is_waiting(connection, first.matter):
        return complete_papers(connection, pending, book.clocks, first.matter)
    asked = _review(book, first, actor, batch.id, _batch_title(batch))
    return open_matter(connection, pending, book.clocks, asked)


def _sign_off(revision: Revision, actor: Actor, subject: str, title: Bilingual) -> NewMatter:
    return NewMatter(
        kind=MatterKind.CATALOGUE_SIGN_OFF,
        counter=Counter.MANAGE,
        deadline=None,
        subject=subject,
        title=title,
        applicant=revision.provider,
        applicant_person=actor.person,
        handler=revision.provider,
        handler_roles=(Role.DEPARTMENT_HEAD,),
        case=revision.case_number or "",
    )


def _review(
    book: Book, revision: Revision, actor: Actor, subject: str, title: Bilingual
) -> NewMatter:
    return NewMatter(
        kind=MatterKind.CATALOGUE_REVIEW,
        counter=Counter.PUBLISH,
        deadline=REVIEW_CLOCK,
        subject=subject,
        title=title,
        applicant=revision.provider,
        applicant_person=actor.person,
        handler=book.authority,
        handler_roles=(Role.AUTHORITY,),
        case=revision.case_number or "",
    )


def _batch_title(batch: Batch) -> Bilingual:
    return Bilingual(
        zh=f"批量目录 {batch.rows} 条：{batch.name}", en=f"{batch.rows} entries: {batch.name}"
    )


def end_unasked(connection: Connection, pending: PendingEntry, names: Iterable[str | None]) -> None:
    """End those of these matters that ask about no text at work any more.

    The matters of a batch end with the last row that leaves it, and not before.
    """
    live = {name for name in names if name and is_live(connection, name)}
    if not live:
        return
    columns = [catalog_revision.c[name] for name in ("sign_matter", "matter", "change_matter")]
    query = select(*columns).where(
        catalog_revision.c.state.in_(OPEN_REVISIONS), or_(*(one.in_(live) for one in columns))
    )
    asked = {name for row in connection.execute(query) for name in row}
    for name in sorted(live - asked):
        withdraw(connection, pending, name)


def is_live(connection: Connection, matter_id: str) -> bool:
    """Tell whether a matter is still to be decided, or waits for papers."""
    found = matter(connection, matter_id)
    return found is not None and not found.is_over


def is_waiting(connection: Connection, matter_id: str) -> bool:
    """Tell whether a matter waits for the applicant's papers."""
    found = matter(connection, matter_id)
    return found is not None and found.state is MatterState.WAITING


def check_reason(reason: str, field: str = "$.reason") -> None:
    """Refuse a decision without its reason. Raises InvalidInput."""
    if not 1 <= len(reason.strip()) <= REASON_CHARACTERS_MAX:
        raise InvalidInput(
            "reason_missing",
            Message(
                f"请说明理由（1至{REASON_CHARACTERS_MAX}字）。",
                f"Say why, in 1 to {REASON_CHARACTERS_MAX} characters.",
            ),
            field=field,
        )
