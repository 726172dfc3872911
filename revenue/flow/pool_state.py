"""Where a pool's money stands: billed, collected, allotted to its lines, made payable, disputed.

Everything is read from rows whose journal is not reversed, so undoing a journal undoes what hung on
it. A line is named as its account is: ``channel:payee``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, select

from foundation.errors import Message, NotFound
from foundation.money import largest_remainder
from revenue.flow.store import correction, distribution_line, receipt_match
from revenue.kinds import JournalKind
from revenue.pool_store import pool
from revenue.settlement_rules import read_rule
from revenue.store import journal

_reversal = journal.alias("reversal")


def not_reversed(journal_id: Any) -> ColumnElement[bool]:
    """Return the condition that no journal reverses the one named by a column."""
    return ~exists().where(_reversal.c.reverses == journal_id)


@dataclass(frozen=True)
class PoolState:
    """A pool as it stands now. ``journal_id`` posted its bill; None where nothing is billed."""

    period: str
    licence: str
    rule_digest: str
    payer: str
    biller: str
    pool_digest: str
    journal_id: str | None
    billed_fen: int
    prepaid_fen: int
    matched_fen: int
    lines: Mapping[str, int]
    allotted: Mapping[str, int]
    paid: Mapping[str, int]

    @property
    def collected_fen(self) -> int:
        """What of the bill has come in, from the wallet or by receipts."""
        return self.prepaid_fen + self.matched_fen

    @property
    def due_fen(self) -> int:
        """What of the bill is still open; below zero where a lowered bill was overpaid."""
        return self.billed_fen - self.collected_fen

    @property
    def undistributed_fen(self) -> int:
        """What was collected and is allotted to no line yet."""
        return self.collected_fen - sum(self.allotted.values())

    def allotments(self) -> dict[str, int]:
        """Split what newly came in over what each line still lacks, to the fen.

        The largest remainder with ties to the smaller name: no line ever gets more than it lacks,
        none loses what it was allotted, and once all is collected each has exactly its own.
        """
        lacking = {
            name: max(0, fen - self.allotted.get(name, 0)) for name, fen in self.lines.items()
        }
        total = min(max(0, self.undistributed_fen), sum(lacking.values()))
        return largest_remainder(total, lacking) if total else dict.fromkeys(lacking, 0)

    def as_json(self) -> dict[str, object]:
        """Return the state for those who may read it."""
        return {
            "period": self.period,
            "licence": self.licence,
            "payer": self.payer,
            "biller": self.biller,
            "billed_fen": self.billed_fen,
            "collected_fen": self.collected_fen,
            "due_fen": self.due_fen,
            "distributed_fen": sum(self.paid.values()),
            "lines": [
                {
                    "line": name,
                    "fen": self.lines.get(name, 0),
                    "allotted_fen": self.allotted.get(name, 0),
                    "paid_fen": self.paid.get(name, 0),
                }
                for name in sorted({*self.lines, *self.allotted})
            ],
        }


def line_name(channel: str, payee: str) -> str:
    """Return the name of a line: the holder of its accrued account."""
    return f"{channel}:{payee}"


def payee_of(line: str) -> str:
    """Return the payee of a line."""
    return line.split(":", 1)[1]


def pool_state(connection: Connection, period_id: str, licence: str) -> PoolState:
    """Return where a pool stands. Raises NotFound for one that no close wrote."""
    query = select(pool).where(pool.c.period_id == period_id, pool.c.licence == licence)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "pool_unknown",
            Message("该账期没有这项授权的结算池。", "This period has no pool of that licence."),
            field="$.licence",
        )
    document = json.loads(row.document)
    bill = _bill(connection, row, document)
    allotted, paid = _distributed(connection, period_id, licence)
    return PoolState(
        period=period_id,
        licence=licence,
        rule_digest=row.rule_digest,
        payer=document["payer"],
        biller=document["biller"],
        pool_digest=row.digest,
        journal_id=bill.journal_id,
        billed_fen=bill.billed_fen,
        prepaid_fen=bill.prepaid_fen,
        matched_fen=matched_fen(connection, period_id, licence),
        lines=bill.lines,
        allotted=allotted,
        paid=paid,
    )


def open_bills(connection: Connection, biller: str, payer: str) -> list[PoolState]:
    """Return a payer's pools that are not wholly collected, oldest first."""
    query = select(pool.c.period_id, pool.c.licence).order_by(pool.c.audit_index, pool.c.licence)
    rows = connection.execute(query.where(pool.c.billed_fen > 0)).all()
    states = (pool_state(connection, period_id, licence) for period_id, licence in rows)
    return [
        state
        for state in states
        if (state.biller, state.payer) == (biller, payer) and state.due_fen > 0
    ]


