"""What happens to shared data in use: records, misuse and its way back, and destruction at the end.

Misuse suspends at once; the department says what it put right, and the provider or the authority
resumes or terminates; what the authority suspended, the authority alone resumes. What is done with
is destroyed, and a certificate says so; records of use are kept (政务数据共享条例 art. 29).
"""

import json

from sqlalchemy import Connection, func, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.independence import check_apart
from authorization.separation import (
    check_another_person,
    check_may_write,
    check_natural_person,
    check_older_than,
    check_role,
)
from authorization.sharing.parts import STAFF, SharingParts, entry_name, titled
from authorization.sharing.states import (
    AS_AUTHORITY,
    AS_PROVIDER,
    Share,
    ShareState,
    follow,
    move,
    no_such_share,
    require_share,
    wrong_state,
)
from authorization.sharing.store import share_delivery, share_disposal, share_use
from authorization.sharing.telling import move_and_tell
from catalog.datasets import Frozen
from catalog.matters.matter import Counter, MatterKind, NewMatter
from catalog.matters.opening import conclude, open_matter
from catalog.matters.reads import matter
from foundation.canonical import canonical_bytes, digest
from foundation.clock import to_iso
from foundation.errors import Denied, Message
from foundation.identity import Actor, Role
from foundation.ids import new_id

DISPOSAL_FORMAT = "sandgate/share-disposal@1"
USED = frozenset(
    {ShareState.SUPPLIED, ShareState.IN_USE, ShareState.SUSPENDED, ShareState.RECTIFYING}
)


class UseRecord(Frozen):
    """One record of use: scenario, process, effect and storage (art. 29)."""

    scenario: str
    process: str
    effect: str
    storage: str


