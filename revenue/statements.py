"""Statements: what each pool of a period held, who is paid how much, and the log entries behind it.

The period statement is written once, when the period closes, and its digest stands in the closing
entry. A payee's statement is derived from it, one line for each pool that pays the payee.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from audit.events import PendingEntry
from foundation.canonical import canonical_bytes, digest
from foundation.errors import Message, NotFound
from revenue.pools import pools_of
from revenue.shares import TAX_PAYEE
from revenue.store import journal, period, posting, statement

SALT_BYTES = 32  # the digest of a statement stands in the log, and confirms no guess of its money
FICTIONAL = Message(
    zh="虚构示例：资费、税率与分配比例均为演示而设，不代表任何真实安排。",
    en="Fictional: tariffs, tax rate and shares are made up for demonstration.",
)


@dataclass(frozen=True)
class PeriodStatement:
    """The stored statement of a period."""

    period: str
    pool_fen: int
    digest: str
    document: Mapping[str, Any]


def write_period_statement(
    connection: Connection, entry: PendingEntry, period_id: str
) -> PeriodStatement:
    """Write the statement of the period that the entry being written closes."""
    pools = [dict(pool.document) for pool in pools_of(connection, period_id)]
    adjustments = _adjustments(connection, period_id)
    document = period_document(period_id, entry.index, pools, adjustments)
    connection.execute(
        insert(statement).values(
            period_id=period_id,
            audit_index=entry.index,
            document=canonical_bytes(document).decode(),
            digest=document["digest"],
        )
    )
    return _as_statement(document)


def period_statement(connection: Connection, period_id: str) -> PeriodStatement:
    """Return the statement of a closed period. Raises NotFound before it is closed."""
    query = select(statement.c.document).where(statement.c.period_id == period_id)
    text = connection.execute(query).scalar()
    if text is None:
        raise NotFound(
            "statement_unknown",
            Message(
                zh=f"账期“{period_id}”没有结算单：该账期不存在或尚未关闭。",
                en=f"The period {period_id!r} has no statement: unknown, or not yet closed.",
            ),
            field="$.period",
        )
    return _as_statement(json.loads(text))


def payee_statement(connection: Connection, period_id: str, payee: str) -> dict[str, Any]:
    """Return one payee's statement, one line a pool.

    Raises NotFound for an open period and for a payee without a line: the two read the same to
    a stranger.
    """
    whole = period_statement(connection, period_id)
    return statement_for(whole.document, payee)


def statement_for(whole: Mapping[str, Any], payee: str) -> dict[str, Any]:
    """Derive a payee's statement from that of its period. Raises NotFound for a stranger."""
    copied = ("licence", "rule_digest", "product", "price_class", "tariff", "scheme", "billed_fen")
    paying = [
        (line, pool) for pool in whole["pools"] for line in pool["lines"] if line["payee"] == payee
    ]
    if not paying:
        raise NotFound(
            "statement_unknown",
            Message(
                zh="该收款方在此账期没有结算单。",
                en="This payee has no statement for this period.",
            ),
            field="$.payee",
        )
    lines = [{**line, **{name: pool[name] for name in copied}} for line, pool in paying]
    fictional = any(pool["fictional"] for _, pool in paying)
    return _sealed(
        {
            "format": "sandgate/payee-statement@2",
            "period": whole["period"],
            "close_index": whole["close_index"],
            "period_digest": whole["digest"],
            "payee": payee,
            "fictional": fictional,
            "notice": {"zh": FICTIONAL.zh, "en": FICTIONAL.en} if fictional else None,
            "micro_fen": sum(line["micro_fen"] for line in lines),
            "fen": sum(line["fen"] for line in lines),
            "lines": lines,
        }
    )


def bills_of(connection: Connection, period_id: str, payer: str) -> list[dict[str, Any]]:
    """Return what a payer owes for a closed period: one bill a licence, with what was used."""
    document = period_statement(connection, period_id).document
    shown = (
        *("licence", "product", "tariff", "biller", "billed_fen", "prepaid_fen"),
        *("gross_micro_fen", "subscription_fen", "carry_in_micro_fen", "carry_out_micro_fen"),
        *("usage_count", "usage_totals"),
    )
    return [
        {"period": period_id, **{name: pool[name] for name in shown}}
        for pool in document["pools"]
        if pool["payer"] == payer
    ]


def payees_of(connection: Connection, period_id: str) -> tuple[str, ...]:
    """Return the payees of a closed period in order of name."""
    lines = period_statement(connection, period_id).document["lines"]
    return tuple(sorted({line["payee"] for line in lines}))


def closed_periods(connection: Connection) -> tuple[str, ...]:
    """Return the closed periods in the order of their closing."""
    query = select(period.c.id).where(period.c.state == "closed").order_by(period.c.closed_index)
    return tuple(connection.execute(query).scalars())


def period_document(
    period_id: str,
    close_index: int,
    pools: Sequence[Mapping[str, Any]],
    adjustments: Sequence[Mapping[str, object]],
) -> dict[str, Any]:
    """Return the sealed statement of a period over its pool documents."""
    fictional = any(pool["fictional"] for pool in pools)
    lines = [line for pool in pools for line in _lines(pool)]
    return _sealed(
        {
            "format": "sandgate/period-statement@2",
            "period": period_id,
            "close_index": close_index,
            "salt": secrets.token_hex(SALT_BYTES),
            "fictional": fictional,
            "notice": {"zh": FICTIONAL.zh, "en": FICTIONAL.en} if fictional else None,
            "pool_fen": sum(pool["billed_fen"] for pool in pools),
            "tax_fen": sum(line["fen"] for line in lines if line["payee"] == TAX_PAYEE),
            "lines": lines,
            "pools": list(pools),
            "adjustments": list(adjustments),
        }
    )


def _lines(pool: Mapping[str, Any]) -> list[dict[str, object]]:
    return [
        {"licence": pool["licence"], "rule_digest": pool["rule_digest"], **line}
        for line in pool["lines"]
    ]


def _adjustments(connection: Connection, period_id: str) -> list[dict[str, object]]:
    """List what was posted beside the settlement, such as reversals of earlier periods."""
    query = (
        select(journal.c.id, journal.c.kind, journal.c.reverses, journal.c.audit_index)
        .where(journal.c.period_id == period_id, journal.c.kind != "settlement")
        .order_by(journal.c.audit_index, journal.c.id)
    )
    return [
        {
            "journal": row.id,
            "kind": row.kind,
            "reverses": row.reverses,
            "audit_index": row.audit_index,
            "postings": [{"account": code, "fen": fen} for code, fen in _legs(connection, row.id)],
        }
        for row in connection.execute(query).all()
    ]


def _legs(connection: Connection, journal_id: str) -> list[tuple[str, int]]:
    query = select(posting.c.account, posting.c.fen).where(posting.c.journal_id == journal_id)
    rows = connection.execute(query.order_by(posting.c.sequence))
    return [(code, int(fen)) for code, fen in rows]


def _sealed(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "digest": digest(document)}


def _as_statement(document: Mapping[str, Any]) -> PeriodStatement:
    return PeriodStatement(
        period=document["period"],
        pool_fen=document["pool_fen"],
        digest=document["digest"],
        document=document,
    )
