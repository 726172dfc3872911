"""Everything that was ever given out under a licence: answers, releases, product fetches.

Read from the log, so that the list rests on evidence; the listing is an entry itself.
"""

from sqlalchemy import Engine

from audit.events import AuditEvent, Writer, no_effect
from audit.reading import LogEntry, read_entries
from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from authorization.licences import require_licence
from disclosure.answers import received
from disclosure.release.requests import requests_of
from foundation.clock import to_iso
from foundation.db import reading
from foundation.identity import Actor

GIVEN_KINDS = (
    EntryKind.ANSWER_RELEASED,
    EntryKind.ANSWER_REPEATED,
    EntryKind.RELEASE_DELIVERED,
    EntryKind.RELEASE_COPIED,
    EntryKind.PRODUCT_FETCHED,
)


class ReceivedList:
    """Lists what left, by licence."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        """Join store and log."""
        self._engine = engine
        self._writer = writer

    def list(self, licence: str, actor: Actor) -> list[dict[str, object]]:
        """Return what left under a licence, in the order of the log. Raises NotFound."""
        with reading(self._engine) as connection:
            operator = require_licence(connection, licence).operator
        public = {"licence": licence}
        self._writer.submit(AuditEvent(EntryKind.RECEIVED_LISTED, actor, public), no_effect)
        with reading(self._engine) as connection:
            rows = {
                item.answer_id: item.row_count for item in received(connection, licence=licence)
            }
            entries = read_entries(connection, kinds=GIVEN_KINDS, subjects={"licence": licence})
            digests = {item.id: item.sha256 for item in requests_of(connection, licence)}
        return [_line(entry, rows, digests, operator) for entry in entries]


def _line(
    entry: LogEntry, rows: dict[str, int], digests: dict[str, str], operator: str
) -> dict[str, object]:
    public = entry.public
    sentence = KIND_SENTENCES[EntryKind(entry.kind)]
    released = public.get("release") or public.get("product")
    name = public.get("answer") or released or ""
    datasets = "、".join(public.get("datasets", []))
    return {
        "at": to_iso(entry.time_us)[:19].replace("T", " "),
        "kind": {"zh": sentence.zh, "en": sentence.en},
        "what": f"{datasets} {name}".strip(),
        "recipient": public.get("buyer") or public.get("recipient") or operator,
        "rows": rows.get(str(public.get("answer"))),
        "entry_index": entry.index,
        "content_digest": public.get("content_digest") or digests.get(str(released)),
    }
