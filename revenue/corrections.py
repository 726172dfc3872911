"""Undoing a journal: only by its mirror, and only while nothing that came after rests on it.

What hangs on a journal is undone first: payout before distribution, distribution before receipt,
receipt before settlement. So no account ever shows money that is not there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from audit.events import PendingEntry
from foundation.errors import Conflict, Message, NotFound
from revenue.disputes.states import UNDECIDED, disputes_of
from revenue.flow.pool_state import PoolState, not_reversed, pool_state
from revenue.flow.receipts import unmatched_fen
from revenue.flow.store import distribution_line, payout_line, payout_result, receipt_match
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Posted, postings_of, reverse
from revenue.metering import last_close_index
from revenue.periods import require_open_period
from revenue.pool_store import pool
from revenue.pools import give_back_pool
from revenue.settlement_files.payable import payable_fen
from revenue.store import journal
from revenue.wallet import available_fen


def prepare_reversal(connection: Connection, journal_id: str, time_us: int) -> dict[str, Any]:
    """Check that a journal may be undone as things stand."""
    row = _require(connection, journal_id)
    _CHECKS[JournalKind(row.kind)](connection, row, time_us)
    return {"journal": journal_id, "journal_kind": row.kind}


def post_reversal(
    connection: Connection, entry: PendingEntry, subject: Mapping[str, Any]
) -> tuple[Posted, ...]:
    """Post an approved reversal in the open period; a settlement's carries go back as well."""
    journal_id = subject["journal"]
    prepare_reversal(connection, journal_id, entry.time_us)
    period_id = require_open_period(connection)
    posted = reverse(connection, entry, journal_id, period_id)
    give_back_pool(connection, entry, journal_id)
    entry.amend(period=period_id, reversal=posted.id, reversal_digest=posted.digest)
    return (posted,)


def _require(connection: Connection, journal_id: str) -> Row[*tuple[Any, ...]]:
    query = select(journal.c.id, journal.c.kind, journal.c.period_id, journal.c.rule_digest)
    row = connection.execute(query.where(journal.c.id == journal_id)).first()
    if row is None:
        raise NotFound(
            "journal_unknown",
            Message("没有这笔凭证。", "There is no such journal."),
            field="$.journal",
        )
    reversed_already = select(journal.c.id).where(journal.c.reverses == journal_id)
    if connection.execute(reversed_already).first() is not None:
        raise Conflict(
            "journal_reversed",
            Message("该凭证已被冲销。", "This journal has been reversed already."),
            field="$.journal",
        )
    return row


def _free(_connection: Connection, _row: Row[*tuple[Any, ...]], _time_us: int) -> None:
    """Nothing can rest on it."""


def _never(_connection: Connection, row: Row[*tuple[Any, ...]], _time_us: int) -> None:
    if row.kind == JournalKind.REVERSAL:
        raise _refused("reversal_final", "冲销凭证不得再次冲销。", "A reversal is not reversed.")
    raise _refused(
        "journal_of_a_dispute",
        "异议产生的凭证只能经新的异议裁定更正。",
        "What a dispute posted is only corrected by another dispute's decision.",
    )


def _settlement(connection: Connection, row: Row[*tuple[Any, ...]], _time_us: int) -> None:
    licence = connection.execute(
        select(pool.c.licence).where(
            pool.c.period_id == row.period_id, pool.c.rule_digest == row.rule_digest
        )
    ).scalar()
    if licence is None:
        return
    state = pool_state(connection, row.period_id, licence)
    undecided = any(
        one.state in UNDECIDED for one in disputes_of(connection, row.period_id, licence)
    )
    if state.matched_fen or sum(state.allotted.values()) or undecided:
        raise _refused(
            "settlement_in_use",
            "该结算已有收款、分账或未决异议，须先冲销其后的凭证。",
            "Money was received or distributed on this settlement, or it is disputed; undo that.",
        )


