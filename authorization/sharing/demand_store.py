"""The tables of demands (需求清单), their teams (专项小组) and responsibilities (责任清单)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

demand = Table(
    "demand",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("case_number", String(64), nullable=False),
    Column("matter", String(64), nullable=False),
    Column("requester", ForeignKey("organisation.id"), nullable=False, index=True),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("document", Text, nullable=False),
    Column("document_digest", String(80), nullable=False),
    Column("candidates", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("outcome", String(24), nullable=False, server_default=""),
    Column("found", String(100), nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("decided_by", ForeignKey("person.id")),
    Column("stated_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Index("ix_demand_person", "person", "stated_us"),
    CheckConstraint("state IN ('open', 'matched', 'refused', 'withdrawn')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> person", name="another_decides"),
)

demand_team = Table(
    "demand_team",
    metadata,
    Column("demand", ForeignKey("demand.id"), primary_key=True),
    Column("person", ForeignKey("person.id"), primary_key=True),
    Column("organisation", ForeignKey("organisation.id"), nullable=False),
    Column("duty", String(200), nullable=False),
    Column("lead", String(3), nullable=False),
    Column("assigned_by", ForeignKey("person.id"), nullable=False),
    Column("assigned_us", BigInteger, nullable=False),
)

responsibility = Table(
    "responsibility",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("entry", String(64), nullable=False, index=True),
    Column("provider", ForeignKey("organisation.id"), nullable=False, index=True),
    Column("user", ForeignKey("organisation.id"), nullable=False, index=True),
    Column("keeper", ForeignKey("organisation.id"), nullable=False),
    Column("demand", String(64), nullable=False, server_default=""),
    Column("duties", Text, nullable=False),
    Column("assigned_by", ForeignKey("person.id"), nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

guard_append_only("demand_team", "responsibility")
guard_from_turning_back(
    "demand",
    "OLD.state <> 'open' OR NEW.id <> OLD.id OR NEW.requester <> OLD.requester "
    "OR NEW.document <> OLD.document OR NEW.case_number <> OLD.case_number",
)
