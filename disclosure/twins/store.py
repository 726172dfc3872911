"""The table of answers from twins: apart from that of answers, so that nothing takes one for one.

A release request, a product or a repeat refers to the table of answers, where none of these is.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, String, Table, Text

from foundation.db import metadata
from foundation.guards import guard_append_only

synthetic_answer = Table(
    "synthetic_answer",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("mode", String(16), nullable=False),
    Column("licence", String(80), nullable=False),
    Column("person", String(80), nullable=False),
    Column("session", String(80), nullable=False),
    Column("twin_seed", String(80), nullable=False),
    Column("plan_digest", String(80), nullable=False),
    Column("policy_digest", String(80), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("content_digest", String(80), nullable=False),
    Column("summary", Text, nullable=False),
    Column("answered_index", BigInteger, nullable=False),
    Column("answered_us", BigInteger, nullable=False),
    CheckConstraint("mode IN ('rows', 'aggregate')", name="mode"),
    Index("ix_synthetic_answer_again", "licence", "plan_digest"),
)

guard_append_only("synthetic_answer")
