"""The tables of authorisation: who exists, who belongs where, what was agreed and licensed.

A licence's bytes, parties and signature never change once written and no row is deleted: the
triggers below hold that in the database itself, whatever code runs above.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from foundation.db import attach_guards, metadata
from foundation.guards import guard_from_turning_back

organisation = Table(
    "organisation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("name_zh", String(200), nullable=False),
    Column("name_en", String(200), nullable=False),
    Column("credit_code", String(18), unique=True),
    Column("region", String(6), nullable=False, default="", server_default=""),
    Column("state", String(10), nullable=False, server_default="active"),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("state IN ('active', 'suspended')", name="state"),
)

organisation_affiliate = Table(
    "organisation_affiliate",
    metadata,
    Column("organisation", ForeignKey("organisation.id"), primary_key=True),
    Column("affiliate", ForeignKey("organisation.id"), primary_key=True),
    CheckConstraint("organisation <> affiliate", name="two_organisations"),
)

control_relation = Table(
    "control_relation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", ForeignKey("organisation.id"), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("controller", String(120), nullable=False, index=True),
    Column("share_ppm", Integer),
    Column("evidence", Text, nullable=False),
    Column("controls", Integer, nullable=False),
    Column("declared_by", String(64), nullable=False),
    Column("declared_for", String(64), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("counts_until_us", BigInteger),
    CheckConstraint("controls IN (0, 1)", name="controls"),
    CheckConstraint("share_ppm BETWEEN 0 AND 1000000", name="share"),
)

person = Table(
    "person",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("name", String(200), nullable=False),
    Column("identity_digest", String(100), unique=True),
    Column("state", String(10), nullable=False, server_default="active"),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("kind IN ('person', 'service')", name="kind"),
    CheckConstraint("state IN ('active', 'suspended', 'removed')", name="state"),
)

person_role = Table(
    "person_role",
    metadata,
    Column("person", ForeignKey("person.id"), primary_key=True),
    Column("role", String(40), primary_key=True),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    CheckConstraint("until_us IS NULL OR since_us < until_us", name="term"),
)

person_account = Table(
    "person_account",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("organisation", ForeignKey("organisation.id"), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
)

affiliation = Table(
    "affiliation",
    metadata,
    Column("person", ForeignKey("person.id"), primary_key=True),
    Column("organisation", ForeignKey("organisation.id"), primary_key=True),
    Column("since_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("counts_until_us", BigInteger),
)

role_grant = Table(
    "role_grant",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("subject", String(64), nullable=False, index=True),
    Column("document", Text, nullable=False),
    Column("document_digest", String(80), nullable=False),
    Column("state", String(10), nullable=False),
    Column("proposed_by", ForeignKey("person.id"), nullable=False),
    Column("proposed_for", ForeignKey("organisation.id"), nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    Column("decided_by", ForeignKey("person.id")),
    Column("decided_us", BigInteger),
    CheckConstraint("state IN ('proposed', 'confirmed', 'refused', 'withdrawn')", name="state"),
    CheckConstraint("state <> 'confirmed' OR decided_by <> proposed_by", name="two_people"),
    CheckConstraint("state = 'proposed' OR decided_by IS NOT NULL", name="decided"),
)

service_credential = Table(
    "service_credential",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account", ForeignKey("person.id"), nullable=False),
    Column("secret_digest", String(80), nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    CheckConstraint("issued_us < expires_us", name="term"),
)

service_scope = Table(
    "service_scope",
    metadata,
    Column("account", ForeignKey("person.id"), primary_key=True),
    Column("scope", String(60), primary_key=True),
)

agreement = Table(
    "agreement",
    metadata,
    Column("number", String(200), primary_key=True),
    Column("authority", ForeignKey("organisation.id"), nullable=False),
    Column("operator", ForeignKey("organisation.id"), nullable=False),
    Column("collective_decision", String(200), nullable=False),
    Column("filing_number", String(200), nullable=False),
    Column("linkage_groups", Text, nullable=False, server_default="[]"),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("valid_from_us < valid_until_us", name="term"),
)

licence = Table(
    "licence",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("authority", ForeignKey("organisation.id"), nullable=False),
    Column("operator", ForeignKey("organisation.id"), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("document_digest", String(80), nullable=False),
    Column("signature", LargeBinary),
    Column("state", String(10), nullable=False),
    Column("drafted_by", ForeignKey("person.id"), nullable=False),
    Column("activated_by", ForeignKey("person.id")),
    Column("closure", String(64)),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("drafted_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    CheckConstraint(
        "state IN ('drafted', 'active', 'suspended', 'ended', 'expired')", name="state"
    ),
    CheckConstraint(
        "state NOT IN ('active', 'suspended') OR signature IS NOT NULL", name="in_force_is_signed"
    ),
    CheckConstraint("activated_by IS NULL OR activated_by <> drafted_by", name="two_people"),
)

TRIGGERS_SQLITE = (
    """CREATE TRIGGER licence_document_is_immutable BEFORE UPDATE ON licence
    WHEN NEW.id <> OLD.id OR NEW.document <> OLD.document OR NEW.operator <> OLD.operator
      OR NEW.document_digest <> OLD.document_digest OR NEW.drafted_by <> OLD.drafted_by
      OR (OLD.signature IS NOT NULL AND NEW.signature IS NOT OLD.signature)
      OR (OLD.state IN ('ended', 'expired') AND NEW.state <> OLD.state)
    BEGIN SELECT RAISE(ABORT, 'a licence document is immutable and its end is final'); END""",
    """CREATE TRIGGER licence_is_never_deleted BEFORE DELETE ON licence
    BEGIN SELECT RAISE(ABORT, 'licences are never deleted'); END""",
)

TRIGGERS_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION licence_is_immutable() RETURNS trigger AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'licences are never deleted'; END IF;
      IF NEW.id <> OLD.id OR NEW.document <> OLD.document OR NEW.operator <> OLD.operator
        OR NEW.document_digest <> OLD.document_digest OR NEW.drafted_by <> OLD.drafted_by
        OR (OLD.signature IS NOT NULL AND NEW.signature IS DISTINCT FROM OLD.signature)
        OR (OLD.state IN ('ended', 'expired') AND NEW.state <> OLD.state)
      THEN RAISE EXCEPTION 'a licence document is immutable and its end is final'; END IF;
      RETURN NEW;
    END $$ LANGUAGE plpgsql""",
    """CREATE TRIGGER licence_is_immutable BEFORE UPDATE OR DELETE ON licence
    FOR EACH ROW EXECUTE FUNCTION licence_is_immutable()""",
)

