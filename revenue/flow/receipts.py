"""Receipts (核销): money from a payer, matched to its bills as it says or oldest first.

A bill may be paid in parts. What exceeds the bills stays with the payer as unmatched, to be matched
later or given back; nobody's money is ever taken as another's.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from audit.events import PendingEntry
from authorization.organisations import CODE_PATTERN
from foundation.errors import Conflict, InvalidInput, Message
from policies.schema.revenue import RevenueRules
from revenue.flow.pool_state import PoolState, not_reversed, open_bills, pool_state
from revenue.flow.rules import flow_rule
from revenue.flow.store import receipt, receipt_match
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, JournalRequest, Posted, Posting, balance_fen, post
from revenue.periods import require_open_period
from revenue.store import FEN_MAX

REFERENCE_CHARACTERS_MAX = 200
MATCHES_MAX = 1_000


@dataclass(frozen=True)
class Match:
    """How much of a receipt pays which pool's bill."""

    period: str
    licence: str
    fen: int

    def as_json(self) -> dict[str, object]:
        """Return the match as a move's subject holds it."""
        return {"period": self.period, "licence": self.licence, "fen": self.fen}


def prepare_receipt(
    connection: Connection,
    biller: str,
    payer: str,
    fen: int,
    bank_reference: str,
    matches: Sequence[Match] | None,
) -> dict[str, Any]:
    """Check a receipt as things stand; where no match is named, the oldest bills are paid first."""
    check_parties(biller, payer)
    check_amount(fen)
    bank_reference = same_reference(bank_reference)
    check_reference(connection, biller, bank_reference)
    chosen = _oldest_first(connection, biller, payer, fen) if matches is None else list(matches)
    _check_matches(connection, biller, payer, fen, chosen)
    return {
        "biller": biller,
        "payer": payer,
        "fen": fen,
        "bank_reference": bank_reference,
        "matches": [match.as_json() for match in chosen],
    }


def post_receipt(
    connection: Connection,
    entry: PendingEntry,
    move: str,
    subject: Mapping[str, Any],
    rules: RevenueRules,
) -> tuple[Posted, ...]:
    """Post an approved receipt: the bank gets it all, bills what matches, the rest is unmatched."""
    biller, payer, fen = subject["biller"], subject["payer"], int(subject["fen"])
    matches = [Match(**match) for match in subject["matches"]]
    check_reference(connection, biller, subject["bank_reference"])
    _check_matches(connection, biller, payer, fen, matches)
    matched = sum(match.fen for match in matches)
    legs = (
        Posting(Account(AccountKind.BANK, biller), fen),
        Posting(Account(AccountKind.RECEIVABLE, f"{biller}:{payer}"), -matched),
        Posting(Account(AccountKind.UNMATCHED, f"{biller}:{payer}"), matched - fen),
    )
    posted = post_flow(connection, entry, move, JournalKind.RECEIPT, legs, rules)
    connection.execute(
        insert(receipt).values(
            journal_id=posted.id,
            biller=biller,
            payer=payer,
            bank_reference=subject["bank_reference"],
            fen=fen,
        )
    )
    keep_matches(connection, posted.id, matches)
    return (posted,)


def prepare_matching(
    connection: Connection, biller: str, payer: str, matches: Sequence[Match]
) -> dict[str, Any]:
    """Check a later match of money that a payer sent before."""
    check_parties(biller, payer)
    _check_unmatched(connection, biller, payer, matches)
    return {
        "biller": biller,
        "payer": payer,
        "fen": sum(match.fen for match in matches),
        "matches": [match.as_json() for match in matches],
    }


def post_matching(
    connection: Connection,
    entry: PendingEntry,
    move: str,
    subject: Mapping[str, Any],
    rules: RevenueRules,
) -> tuple[Posted, ...]:
    """Post an approved later match: from unmatched to the bills."""
    biller, payer = subject["biller"], subject["payer"]
    matches = [Match(**match) for match in subject["matches"]]
    _check_unmatched(connection, biller, payer, matches)
    fen = sum(match.fen for match in matches)
    legs = (
        Posting(Account(AccountKind.UNMATCHED, f"{biller}:{payer}"), fen),
        Posting(Account(AccountKind.RECEIVABLE, f"{biller}:{payer}"), -fen),
    )
    posted = post_flow(connection, entry, move, JournalKind.MATCHING, legs, rules)
    keep_matches(connection, posted.id, matches)
    return (posted,)


def unmatched_fen(connection: Connection, biller: str, payer: str) -> int:
    """Return what a payer sent that pays no bill yet."""
    return -balance_fen(connection, Account(AccountKind.UNMATCHED, f"{biller}:{payer}"))


def keep_matches(connection: Connection, journal_id: str, matches: Sequence[Match]) -> None:
    """Write which bills a journal paid, and how much of each."""
    rows = [
        {
            "journal_id": journal_id,
            "period_id": match.period,
            "licence": match.licence,
            "fen": match.fen,
        }
        for match in matches
    ]
    if rows:
        connection.execute(insert(receipt_match), rows)


