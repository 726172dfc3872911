"""The tables of the data hall: seats, appointments, duty, and what was done with each matter."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

hall_seat = Table(
    "hall_seat",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", ForeignKey("organisation.id"), nullable=False, unique=True),
    Column("opened_by", ForeignKey("person.id"), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
)

hall_appointment = Table(
    "hall_appointment",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("seat", ForeignKey("hall_seat.id"), nullable=False, index=True),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("named_by", ForeignKey("person.id"), nullable=False),
    Column("named_us", BigInteger, nullable=False),
    Column("confirmed_by", ForeignKey("person.id")),
    Column("confirmed_us", BigInteger),
    Column("ended_by", ForeignKey("person.id")),
    Column("ended_us", BigInteger),
    CheckConstraint("person <> named_by", name="another_names"),
    CheckConstraint(
        "confirmed_by IS NULL OR (confirmed_by <> named_by AND confirmed_by <> person)",
        name="another_confirms",
    ),
)

hall_duty = Table(
    "hall_duty",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("seat", ForeignKey("hall_seat.id"), nullable=False, index=True),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("begun_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("note", Text, nullable=False, server_default=""),
    Index(
        "ix_hall_duty_once",
        "person",
        unique=True,
        sqlite_where=text("ended_us IS NULL"),
        postgresql_where=text("ended_us IS NULL"),
    ),
)

hall_handling = Table(
    "hall_handling",
    metadata,
    Column("matter", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("seat", ForeignKey("hall_seat.id"), nullable=False, index=True),
    Column("duty", ForeignKey("hall_duty.id"), nullable=False),
    Column("move", String(16), nullable=False),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("holder", String(64), nullable=False),
    Column("outcome", String(24), nullable=False, server_default=""),
    Column("made_us", BigInteger, nullable=False),
    CheckConstraint("move IN ('taken', 'handed_over', 'decided')", name="move"),
)

guard_append_only("hall_seat", "hall_handling")
guard_from_turning_back(
    "hall_appointment",
    "NEW.person <> OLD.person OR NEW.seat <> OLD.seat OR NEW.named_by <> OLD.named_by "
    "OR (OLD.confirmed_by IS NOT NULL AND NEW.confirmed_by <> OLD.confirmed_by) "
    "OR (OLD.ended_us IS NOT NULL AND NEW.ended_us <> OLD.ended_us)",
)
guard_from_turning_back(
    "hall_duty",
    "OLD.ended_us IS NOT NULL OR NEW.person <> OLD.person OR NEW.seat <> OLD.seat "
    "OR NEW.begun_us <> OLD.begun_us",
)
