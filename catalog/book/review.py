"""Submits signed texts and decides on them: published, returned with a complete list, or refused.

The reviewer is a natural person of the authority who had no hand in the text or its papers.
An entry without a registered system that feeds it is not submitted (目录关联系统).
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from catalog.book.duties import (
    check_authority,
    check_drafts,
    check_outside,
    check_provider_code,
    check_reviews,
)
from catalog.book.matters import check_reason, is_live, open_review
from catalog.book.parts import (
    Book,
    EntryHead,
    Revision,
    known_head,
    open_revision,
    published_revision,
    required_revision,
    revision_by_id,
    was_withdrawn,
    wrong_state,
)
from catalog.book.recording import (
    UNSIGNED,
    facets,
    link_systems,
    record_move,
    write_head,
    write_revision,
)
from catalog.book.signing import RULE, changed_meanwhile, check_alone, check_papers
from catalog.book.states import PUBLIC_MOVES, EntryState, Move, RevisionState
from catalog.book.subscriptions import tell_subscribers
from catalog.book.systems import check_linked
from catalog.entries import check_entry
from catalog.matters.matter import MissingPaper
from catalog.matters.moves import papers_asked
from catalog.matters.opening import conclude, withdraw
from catalog.zones.store import ZoneState
from catalog.zones.zones import check_entry_may_move, require_zone
from foundation.errors import Conflict, Message
from foundation.identity import Actor
from foundation.two_people import check_natural_person


def submit_entry(book: Book, actor: Actor, entry_id: str) -> Recorded[Revision]:
    """Submit a signed draft to the authority; its review clock starts."""
    event = AuditEvent(EntryKind.ENTRY_SUBMITTED, actor, public={"catalogue_entry": entry_id})

    def apply(connection: Connection, pending: PendingEntry) -> Revision:
        head = known_head(connection, entry_id)
        check_drafts(actor, head.provider)
        revision = required_revision(connection, entry_id, RevisionState.DRAFT)
        check_alone(revision)
        check_submittable(book, connection, revision)
        matter = open_review(book, connection, pending, actor, revision)
        values = {
            "state": "submitted",
            "submitted_by": actor.person,
            "submitted_us": pending.time_us,
            "matter": matter.id,
            "case_number": matter.case,
        }
        write_revision(connection, revision.id, values)
        state = submitted_state(head.version)
        write_head(connection, pending, entry_id, {"state": str(state)})
        submitted = required_revision(connection, entry_id, RevisionState.SUBMITTED)
        record_move(connection, pending, actor, Move.SUBMITTED, state, submitted)
        pending.amend(document_digest=submitted.digest, previous_digest=submitted.previous_digest)
        return submitted

    return book.writer.submit(event, apply)


def publish_entry(book: Book, actor: Actor, entry_id: str, read_digest: str) -> Recorded[Revision]:
    """Publish a submitted text as the next version. ``read_digest`` is the one reviewed."""

    def decide(
        connection: Connection, pending: PendingEntry, head: EntryHead, revision: Revision
    ) -> EntryState:
        check_same_text(revision.digest, read_digest)
        check_submittable(book, connection, revision)
        version = (head.version or 0) + 1
        check_entry_may_move(connection, entry_id, head.zone, revision.entry.zone)
        values = {"state": "published", "version": version, **decided(pending, actor)}
        write_revision(connection, revision.id, values)
        about = facets(revision.entry) | {"state": "published", "version": version}
        write_head(connection, pending, entry_id, about)
        link_systems(connection, entry_id, version, revision.entry)
        _conclude(connection, pending, revision, "published")
        pending.amend(version=version)
        return EntryState.PUBLISHED

    kind = EntryKind.ENTRY_PUBLISHED
    return _decide(book, actor, entry_id, kind, Move.PUBLISHED, decide)


def return_entry(
    book: Book, actor: Actor, entry_id: str, missing: Sequence[MissingPaper]
) -> Recorded[Revision]:
    """Return a text once, with everything that lacks (一次性告知); it is a draft again."""

    def decide(
        connection: Connection, pending: PendingEntry, head: EntryHead, revision: Revision
    ) -> EntryState:
        papers_asked(connection, pending, actor, revision.matter or "", missing)
        write_revision(connection, revision.id, {"state": "draft", **UNSIGNED})
        state = state_before(connection, entry_id, head.version)
        write_head(connection, pending, entry_id, {"state": str(state)})
        return state

    listed = "\n".join(f"{item.name}: {item.reason}" for item in missing)
    return _decide(
        book, actor, entry_id, EntryKind.ENTRY_RETURNED, Move.RETURNED, decide, reason=listed
    )


def refuse_entry(book: Book, actor: Actor, entry_id: str, reason: str) -> Recorded[Revision]:
    """Refuse a text, with the reason. What was published before stays published."""
    check_reason(reason)

    def decide(
        connection: Connection, pending: PendingEntry, head: EntryHead, revision: Revision
    ) -> EntryState:
        values = {"state": "refused", "reason": reason, **decided(pending, actor)}
        write_revision(connection, revision.id, values)
        before = state_before(connection, entry_id, head.version)
        state = EntryState.REFUSED if head.version is None else before
        write_head(connection, pending, entry_id, {"state": str(state)})
        _conclude(connection, pending, revision, "refused", reason)
        return state

    return _decide(
        book, actor, entry_id, EntryKind.ENTRY_REFUSED, Move.REFUSED, decide, reason=reason
    )


def withdraw_entry(book: Book, actor: Actor, entry_id: str, reason: str) -> Recorded[EntryHead]:
    """Take a published entry off the catalogue (下线), at once; a change at work is given up.

    Licences that stand are not touched; nothing new is registered beneath the entry.
    """
    check_reason(reason)
    event = AuditEvent(
        EntryKind.ENTRY_WITHDRAWN,
        actor,
        public={"catalogue_entry": entry_id},
        private={"reason": reason},
    )

    def apply(connection: Connection, pending: PendingEntry) -> EntryHead:
        check_authority(actor)
        check_natural_person(actor)
        head = known_head(connection, entry_id)
        check_outside(book, connection, actor, head.provider)
        if head.state not in {EntryState.PUBLISHED, EntryState.CHANGE_SUBMITTED}:
            raise wrong_state(head, open_revision(connection, entry_id))
        at_work = open_revision(connection, entry_id)
        if at_work is not None:
            write_revision(connection, at_work.id, {"state": "discarded"})
            for matter in (at_work.change_matter, at_work.sign_matter, at_work.matter):
                if matter is not None and is_live(connection, matter):
                    withdraw(connection, pending, matter)
        published = published_revision(connection, entry_id, head.version or 0)
        assert published is not None  # noqa: S101 - the store's foreign key
        write_head(connection, pending, entry_id, {"state": "withdrawn"})
        record_move(
            connection,
            pending,
            actor,
            Move.WITHDRAWN,
            EntryState.WITHDRAWN,
            published,
            reason=reason,
        )
        withdrawn = known_head(connection, entry_id)
        tell_subscribers(connection, pending, Move.WITHDRAWN, [published])
        pending.amend(version=head.version, document_digest=published.digest)
        return withdrawn

    return book.writer.submit(event, apply)


def check_submittable(book: Book, connection: Connection, revision: Revision) -> None:
    """Refuse a text without papers, sign-off or system; the rules of today are asked again."""
    check_papers_and_sign_off(revision)
    check_entry(revision.entry.model_dump(mode="json"), book.rules)
    check_provider_code(book, connection, revision.provider, revision.entry)
    check_linked(connection, revision.provider, revision.entry)
    check_zone(connection, revision.entry.zone)


def check_zone(connection: Connection, zone: str) -> None:
    """Refuse a data zone that nobody opened, or that is closed. Raises NotFound, Conflict."""
    if require_zone(connection, zone).state is not ZoneState.OPEN:
        raise Conflict(
            "zone_not_open",
            Message(
                f"数据区“{zone}”已关闭，不能在其中编目。",
                f"The zone {zone!r} is closed; nothing is catalogued in it.",
            ),
            field="$.zone",
        )


def check_papers_and_sign_off(revision: Revision) -> None:
    """Refuse a text without both assessments, or one that its head has not signed as it stands."""
    check_papers(revision)
    if revision.signed_by is None:
        raise Conflict(
            "sign_off_missing",
            Message(
                "尚未经部门负责人审签（或审签后内容已变更），不能提交审核。",
                "The department's head has not signed this text off (or it changed since); it "
                "cannot be submitted.",
            ),
            field="$.sign_off",
            rule=RULE,
        )


def check_same_text(standing_digest: str, read_digest: str) -> None:
    """Refuse a decision on another text, or another batch, than the one that was read."""
    if read_digest != standing_digest:
        raise changed_meanwhile()


def submitted_state(version: int | None) -> EntryState:
    """Return what an entry is while its text waits for review; ``version`` is the published one."""
    return EntryState.SUBMITTED if version is None else EntryState.CHANGE_SUBMITTED


def state_before(connection: Connection, entry_id: str, version: int | None) -> EntryState:
    """Return what an entry is again once its text is no longer under review."""
    if version is None:
        return EntryState.DRAFT
    return EntryState.WITHDRAWN if was_withdrawn(connection, entry_id) else EntryState.PUBLISHED


def decided(pending: PendingEntry, actor: Actor) -> dict[str, object]:
    """Return a revision's columns that say who decided on it, and when."""
    return {
        "decided_by": actor.person,
        "decided_organisation": actor.organisation,
        "decided_us": pending.time_us,
    }


