"""Settling a period: one pool per rule, rounded once, posted as one journal per payer and biller.

The payer's receivable is debited with the whole pool; payees are credited to the fen, government
departments to the treasury in their name (财资〔2024〕1号), and tax to its own account.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from audit.events import PendingEntry
from foundation.errors import Message, Unavailable
from foundation.money import MICRO_FEN_PER_FEN
from revenue.ledger import Account, JournalKind, JournalRequest, Posted, Posting, post
from revenue.settlement_rules import read_rule
from revenue.shares import TAX_PAYEE, round_pool
from revenue.store import accrual, usage


@dataclass(frozen=True)
class PoolLine:
    """What one payee of a pool accrued and is paid."""

    payee: str
    channel: str
    micro_fen: int
    fen: int


@dataclass(frozen=True)
class Pool:
    """All fetches of a period under one rule: one payer, biller, product and scheme."""

    rule_digest: str
    rule: Mapping[str, Any]
    audit_indexes: tuple[int, ...]
    pool_fen: int
    lines: tuple[PoolLine, ...]

    @property
    def tax_fen(self) -> int:
        """The tax line's fen."""
        return sum(line.fen for line in self.lines if line.payee == TAX_PAYEE)


def pools_of(connection: Connection, period_id: str) -> tuple[Pool, ...]:
    """Return the pools of a period in the order of rule digests."""
    fetches: defaultdict[str, list[int]] = defaultdict(list)
    query = select(usage.c.rule_digest, usage.c.audit_index).where(usage.c.period_id == period_id)
    for rule_digest, audit_index in connection.execute(query.order_by(usage.c.audit_index)):
        fetches[rule_digest].append(audit_index)
    return tuple(
        _pool(connection, period_id, rule_digest, tuple(fetches[rule_digest]))
        for rule_digest in sorted(fetches)
    )


def settle(connection: Connection, entry: PendingEntry, period_id: str) -> Iterator[Posted]:
    """Post one journal for each pool that is worth money; free pools have nothing to post."""
    for pool in pools_of(connection, period_id):
        if pool.pool_fen:
            yield post(connection, entry, _journal(period_id, pool))


def _pool(
    connection: Connection, period_id: str, rule_digest: str, audit_indexes: tuple[int, ...]
) -> Pool:
    sums = (
        select(accrual.c.payee, accrual.c.channel, func.sum(accrual.c.micro_fen))
        .join(usage, usage.c.audit_index == accrual.c.audit_index)
        .where(usage.c.period_id == period_id, accrual.c.rule_digest == rule_digest)
        .group_by(accrual.c.payee, accrual.c.channel)
    )
    accrued = sorted(  # here, not by the database: its collation may not be that of the rule
        (payee, channel, int(micro)) for payee, channel, micro in connection.execute(sums)
    )
    total = sum(micro for _, _, micro in accrued)
    pool_fen = _owed_fen(connection, period_id, rule_digest, total)
    paid = round_pool(pool_fen, {payee: micro for payee, _, micro in accrued})
    lines = tuple(PoolLine(payee, channel, micro, paid[payee]) for payee, channel, micro in accrued)
    return Pool(rule_digest, read_rule(connection, rule_digest), audit_indexes, pool_fen, lines)


def _owed_fen(connection: Connection, period_id: str, rule_digest: str, accrued: int) -> int:
    """Return what the payer owes in fen. Raises Unavailable where the accruals do not sum to it."""
    owed = select(func.sum(usage.c.gross_micro_fen)).where(
        usage.c.period_id == period_id, usage.c.rule_digest == rule_digest
    )
    fen, remainder = divmod(accrued, MICRO_FEN_PER_FEN)
    if remainder or int(connection.execute(owed).scalar_one()) != accrued:
        raise Unavailable(
            "ledger_inconsistent",
            Message(
                zh=f"账期“{period_id}”的应计金额与计量金额不一致，已停止结算。",
                en=f"The accruals of {period_id!r} are not what was metered; nothing is settled.",
            ),
            rule="revenue/settlement",
        )
    return fen


def _journal(period_id: str, pool: Pool) -> JournalRequest:
    receivable = Account("receivable", f"{pool.rule['biller']}:{pool.rule['payer']}")
    credits_ = (
        Posting(Account(line.channel, line.payee), -line.fen) for line in pool.lines if line.fen
    )
    return JournalRequest(
        idempotency_key=f"settlement:{period_id}:{pool.rule_digest}",
        period=period_id,
        kind=JournalKind.SETTLEMENT,
        rule_digest=pool.rule_digest,
        postings=(Posting(receivable, pool.pool_fen), *credits_),
    )
