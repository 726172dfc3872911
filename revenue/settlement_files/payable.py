"""What is payable to whom: distributed, and in no settlement file that is still on its way.

A line of a withdrawn file, a failed payment, and a payout that was undone are payable again.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from revenue.flow.pool_state import all_pools, not_reversed, payee_of
from revenue.flow.store import payout_file, payout_file_move, payout_line, payout_result
from revenue.kinds import AccountKind

WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Payable:
    """What a biller may pay now for one line of one period."""

    biller: str
    period: str
    line: str
    fen: int

    @property
    def payee(self) -> str:
        """Who is to be paid."""
        return payee_of(self.line)

    @property
    def channel(self) -> str:
        """By which channel: to the treasury, to the payee's own account, or as tax."""
        return self.line.split(":", 1)[0]


def payables(connection: Connection, biller: str) -> list[Payable]:
    """Return what a biller may pay now, by period and line; a reserve stays."""
    distributed: dict[tuple[str, str], int] = {}
    for state in all_pools(connection):
        if state.biller == biller:
            for line, fen in state.paid.items():
                key = state.period, line
                # What a correction took off a line stays until its distribution is undone.
                owed = min(fen, state.lines.get(line, 0))
                distributed[key] = distributed.get(key, 0) + owed
    found = (
        Payable(biller, period, line, fen - _under_way(connection, biller, period, line))
        for (period, line), fen in sorted(distributed.items())
    )
    return [one for one in found if one.fen > 0 and one.channel != AccountKind.RESERVE]


def payable_fen(connection: Connection, biller: str, period_id: str, line: str) -> int:
    """Return what of one line of a period is distributed and not under way or paid."""
    distributed = sum(
        state.paid.get(line, 0)
        for state in all_pools(connection, period_id)
        if state.biller == biller
    )
    return distributed - _under_way(connection, biller, period_id, line)


def _under_way(connection: Connection, biller: str, period_id: str, line: str) -> int:
    withdrawn = (
        select(payout_file_move.c.file)
        .where(payout_file_move.c.file == payout_line.c.file, payout_file_move.c.state == WITHDRAWN)
        .exists()
    )
    came_back = (
        select(payout_result.c.end_to_end_id)
        .where(
            payout_result.c.end_to_end_id == payout_line.c.end_to_end_id,
            (payout_result.c.status == "failed") | ~not_reversed(payout_result.c.journal_id),
        )
        .exists()
    )
    query = (
        select(func.sum(payout_line.c.fen))
        .join(payout_file, payout_file.c.id == payout_line.c.file)
        .where(
            payout_file.c.biller == biller,
            payout_line.c.period_id == period_id,
            payout_line.c.line == line,
            ~withdrawn,
            ~came_back,
        )
    )
    return int(connection.execute(query).scalar() or 0)
