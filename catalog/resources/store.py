"""The tables of data resources: origin, consents of sources, evidence, and lowered grades.

Origins, consents and evidence only grow: a withdrawn consent is a row of its own. A lower grade
goes one way, from proposed to confirmed by a second person.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

resource = Table(
    "resource",
    metadata,
    Column("dataset_id", String(64), ForeignKey("dataset.id"), primary_key=True),
    Column("dataset", String(63), nullable=False, unique=True),
    Column("origin", String(16), nullable=False),
    Column("source", String(64), nullable=False),
    Column("derived_from", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("origin IN ('own', 'purchased', 'shared')", name="origin"),
    CheckConstraint("(origin = 'shared') = (source <> '')", name="source"),
)

source_consent = Table(
    "source_consent",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("dataset", String(63), nullable=False, index=True),
    Column("source", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("person", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    CheckConstraint("state IN ('granted', 'withdrawn')", name="state"),
)

resource_evidence = Table(
    "resource_evidence",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("dataset", String(63), nullable=False, index=True),
    Column("registration_code", String(100)),
    Column("evidence_digest", String(80)),
    Column("person", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

regrading = Table(
    "regrading",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("dataset", String(63), nullable=False, index=True),
    Column("columns", Text, nullable=False),
    Column("grade", String(2), nullable=False),
    Column("important", Integer, nullable=False),
    Column("basis", Text, nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    Column("confirmed_by", String(64)),
    CheckConstraint("important IN (0, 1)", name="important"),
    CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="second_person"),
)

_FIXED = ("dataset", "columns", "grade", "important", "basis", "proposed_by")

guard_append_only("resource", "source_consent", "resource_evidence")
guard_from_turning_back(
    "regrading",
    " OR ".join(
        [*(f"NEW.{name} <> OLD.{name}" for name in _FIXED), "OLD.confirmed_by IS NOT NULL"]
    ),
)