class Using(SharingParts):
    """Use, misuse and the end of use."""

    def record_use(self, actor: Actor, share_id: str, record: UseRecord) -> Recorded[str]:
        """Keep one record of use by the requesting department; the first begins 使用中."""
        check_role(actor, *STAFF)
        use_id = new_id("use")
        text = record.model_dump_json()
        event = AuditEvent(
            EntryKind.SHARE_USE_RECORDED,
            actor,
            {"share": share_id, "record": use_id},
            {"record_digest": digest(json.loads(text))},
        )

        def apply(connection: Connection, entry: PendingEntry) -> str:
            share = self._own(connection, actor, share_id)
            if share.state not in USED:
                raise wrong_state(share.state)
            connection.execute(
                insert(share_use).values(
                    id=use_id,
                    request=share_id,
                    person=actor.person,
                    record=text,
                    made_us=entry.time_us,
                )
            )
            if share.state is ShareState.SUPPLIED:
                move(connection, entry, share, ShareState.IN_USE)
            return use_id

        return self.writer.submit(event, apply)

    def suspend(self, actor: Actor, share_id: str, reason: str) -> Recorded[Share]:
        """Stop delivery for misuse: the provider's or the authority's person. Takes effect now."""
        event = AuditEvent(
            EntryKind.SHARE_SUSPENDED, actor, {"share": share_id}, {"reason": reason}
        )

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = self._overseen(connection, actor, share_id)
            ordered = self._is_authority(actor) or share.suspended_as == AS_AUTHORITY
            suspended = {"suspended_as": AS_AUTHORITY if ordered else AS_PROVIDER, "note": reason}
            moved = move_and_tell(connection, entry, share, ShareState.SUSPENDED, **suspended)
            _close_matter(connection, entry, share, "suspended")
            matter = self._ask_rectification(connection, entry, moved)
            return follow(connection, moved, matter)

        return self.writer.submit(event, apply)

    def rectify(self, actor: Actor, share_id: str, measures: str) -> Recorded[Share]:
        """Say what was put right, by the suspended department."""
        check_role(actor, *STAFF)
        check_natural_person(actor)
        event = AuditEvent(
            EntryKind.SHARE_RECTIFIED, actor, {"share": share_id}, {"statement": measures}
        )

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = self._own(connection, actor, share_id)
            moved = move_and_tell(connection, entry, share, ShareState.RECTIFYING, note=measures)
            conclude(connection, entry, share.matter, "rectified", measures)
            matter = self._ask_review(connection, entry, moved, actor)
            return follow(connection, moved, matter)

        return self.writer.submit(event, apply)

    def resume(self, actor: Actor, share_id: str, reason: str) -> Recorded[Share]:
        """Open delivery again, once what was put right was looked at.

        Raises Denied to the provider where the suspension is an order of the authority's.
        """
        event = AuditEvent(EntryKind.SHARE_RESUMED, actor, {"share": share_id}, {"reason": reason})

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = self._overseen(connection, actor, share_id)
            if share.state is not ShareState.RECTIFYING:
                raise wrong_state(share.state)
            self._check_may_lift(actor, share)
            check_older_than(actor, share.changed_us)
            check_another_person(actor, share.signed_by or "")
            check_apart(connection, actor, share.requester)
            conclude(connection, entry, share.matter, "resumed", reason)
            lifted = {"suspended_as": "", "note": reason}
            return move_and_tell(connection, entry, share, ShareState.IN_USE, **lifted)

        return self.writer.submit(event, apply)

    def terminate(self, actor: Actor, share_id: str, reason: str) -> Recorded[Share]:
        """End a grant for good; what was delivered has still to be destroyed."""
        event = AuditEvent(
            EntryKind.SHARE_TERMINATED, actor, {"share": share_id}, {"reason": reason}
        )

        def apply(connection: Connection, entry: PendingEntry) -> Share:
            share = self._overseen(connection, actor, share_id)
            _close_matter(connection, entry, share, "terminated")
            return move_and_tell(connection, entry, share, ShareState.TERMINATED, note=reason)

        return self.writer.submit(event, apply)

    def dispose(self, actor: Actor, share_id: str, method: str) -> Recorded[dict[str, object]]:
        """Certify, as the using department's head, that what was delivered is destroyed.

        The document's digest stands in this entry, so ``verify certificate`` proves it offline.
        """
        check_role(actor, Role.DEPARTMENT_HEAD)
        check_natural_person(actor)
        event = AuditEvent(EntryKind.SHARE_DISPOSED, actor, {"share": share_id})

        def apply(connection: Connection, entry: PendingEntry) -> dict[str, object]:
            share = self._own(connection, actor, share_id)
            _close_matter(connection, entry, share, "disposed")
            document = self._certificate(connection, entry, share, actor, method)
            move_and_tell(connection, entry, share, ShareState.DISPOSED)
            connection.execute(
                insert(share_disposal).values(
                    request=share_id,
                    person=actor.person,
                    document=canonical_bytes(document).decode(),
                    entry_index=entry.index,
                    made_us=entry.time_us,
                )
            )
            entry.amend(document_digest=digest(document))
            return document

        return self.writer.submit(event, apply)

    def _certificate(
        self,
        connection: Connection,
        entry: PendingEntry,
        share: Share,
        actor: Actor,
        method: str,
    ) -> dict[str, object]:
        counted = select(share_delivery.c.mode, func.count(), func.max(share_delivery.c.made_us))
        rows = connection.execute(
            counted.where(share_delivery.c.request == share.id).group_by(share_delivery.c.mode)
        )
        granted = share.granted
        return {
            "format": DISPOSAL_FORMAT,
            "share": share.id,
            "case": share.case_number,
            "entry": share.entry,
            "provider": share.provider,
            "requester": share.requester,
            "dataset": None if granted is None else granted.dataset,
            "deliveries": [
                {"mode": mode, "count": count, "last": to_iso(last)} for mode, count, last in rows
            ],
            "method": method,
            "declared_by": actor.person,
            "destroyed_at": to_iso(entry.time_us),
            "kept": "使用记录与日志条目依法留存 / use records and log entries are kept by law",
        }

    def _own(self, connection: Connection, actor: Actor, share_id: str) -> Share:
        share = require_share(connection, share_id)
        if share.requester != actor.organisation:
            raise no_such_share()
        return share

    def _overseen(self, connection: Connection, actor: Actor, share_id: str) -> Share:
        """Return a request for its provider's or the authority's person, no applicant."""
        check_may_write(actor)
        check_natural_person(actor)
        share = require_share(connection, share_id)
        provider = actor.organisation == share.provider and actor.has(Role.PROVIDER)
        if share.submitted_us is None or not (provider or self._is_authority(actor)):
            raise no_such_share()
        if actor.organisation == share.requester:
            raise Denied(
                "share_own_oversight",
                Message(
                    "使用单位的人员不得监督本单位的使用。",
                    "Nobody of the using department oversees its own use.",
                ),
                field="actor",
                rule="separation-of-duties",
            )
        check_another_person(actor, share.drafted_by)
        return share

    def _is_authority(self, actor: Actor) -> bool:
        return actor.organisation == self.authority and actor.has(Role.AUTHORITY)

    def _check_may_lift(self, actor: Actor, share: Share) -> None:
        if share.suspended_as != AS_AUTHORITY or self._is_authority(actor):
            return
        raise Denied(
            "share_suspended_by_authority",
            Message(
                "本次暂停由数据主管部门决定，提供单位不得自行恢复。",
                "The data authority ordered this suspension; the provider does not lift it.",
            ),
            field="actor",
            rule="separation-of-duties",
            way_out=Message(
                "请由数据主管部门人员核实整改后恢复。",
                "A person of the data authority resumes it once the rectification is checked.",
            ),
        )

    def _ask_rectification(self, connection: Connection, entry: PendingEntry, share: Share) -> str:
        return self._open(
            connection,
            entry,
            share,
            ("共享使用整改", "Rectification of use"),
            applicant=(share.provider, share.decided_by or ""),
            handler=(share.requester, STAFF),
        )

    def _ask_review(
        self, connection: Connection, entry: PendingEntry, share: Share, actor: Actor
    ) -> str:
        ordered = share.suspended_as == AS_AUTHORITY
        handler = (
            (self.authority, (Role.AUTHORITY,)) if ordered else (share.provider, (Role.PROVIDER,))
        )
        return self._open(
            connection,
            entry,
            share,
            ("整改复核", "Review of a rectification"),
            applicant=(share.requester, actor.person),
            handler=handler,
        )

    def _open(
        self,
        connection: Connection,
        entry: PendingEntry,
        share: Share,
        words: tuple[str, str],
        applicant: tuple[str, str],
        handler: tuple[str, tuple[Role, ...]],
    ) -> str:
        name = entry_name(connection, share.entry)
        asked = NewMatter(
            kind=MatterKind.RECTIFICATION,
            counter=Counter.MATCH,
            deadline=None,
            subject=share.id,
            title=titled(*words, name),
            applicant=applicant[0],
            applicant_person=applicant[1],
            handler=handler[0],
            handler_roles=handler[1],
            case=share.case_number,
        )
        return open_matter(connection, entry, self.clocks, asked).id


def _close_matter(connection: Connection, entry: PendingEntry, share: Share, outcome: str) -> None:
    """Conclude what was still to be decided about a request that ends."""
    standing = matter(connection, share.matter)
    if standing is not None and not standing.is_over:
        conclude(connection, entry, share.matter, outcome)


def uses(connection: Connection, share_id: str) -> list[dict[str, object]]:
    """Return the records of use of a request, oldest first."""
    rows = connection.execute(
        select(share_use).where(share_use.c.request == share_id).order_by(share_use.c.made_us)
    )
    return [
        {"id": row.id, "person": row.person, "at": to_iso(row.made_us), **json.loads(row.record)}
        for row in rows
    ]
