"""The ledger: n-leg journals that sum to zero, sealed when posted, corrected only by reversal.

Debits are positive fen, credits negative. Posting the same request under the same key returns the
first journal; the same key for another request is refused. The tables refuse the same (I6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, func, insert, select

from audit.events import PendingEntry
from foundation.canonical import digest
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.ids import new_id
from revenue.store import FEN_MAX, account, journal, period, posting, seal
from revenue.triggers import LEGS_MIN


class JournalKind(StrEnum):
    """Why a journal was posted."""

    SETTLEMENT = "settlement"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"


@dataclass(frozen=True)
class Account:
    """An account by kind and holder: ``receivable``, ``treasury``, ``account`` or ``tax``."""

    kind: str
    holder: str

    @property
    def code(self) -> str:
        """The account's unique code, for example ``treasury:civil_affairs``."""
        return f"{self.kind}:{self.holder}"


@dataclass(frozen=True)
class Posting:
    """One leg: an account and its whole fen, debit above zero and credit below."""

    account: Account
    fen: int


@dataclass(frozen=True)
class JournalRequest:
    """What is asked of the ledger. The log entry it rests on is that of the running submit."""

    idempotency_key: str
    period: str
    kind: JournalKind
    rule_digest: str
    postings: tuple[Posting, ...]
    reverses: str | None = None


@dataclass(frozen=True)
class Posted:
    """A sealed journal: its identifier and digest, and whether it was there already."""

    id: str
    digest: str
    replayed: bool = False


def post(connection: Connection, entry: PendingEntry, request: JournalRequest) -> Posted:
    """Post and seal one journal, or return the one posted before under the same key."""
    request_digest = _request_digest(request)
    earlier = _by_key(connection, request.idempotency_key)
    if earlier is not None:
        return _replay(connection, earlier, request_digest)
    _check(connection, entry, request)
    journal_id = new_id("journal")
    _insert(connection, entry, journal_id, request, request_digest)
    sealed = digest(
        journal_content(
            {
                "id": journal_id,
                "kind": request.kind.value,
                "period": request.period,
                "audit_index": entry.index,
                "rule_digest": request.rule_digest,
            },
            [(leg.account.code, leg.fen) for leg in request.postings],
        )
    )
    connection.execute(insert(seal).values(journal_id=journal_id, digest=sealed))
    return Posted(journal_id, sealed)


def reverse(connection: Connection, entry: PendingEntry, journal_id: str, period_id: str) -> Posted:
    """Post the mirror of a journal in an open period; a journal is reversed at most once."""
    original = connection.execute(select(journal).where(journal.c.id == journal_id)).first()
    if original is None:
        raise NotFound(
            "journal_unknown",
            Message(zh="没有这笔凭证。", en="There is no such journal."),
            field="$.journal",
        )
    if original.kind == JournalKind.REVERSAL:
        raise _conflict("reversal_final", "冲销凭证不得再次冲销。", "A reversal is not reversed.")
    legs = connection.execute(
        select(account.c.kind, account.c.holder, posting.c.fen)
        .join(account, account.c.code == posting.c.account)
        .where(posting.c.journal_id == journal_id)
        .order_by(posting.c.sequence)
    )
    request = JournalRequest(
        idempotency_key=f"reversal:{journal_id}",
        period=period_id,
        kind=JournalKind.REVERSAL,
        rule_digest=original.rule_digest,
        postings=tuple(Posting(Account(leg.kind, leg.holder), -leg.fen) for leg in legs),
        reverses=journal_id,
    )
    return post(connection, entry, request)


def balances(connection: Connection) -> dict[str, int]:
    """Return the balance of every account in fen, always summed from the postings themselves."""
    sums = select(posting.c.account, func.sum(posting.c.fen)).group_by(posting.c.account)
    return {code: int(fen) for code, fen in connection.execute(sums)}


