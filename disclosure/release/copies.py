"""Copies: each recipient is handed its own, whose digest is logged and in its own certificate.

The values are those that were voted on; only the marks differ (``fingerprints``). After a recall,
or while the licence is shut, nothing is handed over.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.revocation import check_in_force
from disclosure.release.certificate import COPY_CONTEXT, commitment_of, issue
from disclosure.release.delivered import Delivered, DeliveredFile, delivered
from disclosure.release.encoding import sha256_of
from disclosure.release.fingerprints import marked
from disclosure.release.parts import DeskParts
from disclosure.release.requests import no_such_request, require_request
from disclosure.release.store import release_copy, release_copy_file
from foundation.canonical import canonical_bytes
from foundation.clock import to_iso
from foundation.identity import Actor
from foundation.ids import new_id
from foundation.keys import Citation, KeyStore

SECRET_BYTES = 32
TRIES_MAX = 32  # small tables have few marks: another secret is drawn where a copy is no new one


@dataclass(frozen=True)
class Copy:
    """One recipient's copy: its files, and the document that its certificate signs."""

    id: str
    release: str
    files: tuple[DeliveredFile, ...]
    document: str
    index: int = -1
    certificate: Mapping[str, object] | None = None


class Copying:
    """Hands copies over."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def hand_over(self, actor: Actor, request_id: str) -> Copy:
        """Hand a person of the operator its copy. Raises Conflict before delivery or after recall.

        Whoever buys the product fetches it from the shop, which makes the copy in the same way.
        """

        def apply(connection: Connection, entry: PendingEntry) -> Copy:
            request = require_request(connection, request_id)
            if actor.organisation != request.organisation:
                raise no_such_request()
            found = delivered(connection, request)
            check_in_force(connection, self._parts.board, request.licence, entry.time_us)
            return make_copy(connection, entry, actor, request.licence, found)

        event = AuditEvent(EntryKind.RELEASE_COPIED, actor, {"release": request_id})
        recorded = self._parts.submit(event, apply)
        copy = recorded.value
        signed = certify_copy(self._parts.keys, copy.document, recorded.citation)
        return Copy(copy.id, copy.release, copy.files, copy.document, recorded.index, signed)


def make_copy(
    connection: Connection, entry: PendingEntry, actor: Actor, licence: str, found: Delivered
) -> Copy:
    """Make a recipient's copy inside the effect of the entry that hands it over."""
    copy_id = new_id("cpy")
    files, secret = _fresh(connection, copy_id, found)
    document = canonical_bytes(
        {
            "format": "sandgate/release-copy@1",
            "release": found.id,
            "licence": licence,
            "copy": copy_id,
            "recipient": {"organisation": actor.organisation, "person": actor.person},
            "files": [
                {"name": file.name, "sha256": file.sha256, "content": source.sha256}
                for file, source in zip(files, found.files, strict=True)
            ],
            "certificate_digest": sha256_of(found.certificate.encode()),
            "handed": to_iso(entry.time_us),
            "salt": secrets.token_hex(SECRET_BYTES),
        }
    ).decode()
    connection.execute(
        insert(release_copy).values(
            id=copy_id,
            request=found.id,
            person=actor.person,
            organisation=actor.organisation,
            mark=secret,
            document=document,
            entry_index=entry.index,
            made_us=entry.time_us,
        )
    )
    for file, source in zip(files, found.files, strict=True):
        connection.execute(
            insert(release_copy_file).values(
                copy=copy_id,
                name=file.name,
                copy_digest=file.sha256,
                content_digest=source.sha256,
            )
        )
    entry.amend(
        release=found.id,
        licence=licence,
        copy=copy_id,
        recipient=actor.organisation,
        certifies=commitment_of(document),
    )
    return Copy(copy_id, found.id, files, document)


def certify_copy(keys: KeyStore, document: str, cited: Citation | None) -> Mapping[str, object]:
    """Sign a copy's document on the entry that handed it over."""
    return issue(keys, document, COPY_CONTEXT, cited).as_json()


def _fresh(
    connection: Connection, copy_id: str, found: Delivered
) -> tuple[tuple[DeliveredFile, ...], bytes]:
    """Draw a secret whose copy differs from all earlier ones, where the files have room for it."""
    files: tuple[DeliveredFile, ...] = ()
    secret = b""
    for _ in range(TRIES_MAX):
        secret = secrets.token_bytes(SECRET_BYTES)
        files = tuple(_copied(file, copy_id, secret) for file in found.files)
        digests = [file.sha256 for file in files]
        known = select(release_copy_file.c.copy).where(release_copy_file.c.copy_digest.in_(digests))
        if connection.execute(known.limit(1)).first() is None:
            break
    return files, secret


def _copied(file: DeliveredFile, copy_id: str, secret: bytes) -> DeliveredFile:
    content = marked(file.content, file.format, copy_id, secret)
    return DeliveredFile(file.name, file.format, sha256_of(content), content)


def recipients_of(connection: Connection, request_id: str) -> list[dict[str, object]]:
    """List who was handed a copy of a release, and when, in the order of the log."""
    query = select(release_copy).where(release_copy.c.request == request_id)
    return [
        {
            "copy": row.id,
            "organisation": row.organisation,
            "person": row.person,
            "handed": to_iso(row.made_us),
            "entry": row.entry_index,
            "files": json.loads(row.document)["files"],
        }
        for row in connection.execute(query.order_by(release_copy.c.entry_index))
    ]
