"""The tables of matters: cases, matters with their frozen due dates, and each move they made.

A matter that is over never changes again, none is deleted, and its moves are append-only.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

matter_case = Table(
    "matter_case",
    metadata,
    Column("number", String(32), primary_key=True),
    Column("year", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    UniqueConstraint("year", "serial"),
)

matter_table = Table(
    "matter",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("case", String(32), ForeignKey("matter_case.number"), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("counter", String(16), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("title", Text, nullable=False),
    Column("applicant", String(64), nullable=False),
    Column("applicant_person", String(64), nullable=False),
    Column("handler", String(64), nullable=False),
    Column("handler_roles", String(400), nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("due_on", String(10)),
    Column("due", Text),
    Column("provisional", Boolean, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("opened_entry", BigInteger, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("missing", Text, nullable=False),
    Column("noticed_us", BigInteger),
    Column("extended_days", Integer, nullable=False),
    Column("extension_asked", Integer, nullable=False),
    Column("extension_asked_by", String(64)),
    Column("extension_asked_us", BigInteger),
    Column("extension_reason", Text, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("reminded", Integer, nullable=False),
    Column("escalated", Integer, nullable=False),
    Column("outcome", String(40)),
    Column("reason", Text, nullable=False),
    Column("concluded_us", BigInteger),
    Column("in_time", Boolean),
    CheckConstraint("state IN ('open', 'waiting', 'concluded', 'withdrawn')", name="state"),
    CheckConstraint("(state = 'concluded') = (outcome IS NOT NULL)", name="decided"),
    CheckConstraint("(due IS NULL) = (due_on IS NULL)", name="due"),
    CheckConstraint("missed >= 0 AND extended_days >= 0", name="counted"),
    Index("ix_matter_handler", "handler", "state", "due_us"),
    Index("ix_matter_state", "state", "due_us"),
    Index("ix_matter_applicant", "applicant", "opened_entry"),
    Index("ix_matter_handled", "handler", "opened_entry"),
    Index("ix_matter_opened", "opened_entry"),
    Index("ix_matter_subject", "subject"),
    Index("ix_matter_case", "case"),
    Index("ix_matter_provisional", "provisional"),
)

matter_move = Table(
    "matter_move",
    metadata,
    Column("matter", String(64), ForeignKey("matter.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("move", String(24), nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("due", Text),
    Column("detail", Text, nullable=False),
)

guard_append_only("matter_case", "matter_move")
guard_from_turning_back(
    "matter",
    "OLD.state IN ('concluded', 'withdrawn') OR NEW.id <> OLD.id OR NEW.subject <> OLD.subject "
    "OR NEW.opened_us <> OLD.opened_us OR NEW.missed < OLD.missed",
)
