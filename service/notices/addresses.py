"""Where a person wants to be written to: set and forgotten by that person alone.

An address stands in one row that is overwritten and deleted; no entry of the log holds it.
"""

from sqlalchemy import Connection, delete, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Frozen
from catalog.notices.outbox import notice_address
from foundation.identity import Actor
from service.outbound_mail import checked_mail_address


class MailAddress(Frozen):
    """A person's address and the language of what is sent there."""

    address: str
    language: str


def set_address(writer: Writer, actor: Actor, address: str, language: str) -> Recorded[MailAddress]:
    """Keep a person's own address. Raises InvalidInput for one that is not plain."""
    checked_mail_address(address)
    spoken = "zh" if language.lower().startswith("zh") else "en"

    def apply(connection: Connection, entry: PendingEntry) -> MailAddress:
        _forget(connection, actor.person)
        connection.execute(
            insert(notice_address).values(
                person=actor.person, address=address, language=spoken, since_us=entry.time_us
            )
        )
        return MailAddress(address=address, language=spoken)

    event = AuditEvent(EntryKind.ADDRESS_SET, actor, {"subject": actor.person})
    return writer.submit(event, apply)


def forget_address(writer: Writer, actor: Actor) -> Recorded[None]:
    """Delete a person's own address; nothing is sent there any more."""

    def apply(connection: Connection, _entry: PendingEntry) -> None:
        _forget(connection, actor.person)

    event = AuditEvent(EntryKind.ADDRESS_FORGOTTEN, actor, {"subject": actor.person})
    return writer.submit(event, apply)


def address_of(connection: Connection, person: str) -> MailAddress | None:
    """Return a person's address, or None."""
    query = select(notice_address).where(notice_address.c.person == person)
    row = connection.execute(query).first()
    return None if row is None else MailAddress(address=row.address, language=row.language)


def _forget(connection: Connection, person: str) -> None:
    connection.execute(delete(notice_address).where(notice_address.c.person == person))