def journal_content(
    head: Mapping[str, object], legs: Sequence[tuple[str, int]]
) -> dict[str, object]:
    """Return what a seal's digest covers: the journal's head and its legs in order.

    The log leaf is not part of it: it does not exist before the journal does.
    """
    return {**head, "postings": [{"account": code, "fen": fen} for code, fen in legs]}


def _request_digest(request: JournalRequest) -> str:
    return digest(
        {
            "period": request.period,
            "kind": request.kind.value,
            "rule_digest": request.rule_digest,
            "reverses": request.reverses,
            "postings": [[leg.account.code, leg.fen] for leg in request.postings],
        }
    )


def _by_key(connection: Connection, key: str) -> Row[str, str] | None:
    query = select(journal.c.id, journal.c.request_digest)
    return connection.execute(query.where(journal.c.idempotency_key == key)).first()


def _replay(connection: Connection, earlier: Row[str, str], request_digest: str) -> Posted:
    if earlier.request_digest != request_digest:
        raise _conflict(
            "idempotency_key_reused",
            "该幂等键已用于另一笔不同的凭证。",
            "This idempotency key already belongs to a different journal.",
        )
    sealed = select(seal.c.digest).where(seal.c.journal_id == earlier.id)
    return Posted(earlier.id, connection.execute(sealed).scalar_one(), replayed=True)


def _check(connection: Connection, entry: PendingEntry, request: JournalRequest) -> None:
    _check_legs(request.postings)
    state = select(period.c.state).where(period.c.id == request.period)
    if connection.execute(state).scalar() != "open":
        raise _conflict(
            "period_not_open",
            f"账期“{request.period}”未开启或已关闭，不得记账。",
            f"The period {request.period!r} is not open, so nothing is posted in it.",
        )
    billed = select(journal.c.id).where(
        journal.c.audit_index == entry.index,
        journal.c.kind == request.kind,
        journal.c.rule_digest == request.rule_digest,
    )
    if connection.execute(billed).first() is not None:
        raise _conflict(
            "outcome_already_billed",
            "该日志条目已按同一规则记账。",
            "This log entry has already been billed under this rule.",
        )


def _check_legs(legs: tuple[Posting, ...]) -> None:
    if len(legs) < LEGS_MIN or sum(leg.fen for leg in legs) != 0:
        raise InvalidInput(
            "journal_unbalanced",
            Message(
                zh="凭证至少须有两条分录，且借贷合计为零。",
                en="A journal needs at least two legs that sum to zero.",
            ),
            field="$.postings",
        )
    if any(leg.fen == 0 or abs(leg.fen) > FEN_MAX for leg in legs):
        raise InvalidInput(
            "posting_out_of_range",
            Message(
                zh=f"分录金额须为非零整数分，且绝对值不超过 {FEN_MAX}。",
                en=f"A leg is a whole number of fen, not zero, at most {FEN_MAX} either way.",
            ),
            field="$.postings",
        )


def _insert(
    connection: Connection,
    entry: PendingEntry,
    journal_id: str,
    request: JournalRequest,
    request_digest: str,
) -> None:
    connection.execute(
        insert(journal).values(
            id=journal_id,
            idempotency_key=request.idempotency_key,
            request_digest=request_digest,
            period_id=request.period,
            kind=request.kind.value,
            audit_index=entry.index,
            rule_digest=request.rule_digest,
            reverses=request.reverses,
            recorded_us=entry.time_us,
        )
    )
    for sequence, leg in enumerate(request.postings):
        _keep_account(connection, leg.account)
        connection.execute(
            insert(posting).values(
                journal_id=journal_id, sequence=sequence, account=leg.account.code, fen=leg.fen
            )
        )


def _keep_account(connection: Connection, wanted: Account) -> None:
    known = select(account.c.code).where(account.c.code == wanted.code)
    if connection.execute(known).first() is None:
        connection.execute(
            insert(account).values(code=wanted.code, kind=wanted.kind, holder=wanted.holder)
        )


def _conflict(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh=zh, en=en), field="$.journal", rule="revenue/ledger")
