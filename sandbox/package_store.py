"""The table of requested packages: who asked for what, why, and what was decided."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text

from foundation.db import metadata
from foundation.guards import guard_from_turning_back

STATES = ("requested", "approved", "refused")

package_request = Table(
    "sandbox_package_request",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("package", String(100), nullable=False),
    Column("version", String(60), nullable=False),
    Column("licence", String(80), nullable=False),
    Column("person", String(120), nullable=False),
    Column("organisation", String(120), nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(120), nullable=False, server_default=""),
    Column("comment", Text, nullable=False, server_default=""),
    Column("requested_us", BigInteger, nullable=False),
    Column("decided_us", BigInteger),
    CheckConstraint(f"state IN {STATES}", name="state"),
    Index("ix_sandbox_package_request_package", "package", "version"),
)

guard_from_turning_back(
    "sandbox_package_request",
    "OLD.state <> 'requested' OR NEW.package <> OLD.package OR NEW.version <> OLD.version "
    "OR NEW.person <> OLD.person",
)
