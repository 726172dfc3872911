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

import catalog.store  # noqa: F401 - its function refuse_change() stands behind our triggers
from foundation.db import attach_guards, metadata

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


def _stop(table: str, moment: str, condition: str = "") -> str:
    when = f"WHEN {condition} " if condition else ""
    return (
        f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{table} does not change so'); END"
    )


TRIGGERS_SQLITE: tuple[str, ...] = (
    *(_stop(table, moment) for table in _APPEND_ONLY for moment in ("UPDATE", "DELETE")),
    _stop("release_request", "UPDATE", _CONTENT_CHANGES),
    _stop("release_request", "DELETE"),
)

TRIGGERS_POSTGRESQL: tuple[str, ...] = (
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in _APPEND_ONLY
    ),
    (
        "CREATE TRIGGER release_request_no_update BEFORE UPDATE ON release_request FOR EACH ROW "
        f"WHEN ({_CONTENT_CHANGES}) EXECUTE FUNCTION refuse_change()"
    ),
    (
        "CREATE TRIGGER release_request_no_delete BEFORE DELETE OR TRUNCATE ON release_request "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
)


attach_guards(TRIGGERS_SQLITE, "sqlite")
attach_guards(TRIGGERS_POSTGRESQL, "postgresql")
