"""The tables of cases and their holds. A closed case and a lifted hold never come back.

What is held is decided by these rows alone, so that a hold outlives any restart.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table, Text

from foundation.db import metadata
from foundation.guards import guard_from_turning_back

audit_case = Table(
    "audit_case",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("organisation", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened_by", String(80), nullable=False),
    Column("opened_index", BigInteger, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("closed_index", BigInteger),
    CheckConstraint("state IN ('open', 'closed')", name="state"),
)

case_hold = Table(
    "case_hold",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("case_id", String(80), ForeignKey("audit_case.id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("scope", Text, nullable=False),
    Column("placed_by", String(80), nullable=False),
    Column("placed_index", BigInteger, nullable=False),
    Column("placed_us", BigInteger, nullable=False),
    Column("lifted_by", String(80)),
    Column("lifted_index", BigInteger),
    CheckConstraint("state IN ('placed', 'lifted')", name="state"),
)

guard_from_turning_back(
    "audit_case",
    "OLD.state = 'closed' OR NEW.organisation <> OLD.organisation "
    "OR NEW.opened_index <> OLD.opened_index",
)
guard_from_turning_back(
    "case_hold",
    "OLD.state = 'lifted' OR NEW.scope <> OLD.scope OR NEW.case_id <> OLD.case_id",
)
