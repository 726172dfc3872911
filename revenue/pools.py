"""The pool of a licence and period: everything that decided its money, as one document.

From the document alone anyone can compute every step and every fen again; usage, rule, tariff and
scheme are named by digests of what the evidence bundle holds. It is written once, at the close.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from audit.events import PendingEntry
from authorization.revenue_terms import Tariff
from authorization.scheme_terms import ShareScheme
from foundation.canonical import canonical_bytes, digest
from foundation.money import MICRO_FEN_PER_FEN
from revenue.carries import give_back
from revenue.kinds import JournalKind
from revenue.pool_store import pool
from revenue.pool_usage import IndexRange, PoolUsage
from revenue.schemes.measures import Measured
from revenue.schemes.versions import KeptScheme
from revenue.settlement_rules import SettlementRule
from revenue.shares import TAX_PAYEE, Line, Step
from revenue.store import journal, period

FORMAT = "sandgate/pool@1"


@dataclass(frozen=True)
class Bill:
    """What the payer owes for a period: metered and fixed, in micro-fen, as whole fen.

    ``carry_in_micro_fen`` is the fraction of a fen left from before. ``prepaid_fen`` of the bill
    is taken from the payer's wallet, the rest is receivable. ``permitted_left_fen`` is the
    pool's part of what its operator could still bill this year; None where nothing was decided.
    """

    gross_micro_fen: int
    subscription_fen: int
    carry_in_micro_fen: int
    prepaid_fen: int
    permitted_left_fen: int | None

    @property
    def due_micro_fen(self) -> int:
        """What is owed exactly, before whole fen; below zero only after a reversal."""
        fee = self.subscription_fen * MICRO_FEN_PER_FEN
        return self.gross_micro_fen + fee + self.carry_in_micro_fen

    @property
    def billed_fen(self) -> int:
        """The whole fen that are billed."""
        return max(0, self.due_micro_fen) // MICRO_FEN_PER_FEN

    @property
    def carry_out_micro_fen(self) -> int:
        """What is left for the next bill."""
        return self.due_micro_fen - self.billed_fen * MICRO_FEN_PER_FEN

    @property
    def excess_fen(self) -> int:
        """What the bill brings above the permitted revenue of the pricing year."""
        left = self.permitted_left_fen
        return 0 if left is None else max(0, self.billed_fen - max(0, left))


@dataclass(frozen=True)
class Affiliate:
    """A buyer under common control with a source of the pot, or with the operator (关联机构)."""

    buyer: str
    affiliated_with: tuple[str, ...]
    outcomes: int
    gross_micro_fen: int


@dataclass(frozen=True)
class Pool:
    """One licence's money of one period, from usage to whole fen."""

    period: str
    licence: str
    within: IndexRange
    rule: SettlementRule
    tariff: Tariff
    scheme: KeptScheme
    usage: PoolUsage
    bill: Bill
    measured: Mapping[str, Measured]
    weights: Mapping[str, int]
    steps: tuple[Step, ...]
    lines: tuple[Line, ...]
    affiliates: tuple[Affiliate, ...]

    def document(self) -> dict[str, Any]:
        """Return the pool as the period statement holds it (docs/reference: pool document)."""
        rule = self.rule.document
        copied = ("licence_digest", "tariff_digest", "scheme_digest", "product", "price_class")
        return {
            "format": FORMAT,
            "period": self.period,
            "licence": self.licence,
            "after_index": self.within.after_index,
            "close_index": self.within.until_index,
            "rule_digest": self.rule.digest,
            "rule_digests": list(self.usage.rule_digests),
            **{name: rule[name] for name in copied},
            "tariff": {"version": self.tariff.version, "approval": self.tariff.approval},
            "scheme": {
                "version": self.scheme.scheme.version,
                "approval": self.scheme.scheme.approval,
            },
            "payer": self.rule.payer,
            "biller": self.rule.biller,
            "fictional": bool(rule["fictional"]) or self.scheme.scheme.fictional,
            "usage_count": self.usage.outcomes,
            "usage_totals": dict(self.usage.totals),
            "usage_digest": self.usage.usage_digest,
            "contribution_count": len(self.usage.contributions),
            "contributions_digest": self.usage.contributions_digest,
            **self._money(),
            "contributions": _contributions(self.scheme.scheme, self.measured, self.weights),
            "steps": [step.as_json() for step in self.steps],
            "lines": [line.as_json() for line in self.lines],
            "affiliates": [_affiliate(one) for one in self.affiliates],
        }

    def _money(self) -> dict[str, object]:
        return {
            "gross_micro_fen": self.usage.gross_micro_fen,
            "subscription_fen": self.bill.subscription_fen,
            "carry_in_micro_fen": self.bill.carry_in_micro_fen,
            "billed_fen": self.bill.billed_fen,
            "carry_out_micro_fen": self.bill.carry_out_micro_fen,
            "prepaid_fen": self.bill.prepaid_fen,
            "permitted_left_fen": self.bill.permitted_left_fen,
            "excess_fen": self.bill.excess_fen,
        }


