"""Which version of a licence's scheme holds: its own first, later ones made by two people.

A later version is proposed by one person of the authority and approved by another, and holds from
the opening of the next period on: no rule changes while money is accruing under it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.licences import Licence
from authorization.organisations import organisations
from authorization.scheme_terms import ShareScheme
from authorization.scheme_validation import check_scheme
from foundation.canonical import canonical_bytes, digest
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor
from revenue.later_versions import check_approver, check_author, replaceable_licence
from revenue.schemes.store import scheme_approval, scheme_document, scheme_version
from revenue.store import period

RULE = "revenue/schemes"
SCHEMES_KEPT_MAX = 256
INDEX_MAX = 2**62
# Built once: every outcome asks them, in the one writer.
_OPENED = select(period.c.opened_index).where(period.c.state == "open")
_APPROVED = (
    select(scheme_document.c.document)
    .join(scheme_approval, scheme_approval.c.digest == scheme_document.c.digest)
    .where(
        scheme_approval.c.licence == bindparam("of"),
        scheme_approval.c.approved_index < bindparam("before"),
    )
    .order_by(scheme_approval.c.approved_index.desc())
    .limit(1)
)
_KNOWN = select(scheme_document.c.digest).where(scheme_document.c.digest == bindparam("named"))


@dataclass(frozen=True)
class KeptScheme:
    """A scheme and the digest by which log, rules and pools name it."""

    scheme: ShareScheme
    digest: str


@dataclass(frozen=True)
class SchemeVersion:
    """A later version of a licence's scheme: who proposed it, and who approved it, if anybody."""

    licence: str
    digest: str
    scheme: ShareScheme
    proposed_by: str
    proposed_us: int
    approved_by: str | None
    approved_us: int | None
    approved_index: int | None

    def as_json(self) -> dict[str, object]:
        """Return the version for whoever may read the licence."""
        return {
            "licence": self.licence,
            "digest": self.digest,
            "scheme": self.scheme.model_dump(mode="json"),
            "proposed_us": self.proposed_us,
            "approved_us": self.approved_us,
            "approved_index": self.approved_index,
        }


@lru_cache(maxsize=SCHEMES_KEPT_MAX)
def scheme_digest(scheme: ShareScheme) -> str:
    """Return the digest of a scheme's canonical bytes."""
    return digest(scheme.model_dump(mode="json"))


def propose_scheme(
    writer: Writer, actor: Actor, licence_id: str, scheme: ShareScheme
) -> Recorded[SchemeVersion]:
    """Propose a new version for a licence in force.

    Raises InvalidInput where it does not add up or could not be shared out, Conflict where the
    version is known, NotFound, Denied.
    """
    check_author(actor)
    name = scheme_digest(scheme)

    def apply(connection: Connection, entry: PendingEntry) -> SchemeVersion:
        licence = _usable(connection, actor, licence_id)
        document = LicenceDocument.model_validate_json(licence.document)
        _check_content(connection, document, scheme)
        _check_new(connection, document, scheme, name)
        keep_scheme(connection, scheme)
        connection.execute(
            insert(scheme_version).values(
                licence=licence_id,
                digest=name,
                version=scheme.version,
                proposed_by=actor.person,
                proposed_index=entry.index,
                proposed_us=entry.time_us,
            )
        )
        return require_version(connection, licence_id, name)

    public = {"licence": licence_id, "version": scheme.version, "scheme_digest": name}
    return writer.submit(AuditEvent(EntryKind.SCHEME_PROPOSED, actor, public), apply)


def approve_scheme(
    writer: Writer, actor: Actor, licence_id: str, name: str
) -> Recorded[SchemeVersion]:
    """Approve a proposed version by its digest, by another person, once.

    It is checked against the facts of the moment again; it holds from the next opening on.
    """
    check_author(actor)

    def apply(connection: Connection, entry: PendingEntry) -> SchemeVersion:
        licence = _usable(connection, actor, licence_id)
        found = require_version(connection, licence_id, name)
        approved = _conflict(
            "scheme_approved", "该方案版本已批准。", "This version has been approved already."
        )
        check_approver(actor, found, approved)
        _check_content(
            connection, LicenceDocument.model_validate_json(licence.document), found.scheme
        )
        connection.execute(
            insert(scheme_approval).values(
                licence=licence_id,
                digest=name,
                approved_by=actor.person,
                approved_index=entry.index,
                approved_us=entry.time_us,
            )
        )
        entry.amend(version=found.scheme.version, proposed_by=found.proposed_by)
        return require_version(connection, licence_id, name)

    public = {"licence": licence_id, "scheme_digest": name}
    return writer.submit(AuditEvent(EntryKind.SCHEME_APPROVED, actor, public), apply)