_GRANT = ("id", "kind", "subject", "document", "document_digest", "proposed_by", "proposed_us")
guard_from_turning_back(
    "role_grant",
    f"OLD.state <> 'proposed' OR {' OR '.join(f'NEW.{name} <> OLD.{name}' for name in _GRANT)}",
)
_CREDENTIAL = ("id", "account", "secret_digest", "issued_us", "expires_us")
guard_from_turning_back(
    "service_credential",
    "(OLD.ended_us IS NOT NULL AND (NEW.ended_us IS NULL OR NEW.ended_us > OLD.ended_us)) OR "
    + " OR ".join(f"NEW.{one} <> OLD.{one}" for one in _CREDENTIAL),
)
_RELATION = ("id", "organisation", "kind", "controller", "evidence", "controls", "since_us")
guard_from_turning_back(
    "control_relation",
    f"OLD.ended_us IS NOT NULL OR {' OR '.join(f'NEW.{one} <> OLD.{one}' for one in _RELATION)}",
)
guard_from_turning_back(
    "person",
    "NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR (OLD.identity_digest IS NOT NULL AND"
    " (NEW.identity_digest IS NULL OR NEW.identity_digest <> OLD.identity_digest))",
)

attach_guards(TRIGGERS_SQLITE, "sqlite")
attach_guards(TRIGGERS_POSTGRESQL, "postgresql")
