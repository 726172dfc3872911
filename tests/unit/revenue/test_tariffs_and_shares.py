import pytest
from pydantic import ValidationError

from authorization.revenue_terms import Purpose
from authorization.signing import document_bytes, document_digest
from foundation.errors import Denied, InvalidInput
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import RevenueRules
from revenue.settlement_rules import compile_rule
from revenue.shares import ShareLine, split_fetch
from revenue.tariffs import price_of_fetch
from tests.unit.revenue.selling import make_licence, product_terms, share_scheme


@pytest.mark.parametrize("approval", ["", "   "])
def test_a_tariff_without_approval_is_never_billed(rules: RevenueRules, approval: str) -> None:
    with pytest.raises(Denied) as refusal:
        price_of_fetch(product_terms(approval=approval), rules)
    assert refusal.value.code == "tariff_not_approved"
    assert refusal.value.field == "$.product.tariff.approval"
    assert refusal.value.way_out is not None


def test_a_tariff_stays_at_or_below_its_ceiling(rules: RevenueRules) -> None:
    with pytest.raises(Denied, match="tariff_above_ceiling"):
        price_of_fetch(product_terms(fen=5_001, ceiling_fen=5_000), rules)
    at_ceiling = price_of_fetch(product_terms(fen=5_000, ceiling_fen=5_000), rules)
    assert at_ceiling == 5_000 * MICRO_FEN_PER_FEN


@pytest.mark.parametrize("purpose", [Purpose.PUBLIC_GOVERNANCE, Purpose.PUBLIC_WELFARE])
def test_free_classes_cost_nothing_with_or_without_a_tariff(
    rules: RevenueRules, purpose: Purpose
) -> None:
    assert price_of_fetch(product_terms(price_class=purpose), rules) == 0
    assert price_of_fetch(product_terms(price_class=purpose, approval=""), rules) == 0


@pytest.mark.parametrize("shares", [(("a", 999_999),), (("a", 600_000), ("b", 400_001))])
def test_shares_that_miss_the_million_are_refused(
    rules: RevenueRules, shares: tuple[tuple[str, int], ...]
) -> None:
    with pytest.raises(InvalidInput, match="shares_do_not_sum"):
        split_fetch(100, share_scheme(shares), rules)


@pytest.mark.parametrize("shares", [(("a", 500_000), ("a", 500_000)), (("tax", 1_000_000),)])
def test_a_payee_stands_in_a_scheme_once_and_tax_never(
    rules: RevenueRules, shares: tuple[tuple[str, int], ...]
) -> None:
    with pytest.raises(InvalidInput, match="share_payee_repeated"):
        split_fetch(100, share_scheme(shares), rules)


def test_the_waterfall_takes_tax_first_and_splits_the_rest(rules: RevenueRules) -> None:
    scheme = share_scheme((("education", 700_000), ("platform", 300_000)))
    assert split_fetch(100 * MICRO_FEN_PER_FEN, scheme, rules) == (
        ShareLine("education", "treasury", 65_800_000),
        ShareLine("platform", "account", 28_200_000),
        ShareLine("tax", "tax", 6_000_000),
    )


def test_a_rule_changes_its_digest_with_every_term(rules: RevenueRules) -> None:
    rule = compile_rule(make_licence(), rules)
    assert rule == compile_rule(make_licence(), rules)
    others = [
        compile_rule(make_licence(payer="other"), rules),
        compile_rule(make_licence(fen=2_000), rules),
        compile_rule(make_licence("licence_b"), rules),
        compile_rule(make_licence(), rules.model_copy(update={"version": "next"})),
    ]
    assert len({rule.digest, *(other.digest for other in others)}) == 5
    assert rule.document["fictional"] is True
    assert rule.document["licence_digest"] == document_digest(document_bytes(make_licence()))


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
