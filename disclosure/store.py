"""The tables of the disclosure room beside its budgets: stored answers, releases and votes.

Answers and votes are append-only, and the content of a release never changes once it is there:
the database itself refuses anything else.
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
    UniqueConstraint,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

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

release_request = Table(
    "release_request",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("answer", String(80), ForeignKey("answer.id"), nullable=False, index=True),
    Column("licence", String(80), nullable=False, index=True),
    Column("requester", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("checks", Text, nullable=False, server_default="[]"),
    Column("format", String(16), nullable=False, server_default=""),
    Column("content", LargeBinary),
    Column("content_digest", String(80), nullable=False, server_default=""),
    Column("certificate", Text, nullable=False, server_default=""),
    Column("submitted_index", BigInteger, nullable=False),
    Column("submitted_us", BigInteger, nullable=False),
    Column("delivered_us", BigInteger),
)

release_vote = Table(
    "release_vote",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("request", String(80), ForeignKey("release_request.id"), nullable=False, index=True),
    Column("person", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("content_digest", String(80), nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("voted_us", BigInteger, nullable=False),
    UniqueConstraint("request", "person", name="uq_release_vote_request_person"),
    CheckConstraint("decision IN ('approve', 'refuse')", name="decision"),
)

_APPEND_ONLY = ("answer", "release_vote")
_CONTENT_CHANGES = (
    "OLD.content_digest <> '' AND (NEW.content_digest <> OLD.content_digest "
    "OR NEW.answer <> OLD.answer OR NEW.requester <> OLD.requester)"
)


guard_append_only(*_APPEND_ONLY)
guard_from_turning_back("release_request", _CONTENT_CHANGES)
