"""What is carried from pool to pool: the bill's fraction of a fen, and each payee's.

Nothing is ever lost to rounding: what a pool did not pay, the licence's next pool does. Read and
written only inside the entry that closes a period or reverses a settlement.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, func, insert, select

from audit.events import PendingEntry
from revenue.pool_store import carry
from revenue.shares import Carried, Line

BILL = "*bill"  # no payee can have this name
BILL_CHANNEL = "bill"


def bill_carry_micro_fen(connection: Connection, licence: str) -> int:
    """Return what the licence's payer still owes below a fen; below zero after a reversal."""
    moved = select(func.sum(carry.c.micro_fen)).where(
        carry.c.licence == licence, carry.c.payee == BILL
    )
    return int(connection.execute(moved).scalar() or 0)


def carried_by_payee(connection: Connection, licence: str) -> dict[str, Carried]:
    """Return what each payee of a licence carries, zeros left out; they sum to zero."""
    query = (
        select(carry.c.payee, carry.c.channel, carry.c.micro_fen)
        .where(carry.c.licence == licence, carry.c.payee != BILL)
        .order_by(carry.c.audit_index)
    )
    found: dict[str, Carried] = {}
    for payee, channel, micro in connection.execute(query):
        before = found[payee].micro_fen if payee in found else 0
        found[payee] = Carried(channel, before + int(micro))
    return {payee: one for payee, one in found.items() if one.micro_fen}


def keep_carries(
    connection: Connection,
    entry: PendingEntry,
    licence: str,
    period_id: str,
    *,
    bill_micro_fen: int,
    lines: Iterable[Line],
) -> None:
    """Write what a pool moved: of the bill, and of each payee."""
    moved = [(BILL, BILL_CHANNEL, bill_micro_fen)]
    moved += [
        (line.payee, line.channel, line.carry_out_micro_fen - line.carry_in_micro_fen)
        for line in lines
    ]
    _insert(connection, entry, licence, period_id, moved)


def give_back(connection: Connection, entry: PendingEntry, licence: str, period_id: str) -> None:
    """Undo what a pool moved, once its settlement was reversed: as if it had never been."""
    query = (
        select(carry.c.payee, carry.c.channel, func.sum(carry.c.micro_fen))
        .where(carry.c.licence == licence, carry.c.period_id == period_id)
        .group_by(carry.c.payee, carry.c.channel)
    )
    moved = [
        (payee, channel, -int(micro)) for payee, channel, micro in connection.execute(query).all()
    ]
    _insert(connection, entry, licence, period_id, moved)


def _insert(
    connection: Connection,
    entry: PendingEntry,
    licence: str,
    period_id: str,
    moved: Iterable[tuple[str, str, int]],
) -> None:
    rows = [
        {
            "audit_index": entry.index,
            "licence": licence,
            "period_id": period_id,
            "payee": payee,
            "channel": channel,
            "micro_fen": micro,
        }
        for payee, channel, micro in sorted(moved)
        if micro
    ]
    if rows:
        connection.execute(insert(carry), rows)
