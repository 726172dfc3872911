"""The alerts' tables: rules that regulators saved, alerts that were raised, and who looked at them.

Nothing here changes: a rule's newest revision counts, and an alert is acknowledged by a row of its
own. Every row names the log entry that it came with.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from audit.store import logged
from foundation.db import metadata
from foundation.guards import guard_append_only

KEY_CHARACTERS_MAX = 500


alert_rule = Table(
    "alert_rule",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("check_name", String(40), nullable=False),
    Column("minimum", BigInteger, nullable=False),
    Column("window_seconds", BigInteger, nullable=False),
    Column("about", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("person", String(64), nullable=False),
    Column("saved_index", BigInteger, logged(), nullable=False),
    Column("saved_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

alert = Table(
    "alert",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("check_name", String(40), nullable=False),
    Column("key", String(KEY_CHARACTERS_MAX), nullable=False),
    Column("trigger_index", BigInteger, nullable=False),
    Column("about", Text, nullable=False),
    Column("figure", BigInteger, nullable=False),
    Column("minimum", BigInteger, nullable=False),
    Column("window_seconds", BigInteger, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("entry_index", BigInteger, logged(), nullable=False),
    Column("raised_us", BigInteger, nullable=False),
    UniqueConstraint("rule", "key", "trigger_index", name="uq_alert_trigger"),
    Index("ix_alert_entry", "entry_index"),
    sqlite_with_rowid=False,
)

alert_acknowledgement = Table(
    "alert_acknowledgement",
    metadata,
    Column("alert", String(64), ForeignKey("alert.id"), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("entry_index", BigInteger, logged(), nullable=False),
    Column("acknowledged_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

guard_append_only("alert_rule", "alert", "alert_acknowledgement")
