"""The steps of a batch: papers, sign-off, submission, and the authority's decision on all rows.

The same people, papers and refusals as for one entry (``signing``, ``review``), asked of every
row; one row that may not take the step stops the batch.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from catalog.book.batches import (
    Batch,
    Member,
    change_heads,
    change_revisions,
    members,
    record_moves,
    row_lines,
    stored_batch,
    wrong_batch_state,
)
from catalog.book.duties import (
    check_authority,
    check_code_is,
    check_drafts,
    check_reviews,
    check_signs_off,
    hands_in,
)
from catalog.book.matters import batch_review, batch_sign_off, check_reason, is_live
from catalog.book.parts import Assessment, Book, Revision, papers_digest
from catalog.book.recording import UNSIGNED, facets
from catalog.book.review import (
    check_papers_and_sign_off,
    check_same_text,
    check_zone,
    decided,
    state_before,
    submitted_state,
)
from catalog.book.signing import Paper, assessed_by, check_papers
from catalog.book.states import EntryState, Move, RevisionState
from catalog.book.store import catalog_entry_system
from catalog.book.subscriptions import tell_subscribers
from catalog.book.systems import check_linked_to, live_systems
from catalog.entries import check_entry
from catalog.matters.matter import MissingPaper
from catalog.matters.moves import papers_asked
from catalog.matters.opening import conclude
from catalog.zones.zones import check_entry_may_move
from foundation.canonical import digest
from foundation.errors import SandgateError
from foundation.identity import Actor

Rows = list[dict[str, object]]
Step = Callable[[Connection, PendingEntry, Batch, list[Member]], None]


def assess_batch(
    book: Book, actor: Actor, batch_id: str, secrecy: Assessment, personal: Assessment
) -> Recorded[Batch]:
    """Enter both assessments, made of the whole batch; its head is asked to sign off."""
    papers = assessed_by(actor, Paper.SECRECY, secrecy) | assessed_by(
        actor, Paper.PERSONAL, personal
    )

    def step(
        connection: Connection, pending: PendingEntry, batch: Batch, rows: list[Member]
    ) -> None:
        check_drafts(actor, batch.provider)
        matter = batch_sign_off(book, connection, pending, actor, batch, rows[0].revision)
        common = {**papers, **UNSIGNED, "sign_matter": matter.id, "case_number": matter.case}
        change_revisions(
            connection,
            [
                {
                    "key": item.revision.id,
                    "papers": papers_digest(item.revision.digest, secrecy, personal),
                    **common,
                }
                for item in rows
            ],
        )
        _record(connection, pending, actor, Move.ASSESSED, rows)

    private = {
        "secrecy_digest": digest(secrecy.model_dump(mode="json")),
        "personal_digest": digest(personal.model_dump(mode="json")),
    }
    event = AuditEvent(EntryKind.BATCH_ASSESSED, actor, {"batch": batch_id}, private)
    return _take(book, event, batch_id, RevisionState.DRAFT, step)


def sign_off_batch(book: Book, actor: Actor, batch_id: str, read_digest: str) -> Recorded[Batch]:
    """Sign every row of a batch off, as its department's head who read this digest of it."""

    def step(
        connection: Connection, pending: PendingEntry, batch: Batch, rows: list[Member]
    ) -> None:
        _each(rows, lambda revision: check_signs_off(actor, revision))
        _each(rows, check_papers)
        check_same_text(batch.digest, read_digest)
        values = {"signed_by": actor.person, "signed_us": pending.time_us}
        change_revisions(
            connection,
            [
                {"key": item.revision.id, "signed_papers": item.revision.papers, **values}
                for item in rows
            ],
        )
        matter = rows[0].revision.sign_matter
        if matter and is_live(connection, matter):
            conclude(connection, pending, matter, "signed_off")
        _record(connection, pending, actor, Move.SIGNED_OFF, rows)
        pending.amend(rows=_lines(rows))

    event = AuditEvent(EntryKind.BATCH_SIGNED_OFF, actor, public={"batch": batch_id})
    return _take(book, event, batch_id, RevisionState.DRAFT, step)


