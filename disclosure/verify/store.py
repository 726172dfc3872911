"""The tables of verification: consents as first used, claims as made, locks. Digests, no values.

Consents and claims are append-only; a lock only ever gets its end.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text

import catalog.store  # noqa: F401 - its function refuse_change() stands behind our triggers
from foundation.db import attach_guards, metadata

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


def _stop(table: str, moment: str, condition: str = "") -> str:
    when = f"WHEN {condition} " if condition else ""
    return (
        f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{table} does not change so'); END"
    )


TRIGGERS_SQLITE: tuple[str, ...] = (
    *(_stop(table, moment) for table in _APPEND_ONLY for moment in ("UPDATE", "DELETE")),
    _stop("verification_lock", "UPDATE", _LOCK_TURNS_BACK),
    _stop("verification_lock", "DELETE"),
)

TRIGGERS_POSTGRESQL: tuple[str, ...] = (
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in _APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER verification_lock_no_{name} BEFORE {moment} "
        "EXECUTE FUNCTION refuse_change()"
        for name, moment in (
            ("update", f"UPDATE ON verification_lock FOR EACH ROW WHEN ({_LOCK_TURNS_BACK})"),
            ("delete", "DELETE OR TRUNCATE ON verification_lock FOR EACH STATEMENT"),
        )
    ),
)

attach_guards(TRIGGERS_SQLITE, "sqlite")
attach_guards(TRIGGERS_POSTGRESQL, "postgresql")
