"""The tables of standards: what the authority added, and how versions kept to their elements.

Both only grow. How many rows broke an element is for the source and the authority only (I14).
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
    UniqueConstraint,
)

from foundation.db import metadata
from foundation.guards import guard_append_only

standard_item = Table(
    "standard_item",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("code", String(40), nullable=False),
    Column("version", String(60), nullable=False),
    Column("document", Text, nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("added_us", BigInteger, nullable=False),
    UniqueConstraint("kind", "code", "version", name="uq_standard_item"),
    CheckConstraint("kind IN ('element', 'code_list')", name="kind"),
)

conformance = Table(
    "conformance",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("dataset_id", String(64), ForeignKey("dataset.id"), nullable=False, index=True),
    Column("version_id", String(64)),
    Column("column", String(63), nullable=False),
    Column("element", String(40), nullable=False),
    Column("rule", String(20), nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    CheckConstraint("row_count >= 0", name="row_count"),
)

guard_append_only("standard_item", "conformance")
