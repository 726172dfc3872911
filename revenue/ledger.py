"""The ledger: n-leg journals that sum to zero, sealed when posted, corrected only by reversal.

Debits are positive fen, credits negative. Posting the same request under the same key returns the
first journal; the same key for another request is refused. The tables refuse the same (I6). There
is no table of balances: each is summed from the postings, so none can differ from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sqlalchemy import Connection, bindparam, func, literal, select, union_all

from audit.events import PendingEntry
from audit.insertion import insert_rows
from foundation.canonical import digest
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.ids import new_id
from revenue.kinds import AccountKind, JournalKind
from revenue.posting_at_once import Leg, post_at_once, posts_at_once
from revenue.store import FEN_MAX, account, journal, period, posting, seal
from revenue.triggers import LEGS_MIN

__all__ = [
    "Account",
    "AccountKind",
    "JournalKind",
    "JournalRequest",
    "Posted",
    "Posting",
    "balance_fen",
    "balances",
    "journal_content",
    "post",
    "post_all",
    "postings_of",
    "reverse",
    "wallet_balance_fen",
]

NAMES_AT_ONCE = 500  # names in one question to the database; SQLite takes 32,766 parameters


@dataclass(frozen=True)
class Account:
    """An account by kind (``revenue.kinds.AccountKind``) and holder."""

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


@dataclass(frozen=True)
class _Draft:
    id: str
    request: JournalRequest
    request_digest: str
    seal_digest: str


def post(connection: Connection, entry: PendingEntry, request: JournalRequest) -> Posted:
    """Post and seal one journal, or return the one posted before under the same key."""
    if posts_at_once(connection) and _legs_refused(request.postings) is None:
        draft = _draft(entry, request, _request_digest(request))
        if post_at_once(connection, _head(entry, draft), _legs(draft), draft.seal_digest):
            return Posted(draft.id, draft.seal_digest)
    return post_all(connection, entry, (request,))[0]


def post_all(
    connection: Connection, entry: PendingEntry, requests: Sequence[JournalRequest]
) -> list[Posted]:
    """Post and seal many journals in a few statements, in order; a known key is a replay.

    All of them or none: whatever is refused rolls back the submit that this runs in.
    """
    before = _before(connection, entry, requests)
    known = before.posted
    drafts: list[_Draft] = []
    answers: list[Posted] = []
    for request in requests:
        request_digest = _request_digest(request)
        earlier = known.get(request.idempotency_key)
        if earlier is not None:
            answers.append(_replay(earlier, request_digest))
            continue
        draft = _draft(entry, request, request_digest)
        drafts.append(draft)
        known[request.idempotency_key] = draft.id, request_digest, draft.seal_digest
        answers.append(Posted(draft.id, draft.seal_digest))
    if drafts:
        _check(before, [draft.request for draft in drafts])
        _insert(connection, entry, drafts, before.accounts)
    return answers


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
    _, legs = postings_of(connection, journal_id)
    request = JournalRequest(
        idempotency_key=f"reversal:{journal_id}",
        period=period_id,
        kind=JournalKind.REVERSAL,
        rule_digest=original.rule_digest,
        postings=tuple(Posting(leg.account, -leg.fen) for leg in legs),
        reverses=journal_id,
    )
    return post(connection, entry, request)


def postings_of(connection: Connection, journal_id: str) -> tuple[str, tuple[Posting, ...]]:
    """Return the digest of the rule that a journal rests on, and its legs in order."""
    rule = select(journal.c.rule_digest).where(journal.c.id == journal_id)
    legs = connection.execute(
        select(account.c.kind, account.c.holder, posting.c.fen)
        .join(account, account.c.code == posting.c.account)
        .where(posting.c.journal_id == journal_id)
        .order_by(posting.c.sequence)
    )
    found = tuple(Posting(Account(leg.kind, leg.holder), int(leg.fen)) for leg in legs)
    return connection.execute(rule).scalar_one(), found


def balances(connection: Connection) -> dict[str, int]:
    """Return the balance of every account in fen, always summed from the postings themselves."""
    sums = select(posting.c.account, func.sum(posting.c.fen)).group_by(posting.c.account)
    return {code: int(fen) for code, fen in connection.execute(sums)}


def balance_fen(connection: Connection, wanted: Account) -> int:
    """Return one account's balance in fen, debit above zero; an unknown account holds nothing."""
    query = select(func.sum(posting.c.fen)).where(posting.c.account == wanted.code)
    return int(connection.execute(query).scalar() or 0)


def wallet_balance_fen(connection: Connection, payer: str) -> int:
    """Return what a payer has paid in advance and not used yet, in fen (a credit, shown plain)."""
    return -balance_fen(connection, Account(AccountKind.WALLET, payer))


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


@dataclass
class _Before:
    """What stands in the ledger before a posting: of keys, periods, this entry, and accounts."""

    posted: dict[str, tuple[str, str, str]]
    open_periods: set[str]
    billed: set[tuple[str, str]]
    accounts: set[str]


def _before(
    connection: Connection, entry: PendingEntry, requests: Sequence[JournalRequest]
) -> _Before:
    """Ask all of it in one question for each part: a round trip costs more than a row."""
    keys = sorted({request.idempotency_key for request in requests})
    codes = sorted({leg.account.code for request in requests for leg in request.postings})
    found = _Before({}, set(), set(), set())
    for names, accounts in zip_longest(_in_parts(keys), _in_parts(codes), fillvalue=()):
        asked = {"keys": names, "codes": accounts, "index": entry.index}
        for what, one, two, three, four in connection.execute(_BEFORE, asked):
            if what == _POSTED:
                found.posted[one] = two, three, four
            elif what == _OPEN:
                found.open_periods.add(one)
            elif what == _BILLED:
                found.billed.add((one, two))
            else:
                found.accounts.add(one)
    return found


