"""The ledger's tables: settlement rules, sealed journals, periods, statements.

Everything is append-only; a period changes once, from open to closed. A journal points at its
seal by a deferred foreign key, and a seal is refused unless the legs sum to zero, so no commit
can hold an unbalanced journal. The FK to ``entry`` ties every row to the log (I6).
"""

from sqlalchemy import (
    DDL,
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
    event,
    text,
)

from audit.store import logged
from foundation.db import metadata
from revenue import triggers
from revenue.kinds import AccountKind, JournalKind, one_of
from revenue.triggers import TRIGGERS_SQLITE

__all__ = ["TRIGGERS_POSTGRESQL", "TRIGGERS_SQLITE"]

TRIGGERS_POSTGRESQL = (*triggers.FUNCTIONS_POSTGRESQL, *triggers.TRIGGERS_POSTGRESQL)
FEN_MAX = 10**15


account = Table(
    "account",
    metadata,
    Column("code", String(500), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("holder", String(450), nullable=False),
    CheckConstraint(one_of("kind", AccountKind), name="kind"),
    sqlite_with_rowid=False,
)

period = Table(
    "period",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("opened_index", BigInteger, logged(), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("closed_index", BigInteger, logged()),
    Column("closed_us", BigInteger),
    CheckConstraint("state IN ('open', 'closed')", name="state"),
    CheckConstraint(
        "(state = 'closed') = (closed_index IS NOT NULL AND closed_us IS NOT NULL)", name="closed"
    ),
    CheckConstraint("closed_index > opened_index", name="order"),
    Index(
        "uq_period_open",
        "state",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    sqlite_with_rowid=False,
)

settlement_rule = Table(
    "settlement_rule",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

seal = Table(
    "seal",
    metadata,
    Column("journal_id", String(60), primary_key=True),
    Column("digest", String(80), nullable=False),
    sqlite_with_rowid=False,
)

journal = Table(
    "journal",
    metadata,
    Column(
        "id",
        String(60),
        ForeignKey("seal.journal_id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    Column("idempotency_key", String(200), nullable=False, unique=True),
    Column("request_digest", String(80), nullable=False),
    Column("period_id", String(40), ForeignKey("period.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("rule_digest", String(80), ForeignKey("settlement_rule.digest"), nullable=False),
    Column("reverses", String(60), ForeignKey("journal.id"), unique=True),
    Column("recorded_us", BigInteger, nullable=False),
    CheckConstraint(one_of("kind", JournalKind), name="kind"),
    CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name="reversal"),
    UniqueConstraint("audit_index", "kind", "rule_digest", name="uq_journal_outcome"),
    Index(
        "uq_journal_settlement",
        "period_id",
        "rule_digest",
        unique=True,
        sqlite_where=text("kind = 'settlement'"),
        postgresql_where=text("kind = 'settlement'"),
    ),
    sqlite_with_rowid=False,
)

posting = Table(
    "posting",
    metadata,
    Column("journal_id", String(60), ForeignKey("journal.id"), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("account", String(500), ForeignKey("account.code"), nullable=False),
    Column("fen", BigInteger, nullable=False),
    CheckConstraint(f"fen <> 0 AND fen BETWEEN -{FEN_MAX} AND {FEN_MAX}", name="fen"),
    Index("ix_posting_account", "account", "fen"),
    sqlite_with_rowid=False,
)

statement = Table(
    "statement",
    metadata,
    Column("period_id", String(40), ForeignKey("period.id"), primary_key=True),
    Column("audit_index", BigInteger, logged(), nullable=False),
    Column("document", Text, nullable=False),
    Column("digest", String(80), nullable=False),
    sqlite_with_rowid=False,
)


def _attach(statements: tuple[str, ...], dialect: str) -> None:
    for statement_text in statements:
        words = statement_text.split()
        _after(metadata.tables[words[words.index("ON") + 1]], statement_text, dialect)


def _after(table: Table, statement_text: str, dialect: str) -> None:
    ddl = DDL(statement_text)  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


_attach(TRIGGERS_SQLITE, "sqlite")
for _table in (*triggers.APPEND_ONLY, "period"):
    for _function in triggers.FUNCTIONS_POSTGRESQL:
        _after(metadata.tables[_table], _function, "postgresql")
_attach(triggers.TRIGGERS_POSTGRESQL, "postgresql")