def check_parties(*names: str) -> None:
    """Refuse a name that no organisation can have: ``a:b`` and ``c`` is no ``a`` and ``b:c``."""
    if not all(re.fullmatch(CODE_PATTERN, name) and not name.endswith("\n") for name in names):
        raise InvalidInput(
            "party_invalid",
            Message("付款方、收款方须为登记机构的代码。", "A party is an organisation's code."),
            field="$.payer",
            rule="revenue/flow",
        )


def same_reference(bank_reference: str) -> str:
    """Return a bank's reference as it is compared: however it is typed, one transfer has one."""
    text = unicodedata.normalize("NFKC", bank_reference).upper()
    return "".join(one for one in text if unicodedata.category(one)[0] not in "CZ")


def check_amount(fen: int) -> None:
    """Refuse an amount that is not a positive number of whole fen within the ledger's range."""
    if isinstance(fen, bool) or not isinstance(fen, int) or not 0 < fen <= FEN_MAX:
        raise InvalidInput(
            "amount_invalid",
            Message(
                f"金额须为 1 至 {FEN_MAX} 的整数分。",
                f"An amount is a whole number of fen from 1 to {FEN_MAX}.",
            ),
            field="$.fen",
        )


def post_flow(
    connection: Connection,
    entry: PendingEntry,
    move: str,
    kind: JournalKind,
    legs: tuple[Posting, ...],
    rules: RevenueRules,
) -> Posted:
    """Post a move's journal in the open period, once for each move, under the rule of its kind."""
    request = JournalRequest(
        idempotency_key=f"move:{move}",
        period=require_open_period(connection),
        kind=kind,
        rule_digest=flow_rule(connection, kind, rules),
        postings=tuple(leg for leg in legs if leg.fen),
    )
    return post(connection, entry, request)


def _oldest_first(connection: Connection, biller: str, payer: str, fen: int) -> list[Match]:
    chosen: list[Match] = []
    for bill in open_bills(connection, biller, payer)[:MATCHES_MAX]:
        part = min(fen, bill.due_fen)
        if part:
            chosen.append(Match(bill.period, bill.licence, part))
            fen -= part
    return chosen


def check_reference(connection: Connection, biller: str, bank_reference: str) -> None:
    """Refuse a bank reference that was used before: one transfer is one receipt."""
    if not bank_reference.strip() or len(bank_reference) > REFERENCE_CHARACTERS_MAX:
        raise InvalidInput(
            "bank_reference_invalid",
            Message("请填写银行流水号。", "Give the bank's own reference of the transfer."),
            field="$.bank_reference",
        )
    known = select(receipt.c.journal_id).where(
        receipt.c.biller == biller,
        receipt.c.bank_reference == bank_reference,
        not_reversed(receipt.c.journal_id),
    )
    if connection.execute(known).first() is not None:
        raise Conflict(
            "receipt_known",
            Message("该银行流水已登记收款。", "This transfer has been taken in already."),
            field="$.bank_reference",
            rule="revenue/flow",
        )


def _check_matches(
    connection: Connection, biller: str, payer: str, fen: int, matches: Sequence[Match]
) -> None:
    if len(matches) > MATCHES_MAX or sum(match.fen for match in matches) > fen:
        raise InvalidInput(
            "matches_exceed_receipt",
            Message(
                f"核销金额合计不得超过收款金额，且最多核销 {MATCHES_MAX} 张账单。",
                f"Matches may not exceed the money received, nor be more than {MATCHES_MAX}.",
            ),
            field="$.matches",
        )
    if len({(match.period, match.licence) for match in matches}) != len(matches):
        raise InvalidInput(
            "match_named_twice",
            Message("同一账单不得重复核销。", "A bill is named twice."),
            field="$.matches",
        )
    for match in matches:
        check_amount(match.fen)
        _check_due(pool_state(connection, match.period, match.licence), biller, payer, match.fen)


def _check_due(state: PoolState, biller: str, payer: str, fen: int) -> None:
    if (state.biller, state.payer) != (biller, payer):
        raise Conflict(
            "bill_of_another",
            Message("该账单不属于此付款方与收款方。", "The bill is between other parties."),
            field="$.matches",
        )
    if fen > state.due_fen:
        raise Conflict(
            "bill_overpaid",
            Message(
                "核销金额超过该账单的未收余额。",
                "The match is more than the bill still has open.",
            ),
            field="$.matches",
            rule="revenue/flow",
        )


def _check_unmatched(
    connection: Connection, biller: str, payer: str, matches: Sequence[Match]
) -> None:
    _check_matches(connection, biller, payer, FEN_MAX, matches)
    fen = sum(match.fen for match in matches)
    if not matches or fen > unmatched_fen(connection, biller, payer):
        raise Conflict(
            "unmatched_too_small",
            Message(
                "该付款方没有足够的待核销款项。", "The payer has not that much unmatched money."
            ),
            field="$.matches",
            rule="revenue/flow",
        )
