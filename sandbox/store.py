"""The table of sessions: who opened which sandbox under which licence, and where it stands."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table

from foundation.db import metadata
from sandbox.lifecycle import SessionMode, SessionState

STATES = tuple(state.value for state in SessionState)
MODES = tuple(mode.value for mode in SessionMode)

sessions = Table(
    "sandbox_sessions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("slot", String(26), unique=True),
    Column("person", String(120), nullable=False),
    Column("organisation", String(120), nullable=False),
    Column("licence", String(40), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("project", String(63), nullable=False, server_default=""),
    Column("mode", String(16), nullable=False),
    Column("review", String(40), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("reason", String(200)),
    Column("egress_bytes", BigInteger, nullable=False, default=0),
    Column("spent_nano_rho", BigInteger, nullable=False, server_default="0"),
    Column("spent_micro_fen", BigInteger, nullable=False, server_default="0"),
    Column("requested_us", BigInteger, nullable=False),
    Column("opened_us", BigInteger),
    Column("changed_us", BigInteger, nullable=False),
    CheckConstraint(f"state IN {STATES}", name="state"),
    CheckConstraint(f"mode IN {MODES}", name="mode"),
    CheckConstraint(f"state NOT IN {MODES} OR state = mode", name="open_in_its_mode"),
    Index("ix_sandbox_sessions_licence_state", "licence", "state"),
)
