"""The tables of privacy budgets: nodes, lineages, charges by level, corrections, proposals.

All but the nodes are append-only. Of a node only two things change: what is spent grows, and the
cap of a shared level may grow. The database itself refuses anything else (I5).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

NODE_CHARACTERS_MAX = 400

budget_node = Table(
    "budget_node",
    metadata,
    Column("id", String(NODE_CHARACTERS_MAX), primary_key=True),
    Column("parent", String(NODE_CHARACTERS_MAX), ForeignKey("budget_node.id")),
    Column("level", String(16), nullable=False),
    Column("population", String(63), nullable=False),
    Column("name", String(80), nullable=False),
    Column("cap_nano_rho", BigInteger, nullable=False),
    Column("spent_nano_rho", BigInteger, nullable=False, server_default="0"),
    Column("cap_delta_steps", BigInteger, nullable=False),
    Column("spent_delta_steps", BigInteger, nullable=False, server_default="0"),
    Column("opened_us", BigInteger, nullable=False),
    UniqueConstraint("parent", "level", "name", name="uq_budget_node_place"),
    CheckConstraint("spent_nano_rho BETWEEN 0 AND cap_nano_rho", name="rho_within_cap"),
    CheckConstraint("spent_delta_steps BETWEEN 0 AND cap_delta_steps", name="delta_within_cap"),
    CheckConstraint(
        "level IN ('population', 'lineage', 'period', 'licence', 'project')", name="level"
    ),
    CheckConstraint("(parent IS NULL) = (level = 'population')", name="root"),
)

budget_lineage = Table(
    "budget_lineage",
    metadata,
    Column("dataset", String(63), primary_key=True),
    Column("population", String(63), nullable=False),
    Column("lineage", String(63), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    CheckConstraint("origin IN ('own', 'same_columns', 'declared')", name="origin"),
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
    UniqueConstraint("entry_index", "population", name="uq_charge_entry_population"),
    CheckConstraint("nano_rho >= 0 AND delta_steps >= 0", name="not_negative"),
)

charge_level = Table(
    "charge_level",
    metadata,
    Column("charge", String(80), ForeignKey("charge.id"), primary_key=True),
    Column("node", String(NODE_CHARACTERS_MAX), ForeignKey("budget_node.id"), primary_key=True),
    Column("nano_rho", BigInteger, nullable=False),
    Column("delta_steps", BigInteger, nullable=False),
    Column("charged_us", BigInteger, nullable=False),
    CheckConstraint("nano_rho >= 0 AND delta_steps >= 0", name="not_negative"),
    Index("ix_charge_level_node_time", "node", "charged_us"),
)

budget_correction = Table(
    "budget_correction",
    metadata,
    Column("entry_index", BigInteger, primary_key=True),
    Column("node", String(NODE_CHARACTERS_MAX), ForeignKey("budget_node.id"), primary_key=True),
    Column("nano_rho", BigInteger, nullable=False),
    Column("delta_steps", BigInteger, nullable=False),
)

budget_proposal = Table(
    "budget_proposal",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_index", BigInteger, nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    CheckConstraint("kind IN ('raise', 'settlement')", name="kind"),
)

budget_confirmation = Table(
    "budget_confirmation",
    metadata,
    Column("proposal", String(80), ForeignKey("budget_proposal.id"), primary_key=True),
    Column("confirmed_by", String(64), nullable=False),
    Column("confirmed_index", BigInteger, nullable=False),
    Column("confirmed_us", BigInteger, nullable=False),
)

_APPEND_ONLY = (
    "budget_lineage",
    "charge",
    "charge_level",
    "budget_correction",
    "budget_proposal",
    "budget_confirmation",
)
_FIXED_IN_NODE = ("id", "level", "population", "name", "opened_us")
_NODE_TURNS_BACK = " OR ".join(
    [
        *(f"NEW.{name} <> OLD.{name}" for name in _FIXED_IN_NODE),
        "COALESCE(NEW.parent, '') <> COALESCE(OLD.parent, '')",
        "NEW.spent_nano_rho < OLD.spent_nano_rho",
        "NEW.spent_delta_steps < OLD.spent_delta_steps",
        "NEW.cap_nano_rho < OLD.cap_nano_rho",
        "NEW.cap_delta_steps < OLD.cap_delta_steps",
        "(OLD.level IN ('licence', 'project') AND NEW.cap_nano_rho <> OLD.cap_nano_rho)",
        "(OLD.level IN ('licence', 'project') AND NEW.cap_delta_steps <> OLD.cap_delta_steps)",
    ]
)


guard_append_only(*_APPEND_ONLY)
guard_from_turning_back("budget_node", _NODE_TURNS_BACK)
