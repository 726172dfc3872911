"""The entry that a data key is asked for on: which keys, what for; durable before any is opened.

A question's own decision serves for the extracts of its licence; building an extract, taking in a
version and keeping claims have this one. The key holder opens nothing without either.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from audit.events import AuditEvent, Writer, no_effect
from audit.reading import read_entries, receipt_for
from audit.tags import EntryKind
from foundation.identity import Actor
from foundation.keys import Citation


def request_keys(
    writer: Writer, actor: Actor, purpose: str, key_names: Sequence[str], **about: object
) -> Citation:
    """Log that these keys are to be used, and return the entry to cite.

    ``purpose`` is ``extract``, ``version``, ``claims`` or ``table``; ``about`` names the licence or
    the data set.
    """
    public = {"purpose": purpose, "key_names": list(key_names), **about}
    event = AuditEvent(EntryKind.KEYS_REQUESTED, actor, public)
    return writer.submit(event, no_effect).citation


def last_citation(
    connection: Connection, kind: EntryKind, subjects: Mapping[str, str]
) -> Citation | None:
    """Return the newest entry of a kind about these subjects, as the key holder can check it."""
    found = read_entries(connection, kinds=(kind,), subjects=subjects, newest_first=True, limit=1)
    if not found:
        return None
    return Citation(found[0].index, found[0].body, receipt_for(connection, found[0].index))
