"""The tables of authorisation: who exists, who belongs where, what was agreed and licensed.

A licence's bytes, parties and signature never change once written and no row is deleted: the
triggers below hold that in the database itself, whatever code runs above.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    LargeBinary,
    String,
    Table,
    Text,
)

from foundation.db import attach_guards, metadata

organisation = Table(
    "organisation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("name_zh", String(200), nullable=False),
    Column("name_en", String(200), nullable=False),
    Column("credit_code", String(18), unique=True),
    Column("created_us", BigInteger, nullable=False),
)

organisation_affiliate = Table(
    "organisation_affiliate",
    metadata,
    Column("organisation", ForeignKey("organisation.id"), primary_key=True),
    Column("affiliate", ForeignKey("organisation.id"), primary_key=True),
    CheckConstraint("organisation <> affiliate", name="two_organisations"),
)

person = Table(
    "person",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("kind IN ('person', 'service')", name="kind"),
)

person_role = Table(
    "person_role",
    metadata,
    Column("person", ForeignKey("person.id"), primary_key=True),
    Column("role", String(40), primary_key=True),
    Column("since_us", BigInteger, nullable=False),
)

person_account = Table(
    "person_account",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("organisation", ForeignKey("organisation.id"), nullable=False),
    Column("since_us", BigInteger, nullable=False),
)

affiliation = Table(
    "affiliation",
    metadata,
    Column("person", ForeignKey("person.id"), primary_key=True),
    Column("organisation", ForeignKey("organisation.id"), primary_key=True),
    Column("since_us", BigInteger, nullable=False),
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

attach_guards(TRIGGERS_SQLITE, "sqlite")
attach_guards(TRIGGERS_POSTGRESQL, "postgresql")