def all_pools(connection: Connection, period_id: str | None = None) -> list[PoolState]:
    """Return every pool, or those of one period, in the order of closing and licence."""
    query = select(pool.c.period_id, pool.c.licence).order_by(pool.c.audit_index, pool.c.licence)
    if period_id is not None:
        query = query.where(pool.c.period_id == period_id)
    rows = connection.execute(query).all()
    return [pool_state(connection, period, licence) for period, licence in rows]


def matched_fen(connection: Connection, period_id: str, licence: str) -> int:
    """Return what receipts have paid of a pool's bill."""
    query = select(func.sum(receipt_match.c.fen)).where(
        receipt_match.c.period_id == period_id,
        receipt_match.c.licence == licence,
        not_reversed(receipt_match.c.journal_id),
    )
    return int(connection.execute(query).scalar() or 0)


@dataclass(frozen=True)
class _Bill:
    journal_id: str | None
    billed_fen: int
    prepaid_fen: int
    lines: dict[str, int]


def _bill(connection: Connection, row: Any, document: Mapping[str, Any]) -> _Bill:
    """Return the bill in force: the newest correction's, else the settlement's, else none."""
    corrected = connection.execute(
        select(correction.c.journal_id, correction.c.rule_digest)
        .where(
            correction.c.period_id == row.period_id,
            correction.c.licence == row.licence,
            not_reversed(correction.c.journal_id),
        )
        .order_by(correction.c.audit_index.desc())
    ).first()
    if corrected is not None:
        found = read_rule(connection, corrected.rule_digest)
        return _Bill(
            corrected.journal_id, found["billed_fen"], found["prepaid_fen"], _lines(found["lines"])
        )
    settled = connection.execute(
        select(journal.c.id).where(
            journal.c.kind == JournalKind.SETTLEMENT.value,
            journal.c.period_id == row.period_id,
            journal.c.rule_digest == row.rule_digest,
            not_reversed(journal.c.id),
        )
    ).scalar()
    if settled is None:
        return _Bill(None, 0, 0, {})
    return _Bill(
        settled, int(row.billed_fen), document.get("prepaid_fen", 0), _lines(document["lines"])
    )


def _lines(lines: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        name = line_name(line["channel"], line["payee"])
        found[name] = found.get(name, 0) + int(line["fen"])
    return {name: fen for name, fen in found.items() if fen}


def _distributed(
    connection: Connection, period_id: str, licence: str
) -> tuple[dict[str, int], dict[str, int]]:
    query = (
        select(
            distribution_line.c.line,
            func.sum(distribution_line.c.allotted_fen),
            func.sum(distribution_line.c.paid_fen),
        )
        .where(
            distribution_line.c.period_id == period_id,
            distribution_line.c.licence == licence,
            not_reversed(distribution_line.c.journal_id),
        )
        .group_by(distribution_line.c.line)
    )
    allotted: dict[str, int] = {}
    paid: dict[str, int] = {}
    for line, allotted_fen, paid_fen in connection.execute(query):
        allotted[line], paid[line] = int(allotted_fen), int(paid_fen)
    return allotted, paid
