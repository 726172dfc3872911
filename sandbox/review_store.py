"""The tables of reviewed notebooks and their unattended runs. What was submitted never changes."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from foundation.db import metadata
from foundation.guards import guard_from_turning_back

REVIEW_STATES = ("submitted", "approved", "returned", "withdrawn")
RUN_STATES = ("waiting", "running", "finished", "failed")

reviews = Table(
    "sandbox_reviews",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("licence", String(40), nullable=False),
    Column("person", String(120), nullable=False),
    Column("organisation", String(120), nullable=False),
    Column("notebook_digest", String(80), nullable=False),
    Column("environment_digest", String(80), nullable=False),
    Column("policy_digest", String(80), nullable=False),
    Column("datasets", Text, nullable=False),
    Column("cells", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reviewer", String(120)),
    Column("submitted_us", BigInteger, nullable=False),
    Column("decided_us", BigInteger),
    Column("valid_until_us", BigInteger),
    CheckConstraint(f"state IN {REVIEW_STATES}", name="state"),
    CheckConstraint("reviewer IS NULL OR reviewer <> person", name="by_another_person"),
    CheckConstraint(
        "state <> 'approved' OR (reviewer IS NOT NULL AND valid_until_us IS NOT NULL)",
        name="approved_by_somebody",
    ),
    Index("ix_sandbox_reviews_licence", "licence", "submitted_us"),
)
guard_from_turning_back(
    "sandbox_reviews",
    "NEW.cells <> OLD.cells OR NEW.notebook_digest <> OLD.notebook_digest OR "
    "NEW.licence <> OLD.licence OR NEW.person <> OLD.person OR "
    "NEW.environment_digest <> OLD.environment_digest OR "
    "NEW.policy_digest <> OLD.policy_digest OR "
    "OLD.state IN ('returned', 'withdrawn') OR "
    "(OLD.state = 'approved' AND NEW.state <> 'withdrawn')",
)

subscriptions = Table(
    "sandbox_subscriptions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("review", String(40), nullable=False),
    Column("licence", String(40), nullable=False),
    Column("project", String(63), nullable=False, server_default=""),
    Column("dataset", String(63), nullable=False),
    Column("person", String(120), nullable=False),
    Column("organisation", String(120), nullable=False),
    Column("last_version", String(80), nullable=False),
    Column("budget_nano_rho_max", BigInteger, nullable=False),
    Column("money_micro_fen_max", BigInteger, nullable=False),
    Column("wall_seconds_max", Integer, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Index("ix_sandbox_subscriptions_dataset", "dataset"),
)

runs = Table(
    "sandbox_runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("review", String(40), nullable=False),
    Column("licence", String(40), nullable=False),
    Column("project", String(63), nullable=False, server_default=""),
    Column("person", String(120), nullable=False),
    Column("organisation", String(120), nullable=False),
    Column("notebook_digest", String(80), nullable=False),
    Column("trigger", String(16), nullable=False),
    Column("versions", Text, nullable=False, server_default="[]"),
    Column("subscription", String(40)),
    Column("session", String(40)),
    Column("state", String(16), nullable=False),
    Column("budget_nano_rho_max", BigInteger, nullable=False),
    Column("money_micro_fen_max", BigInteger, nullable=False),
    Column("wall_seconds_max", Integer, nullable=False),
    Column("spent_nano_rho", BigInteger, nullable=False, server_default="0"),
    Column("spent_micro_fen", BigInteger, nullable=False, server_default="0"),
    Column("cells_run", Integer, nullable=False, server_default="0"),
    Column("failed_cell", Integer),
    Column("code", String(64)),
    Column("requested_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    CheckConstraint(f"state IN {RUN_STATES}", name="state"),
    CheckConstraint("spent_nano_rho <= budget_nano_rho_max", name="within_budget"),
    CheckConstraint("spent_micro_fen <= money_micro_fen_max", name="within_money"),
    Index("ix_sandbox_runs_state", "state", "requested_us"),
    Index("ix_sandbox_runs_session", "session"),
)
guard_from_turning_back(
    "sandbox_runs",
    "NEW.spent_nano_rho < OLD.spent_nano_rho OR NEW.spent_micro_fen < OLD.spent_micro_fen OR "
    "NEW.budget_nano_rho_max <> OLD.budget_nano_rho_max OR "
    "NEW.money_micro_fen_max <> OLD.money_micro_fen_max OR "
    "NEW.notebook_digest <> OLD.notebook_digest OR OLD.state IN ('finished', 'failed')",
)
