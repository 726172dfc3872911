"""The table of every answer ever given. It only grows: the database refuses anything else."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    LargeBinary,
    String,
    Table,
    Text,
)

from foundation.db import metadata
from foundation.guards import guard_append_only

answer = Table(
    "answer",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("mode", String(16), nullable=False),
    Column("licence", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("person", String(80), nullable=False),
    Column("session", String(80), nullable=False),
    Column("datasets", Text, nullable=False),
    Column("version", String(80), nullable=False),
    Column("plan_digest", String(80), nullable=False),
    Column("policy_digest", String(80), nullable=False),
    Column("row_filter_digest", String(80), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("content_digest", String(80), nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("summary", Text, nullable=False),
    Column("cost_nano_rho", BigInteger, nullable=False),
    Column("asked", String(80), nullable=False, server_default=""),
    Column("sources", Text, nullable=False, server_default="{}"),
    Column("decided_index", BigInteger, nullable=False),
    Column("answered_index", BigInteger, nullable=False),
    Column("answered_us", BigInteger, nullable=False),
    CheckConstraint("mode IN ('rows', 'aggregate')", name="mode"),
)

guard_append_only("answer")