_POSTED, _OPEN, _BILLED, _ACCOUNT = range(4)
_NOTHING = literal("")
_BEFORE = union_all(
    select(
        literal(_POSTED),
        journal.c.idempotency_key,
        journal.c.id,
        journal.c.request_digest,
        seal.c.digest,
    )
    .join(seal, seal.c.journal_id == journal.c.id)
    .where(journal.c.idempotency_key.in_(bindparam("keys", expanding=True))),
    select(literal(_OPEN), period.c.id, _NOTHING, _NOTHING, _NOTHING).where(
        period.c.state == "open"
    ),
    select(literal(_BILLED), journal.c.kind, journal.c.rule_digest, _NOTHING, _NOTHING).where(
        journal.c.audit_index == bindparam("index")
    ),
    select(literal(_ACCOUNT), account.c.code, _NOTHING, _NOTHING, _NOTHING).where(
        account.c.code.in_(bindparam("codes", expanding=True))
    ),
)


def _in_parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), NAMES_AT_ONCE):
        yield names[start : start + NAMES_AT_ONCE]


def _replay(earlier: tuple[str, str, str], request_digest: str) -> Posted:
    journal_id, posted_digest, sealed = earlier
    if posted_digest != request_digest:
        raise _conflict(
            "idempotency_key_reused",
            "该幂等键已用于另一笔不同的凭证。",
            "This idempotency key already belongs to a different journal.",
        )
    return Posted(journal_id, sealed, replayed=True)


def _draft(entry: PendingEntry, request: JournalRequest, request_digest: str) -> _Draft:
    _check_legs(request.postings)
    journal_id = new_id("journal")
    head = {
        "id": journal_id,
        "kind": request.kind.value,
        "period": request.period,
        "audit_index": entry.index,
        "rule_digest": request.rule_digest,
    }
    legs = [(leg.account.code, leg.fen) for leg in request.postings]
    return _Draft(journal_id, request, request_digest, digest(journal_content(head, legs)))


def _check(before: _Before, requests: Sequence[JournalRequest]) -> None:
    for request in requests:
        if request.period not in before.open_periods:
            raise _conflict(
                "period_not_open",
                f"账期“{request.period}”未开启或已关闭，不得记账。",
                f"The period {request.period!r} is not open, so nothing is posted in it.",
            )
        if (request.kind.value, request.rule_digest) in before.billed:
            raise _conflict(
                "outcome_already_billed",
                "该日志条目已按同一规则记账。",
                "This log entry has already been billed under this rule.",
            )
        before.billed.add((request.kind.value, request.rule_digest))


def _check_legs(legs: tuple[Posting, ...]) -> None:
    refused = _legs_refused(legs)
    if refused is not None:
        raise refused


def _legs_refused(legs: tuple[Posting, ...]) -> InvalidInput | None:
    if len(legs) < LEGS_MIN or sum(leg.fen for leg in legs) != 0:
        return InvalidInput(
            "journal_unbalanced",
            Message(
                zh="凭证至少须有两条分录，且借贷合计为零。",
                en="A journal needs at least two legs that sum to zero.",
            ),
            field="$.postings",
        )
    if any(leg.fen == 0 or abs(leg.fen) > FEN_MAX for leg in legs):
        return InvalidInput(
            "posting_out_of_range",
            Message(
                zh=f"分录金额须为非零整数分，且绝对值不超过 {FEN_MAX}。",
                en=f"A leg is a whole number of fen, not zero, at most {FEN_MAX} either way.",
            ),
            field="$.postings",
        )
    return None


def _insert(
    connection: Connection, entry: PendingEntry, drafts: Sequence[_Draft], accounts: set[str]
) -> None:
    """Insert heads, then new accounts and legs, then seals: a seal is refused before its legs."""
    insert_rows(connection, journal, [_head(entry, draft) for draft in drafts])
    legs = [(draft.id, _legs(draft)) for draft in drafts]
    fresh = {
        code: {"code": code, "kind": kind, "holder": holder}
        for _, written in legs
        for code, kind, holder, _ in written
        if code not in accounts
    }
    if fresh:
        insert_rows(connection, account, list(fresh.values()))
    insert_rows(
        connection,
        posting,
        [
            {"journal_id": journal_id, "sequence": sequence, "account": code, "fen": fen}
            for journal_id, written in legs
            for sequence, (code, _, _, fen) in enumerate(written)
        ],
    )
    insert_rows(
        connection,
        seal,
        [{"journal_id": draft.id, "digest": draft.seal_digest} for draft in drafts],
    )


def _legs(draft: _Draft) -> list[Leg]:
    postings = draft.request.postings
    return [
        (one.account.code, str(one.account.kind), one.account.holder, one.fen) for one in postings
    ]


def _head(entry: PendingEntry, draft: _Draft) -> dict[str, object]:
    request = draft.request
    return {
        "id": draft.id,
        "idempotency_key": request.idempotency_key,
        "request_digest": draft.request_digest,
        "period_id": request.period,
        "kind": request.kind.value,
        "audit_index": entry.index,
        "rule_digest": request.rule_digest,
        "reverses": request.reverses,
        "recorded_us": entry.time_us,
    }


def _conflict(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh=zh, en=en), field="$.journal", rule="revenue/ledger")
