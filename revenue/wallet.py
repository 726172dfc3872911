"""A payer's prepaid wallet: what is in it, what is spoken for, and the hard stop where it is empty.

Deposits, use and refunds are journals of the account ``wallet:<payer>``. Between two closes the use
is known by its usage rows, and what was decided but not yet metered by its holds; money that is
spoken for is never spent twice, since all of this happens in the one writer's transaction.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, select

from audit.events import PendingEntry
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Denied, Message
from foundation.money import MICRO_FEN_PER_FEN, yuan_text
from revenue.store import posting
from revenue.usage_store import usage, wallet_hold, wallet_hold_end

QUESTION = "question"
SESSION = "session"
SUBSCRIPTION = "subscription"
CARRY_FEN = 1
"""Set aside for each prepaid licence and period: what a close may round up from before."""
FOREVER_US = 2**62
_STANDING = (
    select(wallet_hold.c.reference)
    .outerjoin(
        wallet_hold_end,
        (wallet_hold_end.c.reference == wallet_hold.c.reference)
        & (wallet_hold_end.c.kind == wallet_hold.c.kind),
    )
    .where(
        wallet_hold.c.reference == bindparam("named"),
        wallet_hold.c.kind == bindparam("of_kind"),
        wallet_hold_end.c.reference.is_(None),
    )
)


@dataclass(frozen=True)
class Hold:
    """Money to set aside: for what, of whom, how much, and until when at the latest."""

    kind: str
    reference: str
    payer: str
    licence: str
    micro_fen: int
    until_us: int


def wallet_account(payer: str) -> str:
    """Return the code of the ledger account that holds a payer's deposits."""
    return f"wallet:{payer}"


def wallet_balance_fen(connection: Connection, payer: str) -> int:
    """Return what the ledger holds for a payer, in fen; the account's credits, so its minus."""
    total = select(func.sum(posting.c.fen)).where(posting.c.account == wallet_account(payer))
    return -int(connection.execute(total).scalar() or 0)


def available_micro_fen(
    connection: Connection, payer: str, *, after_index: int, time_us: int
) -> int:
    """Return what a payer may still spend or have refunded, in micro-fen; never below zero.

    It is the balance without the prepaid use since ``after_index``, the last close, and without
    the holds that stand at ``time_us``.
    """
    used = select(func.sum(usage.c.gross_micro_fen)).where(
        usage.c.payer == payer, usage.c.audit_index > after_index, usage.c.prepaid == 1
    )
    ended = (
        select(wallet_hold_end.c.reference)
        .where(
            wallet_hold_end.c.reference == wallet_hold.c.reference,
            wallet_hold_end.c.kind == wallet_hold.c.kind,
        )
        .exists()
    )
    held = select(func.sum(wallet_hold.c.micro_fen)).where(
        wallet_hold.c.payer == payer,
        wallet_hold.c.until_us > time_us,
        (wallet_hold.c.kind != SUBSCRIPTION) | (wallet_hold.c.audit_index > after_index),
        ~ended,
    )
    balance = wallet_balance_fen(connection, payer) * MICRO_FEN_PER_FEN
    spoken_for = sum(int(connection.execute(query).scalar() or 0) for query in (used, held))
    return max(0, balance - spoken_for)


def available_fen(connection: Connection, payer: str, *, after_index: int, time_us: int) -> int:
    """Return the whole fen that a payer may still spend or have refunded."""
    available = available_micro_fen(connection, payer, after_index=after_index, time_us=time_us)
    return available // MICRO_FEN_PER_FEN


def check_covers(
    connection: Connection,
    payer: str,
    micro_fen: int,
    *,
    after_index: int,
    time_us: int,
    told: bool = True,
) -> None:
    """Refuse what a wallet does not cover: the hard stop of prepaid use.

    A price that depends on what was found is not ``told``: a refusal quotes no data (I11).
    """
    if micro_fen <= available_micro_fen(
        connection, payer, after_index=after_index, time_us=time_us
    ):
        return
    price = yuan_text(-(-micro_fen // MICRO_FEN_PER_FEN))
    raise Denied(
        "wallet_empty",
        Message(
            zh=f"预付余额不足：需要 {price} 元。",
            en=f"The prepaid wallet holds too little: CNY {price} is needed.",
        )
        if told
        else Message(zh="预付余额不足。", en="The prepaid wallet holds too little."),
        field="wallet",
        rule="prepaid tariff",
        way_out=Message(zh="请付费方先充值。", en="Let the payer make a deposit first."),
    )


def set_aside(connection: Connection, entry: PendingEntry, hold: Hold, after_index: int) -> None:
    """Set money aside beside the entry being written. Raises Denied where there is too little."""
    check_covers(
        connection,
        hold.payer,
        hold.micro_fen,
        after_index=after_index,
        time_us=entry.time_us,
    )
    connection.execute(
        insert(wallet_hold).values(
            reference=hold.reference,
            kind=hold.kind,
            audit_index=entry.index,
            payer=hold.payer,
            licence=hold.licence,
            micro_fen=hold.micro_fen,
            until_us=hold.until_us,
        )
    )


def end_hold(connection: Connection, entry: PendingEntry, kind: str, reference: str) -> None:
    """End a hold beside the entry being written; nothing happens where there is none, or twice."""
    standing = connection.execute(_STANDING, {"named": reference, "of_kind": kind}).first()
    if standing is not None:
        connection.execute(
            insert(wallet_hold_end).values(reference=reference, kind=kind, audit_index=entry.index)
        )


def hold_until(time_us: int, seconds: int) -> int:
    """Return the time at which a hold lapses by itself."""
    return time_us + seconds * MICROSECONDS_PER_SECOND
