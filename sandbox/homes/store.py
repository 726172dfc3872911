"""The table of saved homes: whose, under which terms, and how each ended; it never goes back."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text

from foundation.db import metadata
from foundation.guards import guard_from_turning_back

STATES = ("current", "replaced", "withheld", "destroyed")

sandbox_home = Table(
    "sandbox_home",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("licence", String(40), nullable=False),
    Column("person", String(120), nullable=False),
    Column("organisation", String(120), nullable=False),
    Column("project", String(63), nullable=False, server_default=""),
    Column("mode", String(16), nullable=False),
    Column("session", String(40), nullable=False),
    Column("terms", Text, nullable=False),
    Column("key_name", String(120), nullable=False),
    Column("box_digest", String(80), nullable=False),
    Column("saved_bytes", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("saved_index", BigInteger, nullable=False),
    Column("saved_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    CheckConstraint(f"state IN {STATES}", name="state"),
    Index("ix_sandbox_home_licence_person", "licence", "person"),
)

guard_from_turning_back(
    "sandbox_home",
    "OLD.state = 'destroyed' OR (OLD.state <> 'current' AND NEW.state = 'current') "
    "OR NEW.box_digest <> OLD.box_digest OR NEW.terms <> OLD.terms OR NEW.person <> OLD.person "
    "OR NEW.licence <> OLD.licence",
)
