"""The rule that a use is settled by, as a document with a digest, kept before it is first used.

It names the licence, its tariff and scheme, the rule file, payer and biller. Who holds the three
documents can compute every line again without the licence store or this code (I12).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from authorization.documents import LicenceDocument
from authorization.revenue_terms import Tariff
from foundation.canonical import canonical_bytes, digest
from policies.schema.revenue import RevenueRules
from revenue.store import settlement_rule

RULES_KEPT_MAX = 256
_KNOWN = select(settlement_rule.c.digest).where(settlement_rule.c.digest == bindparam("named"))


@dataclass(frozen=True)
class SettlementRule:
    """By which documents a use is billed and split; its canonical form and digest."""

    digest: str
    document: Mapping[str, object]
    payer: str
    biller: str
    price_class: str


@lru_cache(maxsize=RULES_KEPT_MAX)
def compile_rule(
    licence: LicenceDocument, tariff: Tariff, scheme_digest: str, rules: RevenueRules
) -> SettlementRule:
    """Compile the rule of a use under a tariff and the scheme of its period: a pure function."""
    product = licence.product
    document: dict[str, object] = {
        "format": "sandgate/settlement-rule@2",
        "licence": licence.id,
        "licence_digest": digest(licence.model_dump(mode="json")),
        "tariff_digest": digest(tariff.model_dump(mode="json")),
        "scheme_digest": scheme_digest,
        "rules_version": rules.version,
        "rules_digest": digest(rules.model_dump(mode="json")),
        "tax": {"ppm": rules.tax.ppm, "method": "inclusive"},
        "payer": product.payer,
        "biller": product.biller,
        "price_class": product.price_class.value,
        "fictional": rules.fictional or licence.scheme.fictional or tariff.fictional,
        "product": {"zh": product.name_zh, "en": product.name_en},
    }
    return SettlementRule(
        digest=digest(document),
        document=document,
        payer=product.payer,
        biller=product.biller,
        price_class=product.price_class.value,
    )


def keep_rule(connection: Connection, rule: SettlementRule) -> None:
    """Store a rule's canonical bytes under its digest, once."""
    if connection.execute(_KNOWN, {"named": rule.digest}).first() is None:
        text = canonical_bytes(rule.document).decode()
        connection.execute(insert(settlement_rule).values(digest=rule.digest, document=text))


def read_rule(connection: Connection, rule_digest: str) -> dict[str, Any]:
    """Return a kept rule's document."""
    query = select(settlement_rule.c.document).where(settlement_rule.c.digest == rule_digest)
    document: dict[str, Any] = json.loads(connection.execute(query).scalar_one())
    return document
