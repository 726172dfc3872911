"""A seat's queue: the department's open matters, taken, handed over and decided on duty.

What one representative took, no other decides. A decision is the department's own, made in the
same commit as the seat's record of it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.hall.seats import Duty, check_on_duty, require_seat, standing_duty
from authorization.hall.store import hall_handling
from authorization.sharing.deciding import Deciding
from authorization.sharing.parts import SharingParts
from authorization.sharing.states import Share
from catalog.datasets import Frozen
from catalog.matters.matter import Matter, MatterKind, MatterState, require_handler
from catalog.matters.reads import inbox, matter
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role

RULE = "政务数据大厅"
DECIDED_HERE = frozenset({MatterKind.SHARE_REQUEST})


class Waiting(Frozen):
    """One matter in a queue; ``holder`` is who took it, or nobody."""

    matter: Matter
    holder: str
    overdue: bool


class Queues(SharingParts):
    """Takes, hands over and decides matters at a seat."""

    def take(self, actor: Actor, matter_id: str) -> Recorded[Matter]:
        """Take a matter from one's own queue; nobody else decides it then."""
        event = AuditEvent(EntryKind.HALL_MATTER_TAKEN, actor, {"matter_id": matter_id})

        def apply(connection: Connection, entry: PendingEntry) -> Matter:
            duty = check_on_duty(connection, actor)
            found = self._mine(connection, actor, matter_id)
            holder = holder_of(connection, matter_id)
            if holder and (holder == actor.person or standing_duty(connection, holder)):
                raise _taken(holder)
            _record(connection, entry, duty, matter_id, "taken", actor.person, actor.person)
            entry.amend(seat=duty.seat, duty=duty.id)
            return found

        return self.writer.submit(event, apply)

    def hand_over(self, actor: Actor, matter_id: str, to: str, reason: str) -> Recorded[Matter]:
        """Hand a matter that one holds to another representative of the same seat."""
        event = AuditEvent(
            EntryKind.HALL_MATTER_HANDED_OVER,
            actor,
            {"matter_id": matter_id, "subject": to},
            {"reason": reason},
        )

        def apply(connection: Connection, entry: PendingEntry) -> Matter:
            duty = check_on_duty(connection, actor)
            found = self._mine(connection, actor, matter_id)
            _check_held(connection, actor, matter_id)
            if to == actor.person or to not in require_seat(connection, duty.seat).representatives:
                raise _not_at_the_seat()
            _record(connection, entry, duty, matter_id, "handed_over", actor.person, to)
            entry.amend(seat=duty.seat, duty=duty.id)
            return found

        return self.writer.submit(event, apply)

    def decide(
        self,
        actor: Actor,
        matter_id: str,
        *,
        approve: bool,
        conditions: Sequence[str] = (),
        reason: str = "",
        legal_basis: str = "",
        read_digest: str = "",
    ) -> Recorded[Share]:
        """Decide a sharing request from the queue, held and on duty. Raises what deciding does.

        Where ``read_digest`` is given, another form than that one is not agreed to.
        """
        found = self._subject(actor, matter_id)

        def beside(connection: Connection, entry: PendingEntry, share: Share) -> None:
            duty = check_on_duty(connection, actor)
            self._mine(connection, actor, matter_id)
            _check_held(connection, actor, matter_id)
            if share.matter != matter_id:
                raise _no_matter()
            outcome = "approved" if approve else "refused"
            _record(connection, entry, duty, matter_id, "decided", actor.person, "", outcome)
            entry.amend(seat=duty.seat, duty=duty.id)

        deciding = Deciding(**vars(self))
        if approve:
            return deciding.approve(
                actor, found, conditions, read_digest=read_digest, beside=beside
            )
        return deciding.refuse(actor, found, reason, legal_basis, beside=beside)

    def _subject(self, actor: Actor, matter_id: str) -> str:
        with reading(self.engine) as connection:
            found = matter(connection, matter_id)
            if found is None or found.handler != actor.organisation:
                raise _no_matter()
            if found.kind not in DECIDED_HERE:
                raise _elsewhere(found.kind)
        return found.subject

    def _mine(self, connection: Connection, actor: Actor, matter_id: str) -> Matter:
        found = matter(connection, matter_id)
        if found is None or found.handler != actor.organisation:
            raise _no_matter()
        require_handler(actor, found)
        if found.state is not MatterState.OPEN:
            raise Conflict(
                "matter_not_open",
                Message("该办件当前不可办理。", "This matter is not open."),
                field="matter",
            )
        return found


def queue(connection: Connection, actor: Actor, now_us: int) -> list[Waiting]:
    """Return what waits at the actor's seat, the most urgent first."""
    representative = actor.has(Role.HALL_REPRESENTATIVE)
    found = inbox(connection, actor) if representative else []
    return [
        Waiting(
            matter=one,
            holder=holder_of(connection, one.id),
            overdue=one.is_overdue(now_us),
        )
        for one in found
        if Role.HALL_REPRESENTATIVE in one.handler_roles
    ]


def holder_of(connection: Connection, matter_id: str) -> str:
    """Return who holds a matter at its seat, or an empty text."""
    query = (
        select(hall_handling.c.holder)
        .where(hall_handling.c.matter == matter_id)
        .order_by(hall_handling.c.number.desc())
        .limit(1)
    )
    return str(connection.execute(query).scalar() or "")


def handlings(
    connection: Connection, seat_id: str, first_us: int, after_us: int
) -> list[dict[str, Any]]:
    """Return what was done at a seat in a span of time, in order."""
    table = hall_handling.c
    rows = connection.execute(
        select(hall_handling)
        .where(table.seat == seat_id, table.made_us >= first_us, table.made_us < after_us)
        .order_by(table.made_us, table.number)
    )
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _record(
    connection: Connection,
    entry: PendingEntry,
    duty: Duty,
    matter_id: str,
    move: str,
    person: str,
    holder: str,
    outcome: str = "",
) -> None:
    counted = select(func.count()).where(hall_handling.c.matter == matter_id)
    connection.execute(
        insert(hall_handling).values(
            matter=matter_id,
            number=int(connection.execute(counted).scalar_one()),
            seat=duty.seat,
            duty=duty.id,
            move=move,
            person=person,
            holder=holder,
            outcome=outcome,
            made_us=entry.time_us,
        )
    )


def _check_held(connection: Connection, actor: Actor, matter_id: str) -> None:
    if holder_of(connection, matter_id) != actor.person:
        raise Denied(
            "matter_not_taken",
            Message("请先接办该办件。", "Take this matter first."),
            field="matter",
            rule=RULE,
        )


def _taken(holder: str) -> Conflict:
    return Conflict(
        "matter_taken",
        Message(f"该办件已由 {holder} 接办。", f"This matter was taken by {holder}."),
        field="matter",
        rule=RULE,
    )


def _not_at_the_seat() -> InvalidInput:
    return InvalidInput(
        "representative_unknown",
        Message("只能移交本席位的另一首席代表。", "Hand it to another one of this seat."),
        field="$.to",
        rule=RULE,
    )


def _elsewhere(kind: MatterKind) -> InvalidInput:
    return InvalidInput(
        "matter_decided_elsewhere",
        Message(f"“{kind}”办件请在其业务页面办理。", f"A {kind} is decided on its own page."),
        field="matter",
    )


def _no_matter() -> NotFound:
    return NotFound("matter_unknown", Message("没有该办件。", "There is no such matter."))