def scheme_in_force(connection: Connection, licence: LicenceDocument) -> KeptScheme:
    """Return the scheme that splits the open period.

    It is the newest version approved before that period opened, else the licence's own. Where no
    period is open: the newest approved, which will hold at the next opening.
    """
    opened = connection.execute(_OPENED).scalar()
    before = INDEX_MAX if opened is None else opened
    document = connection.execute(_APPROVED, {"of": licence.id, "before": before}).scalar()
    scheme = licence.scheme if document is None else _read(document)
    return KeptScheme(scheme, scheme_digest(scheme))


def scheme_digest_in_force(connection: Connection, licence: LicenceDocument) -> str:
    """Return the digest of the scheme in force, and keep its document under it."""
    return keep_scheme(connection, scheme_in_force(connection, licence).scheme)


def keep_scheme(connection: Connection, scheme: ShareScheme) -> str:
    """Store a scheme's canonical bytes under its digest, once; return the digest."""
    name = scheme_digest(scheme)
    if connection.execute(_KNOWN, {"named": name}).first() is None:
        text = canonical_bytes(scheme.model_dump(mode="json")).decode()
        connection.execute(insert(scheme_document).values(digest=name, document=text))
    return name


@lru_cache(maxsize=SCHEMES_KEPT_MAX)
def _read(document: str) -> ShareScheme:
    return ShareScheme.model_validate_json(document)


def scheme_versions(connection: Connection, licence_id: str) -> list[SchemeVersion]:
    """Return the later versions of a licence's scheme in the order of their proposals."""
    query = (
        select(
            scheme_version,
            scheme_document.c.document,
            scheme_approval.c.approved_by,
            scheme_approval.c.approved_us,
            scheme_approval.c.approved_index,
        )
        .join(scheme_document, scheme_document.c.digest == scheme_version.c.digest)
        .outerjoin(
            scheme_approval,
            (scheme_approval.c.licence == scheme_version.c.licence)
            & (scheme_approval.c.digest == scheme_version.c.digest),
        )
        .where(scheme_version.c.licence == licence_id)
        .order_by(scheme_version.c.proposed_index)
    )
    return [_version(row) for row in connection.execute(query).mappings()]


def require_version(connection: Connection, licence_id: str, name: str) -> SchemeVersion:
    """Return a version by its digest. Raises NotFound."""
    for found in scheme_versions(connection, licence_id):
        if found.digest == name:
            return found
    raise NotFound(
        "scheme_unknown",
        Message("该授权没有这个分配方案版本。", "The licence has no such version of a scheme."),
        field="digest",
        rule=RULE,
    )


def _usable(connection: Connection, actor: Actor, licence_id: str) -> Licence:
    refused = _conflict(
        "licence_not_in_force",
        "授权未生效或已结束，不能更换分配方案。",
        "The licence is not in force, so its scheme cannot be replaced.",
    )
    return replaceable_licence(connection, actor, licence_id, refused)


def _check_content(connection: Connection, document: LicenceDocument, scheme: ShareScheme) -> None:
    check_scheme(
        scheme,
        granted=[grant.dataset for grant in document.grants],
        organisations=organisations(connection),
    )


def _check_new(
    connection: Connection, document: LicenceDocument, scheme: ShareScheme, name: str
) -> None:
    known = scheme_versions(connection, document.id)
    names = {document.scheme.version, *(one.scheme.version for one in known)}
    digests = {scheme_digest(document.scheme), *(one.digest for one in known)}
    if scheme.version in names or name in digests:
        raise _conflict(
            "scheme_version_known",
            "该版本号或内容相同的分配方案已存在，请使用新的版本号。",
            "A scheme of this version, or of the same content, is known; give it a new version.",
        )


def _version(row: RowMapping) -> SchemeVersion:
    known: dict[str, Any] = dict(row)
    return SchemeVersion(
        licence=known["licence"],
        digest=known["digest"],
        scheme=ShareScheme.model_validate_json(known["document"]),
        proposed_by=known["proposed_by"],
        proposed_us=known["proposed_us"],
        approved_by=known["approved_by"],
        approved_us=known["approved_us"],
        approved_index=known["approved_index"],
    )


def _conflict(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh=zh, en=en), field="$.scheme", rule=RULE)