def submit_batch(book: Book, actor: Actor, batch_id: str) -> Recorded[Batch]:
    """Submit a signed batch to the authority; one review clock starts for all its rows."""

    def step(
        connection: Connection, pending: PendingEntry, batch: Batch, rows: list[Member]
    ) -> None:
        check_drafts(actor, batch.provider)
        _check_submittable(book, connection, batch, rows)
        matter = batch_review(book, connection, pending, actor, batch, rows[0].revision)
        for duty in {item.revision.change_matter for item in rows} - {None}:
            if duty and is_live(connection, duty):
                conclude(connection, pending, duty, "submitted")
        values = {
            "state": RevisionState.SUBMITTED.value,
            "submitted_by": actor.person,
            "submitted_us": pending.time_us,
            "matter": matter.id,
            "case_number": matter.case,
        }
        change_revisions(connection, [{"key": item.revision.id, **values} for item in rows])
        states = [submitted_state(item.version) for item in rows]
        _set_states(connection, pending, rows, states)
        _record(connection, pending, actor, Move.SUBMITTED, rows, states, matter=matter.id)
        pending.amend(rows=_lines(rows))

    event = AuditEvent(EntryKind.BATCH_SUBMITTED, actor, public={"batch": batch_id})
    return _take(book, event, batch_id, RevisionState.DRAFT, step)


def publish_batch(book: Book, actor: Actor, batch_id: str, read_digest: str) -> Recorded[Batch]:
    """Publish every row of a submitted batch. ``read_digest`` is the one reviewed."""

    def step(
        connection: Connection, pending: PendingEntry, batch: Batch, rows: list[Member]
    ) -> None:
        _check_reviews(book, connection, actor, rows)
        check_same_text(batch.digest, read_digest)
        _check_submittable(book, connection, batch, rows)
        for item in rows:
            moved_to = item.revision.entry.zone
            check_entry_may_move(connection, item.revision.entry_id, item.zone, moved_to)
        versions = [(item.version or 0) + 1 for item in rows]
        verdict = {"state": RevisionState.PUBLISHED.value, **decided(pending, actor)}
        stamp = {"changed_us": pending.time_us, "changed_index": pending.index}
        numbered = list(zip(rows, versions, strict=True))
        change_revisions(
            connection,
            [{"key": item.revision.id, "version": number, **verdict} for item, number in numbered],
        )
        change_heads(
            connection,
            [
                {
                    "key": item.revision.entry_id,
                    "state": EntryState.PUBLISHED.value,
                    "version": number,
                    **stamp,
                    **facets(item.revision.entry),
                }
                for item, number in numbered
            ],
        )
        links = [
            {"entry_id": item.revision.entry_id, "version": number, "system": name}
            for item, number in numbered
            for name in dict.fromkeys(item.revision.entry.systems)
        ]
        connection.execute(insert(catalog_entry_system), links)
        conclude(connection, pending, rows[0].revision.matter or "", "published")
        published = [EntryState.PUBLISHED] * len(rows)
        _record(connection, pending, actor, Move.PUBLISHED, rows, published, versions)
        tell_subscribers(connection, pending, Move.PUBLISHED, [item.revision for item in rows])
        pending.amend(rows=_lines(rows))

    event = AuditEvent(EntryKind.BATCH_PUBLISHED, actor, public={"batch": batch_id})
    return _take(book, event, batch_id, RevisionState.SUBMITTED, step)


def return_batch(
    book: Book, actor: Actor, batch_id: str, missing: Sequence[MissingPaper]
) -> Recorded[Batch]:
    """Return a whole batch once, with everything that lacks; its rows are drafts again."""
    listed = "\n".join(f"{item.name}: {item.reason}" for item in missing)

    def step(
        connection: Connection, pending: PendingEntry, _batch: Batch, rows: list[Member]
    ) -> None:
        _check_reviews(book, connection, actor, rows)
        papers_asked(connection, pending, actor, rows[0].revision.matter or "", missing)
        values = {"state": RevisionState.DRAFT.value, **UNSIGNED}
        change_revisions(connection, [{"key": item.revision.id, **values} for item in rows])
        states = [_before(connection, item) for item in rows]
        _set_states(connection, pending, rows, states)
        _record(connection, pending, actor, Move.RETURNED, rows, states, reason=listed)

    event = AuditEvent(
        EntryKind.BATCH_RETURNED, actor, public={"batch": batch_id}, private={"reason": listed}
    )
    return _take(book, event, batch_id, RevisionState.SUBMITTED, step)


