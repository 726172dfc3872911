"""The tables of permitted revenue: proposals, decisions, reviews of years. All only grow."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from audit.store import logged
from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_replacing

permitted_proposal = Table(
    "permitted_proposal",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("operator", String(200), nullable=False),
    Column("version", String(60), nullable=False),
    Column("document", Text, nullable=False),
    Column("proposed_by", String(200), nullable=False),
    Column("proposed_index", BigInteger, logged(), nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    UniqueConstraint("operator", "version", name="uq_permitted_version"),
    sqlite_with_rowid=False,
)

permitted_decision = Table(
    "permitted_decision",
    metadata,
    Column("operator", String(200), primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(80), ForeignKey("permitted_proposal.digest"), nullable=False),
    Column("maximum_fen", BigInteger, nullable=False),
    Column("computed", Text, nullable=False),
    Column("decided_by", String(200), nullable=False),
    Column("decided_index", BigInteger, logged(), nullable=False),
    CheckConstraint("maximum_fen >= 0", name="maximum"),
    sqlite_with_rowid=False,
)
"""One row a year of a decided period, so that no year of an operator is decided twice."""

permitted_review = Table(
    "permitted_review",
    metadata,
    Column("operator", String(200), primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("actual_fen", BigInteger, nullable=False),
    Column("maximum_fen", BigInteger, nullable=False),
    Column("adjustment", String(20), nullable=False),
    Column("reviewed_by", String(200), nullable=False),
    Column("reviewed_index", BigInteger, logged(), nullable=False),
    CheckConstraint("adjustment IN ('none', 'prices', 'ceilings')", name="adjustment"),
    sqlite_with_rowid=False,
)

guard_append_only("permitted_proposal", "permitted_decision", "permitted_review")
guard_from_replacing("permitted_proposal", ("digest",), ("operator", "version"))
guard_from_replacing("permitted_decision", ("operator", "year"))
guard_from_replacing("permitted_review", ("operator", "year"))
