"""The whole ledger as plain records, in the order of the log: what every export is written from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from sqlalchemy import Connection, select

from revenue.store import account, journal, posting, seal

CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Book:
    """An account: its kind, holder and code."""

    kind: str
    holder: str
    code: str


@dataclass(frozen=True)
class Leg:
    """One posting: an account's code and its fen, debit above zero."""

    account: str
    fen: int


@dataclass(frozen=True)
class Journal:
    """A sealed journal. ``day`` is its date in China."""

    id: str
    kind: str
    period: str
    day: date
    audit_index: int
    rule_digest: str
    reverses: str | None
    digest: str
    legs: tuple[Leg, ...]


@dataclass(frozen=True)
class Books:
    """Every account in order of code, and every journal in the order of the log."""

    accounts: Sequence[Book]
    journals: Sequence[Journal]

    def balances(self) -> dict[str, int]:
        """Return what each account holds in fen, zeros included."""
        found = dict.fromkeys((one.code for one in self.accounts), 0)
        for one in self.journals:
            for leg in one.legs:
                found[leg.account] += leg.fen
        return found


def read_books(connection: Connection) -> Books:
    """Read the whole ledger in one transaction."""
    accounts = connection.execute(select(account).order_by(account.c.code)).all()
    legs: dict[str, list[Leg]] = {}
    rows = select(posting.c.journal_id, posting.c.account, posting.c.fen)
    for name, code, fen in connection.execute(
        rows.order_by(posting.c.journal_id, posting.c.sequence)
    ):
        legs.setdefault(name, []).append(Leg(code, int(fen)))
    query = (
        select(journal, seal.c.digest)
        .join(seal, seal.c.journal_id == journal.c.id)
        .order_by(journal.c.audit_index, journal.c.id)
    )
    journals = [
        Journal(
            id=row.id,
            kind=row.kind,
            period=row.period_id,
            day=_day(row.recorded_us),
            audit_index=row.audit_index,
            rule_digest=row.rule_digest,
            reverses=row.reverses,
            digest=row.digest,
            legs=tuple(legs[row.id]),
        )
        for row in connection.execute(query)
    ]
    books = sorted((Book(row.kind, row.holder, row.code) for row in accounts), key=lambda b: b.code)
    return Books(books, journals)


def _day(time_us: int) -> date:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(CHINA).date()
