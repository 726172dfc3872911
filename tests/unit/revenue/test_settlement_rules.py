"""A rule names everything that decides money, and its file cannot ask for what reads data."""

import pytest
from pydantic import ValidationError

from authorization.documents import LicenceDocument
from authorization.signing import document_bytes, document_digest
from policies.schema.revenue import RevenueRules
from revenue.schemes.versions import scheme_digest
from revenue.settlement_rules import SettlementRule, compile_rule
from revenue.tariffs.versions import tariff_digest
from tests.unit.revenue.selling import make_licence


def rule_of(licence: LicenceDocument, rules: RevenueRules) -> SettlementRule:
    return compile_rule(licence, licence.product.tariff, scheme_digest(licence.scheme), rules)


def test_a_rule_changes_its_digest_with_every_term(rules: RevenueRules) -> None:
    rule = rule_of(make_licence(), rules)
    assert rule == rule_of(make_licence(), rules)
    others = [
        rule_of(make_licence(payer="other"), rules),
        rule_of(make_licence(fen=2_000), rules),
        rule_of(make_licence("licence_b"), rules),
        rule_of(make_licence(shares=(("a", 1_000_000),)), rules),
        rule_of(make_licence(), rules.model_copy(update={"version": "next"})),
    ]
    assert len({rule.digest, *(other.digest for other in others)}) == 6
    assert rule.document["fictional"] is True
    assert rule.document["licence_digest"] == document_digest(document_bytes(make_licence()))
    assert rule.document["tariff_digest"] == tariff_digest(make_licence().product.tariff)
    assert rule.document["tax"] == {"ppm": rules.tax.ppm, "method": "inclusive"}


@pytest.mark.parametrize(
    "change",
    [
        {"meters": ["rows_read"]},
        {"meters": ["cpu_ms"]},
        {"meters": []},
        {"rounding": {"unit": "fen", "at": "each_fetch", "method": "largest_remainder"}},
        {"tax": {"ppm": 1_000_000, "label_zh": "税", "label_en": "Tax"}},
        {"per_row": 3},
    ],
)
def test_a_rule_file_cannot_ask_for_a_meter_that_reads_data(
    rules: RevenueRules, change: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        RevenueRules.model_validate({**rules.model_dump(), **change})