def _receipt(connection: Connection, row: Row[*tuple[Any, ...]], _time_us: int) -> None:
    _, legs = postings_of(connection, row.id)
    for leg in legs:
        if leg.account.kind == AccountKind.UNMATCHED:
            biller, payer = leg.account.holder.split(":", 1)
            if unmatched_fen(connection, biller, payer) + leg.fen < 0:
                raise _refused(
                    "unmatched_in_use",
                    "待核销余额已被使用，须先冲销其后的凭证。",
                    "The unmatched money has been used since; undo that first.",
                )
    for period_id, licence, fen in _matches(connection, row.id):
        state = pool_state(connection, period_id, licence)
        if sum(state.allotted.values()) > state.collected_fen - fen:
            raise _distributed()


def _matching(connection: Connection, row: Row[*tuple[Any, ...]], time_us: int) -> None:
    if any(fen < 0 for _period, _licence, fen in _matches(connection, row.id)):
        _never(connection, row, time_us)  # a decided dispute took it out of the bill
    _receipt(connection, row, time_us)


def _distribution(connection: Connection, row: Row[*tuple[Any, ...]], _time_us: int) -> None:
    query = select(
        distribution_line.c.period_id,
        distribution_line.c.licence,
        distribution_line.c.line,
        distribution_line.c.paid_fen,
    )
    for period_id, licence, line, paid in connection.execute(
        query.where(distribution_line.c.journal_id == row.id)
    ).all():
        state: PoolState = pool_state(connection, period_id, licence)
        if paid > payable_fen(connection, state.biller, period_id, line):
            raise _refused(
                "distribution_paid_out",
                "该分账已列入拨付文件，须先作废文件或冲销拨付。",
                "This distribution stands in a settlement file; withdraw or undo that first.",
            )


def _payout(connection: Connection, row: Row[*tuple[Any, ...]], _time_us: int) -> None:
    """Let a payout be undone: the bank sent the money back, and its lines are payable again."""
    query = select(payout_line.c.end_to_end_id).join(
        payout_result, payout_result.c.end_to_end_id == payout_line.c.end_to_end_id
    )
    if connection.execute(query.where(payout_result.c.journal_id == row.id)).first() is None:
        raise _refused("payout_unknown", "该拨付没有回单。", "No bank's answer names this payout.")


def _deposit(connection: Connection, row: Row[*tuple[Any, ...]], time_us: int) -> None:
    _, legs = postings_of(connection, row.id)
    for leg in legs:
        if leg.account.kind == AccountKind.WALLET and -leg.fen > available_fen(
            connection,
            leg.account.holder,
            after_index=last_close_index(connection),
            time_us=time_us,
        ):
            raise _refused(
                "deposit_in_use",
                "该笔预付款已使用或已预留。",
                "The deposit has been used or set aside since.",
            )


def _matches(connection: Connection, journal_id: str) -> list[tuple[str, str, int]]:
    query = select(receipt_match.c.period_id, receipt_match.c.licence, receipt_match.c.fen).where(
        receipt_match.c.journal_id == journal_id, not_reversed(receipt_match.c.journal_id)
    )
    return [(period, licence, int(fen)) for period, licence, fen in connection.execute(query)]


def _distributed() -> Conflict:
    return _refused(
        "receipt_distributed",
        "该收款已分账，须先冲销分账。",
        "This money has been distributed; undo the distribution first.",
    )


def _refused(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh, en), field="$.journal", rule="revenue/corrections")


_CHECKS: Mapping[JournalKind, Callable[[Connection, Row[*tuple[Any, ...]], int], None]] = {
    JournalKind.SETTLEMENT: _settlement,
    JournalKind.ADJUSTMENT: _free,
    JournalKind.REVERSAL: _never,
    JournalKind.RECEIPT: _receipt,
    JournalKind.MATCHING: _matching,
    JournalKind.DISTRIBUTION: _distribution,
    JournalKind.PAYOUT: _payout,
    JournalKind.DEPOSIT: _deposit,
    JournalKind.REFUND: _free,
    JournalKind.HOLD: _never,
    JournalKind.RELEASE: _never,
    JournalKind.CORRECTION: _never,
}
