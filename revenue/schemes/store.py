"""The tables of schemes: each document under its digest, later versions, and who approved them.

Rows are only ever added, each beside its log entry (I6). One person proposes, another approves:
the approval's own row says so, and the database refuses a second one.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from audit.store import logged
from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_replacing

scheme_document = Table(
    "scheme_document",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Each scheme that ever split anything or was proposed to, as canonical bytes under its digest."""

scheme_version = Table(
    "scheme_version",
    metadata,
    Column("licence", String(200), primary_key=True),
    Column("digest", String(80), ForeignKey("scheme_document.digest"), primary_key=True),
    Column("version", String(60), nullable=False),
    Column("proposed_by", String(200), nullable=False),
    Column("proposed_index", BigInteger, logged(), nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    UniqueConstraint("licence", "version", name="uq_scheme_version"),
    sqlite_with_rowid=False,
)

scheme_approval = Table(
    "scheme_approval",
    metadata,
    Column("licence", String(200), primary_key=True),
    Column("digest", String(80), primary_key=True),
    Column("approved_by", String(200), nullable=False),
    Column("approved_index", BigInteger, logged(), nullable=False),
    Column("approved_us", BigInteger, nullable=False),
    Index("ix_scheme_approval", "licence", "approved_index"),
    sqlite_with_rowid=False,
)

guard_append_only("scheme_document", "scheme_version", "scheme_approval")
guard_from_replacing("scheme_document", ("digest",))
guard_from_replacing("scheme_version", ("licence", "digest"), ("licence", "version"))
guard_from_replacing("scheme_approval", ("licence", "digest"))
