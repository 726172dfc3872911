"""The tables of verification: consents as first used, claims as made, locks. Digests, no values.

Consents and claims are append-only; a lock only ever gets its end.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

consent = Table(
    "verification_consent",
    metadata,
    Column("consent", String(80), primary_key=True),
    Column("licence", String(80), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("terms", String(80), nullable=False),
    Column("first_index", BigInteger, nullable=False),
)

claim = Table(
    "verification_claim",
    metadata,
    Column("claim", String(80), primary_key=True),
    Column("column", String(63), primary_key=True),
    Column("licence", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("person", String(80), nullable=False),
    Column("population", String(63), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("value", String(80), nullable=False),
    Column("consent", String(80), nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("claimed_us", BigInteger, nullable=False),
)
Index("ix_verification_claim_subject", claim.c.subject, claim.c.column)
Index("ix_verification_claim_value", claim.c.value, claim.c.claimed_us)
Index("ix_verification_claim_organisation", claim.c.organisation, claim.c.claimed_us)

lock = Table(
    "verification_lock",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("organisation", String(80), nullable=False),
    Column("population", String(63), nullable=False),
    Column("subject", String(80), nullable=False, index=True),
    Column("column", String(63), nullable=False),
    Column("locked_index", BigInteger, nullable=False),
    Column("locked_us", BigInteger, nullable=False),
    Column("lifted_us", BigInteger),
    Column("lifted_by", String(80)),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint("lifted_us IS NULL OR lifted_us >= locked_us", name="order"),
)

_APPEND_ONLY = ("verification_consent", "verification_claim")
_LOCK_TURNS_BACK = (
    "OLD.lifted_us IS NOT NULL OR NEW.id <> OLD.id OR NEW.subject <> OLD.subject "
    'OR NEW."column" <> OLD."column" OR NEW.organisation <> OLD.organisation '
    "OR NEW.locked_us <> OLD.locked_us"
)


guard_append_only(*_APPEND_ONLY)
guard_from_turning_back("verification_lock", _LOCK_TURNS_BACK)
