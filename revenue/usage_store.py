"""The tables of metering: what was used and by whom, what it rests on, tariffs, wallet holds.

Rows are only ever added, each beside its log entry (I6). An outcome is billed at most once to a
licence and meter, whatever is replayed: ``source_index`` is the entry whose use a row bills, and
differs from ``audit_index`` only where a later entry repriced it.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from audit.store import logged
from foundation.db import attach_guards, metadata
from foundation.guards import guard_append_only, guard_from_replacing
from policies.schema.revenue import Meter

MICRO_FEN_MAX = 10**18
_METERS = ", ".join(f"'{meter.value}'" for meter in Meter)


usage = Table(
    "usage",
    metadata,
    Column("audit_index", BigInteger, logged(), primary_key=True, autoincrement=False),
    Column("source_index", BigInteger, logged(), primary_key=True, autoincrement=False),
    Column("meter", String(20), primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    Column("units_before", BigInteger, nullable=False),
    Column("licence", String(200), nullable=False),
    Column("product", String(200), nullable=False),
    Column("buyer", String(200), nullable=False),
    Column("payer", String(200), nullable=False),
    Column("biller", String(200), nullable=False),
    Column("price_class", String(40), nullable=False),
    Column("prepaid", Integer, nullable=False),
    Column("tariff_digest", String(80), nullable=False),
    Column("rule_digest", String(80), ForeignKey("settlement_rule.digest"), nullable=False),
    Column("gross_micro_fen", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    CheckConstraint(f"meter IN ({_METERS})", name="meter"),
    CheckConstraint("quantity > 0 AND units_before >= 0", name="quantity"),
    CheckConstraint("source_index <= audit_index", name="source"),
    CheckConstraint("prepaid IN (0, 1)", name="prepaid"),
    CheckConstraint(f"gross_micro_fen BETWEEN 0 AND {MICRO_FEN_MAX}", name="gross"),
    UniqueConstraint("source_index", "meter", "licence", name="uq_usage_outcome"),
    Index("ix_usage_licence", "licence", "meter", "audit_index", "source_index"),
    Index("ix_usage_payer", "payer", "audit_index", "prepaid", "gross_micro_fen"),
    sqlite_with_rowid=False,
)
"""One row an outcome and meter. ``units_before`` counts the licence's units of that meter since the
last close, in the order of the log, so that each price can be computed again by itself."""

contribution = Table(
    "contribution",
    metadata,
    Column("audit_index", BigInteger, logged(), primary_key=True, autoincrement=False),
    Column("source_index", BigInteger, logged(), primary_key=True, autoincrement=False),
    Column("dataset", String(200), primary_key=True),
    Column("licence", String(200), nullable=False),
    Column("columns", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("outcome_key", String(80), nullable=False),
    CheckConstraint("rows >= 0", name="rows"),
    Index("ix_contribution_licence", "licence", "audit_index"),
    sqlite_with_rowid=False,
)
"""What a billed outcome rests on, one row a data set: its columns (a sorted JSON list), governed
rows (else 0), and a keyed digest that is equal for equal questions of a licence."""

tariff_version = Table(
    "tariff_version",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("licence", String(200), primary_key=True),
    Column("version", String(60), nullable=False),
    Column("document", Text, nullable=False),
    Column("proposed_by", String(200), nullable=False),
    Column("proposed_index", BigInteger, logged(), nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    UniqueConstraint("licence", "version", name="uq_tariff_version"),
    sqlite_with_rowid=False,
)

tariff_approval = Table(
    "tariff_approval",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("licence", String(200), primary_key=True),
    Column("approved_by", String(200), nullable=False),
    Column("approved_index", BigInteger, logged(), nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Index("ix_tariff_approval", "licence", "approved_index"),
    sqlite_with_rowid=False,
)

tariff_document = Table(
    "tariff_document",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Each tariff that ever priced anything, as canonical bytes under its digest."""

wallet_hold = Table(
    "wallet_hold",
    metadata,
    Column("reference", String(200), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("payer", String(200), nullable=False),
    Column("licence", String(200), nullable=False),
    Column("micro_fen", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    CheckConstraint("kind IN ('question', 'session', 'subscription')", name="kind"),
    CheckConstraint(f"micro_fen BETWEEN 0 AND {MICRO_FEN_MAX}", name="micro_fen"),
    Index("ix_wallet_hold_payer", "payer", "until_us"),
    sqlite_with_rowid=False,
)
"""Money set aside for what was decided and is not metered yet, until a time at the latest."""

wallet_hold_end = Table(
    "wallet_hold_end",
    metadata,
    Column("reference", String(200), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    sqlite_with_rowid=False,
)

KEYS = {
    "usage": ("audit_index", "source_index", "meter"),
    "contribution": ("audit_index", "source_index", "dataset"),
    "tariff_version": ("digest", "licence"),
    "tariff_approval": ("digest", "licence"),
    "tariff_document": ("digest",),
    "wallet_hold": ("reference", "kind"),
    "wallet_hold_end": ("reference", "kind"),
}


def _whole(table: str, column: str) -> str:
    return (
        f"CREATE TRIGGER {table}_whole_{column} BEFORE INSERT ON {table} "
        f"WHEN typeof(NEW.{column}) <> 'integer' "
        f"BEGIN SELECT RAISE(ABORT, '{column} is a whole number'); END"
    )


guard_append_only(*KEYS)
for _table, _keys in KEYS.items():
    guard_from_replacing(_table, _keys)
guard_from_replacing("usage", ("source_index", "meter", "licence"))
guard_from_replacing("tariff_version", ("licence", "version"))
attach_guards(
    (
        _whole("usage", "quantity"),
        _whole("usage", "gross_micro_fen"),
        _whole("wallet_hold", "micro_fen"),
    ),
    "sqlite",
)
