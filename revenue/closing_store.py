"""The salts of a close: one for each payee's leaf and each pool, so that no leaf can be guessed.

They are drawn when a period closes and handed to nobody but in the payee's own bundle.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, LargeBinary, String, Table

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_replacing
from revenue.store import period

closing_salt = Table(
    "closing_salt",
    metadata,
    Column("period_id", String(40), ForeignKey(period.c.id), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("salt", LargeBinary(16), nullable=False),
    CheckConstraint("kind IN ('payee', 'pool')", name="kind"),
    CheckConstraint("length(salt) = 16", name="salt"),
    sqlite_with_rowid=False,
)

guard_append_only("closing_salt")
guard_from_replacing("closing_salt", ("period_id", "kind", "name"))
