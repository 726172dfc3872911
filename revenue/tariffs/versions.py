"""Which version of a licence's tariff holds: the embedded one, until a later one is approved.

A later version holds from its approval's entry on, not before its first day. One that ended is
never followed by an older one: then nothing is billed, and nothing is given.
"""

from sqlalchemy import Connection, insert, select

from authorization.documents import LicenceDocument
from authorization.revenue_terms import Tariff
from foundation.canonical import canonical_bytes, digest
from revenue.usage_store import tariff_approval, tariff_document, tariff_version


def tariff_digest(tariff: Tariff) -> str:
    """Return the digest of a tariff's canonical bytes, by which the log and the rules name it."""
    return digest(tariff.model_dump(mode="json"))


def tariff_in_force(connection: Connection, licence: LicenceDocument, time_us: int) -> Tariff:
    """Return the newest approved version whose first day has come; else the licence's own."""
    query = (
        select(tariff_version.c.document)
        .join(
            tariff_approval,
            (tariff_approval.c.digest == tariff_version.c.digest)
            & (tariff_approval.c.licence == tariff_version.c.licence),
        )
        .where(tariff_approval.c.licence == licence.id, tariff_approval.c.valid_from_us <= time_us)
        .order_by(tariff_approval.c.approved_index.desc())
        .limit(1)
    )
    document = connection.execute(query).scalar()
    return licence.product.tariff if document is None else Tariff.model_validate_json(document)


def keep_tariff(connection: Connection, tariff: Tariff) -> str:
    """Store a tariff's canonical bytes under its digest, once; return the digest."""
    content = tariff.model_dump(mode="json")
    name = digest(content)
    known = select(tariff_document.c.digest).where(tariff_document.c.digest == name)
    if connection.execute(known).first() is None:
        text = canonical_bytes(content).decode()
        connection.execute(insert(tariff_document).values(digest=name, document=text))
    return name
