"""The tables of the flow of money: moves and who decided them, receipts, confirmations, payouts.

Rows are only ever added, each beside its log entry (I6). What a journal brought about counts while
that journal is not reversed, so a reversal needs no row of its own here.
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

from audit.store import logged
from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_replacing
from revenue.store import FEN_MAX


def _fen(name: str = "fen") -> CheckConstraint:
    return CheckConstraint(f"{name} BETWEEN 0 AND {FEN_MAX}", name=name)


money_move = Table(
    "money_move",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", String(200), nullable=False),
    Column("organisation", String(200), nullable=False),
    Column("proposed_index", BigInteger, logged(), nullable=False, unique=True),
    Column("proposed_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What one person proposed to do with money, as canonical JSON."""

money_move_decision = Table(
    "money_move_decision",
    metadata,
    Column("move", String(60), ForeignKey("money_move.id"), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("decided_by", String(200), nullable=False),
    Column("decided_index", BigInteger, logged(), nullable=False),
    Column("decided_us", BigInteger, nullable=False),
    CheckConstraint("state IN ('approved', 'withdrawn')", name="state"),
    sqlite_with_rowid=False,
)
"""Approved by another person and carried out, or withdrawn; once."""

receipt = Table(
    "receipt",
    metadata,
    Column("journal_id", String(60), ForeignKey("journal.id"), primary_key=True),
    Column("biller", String(200), nullable=False),
    Column("payer", String(200), nullable=False),
    Column("bank_reference", String(200), nullable=False),
    Column("fen", BigInteger, nullable=False),
    _fen(),
    Index("ix_receipt_reference", "biller", "bank_reference"),
    sqlite_with_rowid=False,
)
"""Money that came in: its journal, and the bank's own reference for it."""

receipt_match = Table(
    "receipt_match",
    metadata,
    Column("journal_id", String(60), ForeignKey("journal.id"), primary_key=True),
    Column("period_id", String(40), primary_key=True),
    Column("licence", String(200), primary_key=True),
    Column("fen", BigInteger, nullable=False),
    CheckConstraint(f"fen <> 0 AND fen BETWEEN -{FEN_MAX} AND {FEN_MAX}", name="fen"),
    Index("ix_receipt_match_pool", "period_id", "licence"),
    sqlite_with_rowid=False,
)
"""What a receipt paid of a pool's bill; below zero where a lowered bill gives money back."""

statement_confirmation = Table(
    "statement_confirmation",
    metadata,
    Column("journal_id", String(60), ForeignKey("journal.id"), primary_key=True),
    Column("payee", String(200), primary_key=True),
    Column("period_id", String(40), nullable=False),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("confirmed_by", String(200), nullable=False),
    Column("claim_digest", String(80), nullable=False),
    sqlite_with_rowid=False,
)
"""A payee's word on its lines of one bill; a corrected one is another journal."""

distribution_line = Table(
    "distribution_line",
    metadata,
    Column("journal_id", String(60), ForeignKey("journal.id"), primary_key=True),
    Column("line", String(250), primary_key=True),
    Column("period_id", String(40), nullable=False),
    Column("licence", String(200), nullable=False),
    Column("allotted_fen", BigInteger, nullable=False),
    Column("paid_fen", BigInteger, nullable=False),
    _fen("allotted_fen"),
    _fen("paid_fen"),
    Index("ix_distribution_line_pool", "period_id", "licence"),
    sqlite_with_rowid=False,
)
"""A line's share of newly collected money, and what of all its shares was made payable."""

correction = Table(
    "correction",
    metadata,
    Column("journal_id", String(60), ForeignKey("journal.id"), primary_key=True),
    Column("period_id", String(40), nullable=False),
    Column("licence", String(200), nullable=False),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("rule_digest", String(80), ForeignKey("settlement_rule.digest"), nullable=False),
    Index("ix_correction_pool", "period_id", "licence", "audit_index"),
    sqlite_with_rowid=False,
)
"""A pool's bill and lines as a dispute's decision made them; the newest one holds."""

dispute = Table(
    "dispute",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("period_id", String(40), nullable=False),
    Column("licence", String(200), nullable=False),
    Column("party", String(10), nullable=False),
    Column("organisation", String(200), nullable=False),
    Column("opened_by", String(200), nullable=False),
    Column("opened_index", BigInteger, logged(), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    CheckConstraint("party IN ('payee', 'payer')", name="party"),
    Index("ix_dispute_pool", "period_id", "licence"),
    sqlite_with_rowid=False,
)

dispute_move = Table(
    "dispute_move",
    metadata,
    Column("dispute", String(60), ForeignKey("dispute.id"), primary_key=True),
    Column("state", String(10), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("person", String(200), nullable=False),
    Column("journal_id", String(60), ForeignKey("journal.id")),
    CheckConstraint("state IN ('held', 'upheld', 'dismissed')", name="state"),
    sqlite_with_rowid=False,
)
"""Every state a dispute reached after it was opened, with the journal that the move posted."""

payment_details = Table(
    "payment_details",
    metadata,
    Column("payee", String(200), primary_key=True),
    Column("channel", String(20), primary_key=True),
    Column("audit_index", BigInteger, logged(), primary_key=True, autoincrement=False),
    Column("holder", String(140), nullable=False),
    Column("account", String(34), nullable=False),
    Column("bank_code", String(14), nullable=False),
    sqlite_with_rowid=False,
)
"""Where a payee, or a biller under the channel ``bank``, is paid; the newest row holds."""

payout_file = Table(
    "payout_file",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("biller", String(200), nullable=False),
    Column("written_by", String(200), nullable=False),
    Column("written_us", BigInteger, nullable=False),
    Column("fen", BigInteger, nullable=False),
    Column("csv_digest", String(80), nullable=False),
    Column("pain_digest", String(80), nullable=False),
    Column("csv", Text, nullable=False),
    Column("pain", Text, nullable=False),
    _fen(),
    sqlite_with_rowid=False,
)

payout_line = Table(
    "payout_line",
    metadata,
    Column("end_to_end_id", String(35), primary_key=True),
    Column("file", String(60), ForeignKey("payout_file.id"), nullable=False),
    Column("period_id", String(40), nullable=False),
    Column("line", String(250), nullable=False),
    Column("fen", BigInteger, nullable=False),
    CheckConstraint(f"fen BETWEEN 1 AND {FEN_MAX}", name="fen"),
    UniqueConstraint("file", "period_id", "line", name="uq_payout_line"),
    sqlite_with_rowid=False,
)

payout_file_move = Table(
    "payout_file_move",
    metadata,
    Column("file", String(60), ForeignKey("payout_file.id"), primary_key=True),
    Column("state", String(10), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("person", String(200), nullable=False),
    CheckConstraint("state IN ('sent', 'withdrawn', 'returned')", name="state"),
    sqlite_with_rowid=False,
)

payout_result = Table(
    "payout_result",
    metadata,
    Column("end_to_end_id", String(35), ForeignKey("payout_line.end_to_end_id"), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("status", String(10), nullable=False),
    Column("reason_code", String(35), nullable=False),
    Column("journal_id", String(60), ForeignKey("journal.id")),
    CheckConstraint("status IN ('paid', 'failed')", name="status"),
    CheckConstraint("(status = 'paid') = (journal_id IS NOT NULL)", name="journal"),
    sqlite_with_rowid=False,
)
"""What the bank said of one line; a paid one names the journal that took it from the bank."""

KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "money_move": (("id",), ("proposed_index",)),
    "money_move_decision": (("move",),),
    "receipt": (("journal_id",),),
    "receipt_match": (("journal_id", "period_id", "licence"),),
    "statement_confirmation": (("journal_id", "payee"),),
    "distribution_line": (("journal_id", "line"),),
    "correction": (("journal_id",),),
    "dispute": (("id",),),
    "dispute_move": (("dispute", "state"),),
    "payment_details": (("payee", "channel", "audit_index"),),
    "payout_file": (("id",),),
    "payout_line": (("end_to_end_id",), ("file", "period_id", "line")),
    "payout_file_move": (("file", "state"),),
    "payout_result": (("end_to_end_id",),),
}
"""Every unique key of every table: a row in the way of one is never replaced."""

guard_append_only(*KEYS)
for _table, _keys in KEYS.items():
    guard_from_replacing(_table, *_keys)