Decide = Callable[[Connection, PendingEntry, EntryHead, Revision], EntryState]


def _decide(
    book: Book,
    actor: Actor,
    entry_id: str,
    kind: EntryKind,
    move: Move,
    decide: Decide,
    *,
    reason: str = "",
) -> Recorded[Revision]:
    private = {"reason": reason} if reason else {}
    event = AuditEvent(kind, actor, public={"catalogue_entry": entry_id}, private=private)

    def apply(connection: Connection, pending: PendingEntry) -> Revision:
        head = known_head(connection, entry_id)
        check_authority(actor)
        revision = required_revision(connection, entry_id, RevisionState.SUBMITTED)
        check_alone(revision)
        check_reviews(book, connection, actor, revision)
        state = decide(connection, pending, head, revision)
        settled = revision_by_id(connection, revision.id)
        record_move(connection, pending, actor, move, state, settled, reason=reason or None)
        pending.amend(document_digest=revision.digest, previous_digest=revision.previous_digest)
        if move in PUBLIC_MOVES:
            tell_subscribers(connection, pending, move, [settled])
        return settled

    return book.writer.submit(event, apply)


def _conclude(
    connection: Connection,
    pending: PendingEntry,
    revision: Revision,
    outcome: str,
    reason: str = "",
) -> None:
    if revision.matter:
        conclude(connection, pending, revision.matter, outcome, reason)
