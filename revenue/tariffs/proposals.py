"""A later version of a tariff: proposed by one person of the authority, approved by another.

It holds from its approval's entry on, not before its first day; what was used before keeps the
price it had.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.licences import Licence
from authorization.revenue_terms import Tariff
from authorization.tariff_validation import check_tariff
from foundation.canonical import canonical_bytes
from foundation.clock import from_iso
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor
from policies.schema.revenue import RevenueRules
from revenue.later_versions import check_approver, check_author, replaceable_licence
from revenue.tariffs.versions import tariff_digest
from revenue.usage_store import tariff_approval, tariff_version

RULE = "revenue/tariffs"


@dataclass(frozen=True)
class TariffVersion:
    """A later version of a licence's tariff: who proposed it, and who approved it, if anybody."""

    licence: str
    digest: str
    tariff: Tariff
    proposed_by: str
    proposed_us: int
    approved_by: str | None
    approved_index: int | None

    def as_json(self) -> dict[str, object]:
        """Return the version for whoever may read the licence."""
        return {
            "licence": self.licence,
            "digest": self.digest,
            "tariff": self.tariff.model_dump(mode="json"),
            "proposed_us": self.proposed_us,
            "approved_index": self.approved_index,
        }


def propose_tariff(
    writer: Writer, actor: Actor, licence_id: str, tariff: Tariff, rules: RevenueRules
) -> Recorded[TariffVersion]:
    """Propose a new version for a licence in force.

    Raises InvalidInput where it may not be published (above a ceiling, no approval, a trial too
    long), Conflict where the version is known, NotFound, Denied.
    """
    check_author(actor)
    name = tariff_digest(tariff)

    def apply(connection: Connection, entry: PendingEntry) -> TariffVersion:
        licence = _usable(connection, actor, licence_id)
        document = LicenceDocument.model_validate_json(licence.document)
        check_tariff(tariff, document.product.price_class, rules)
        _check_new(connection, document, tariff, name)
        text = canonical_bytes(tariff.model_dump(mode="json")).decode()
        connection.execute(
            insert(tariff_version).values(
                digest=name,
                licence=licence_id,
                version=tariff.version,
                document=text,
                proposed_by=actor.person,
                proposed_index=entry.index,
                proposed_us=entry.time_us,
            )
        )
        return require_tariff_version(connection, licence_id, name)

    public = {"licence": licence_id, "version": tariff.version, "tariff_digest": name}
    return writer.submit(AuditEvent(EntryKind.TARIFF_PROPOSED, actor, public), apply)


def approve_tariff(
    writer: Writer, actor: Actor, licence_id: str, name: str, rules: RevenueRules
) -> Recorded[TariffVersion]:
    """Approve a proposed version by its digest: another person, once; checked again as it is."""
    check_author(actor)

    def apply(connection: Connection, entry: PendingEntry) -> TariffVersion:
        licence = _usable(connection, actor, licence_id)
        document = LicenceDocument.model_validate_json(licence.document)
        found = require_tariff_version(connection, licence_id, name)
        approved = _conflict(
            "tariff_approved", "该资费版本已批准。", "This version has been approved already."
        )
        check_approver(actor, found, approved)
        check_tariff(found.tariff, document.product.price_class, rules)
        connection.execute(
            insert(tariff_approval).values(
                digest=name,
                licence=licence_id,
                approved_by=actor.person,
                approved_index=entry.index,
                valid_from_us=from_iso(found.tariff.valid_from),
            )
        )
        entry.amend(version=found.tariff.version, proposed_by=found.proposed_by)
        return require_tariff_version(connection, licence_id, name)

    public = {"licence": licence_id, "tariff_digest": name}
    return writer.submit(AuditEvent(EntryKind.TARIFF_APPROVED, actor, public), apply)


def tariff_versions(connection: Connection, licence_id: str) -> list[TariffVersion]:
    """Return the later versions of a licence's tariff in the order of their proposals."""
    query = (
        select(tariff_version, tariff_approval.c.approved_by, tariff_approval.c.approved_index)
        .outerjoin(
            tariff_approval,
            (tariff_approval.c.digest == tariff_version.c.digest)
            & (tariff_approval.c.licence == tariff_version.c.licence),
        )
        .where(tariff_version.c.licence == licence_id)
        .order_by(tariff_version.c.proposed_index)
    )
    return [_version(row) for row in connection.execute(query).mappings()]


def require_tariff_version(connection: Connection, licence_id: str, name: str) -> TariffVersion:
    """Return a version by its digest. Raises NotFound."""
    for found in tariff_versions(connection, licence_id):
        if found.digest == name:
            return found
    raise NotFound(
        "tariff_unknown",
        Message("该授权没有这个资费版本。", "The licence has no such version of a tariff."),
        field="digest",
        rule=RULE,
    )


def _usable(connection: Connection, actor: Actor, licence_id: str) -> Licence:
    refused = _conflict(
        "licence_not_in_force",
        "授权未生效或已结束，不能更换资费。",
        "The licence is not in force, so its tariff cannot be replaced.",
    )
    return replaceable_licence(connection, actor, licence_id, refused)


def _check_new(
    connection: Connection, document: LicenceDocument, tariff: Tariff, name: str
) -> None:
    known = tariff_versions(connection, document.id)
    embedded = document.product.tariff
    names = {embedded.version, *(one.tariff.version for one in known)}
    digests = {tariff_digest(embedded), *(one.digest for one in known)}
    if tariff.version in names or name in digests:
        raise _conflict(
            "tariff_version_known",
            "该版本号或内容相同的资费已存在，请使用新的版本号。",
            "A tariff of this version, or of the same content, is known; give it a new version.",
        )


def _version(row: RowMapping) -> TariffVersion:
    known: dict[str, Any] = dict(row)
    return TariffVersion(
        licence=known["licence"],
        digest=known["digest"],
        tariff=Tariff.model_validate_json(known["document"]),
        proposed_by=known["proposed_by"],
        proposed_us=known["proposed_us"],
        approved_by=known["approved_by"],
        approved_index=known["approved_index"],
    )


def _conflict(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh=zh, en=en), field="$.tariff", rule=RULE)
