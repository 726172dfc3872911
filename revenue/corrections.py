"""Correcting the ledger: the authority reverses a journal, once, in the open period.

Nothing is edited: the mirror of the journal is posted, its seal is committed to in the log entry,
and the next period statement lists it apart from the settlement.
"""

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from foundation.errors import Conflict, Message
from foundation.identity import Actor
from revenue.ledger import Posted, reverse
from revenue.periods import check_authority, require_open_period
from revenue.pools import give_back_pool


def reverse_journal(writer: Writer, actor: Actor, journal_id: str, reason: str) -> Recorded[Posted]:
    """Reverse a journal by the authority's command; the reason stays in the private part."""
    check_authority(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Posted:
        period_id = require_open_period(connection)
        posted = reverse(connection, entry, journal_id, period_id)
        if posted.replayed:
            raise Conflict(
                "journal_reversed",
                Message(zh="该凭证已被冲销。", en="This journal has been reversed already."),
                field="$.journal",
            )
        give_back_pool(connection, entry, journal_id)
        entry.amend(period=period_id, reversal=posted.id, reversal_digest=posted.digest)
        return posted

    event = AuditEvent(
        EntryKind.JOURNAL_REVERSED, actor, {"journal": journal_id}, {"reason": reason}
    )
    return writer.submit(event, apply)
