"""Money paid in advance: deposits into a payer's wallet, and refunds of what is not spoken for.

Use is posted by the close of a period (``revenue.settlement``); what may be given back leaves out
prepaid use that is not closed yet and every hold (``revenue.wallet``).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from audit.events import PendingEntry
from foundation.errors import Conflict, InvalidInput, Message
from policies.schema.revenue import RevenueRules
from revenue.flow.receipts import (
    check_amount,
    check_parties,
    check_reference,
    post_flow,
    same_reference,
    unmatched_fen,
)
from revenue.flow.store import receipt
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, Posted, Posting, balance_fen
from revenue.metering import last_close_index
from revenue.wallet import available_fen

SOURCES = (AccountKind.WALLET.value, AccountKind.UNMATCHED.value)


def prepare_deposit(
    connection: Connection, biller: str, payer: str, fen: int, bank_reference: str
) -> dict[str, Any]:
    """Check a deposit as things stand."""
    check_parties(biller, payer)
    check_amount(fen)
    bank_reference = same_reference(bank_reference)
    check_reference(connection, biller, bank_reference)
    return {"biller": biller, "payer": payer, "fen": fen, "bank_reference": bank_reference}


def post_deposit(
    connection: Connection,
    entry: PendingEntry,
    move: str,
    subject: Mapping[str, Any],
    rules: RevenueRules,
) -> tuple[Posted, ...]:
    """Post an approved deposit: from the bank into the payer's wallet."""
    biller, payer, fen = subject["biller"], subject["payer"], int(subject["fen"])
    check_reference(connection, biller, subject["bank_reference"])
    legs = (
        Posting(Account(AccountKind.BANK, biller), fen),
        Posting(Account(AccountKind.WALLET, payer), -fen),
    )
    posted = post_flow(connection, entry, move, JournalKind.DEPOSIT, legs, rules)
    connection.execute(
        insert(receipt).values(
            journal_id=posted.id,
            biller=biller,
            payer=payer,
            bank_reference=subject["bank_reference"],
            fen=fen,
        )
    )
    return (posted,)


def prepare_refund(
    connection: Connection, biller: str, payer: str, fen: int, source: str, time_us: int
) -> dict[str, Any]:
    """Check a refund as things stand: from the wallet, or from what was never matched."""
    check_parties(biller, payer)
    check_amount(fen)
    if source not in SOURCES:
        raise InvalidInput(
            "refund_source_unknown",
            Message("退款来源须为预付余额或待核销款项。", "A refund is from wallet or unmatched."),
            field="$.source",
        )
    _check_covered(connection, biller, payer, fen, source, time_us)
    return {"biller": biller, "payer": payer, "fen": fen, "source": source}


def post_refund(
    connection: Connection,
    entry: PendingEntry,
    move: str,
    subject: Mapping[str, Any],
    rules: RevenueRules,
) -> tuple[Posted, ...]:
    """Post an approved refund: back to the payer by the biller's bank."""
    biller, payer, fen = subject["biller"], subject["payer"], int(subject["fen"])
    source = subject["source"]
    _check_covered(connection, biller, payer, fen, source, entry.time_us)
    holder = payer if source == AccountKind.WALLET else f"{biller}:{payer}"
    legs = (
        Posting(Account(source, holder), fen),
        Posting(Account(AccountKind.BANK, biller), -fen),
    )
    return (post_flow(connection, entry, move, JournalKind.REFUND, legs, rules),)


def _check_covered(
    connection: Connection, biller: str, payer: str, fen: int, source: str, time_us: int
) -> None:
    if source == AccountKind.WALLET:
        held = available_fen(
            connection, payer, after_index=last_close_index(connection), time_us=time_us
        )
    else:
        held = unmatched_fen(connection, biller, payer)
    # A wallet has no bank: what was paid in to one biller is not given back by another's.
    held = min(held, balance_fen(connection, Account(AccountKind.BANK, biller)))
    if fen > held:
        raise Conflict(
            "refund_not_covered",
            Message(
                "可退金额不足：已使用、已预留或已核销的款项不能退还。",
                "There is not that much to give back: what is used, set aside or matched stays.",
            ),
            field="$.fen",
            rule="revenue/flow",
        )
