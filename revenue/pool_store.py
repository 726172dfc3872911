"""The tables of settlement: the pool of each licence and period, and what payees carry.

Both only grow. A pool's document is what the closing entry commits to; a carry is a movement, so
that what is carried now is always the sum of what moved, and a reversal gives back what it took.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Text

from audit.store import logged
from foundation.db import attach_guards, metadata
from foundation.guards import guard_append_only, guard_from_replacing
from revenue.schemes.store import scheme_document
from revenue.store import FEN_MAX, period, settlement_rule
from revenue.usage_store import MICRO_FEN_MAX

pool = Table(
    "pool",
    metadata,
    Column("period_id", String(40), ForeignKey(period.c.id), primary_key=True),
    Column("licence", String(200), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("rule_digest", String(80), ForeignKey(settlement_rule.c.digest), nullable=False),
    Column("scheme_digest", String(80), ForeignKey(scheme_document.c.digest), nullable=False),
    Column("billed_fen", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("digest", String(80), nullable=False),
    CheckConstraint(f"billed_fen BETWEEN 0 AND {FEN_MAX}", name="billed_fen"),
    Index("ix_pool_rule", "period_id", "rule_digest"),
    sqlite_with_rowid=False,
)

carry = Table(
    "carry",
    metadata,
    Column("audit_index", BigInteger, logged(), primary_key=True, autoincrement=False),
    Column("licence", String(200), primary_key=True),
    Column("period_id", String(40), ForeignKey(period.c.id), primary_key=True),
    Column("payee", String(200), primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("micro_fen", BigInteger, nullable=False),
    CheckConstraint(f"micro_fen BETWEEN -{MICRO_FEN_MAX} AND {MICRO_FEN_MAX}", name="micro_fen"),
    Index("ix_carry_licence", "licence", "payee"),
    sqlite_with_rowid=False,
)
"""``period_id`` is the pool that moved it, ``audit_index`` the entry: a close or a reversal."""

guard_append_only("pool", "carry")
guard_from_replacing("pool", ("period_id", "licence"))
guard_from_replacing("carry", ("audit_index", "licence", "period_id", "payee"))
_WHOLE = (
    "CREATE TRIGGER carry_whole_micro_fen BEFORE INSERT ON carry "
    "WHEN typeof(NEW.micro_fen) <> 'integer' "
    "BEGIN SELECT RAISE(ABORT, 'micro-fen are whole numbers'); END"
)
attach_guards((_WHOLE,), "sqlite")
