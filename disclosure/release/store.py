"""The tables of the release desk. A request moves on; what was asked, made, voted and given stays.

Only the request's own standing changes, never its author, licence or an earlier delivery. All
other rows are append-only: the database itself refuses anything else.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back


def _request_column() -> Column[str]:
    key = ForeignKey("release_request.id")
    return Column("request", String(80), key, nullable=False, index=True)


release_request = Table(
    "release_request",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("licence", String(80), nullable=False, index=True),
    Column("requester", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("session", String(80), nullable=False, server_default=""),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("context", Text, nullable=False, server_default=""),
    Column("state", String(16), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("checks", Text, nullable=False, server_default="[]"),
    Column("rules_version", String(120), nullable=False, server_default=""),
    Column("road", String(16), nullable=False, server_default="voted"),
    Column("content_digest", String(80), nullable=False, server_default=""),
    Column("salt", String(64), nullable=False),
    Column("certified", Text, nullable=False, server_default=""),
    Column("certificate", Text, nullable=False, server_default=""),
    Column("created_index", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("first_submitted_us", BigInteger),
    Column("submitted_us", BigInteger),
    Column("decided_us", BigInteger),
    Column("delivered_us", BigInteger),
    Column("recalled_us", BigInteger),
    CheckConstraint("revision >= 1", name="revision"),
)

release_draft_file = Table(
    "release_draft_file",
    metadata,
    Column("id", String(80), primary_key=True),
    _request_column(),
    Column("revision", Integer, nullable=False),
    Column("name", String(100), nullable=False),
    Column("draft", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
)
"""What its author put in or took out (an empty ``draft``), in order of the log."""

release_file = Table(
    "release_file",
    metadata,
    Column("request", String(80), ForeignKey("release_request.id"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("format", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("draft_digest", String(80), nullable=False, index=True),
    Column("draft", Text, nullable=False),
    Column("content_digest", String(80), nullable=False),
    Column("content_bytes", BigInteger, nullable=False),
    Column("reproducible", Integer, nullable=False),
    Column("answers", Text, nullable=False, server_default="[]"),
    Column("entries", Text, nullable=False, server_default="[]"),
    Column("asked", String(80), nullable=False, server_default=""),
    Column("sources", Text, nullable=False, server_default="{}"),
    Column("tools", Text, nullable=False, server_default="{}"),
    CheckConstraint("reproducible IN (0, 1)", name="reproducible"),
)

release_vote = Table(
    "release_vote",
    metadata,
    Column("id", String(80), primary_key=True),
    _request_column(),
    Column("revision", Integer, nullable=False),
    Column("person", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("content_digest", String(80), nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("voted_us", BigInteger, nullable=False),
    UniqueConstraint("request", "revision", "person", name="uq_release_vote_request_person"),
    CheckConstraint("decision IN ('approve', 'return', 'refuse')", name="decision"),
)

release_exception = Table(
    "release_exception",
    metadata,
    Column("id", String(80), primary_key=True),
    _request_column(),
    Column("revision", Integer, nullable=False),
    Column("name", String(100), nullable=False),
    Column("checked", String(60), nullable=False),
    Column("person", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("reason", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("granted_us", BigInteger, nullable=False),
    UniqueConstraint("request", "revision", "name", "checked", name="uq_release_exception"),
    CheckConstraint("reason <> ''", name="reason"),
)
"""``name`` is the file's, or empty for a check of the request as a whole."""

release_comment = Table(
    "release_comment",
    metadata,
    Column("id", String(80), primary_key=True),
    _request_column(),
    Column("revision", Integer, nullable=False),
    Column("person", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("comment", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("written_us", BigInteger, nullable=False),
)

release_content = Table(
    "release_content",
    metadata,
    Column("request", String(80), ForeignKey("release_request.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("format", String(16), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("content_digest", String(80), nullable=False),
)
"""The files as they were delivered: the bytes that were voted on."""

release_copy = Table(
    "release_copy",
    metadata,
    Column("id", String(80), primary_key=True),
    _request_column(),
    Column("person", String(80), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("mark", LargeBinary, nullable=False),
    Column("document", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

release_copy_file = Table(
    "release_copy_file",
    metadata,
    Column("copy", String(80), ForeignKey("release_copy.id"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("copy_digest", String(80), nullable=False, index=True),
    Column("content_digest", String(80), nullable=False, index=True),
)

release_recall = Table(
    "release_recall",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("request", String(80), ForeignKey("release_request.id"), nullable=False, unique=True),
    Column("person", String(80), nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("recalled_us", BigInteger, nullable=False),
    CheckConstraint("reason <> ''", name="reason"),
)

release_signed = Table(
    "release_signed",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("document", Text, nullable=False),
    CheckConstraint("kind IN ('recall')", name="kind"),
)
"""What was signed after its entry was durable: lists of recalls."""

_APPEND_ONLY = (
    "release_draft_file",
    "release_file",
    "release_vote",
    "release_exception",
    "release_comment",
    "release_content",
    "release_copy",
    "release_copy_file",
    "release_recall",
    "release_signed",
)
_TURNS_BACK = (
    "NEW.id <> OLD.id OR NEW.licence <> OLD.licence OR NEW.requester <> OLD.requester "
    "OR NEW.organisation <> OLD.organisation OR NEW.salt <> OLD.salt "
    "OR NEW.created_index <> OLD.created_index "
    "OR NEW.revision < OLD.revision "
    "OR OLD.state IN ('refused', 'withdrawn', 'recalled') "
    "OR (OLD.state = 'delivered' AND (NEW.state <> 'recalled' "
    "OR NEW.certificate <> OLD.certificate OR NEW.content_digest <> OLD.content_digest "
    "OR NEW.revision <> OLD.revision)) "
    "OR (OLD.state NOT IN ('draft', 'returned') AND NEW.revision = OLD.revision "
    "AND NEW.content_digest <> OLD.content_digest)"
)

guard_append_only(*_APPEND_ONLY)
guard_from_turning_back("release_request", _TURNS_BACK)
