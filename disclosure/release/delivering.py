"""Delivery: every file is made once more, compared with what was voted on, certified and kept.

What changed between vote and delivery stops here. The certificate is signed on the entry that
released, whose commitment it must match; a crash in between is taken up again.
"""

from sqlalchemy import Connection, insert

from audit.events import AuditEvent, PendingEntry
from audit.key_requests import last_citation
from audit.tags import EntryKind
from authorization.revocation import check_in_force
from disclosure.metering import ReleaseUse
from disclosure.release.certificate import CONTEXT, issue
from disclosure.release.encoding import sha256_of
from disclosure.release.making import made_again
from disclosure.release.parts import DeskParts, set_request
from disclosure.release.requests import Request, require_request
from disclosure.release.states import ReleaseMove, next_state
from disclosure.release.store import release_content
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR

RELEASED_BY = {"voted": EntryKind.RELEASE_VOTED, "automatic": EntryKind.RELEASE_AUTOMATIC}


class Delivering:
    """Delivers what was released."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def deliver(self, request: Request) -> Request:
        """Deliver. Raises what makes it wait: a shut licence, a lapsed tariff, changed bytes."""
        with reading(self._parts.engine) as connection:
            made = made_again(self._parts, connection, request)
            kind = RELEASED_BY[request.road]
            released = last_citation(connection, kind, {"release": request.id})

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            check_in_force(connection, self._parts.board, request.licence, entry.time_us)
            current = require_request(connection, request.id)
            state = next_state(current.state, ReleaseMove.DELIVER)
            use = ReleaseUse(request.id, request.licence, request.organisation)
            self._parts.meter.release_delivered(connection, entry, use)
            signed = issue(self._parts.keys, current.certified, CONTEXT, released)
            text = canonical_bytes(signed.as_json()).decode()
            set_request(
                connection,
                current,
                state=state.value,
                certificate=text,
                delivered_us=entry.time_us,
            )
            for position, file in enumerate(made):
                connection.execute(
                    insert(release_content).values(
                        request=request.id,
                        position=position,
                        name=file.name,
                        format=file.format,
                        content=file.content,
                        content_digest=file.sha256,
                    )
                )
            entry.amend(certificate_digest=sha256_of(text.encode()))
            return require_request(connection, request.id)

        public = {
            "release": request.id,
            "licence": request.licence,
            "revision": request.revision,
            "files": len(made),
        }
        private = {"sha256": request.sha256}
        event = AuditEvent(EntryKind.RELEASE_DELIVERED, SYSTEM_ACTOR, public, private)
        return self._parts.writer.submit(event, apply).value
