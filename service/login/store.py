"""The tables of logins: sessions of the pages, and whose accounts the subjects of issuers use.

No row holds a secret or a claim: a session's secret stands here as its digest, an issuer's subject
as one that is keyed by a pepper which stays with the key holder.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table

from foundation.db import metadata
from foundation.guards import guard_from_turning_back

DIGEST_CHARACTERS = 64

login_session = Table(
    "login_session",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("secret_digest", String(DIGEST_CHARACTERS), nullable=False, unique=True),
    Column("account", ForeignKey("person_account.name"), nullable=False),
    Column("issuer", String(300), nullable=False),
    Column("subject_digest", String(DIGEST_CHARACTERS), nullable=False),
    Column("sid_digest", String(DIGEST_CHARACTERS), nullable=False),
    Column("auth_us", BigInteger, nullable=False),
    Column("acr", String(200), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    CheckConstraint("ended_us IS NULL OR ended_us >= opened_us", name="ends_after_opening"),
)
"""``auth_us`` is when the issuer last saw the person prove who they are; ``sid_digest`` is of the
issuer's own session, empty where it names none."""
Index("ix_login_session_account", login_session.c.account)
Index("ix_login_session_subject", login_session.c.issuer, login_session.c.subject_digest)

login_binding = Table(
    "login_binding",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("issuer", String(300), nullable=False),
    Column("subject_digest", String(DIGEST_CHARACTERS), nullable=False),
    Column("account", ForeignKey("person_account.name"), nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    Column("confirmed_by", String(64)),
    Column("since_us", BigInteger),
    Column("ended_us", BigInteger),
    CheckConstraint("(since_us IS NULL) = (confirmed_by IS NULL)", name="confirmed"),
    CheckConstraint(
        "confirmed_by IS NULL OR confirmed_by = 'system' OR confirmed_by <> proposed_by",
        name="two_people",
    ),
)
"""Which account an issuer's subject acts for, once ``since_us`` says that two people confirmed it.
At most one is proposed or stands at a time for each subject."""
Index(
    "uq_login_binding_standing",
    login_binding.c.issuer,
    login_binding.c.subject_digest,
    unique=True,
    sqlite_where=login_binding.c.ended_us.is_(None),
    postgresql_where=login_binding.c.ended_us.is_(None),
)

_CHANGED = " OR ".join(f"NEW.{name} <> OLD.{name}" for name in ("id", "account", "issuer"))
guard_from_turning_back(
    "login_session", f"OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL OR {_CHANGED}"
)
guard_from_turning_back(
    "login_binding",
    "OLD.ended_us IS NOT NULL OR NEW.proposed_by <> OLD.proposed_by OR "
    f"NEW.subject_digest <> OLD.subject_digest OR {_CHANGED} OR "
    "(OLD.since_us IS NOT NULL AND (NEW.since_us IS NULL OR NEW.since_us <> OLD.since_us))",
)
