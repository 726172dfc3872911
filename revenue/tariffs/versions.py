"""Which version of a licence's tariff holds: the embedded one, until a later one is approved.

A later version holds from its approval's entry on, not before its first day. One that ended is
never followed by an older one: then nothing is billed, and nothing is given.
"""

from functools import lru_cache

from sqlalchemy import Connection, bindparam, insert, select

from authorization.documents import LicenceDocument
from authorization.revenue_terms import Tariff
from foundation.canonical import canonical_bytes, digest
from revenue.usage_store import tariff_approval, tariff_document, tariff_version

TARIFFS_KEPT_MAX = 256
_IN_FORCE = (
    select(tariff_version.c.document)
    .join(
        tariff_approval,
        (tariff_approval.c.digest == tariff_version.c.digest)
        & (tariff_approval.c.licence == tariff_version.c.licence),
    )
    .where(
        tariff_approval.c.licence == bindparam("of"),
        tariff_approval.c.valid_from_us <= bindparam("at_us"),
    )
    .order_by(tariff_approval.c.approved_index.desc())
    .limit(1)
)
_KNOWN = select(tariff_document.c.digest).where(tariff_document.c.digest == bindparam("named"))


@lru_cache(maxsize=TARIFFS_KEPT_MAX)
def tariff_digest(tariff: Tariff) -> str:
    """Return the digest of a tariff's canonical bytes, by which the log and the rules name it."""
    return digest(tariff.model_dump(mode="json"))


def tariff_in_force(connection: Connection, licence: LicenceDocument, time_us: int) -> Tariff:
    """Return the newest approved version whose first day has come; else the licence's own."""
    document = connection.execute(_IN_FORCE, {"of": licence.id, "at_us": time_us}).scalar()
    return licence.product.tariff if document is None else _read(document)


def keep_tariff(connection: Connection, tariff: Tariff) -> str:
    """Store a tariff's canonical bytes under its digest, once; return the digest."""
    name = tariff_digest(tariff)
    if connection.execute(_KNOWN, {"named": name}).first() is None:
        text = canonical_bytes(tariff.model_dump(mode="json")).decode()
        connection.execute(insert(tariff_document).values(digest=name, document=text))
    return name


def kept_tariff(connection: Connection, name: str) -> Tariff:
    """Return a tariff that priced something, by its digest."""
    query = select(tariff_document.c.document).where(tariff_document.c.digest == name)
    return _read(connection.execute(query).scalar_one())


@lru_cache(maxsize=TARIFFS_KEPT_MAX)
def _read(document: str) -> Tariff:
    return Tariff.model_validate_json(document)
