"""The fifth counter (统一推广): what shared data achieved, put forward and published for others.

The using department says what came of it; the authority publishes that, or says why not.
"""

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.independence import check_apart
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from authorization.sharing.parts import STAFF, SharingParts
from authorization.sharing.states import Share, ShareState, no_such_share, require_share
from catalog.entries import Bilingual
from catalog.matters.matter import (
    Counter,
    Matter,
    MatterKind,
    MatterState,
    NewMatter,
    require_handler,
)
from catalog.matters.opening import conclude, open_matter
from catalog.matters.reads import matter, matters
from foundation.canonical import digest
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor, Role

PUBLISHED, DECLINED = "published", "declined"
PROMOTED = frozenset({ShareState.IN_USE, ShareState.DISPOSED})
TITLE_CHARACTERS_MAX = 380


class Promoting(SharingParts):
    """Puts applications forward and publishes them."""

    def propose(self, actor: Actor, share_id: str, achieved: str) -> Recorded[Matter]:
        """Put forward what the using department achieved. Raises Conflict before any use."""
        check_role(actor, *STAFF)
        about = {"share": share_id, "document_digest": digest({"achieved": achieved})}
        event = AuditEvent(EntryKind.PROMOTION_PROPOSED, actor, about, {"statement": achieved})

        def apply(connection: Connection, entry: PendingEntry) -> Matter:
            share = require_share(connection, share_id)
            if share.requester != actor.organisation:
                raise no_such_share()
            if share.state not in PROMOTED or _standing(connection, share):
                raise _not_now()
            return open_matter(connection, entry, self.clocks, self._asked(actor, share, achieved))

        return self.writer.submit(event, apply)

    def decide(self, actor: Actor, matter_id: str, outcome: str, reason: str) -> Recorded[Matter]:
        """Publish an application for others to follow, or decline it. By the authority."""
        check_role(actor, Role.AUTHORITY)
        check_natural_person(actor)
        event = AuditEvent(
            EntryKind.PROMOTION_DECIDED, actor, {"outcome": outcome}, {"reason": reason}
        )

        def apply(connection: Connection, entry: PendingEntry) -> Matter:
            found = matter(connection, matter_id)
            if found is None or found.kind is not MatterKind.PROMOTION:
                raise NotFound("matter_unknown", Message("没有该办件。", "No such matter."))
            check_another_person(actor, found.applicant_person)
            check_apart(connection, actor, found.applicant)
            check_older_than(actor, found.opened_us)
            require_handler(actor, found)
            entry.amend(share=found.subject)
            return conclude(connection, entry, matter_id, outcome, reason)

        return self.writer.submit(event, apply)

    def _asked(self, actor: Actor, share: Share, achieved: str) -> NewMatter:
        text = achieved[:TITLE_CHARACTERS_MAX]
        return NewMatter(
            kind=MatterKind.PROMOTION,
            counter=Counter.PROMOTE,
            deadline=None,
            subject=share.id,
            title=Bilingual(zh=f"应用推广：{text}", en=f"Application: {text}"),
            applicant=actor.organisation,
            applicant_person=actor.person,
            handler=self.authority,
            handler_roles=(Role.AUTHORITY,),
            case=share.case_number,
        )


def promoted(connection: Connection) -> list[Matter]:
    """Return the applications that were published, oldest first."""
    found = matters(connection, kind=str(MatterKind.PROMOTION), state=MatterState.CONCLUDED)
    return [one for one in found if one.outcome == PUBLISHED]


def _standing(connection: Connection, share: Share) -> bool:
    found = matters(connection, subject=share.id, kind=str(MatterKind.PROMOTION))
    return any(not one.is_over for one in found)


def _not_now() -> Conflict:
    return Conflict(
        "promotion_not_now",
        Message(
            "须在使用中或处置后申报，且同一申请不得重复申报。",
            "Put it forward in use or after disposal, and once at a time.",
        ),
        field="state",
    )
