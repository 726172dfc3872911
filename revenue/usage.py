"""Metering: one fetch of a product becomes one usage row and its accruals, beside its log entry.

Called inside ``apply`` of PRODUCT_FETCHED, so that no fetch is metered without its entry and none
is logged without its meter. Nothing read here depends on data: no rows, no bytes, no time spent.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, insert

from audit.events import PendingEntry
from authorization.documents import LicenceDocument
from foundation.canonical import digest
from policies.schema.revenue import RevenueRules
from revenue.periods import require_open_period
from revenue.settlement_rules import SettlementRule, compile_rule, keep_rule
from revenue.store import accrual, usage


@dataclass(frozen=True)
class Usage:
    """One metered fetch: what was fetched, by whom, who owes how much, and by which rule."""

    audit_index: int
    period: str
    licence: str
    product: str
    buyer: str
    payer: str
    tariff_version: str
    gross_micro_fen: int
    rule_digest: str


def meter_fetch(
    connection: Connection,
    entry: PendingEntry,
    *,
    licence: LicenceDocument,
    product: str,
    buyer: str,
    rules: RevenueRules,
) -> Usage:
    """Meter one fetch in the open period and name its rule in the log entry.

    ``product`` is the released table's identifier; the licence's payer owes the price, whoever
    the buyer is. Raises Denied for an unapproved tariff and
    Conflict where no period is open.
    """
    rule = compile_rule(licence, rules)
    period = require_open_period(connection)
    keep_rule(connection, rule)
    metered = Usage(
        audit_index=entry.index,
        period=period,
        licence=licence.id,
        product=product,
        buyer=buyer,
        payer=rule.payer,
        tariff_version=rule.tariff_version,
        gross_micro_fen=rule.gross_micro_fen,
        rule_digest=rule.digest,
    )
    _insert(connection, entry, metered, rule)
    entry.amend(
        period=period,
        licence=licence.id,
        product=product,
        buyer=buyer,
        tariff_version=rule.tariff_version,
        rule_digest=rule.digest,
        gross_micro_fen=rule.gross_micro_fen,
        accruals_digest=accruals_digest(rule),
    )
    return metered


def accruals_digest(rule: SettlementRule) -> str:
    """Return the digest of what a fetch accrues, as its log entry commits to it."""
    return digest([{"payee": line.payee, "micro_fen": line.micro_fen} for line in rule.lines])


def _insert(
    connection: Connection, entry: PendingEntry, metered: Usage, rule: SettlementRule
) -> None:
    connection.execute(
        insert(usage).values(
            audit_index=metered.audit_index,
            period_id=metered.period,
            licence=metered.licence,
            product=metered.product,
            buyer=metered.buyer,
            payer=metered.payer,
            biller=rule.biller,
            tariff_version=metered.tariff_version,
            price_class=rule.price_class,
            rule_digest=metered.rule_digest,
            gross_micro_fen=metered.gross_micro_fen,
            time_us=entry.time_us,
        )
    )
    connection.execute(
        insert(accrual),
        [
            {
                "audit_index": metered.audit_index,
                "payee": line.payee,
                "rule_digest": rule.digest,
                "channel": line.channel,
                "micro_fen": line.micro_fen,
            }
            for line in rule.lines
        ],
    )
