"""The rule of one fetch as a document with a digest: price, payer, biller, payees in micro-fen.

It is compiled from the signed licence and the revenue rule file. Who holds it can recompute every
accrual and statement line without the licence store or this code (I12).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from authorization.documents import LicenceDocument
from foundation.canonical import canonical_bytes, digest
from policies.schema.revenue import RevenueRules
from revenue.shares import ShareLine, split_fetch
from revenue.store import settlement_rule
from revenue.tariffs import price_of_fetch


@dataclass(frozen=True)
class SettlementRule:
    """What one fetch under one licence moves, and by which documents."""

    digest: str
    document: Mapping[str, object]
    payer: str
    biller: str
    tariff_version: str
    price_class: str
    gross_micro_fen: int
    lines: tuple[ShareLine, ...]


def compile_rule(licence: LicenceDocument, rules: RevenueRules) -> SettlementRule:
    """Compile the rule of one fetch. Raises where the tariff or the scheme may not be used."""
    product = licence.product
    gross_micro_fen = price_of_fetch(product, rules)
    lines = split_fetch(gross_micro_fen, licence.scheme, rules)
    document: dict[str, object] = {
        "format": "sandgate/settlement-rule@1",
        "licence": licence.id,
        "licence_digest": digest(licence.model_dump(mode="json")),
        "rules_version": rules.version,
        "rules_digest": digest(rules.model_dump(mode="json")),
        "tax_ppm": rules.tax.ppm,
        "fictional": rules.fictional or licence.scheme.fictional or product.tariff.fictional,
        "product": {"zh": product.name_zh, "en": product.name_en},
        "price_class": product.price_class.value,
        "tariff": {"version": product.tariff.version, "approval": product.tariff.approval},
        "scheme": {"version": licence.scheme.version, "approval": licence.scheme.approval},
        "payer": product.payer,
        "biller": product.biller,
        "gross_micro_fen": gross_micro_fen,
        "lines": [line.as_json() for line in lines],
    }
    return SettlementRule(
        digest=digest(document),
        document=document,
        payer=product.payer,
        biller=product.biller,
        tariff_version=product.tariff.version,
        price_class=product.price_class.value,
        gross_micro_fen=gross_micro_fen,
        lines=lines,
    )


def keep_rule(connection: Connection, rule: SettlementRule) -> None:
    """Store a rule's canonical bytes under its digest, once."""
    known = select(settlement_rule.c.digest).where(settlement_rule.c.digest == rule.digest)
    if connection.execute(known).first() is None:
        text = canonical_bytes(rule.document).decode()
        connection.execute(insert(settlement_rule).values(digest=rule.digest, document=text))


def read_rule(connection: Connection, rule_digest: str) -> dict[str, Any]:
    """Return a kept rule's document."""
    query = select(settlement_rule.c.document).where(settlement_rule.c.digest == rule_digest)
    document: dict[str, Any] = json.loads(connection.execute(query).scalar_one())
    return document
