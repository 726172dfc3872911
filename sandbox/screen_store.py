"""Tables of what a person may still see, and still bring in, under a licence in a day.

Rows only grow. What was set aside in the log may be shown, and nothing more (``sandbox.egress``);
what came in is counted in the transaction of its entry (``sandbox.uploads``).
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, String, Table

from foundation.db import metadata
from foundation.guards import guard_from_turning_back

sandbox_egress = Table(
    "sandbox_egress",
    metadata,
    Column("person", String(120), primary_key=True),
    Column("licence", String(40), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("reserved_bytes", BigInteger, nullable=False),
    Column("reserved_values", BigInteger, nullable=False),
    CheckConstraint("reserved_bytes >= 0 AND reserved_values >= 0", name="counted"),
)
"""``day`` counts UTC days since 1970."""

sandbox_incoming = Table(
    "sandbox_incoming",
    metadata,
    Column("person", String(120), primary_key=True),
    Column("licence", String(40), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("way", String(8), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    CheckConstraint("bytes >= 0", name="counted"),
    CheckConstraint("way IN ('upload', 'save')", name="way"),
)

guard_from_turning_back("sandbox_incoming", "NEW.bytes < OLD.bytes")
guard_from_turning_back(
    "sandbox_egress",
    "NEW.reserved_bytes < OLD.reserved_bytes OR NEW.reserved_values < OLD.reserved_values",
)
