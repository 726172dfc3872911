"""The locks of the guard against guessing: the authority sees and lifts them, with a reason."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.separation import check_natural_person, check_role
from disclosure.verify import store
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor, Role

RULE = "policies/verification"


def locks(connection: Connection) -> list[dict[str, object]]:
    """List all locks, the newest first; the subject is a digest."""
    rows = connection.execute(select(store.lock).order_by(store.lock.c.locked_index.desc()))
    return [_shown(row) for row in rows]


def lift_lock(writer: Writer, actor: Actor, lock_id: str, reason: str) -> Recorded[str]:
    """Lift a lock: the operator's claims about that column of that subject count from now.

    Raises Denied for anyone but a person of the authority, NotFound, and Conflict where it was
    lifted already.
    """
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> str:
        row = connection.execute(select(store.lock).where(store.lock.c.id == lock_id)).first()
        if row is None:
            raise NotFound(
                "lock_unknown",
                Message("没有这个核验锁定。", "There is no such lock."),
                field="lock",
                rule=RULE,
            )
        if row.lifted_us is not None:
            raise Conflict(
                "lock_already_lifted",
                Message("该锁定已解除。", "This lock was lifted already."),
                field="lock",
                rule=RULE,
            )
        connection.execute(
            update(store.lock)
            .where(store.lock.c.id == lock_id)
            .values(lifted_us=entry.time_us, lifted_by=actor.person, reason=reason)
        )
        entry.amend(organisation=row.organisation, column=row.column, subject=row.subject)
        return lock_id

    public = {"lock": lock_id}
    event = AuditEvent(EntryKind.VERIFICATION_UNLOCKED, actor, public, {"reason": reason})
    return writer.submit(event, apply)


def _shown(row: Row[Any]) -> dict[str, object]:
    return {
        "id": row.id,
        "organisation": row.organisation,
        "population": row.population,
        "column": row.column,
        "subject": row.subject,
        "locked_us": row.locked_us,
        "entry": row.locked_index,
        "lifted_us": row.lifted_us,
        "lifted_by": row.lifted_by,
        "reason": row.reason,
    }