@dataclass(frozen=True)
class KeptPool:
    """A pool of a closed period as it was written: its document and the document's digest."""

    period: str
    licence: str
    audit_index: int
    rule_digest: str
    billed_fen: int
    document: Mapping[str, Any]
    digest: str

    @property
    def tax_fen(self) -> int:
        """The tax line's fen."""
        return sum(
            int(line["fen"]) for line in self.document["lines"] if line["payee"] == TAX_PAYEE
        )


def keep_pools(connection: Connection, pools: Sequence[Pool]) -> None:
    """Write the pools of the period that the running entry closes."""
    rows = []
    for one in pools:
        document = one.document()
        rows.append(
            {
                "period_id": one.period,
                "licence": one.licence,
                "audit_index": one.within.until_index,
                "rule_digest": one.rule.digest,
                "scheme_digest": one.scheme.digest,
                "billed_fen": one.bill.billed_fen,
                "document": canonical_bytes(document).decode(),
                "digest": digest(document),
            }
        )
    if rows:
        connection.execute(insert(pool), rows)


def pools_of(connection: Connection, period_id: str) -> tuple[KeptPool, ...]:
    """Return the pools of a period in the order of their licences; none before it is closed."""
    query = select(pool).where(pool.c.period_id == period_id)
    found = (
        KeptPool(
            period=row.period_id,
            licence=row.licence,
            audit_index=row.audit_index,
            rule_digest=row.rule_digest,
            billed_fen=int(row.billed_fen),
            document=json.loads(row.document),
            digest=row.digest,
        )
        for row in connection.execute(query)
    )
    return tuple(sorted(found, key=lambda one: one.licence))


def charged_a_fee(connection: Connection, licence: str, after_us: int) -> bool:
    """Tell whether a period that closed after a time charged a licence its fee, reversed or not."""
    query = (
        select(pool.c.document)
        .join(period, period.c.id == pool.c.period_id)
        .where(period.c.closed_us > after_us, pool.c.licence == licence)
    )
    found = connection.execute(query).scalars()
    return any(json.loads(document)["subscription_fen"] for document in found)


def give_back_pool(connection: Connection, entry: PendingEntry, journal_id: str) -> None:
    """Undo what a reversed settlement moved in carries; nothing for a journal of another kind."""
    query = (
        select(pool.c.period_id, pool.c.licence)
        .join(
            journal,
            (journal.c.period_id == pool.c.period_id)
            & (journal.c.rule_digest == pool.c.rule_digest),
        )
        .where(journal.c.id == journal_id, journal.c.kind == JournalKind.SETTLEMENT)
    )
    found = connection.execute(query).first()
    if found is not None:
        give_back(connection, entry, found.licence, found.period_id)


def _contributions(
    scheme: ShareScheme, measured: Mapping[str, Measured], weights: Mapping[str, int]
) -> list[dict[str, object]]:
    """List every source of the pot with what counted of it, in the order of data sets."""
    if scheme.pot is None:
        return []
    return [
        {
            "dataset": source.dataset,
            "payee": source.payee,
            "calls": measured[source.dataset].calls,
            "columns": measured[source.dataset].columns,
            "rows": measured[source.dataset].rows,
            "approved_rows": source.approved_rows,
            "quality_ppm": source.quality_ppm,
            "minimum_ppm": source.minimum_ppm,
            "maximum_ppm": source.maximum_ppm,
            "weight": weights[source.dataset],
        }
        for source in sorted(scheme.pot.sources, key=lambda source: source.dataset)
    ]


def _affiliate(one: Affiliate) -> dict[str, object]:
    return {
        "buyer": one.buyer,
        "affiliated_with": list(one.affiliated_with),
        "usage_count": one.outcomes,
        "gross_micro_fen": one.gross_micro_fen,
    }
