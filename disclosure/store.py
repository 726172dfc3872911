"""The tables of the disclosure room: budget nodes, charges, stored answers, releases and votes.

Charges, answers and votes are append-only. What a budget node has spent only grows, its caps and
its place never change: the database itself refuses anything else (I5).
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

budget_node = Table(
    "budget_node",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("parent", String(200), ForeignKey("budget_node.id")),
    Column("population", String(63), nullable=False),
    Column("licence", String(80)),
    Column("cap_nano_rho", BigInteger, nullable=False),
    Column("spent_nano_rho", BigInteger, nullable=False, server_default="0"),
    Column("cap_delta_steps", BigInteger, nullable=False),
    Column("spent_delta_steps", BigInteger, nullable=False, server_default="0"),
    Column("opened_us", BigInteger, nullable=False),
    UniqueConstraint("population", "licence", name="uq_budget_node_population_licence"),
    CheckConstraint("spent_nano_rho BETWEEN 0 AND cap_nano_rho", name="rho_within_cap"),
    CheckConstraint("spent_delta_steps BETWEEN 0 AND cap_delta_steps", name="delta_within_cap"),
    CheckConstraint("(parent IS NULL) = (licence IS NULL)", name="root"),
)

charge = Table(
    "charge",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("population", String(63), nullable=False, index=True),
    Column("licence", String(80), nullable=False),
    Column("nano_rho", BigInteger, nullable=False),
    Column("delta_steps", BigInteger, nullable=False),
    Column("plan_digest", String(80), nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("charged_us", BigInteger, nullable=False),
    CheckConstraint("nano_rho >= 0 AND delta_steps >= 0", name="not_negative"),
)

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

_APPEND_ONLY = ("charge", "answer", "release_vote")
_FIXED_IN_NODE = ("id", "population", "cap_nano_rho", "cap_delta_steps", "opened_us")
_NODE_TURNS_BACK = " OR ".join(
    [
        *(f"NEW.{name} <> OLD.{name}" for name in _FIXED_IN_NODE),
        "COALESCE(NEW.licence, '') <> COALESCE(OLD.licence, '')",
        "COALESCE(NEW.parent, '') <> COALESCE(OLD.parent, '')",
        "NEW.spent_nano_rho < OLD.spent_nano_rho",
        "NEW.spent_delta_steps < OLD.spent_delta_steps",
    ]
)
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
    _stop("budget_node", "UPDATE", _NODE_TURNS_BACK),
    _stop("budget_node", "DELETE"),
    _stop("release_request", "UPDATE", _CONTENT_CHANGES),
    _stop("release_request", "DELETE"),
)

TRIGGERS_POSTGRESQL: tuple[str, ...] = (
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in _APPEND_ONLY
    ),
    *(
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN ({condition}) EXECUTE FUNCTION refuse_change()"
        for table, condition in (
            ("budget_node", _NODE_TURNS_BACK),
            ("release_request", _CONTENT_CHANGES),
        )
    ),
    *(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in ("budget_node", "release_request")
    ),
)


attach_guards(TRIGGERS_SQLITE, "sqlite")
attach_guards(TRIGGERS_POSTGRESQL, "postgresql")