def refuse_batch(book: Book, actor: Actor, batch_id: str, reason: str) -> Recorded[Batch]:
    """Refuse a whole batch, with the reason."""
    check_reason(reason)

    def step(
        connection: Connection, pending: PendingEntry, _batch: Batch, rows: list[Member]
    ) -> None:
        _check_reviews(book, connection, actor, rows)
        verdict = {"state": RevisionState.REFUSED.value, "reason": reason}
        values = {**verdict, **decided(pending, actor)}
        change_revisions(connection, [{"key": item.revision.id, **values} for item in rows])
        states = [
            EntryState.REFUSED if item.version is None else _before(connection, item)
            for item in rows
        ]
        _set_states(connection, pending, rows, states)
        conclude(connection, pending, rows[0].revision.matter or "", "refused", reason)
        _record(connection, pending, actor, Move.REFUSED, rows, states, reason=reason)

    event = AuditEvent(
        EntryKind.BATCH_REFUSED, actor, public={"batch": batch_id}, private={"reason": reason}
    )
    return _take(book, event, batch_id, RevisionState.SUBMITTED, step)


def _take(
    book: Book, event: AuditEvent, batch_id: str, state: RevisionState, step: Step
) -> Recorded[Batch]:
    def apply(connection: Connection, pending: PendingEntry) -> Batch:
        batch = stored_batch(connection, batch_id)
        rows = members(connection, batch_id)
        if event.kind in _BY_AUTHORITY:
            check_authority(event.actor)
        if not rows or any(item.revision.state is not state for item in rows):
            raise wrong_batch_state(batch)
        step(connection, pending, batch, rows)
        pending.amend(digest=batch.digest)
        return batch

    return book.writer.submit(event, apply)


_BY_AUTHORITY = frozenset(
    {EntryKind.BATCH_PUBLISHED, EntryKind.BATCH_RETURNED, EntryKind.BATCH_REFUSED}
)


def _check_reviews(
    book: Book, connection: Connection, actor: Actor, rows: Sequence[Member]
) -> None:
    """Ask once for each set of people who had a hand in the rows: most batches have one."""
    asked: dict[tuple[object, ...], Revision] = {}
    for item in rows:
        found = item.revision
        asked.setdefault((*hands_in(found), found.submitted_us), found)
    for revision in asked.values():
        check_reviews(book, connection, actor, revision)


def _check_submittable(
    book: Book, connection: Connection, batch: Batch, rows: Sequence[Member]
) -> None:
    known = live_systems(connection, batch.provider)
    credit_code = book.credit_code(connection, batch.provider)

    def check(revision: Revision) -> None:
        check_papers_and_sign_off(revision)
        check_entry(revision.entry.model_dump(mode="json"), book.rules)
        check_code_is(credit_code, revision.entry)
        check_linked_to(known, revision.entry)
        check_zone(connection, revision.entry.zone)

    _each(rows, check)


def _each(rows: Sequence[Member], check: Callable[[Revision], None]) -> None:
    """Ask every row; a refusal of what a row says names its place, from 0, in order of the codes.

    A refusal of the person who asks keeps its own field.
    """
    for number, item in enumerate(rows):
        try:
            check(item.revision)
        except SandgateError as error:
            field = error.field or "$"
            if field.startswith("$"):
                error.field = f"$.rows[{number}]{field[1:]}"
            raise


def _lines(rows: Sequence[Member]) -> list[str]:
    return row_lines((item.revision.entry.code, item.revision.digest) for item in rows)


def _set_states(
    connection: Connection,
    pending: PendingEntry,
    rows: Sequence[Member],
    states: Sequence[EntryState],
) -> None:
    stamp = {"changed_us": pending.time_us, "changed_index": pending.index}
    change_heads(
        connection,
        [
            {"key": item.revision.entry_id, "state": state.value, **stamp}
            for item, state in zip(rows, states, strict=True)
        ],
    )


def _before(connection: Connection, item: Member) -> EntryState:
    return state_before(connection, item.revision.entry_id, item.version)


def _record(
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    move: Move,
    rows: Sequence[Member],
    states: Sequence[EntryState] | None = None,
    versions: Sequence[int] | None = None,
    **more: object,
) -> None:
    record_moves(
        connection,
        pending,
        actor,
        [
            {
                "entry_id": item.revision.entry_id,
                "move": str(move),
                "state": str(states[number]) if states else item.state,
                "version": versions[number] if versions else None,
                "digest": item.revision.digest,
                "previous_digest": item.revision.previous_digest,
                "matter": item.revision.matter,
                **more,
            }
            for number, item in enumerate(rows)
        ],
    )
