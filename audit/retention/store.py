"""The tables of purges: what was proposed, who confirmed it, and the keys that were destroyed.

Which fields are gone stands in ``audit.store.erasure``. All of it only grows.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table

from foundation.db import metadata
from foundation.guards import guard_append_only

purge_proposal = Table(
    "purge_proposal",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("record_class", String(40), nullable=False),
    Column("before_us", BigInteger, nullable=False),
    Column("leave_held", Boolean, nullable=False),
    Column("proposed_by", String(80), nullable=False),
    Column("proposed_index", BigInteger, nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
)

purge_confirmation = Table(
    "purge_confirmation",
    metadata,
    Column("proposal", String(80), ForeignKey("purge_proposal.id"), primary_key=True),
    Column("confirmed_by", String(80), nullable=False),
    Column("confirmed_index", BigInteger, nullable=False),
    Column("confirmed_us", BigInteger, nullable=False),
)

text_key_destroyed = Table(
    "text_key_destroyed",
    metadata,
    Column("key_name", String(100), primary_key=True),
    Column("destroyed_index", BigInteger, nullable=False),
    Column("destroyed_us", BigInteger, nullable=False),
)

guard_append_only("purge_proposal", "purge_confirmation", "text_key_destroyed")
