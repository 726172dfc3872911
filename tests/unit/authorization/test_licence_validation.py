"""Each rule a licence document must keep, refused with its field; then the good document."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from authorization.validation import check_licence, licence_problems
from foundation.errors import InvalidInput
from tests.licensing import RULES, licence_document, licence_facts, licence_json
from tests.tariffs import price_json

TIERS = [{"from_unit": 10, "discount_ppm": 1}, {"from_unit": 20, "discount_ppm": 2}]


def grant(place: int, **changes: Any) -> list[dict[str, Any]]:
    grants: list[dict[str, Any]] = licence_json()["grants"]
    grants[place] = {**grants[place], **changes}
    return grants


def product(**changes: Any) -> dict[str, Any]:
    return {**licence_json()["product"], **changes}


def tariff(**changes: Any) -> dict[str, Any]:
    return product(tariff={**licence_json()["product"]["tariff"], **changes})


def subscription(**changes: Any) -> dict[str, Any]:
    return {"fen_per_period": 100, "ceiling_fen_per_period": 100, **changes}


def approvals(**changes: str) -> dict[str, str]:
    return {**licence_json()["approvals"], **changes}


def budget(**changes: Any) -> list[dict[str, Any]]:
    return [{**licence_json()["budgets"][0], **changes}]


def shares(*lines: tuple[str, int, str]) -> dict[str, Any]:
    return {
        **licence_json()["scheme"],
        "shares": [dict(zip(("payee", "ppm", "channel"), line, strict=True)) for line in lines],
    }


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "licence_id": ({"id": "mine"}, "$.id"),
    "authority_unknown": ({"authority": "nobody"}, "$.authority"),
    "operator_unknown": ({"operator": "insurer"}, "$.operator"),
    "term_too_long": ({"valid_until": "2031-01-02"}, "$.valid_until"),
    "term_reversed": ({"valid_until": "2025-01-01"}, "$.valid_until"),
    "term_not_a_date": ({"valid_from": "soon"}, "$.valid_from"),
    "term_outside_agreement": ({"valid_until": "2030-12-31"}, "$.valid_until"),
    "approval_missing": (
        {"approvals": approvals(filing_number=" ")},
        "$.approvals.filing_number",
    ),
    "agreement_unknown": ({"approvals": approvals(agreement="?")}, "$.approvals.agreement"),
    "agreement_of_others": ({"operator": "other-operator"}, "$.approvals.agreement"),
    "dataset_unknown": ({"grants": grant(0, dataset="ghosts")}, "$.grants[0].dataset"),
    "column_unknown": ({"grants": grant(1, columns=["state", "x"])}, "$.grants[1].columns[1]"),
    "column_never_shared": ({"grants": grant(0, columns=["name"])}, "$.grants[0].columns[0]"),
    "column_not_for_rows": (
        {"grants": grant(1, columns=["state", "debt"])},
        "$.grants[1].columns[1]",
    ),
    "column_grade_above_ceiling": (
        {"grants": grant(0, columns=["diagnosis"])},
        "$.grants[0].columns[0]",
    ),
    "rows_about_persons_without_basis": (
        {"grants": grant(0, modes=["rows", "aggregate"], columns=["state"])},
        "$.grants[0].basis",
    ),
    "row_filter_not_granted": (
        {"grants": grant(1, row_filters=[{"column": "debt", "values": ["1"]}])},
        "$.grants[1].row_filters[0].column",
    ),
    "grant_repeated": (
        {"grants": [*licence_json()["grants"], licence_json()["grants"][0]]},
        "$.grants[2].modes",
    ),
    "budget_missing": ({"budgets": []}, "$.budgets"),
    "budget_population": ({"budgets": budget(population="others")}, "$.budgets[0].population"),
    "budget_above_ceiling": (
        {"budgets": budget(budget_nano_rho=10**11)},
        "$.budgets[0].budget_nano_rho",
    ),
    "organisation_unknown": ({"product": product(biller="ghost")}, "$.product.biller"),
    "operator_is_payer": ({"product": product(payer="datawise-labs")}, "$.product.payer"),
    "price_class_mismatch": (
        {"product": product(price_class="public_welfare")},
        "$.product.price_class",
    ),
    "tariff_above_ceiling": (
        {"product": tariff(prices=[price_json("fetch", 900, 899)])},
        "$.product.tariff.prices[0].micro_fen",
    ),
    "meter_repeated": (
        {"product": tariff(prices=[price_json("call", 1), price_json("call", 2)])},
        "$.product.tariff.prices",
    ),
    "tiers_out_of_order": (
        {"product": tariff(prices=[{**price_json("call", 1), "tiers": TIERS[::-1]}])},
        "$.product.tariff.prices[0].tiers",
    ),
    "tariff_term_reversed": (
        {"product": tariff(valid_until="2000-01-01")},
        "$.product.tariff.valid_until",
    ),
    "tariff_term_not_a_date": (
        {"product": tariff(valid_until="2026-02-31")},
        "$.product.tariff.valid_until",
    ),
    "tariff_of_another_class": (
        {"product": tariff(price_class="public_governance")},
        "$.product.tariff.price_class",
    ),
    "trial_too_long": (
        {"product": tariff(trial=True)},
        "$.product.tariff.valid_until",
    ),
    "included_units_unpriced": (
        {"product": tariff(subscription=subscription(included=[{"meter": "row", "units": 1}]))},
        "$.product.tariff.subscription.included",
    ),
    "tariff_not_approved": ({"product": tariff(approval=" ")}, "$.product.tariff.approval"),
    "free_product_priced": (
        {
            "scenario": {**licence_json()["scenario"], "purpose": "public_welfare"},
            "product": {
                **tariff(price_class="public_welfare"),
                "price_class": "public_welfare",
            },
        },
        "$.product.tariff.prices[0].micro_fen",
    ),
    "shares_do_not_sum": (
        {"scheme": shares(("datawise", 999_999, "account"))},
        "$.scheme.shares",
    ),
    "department_paid_outside_treasury": (
        {"scheme": shares(("statistics", 1_000_000, "account"))},
        "$.scheme.shares[0].channel",
    ),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_broken_rule_is_refused_with_its_field(code: str) -> None:
    changes, field = REFUSALS[code]
    problems = licence_problems(licence_document(**changes), licence_facts(), RULES)
    named = {problem.code: problem for problem in problems}
    assert code in named
    assert named[code].field == field
    assert named[code].rule
    assert named[code].message.zh != named[code].message.en


@pytest.mark.parametrize("field", ["collective_decision", "filing_number", "agreement"])
def test_a_missing_approval_number_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        licence_document(approvals=approvals(**{field: ""}))


@pytest.mark.parametrize("payer", ["datawise", "datawise-labs"])
def test_an_operator_or_affiliate_never_pays_for_its_own_product(payer: str) -> None:
    with pytest.raises(InvalidInput, match="operator_is_payer") as refusal:
        check_licence(licence_document(product=product(payer=payer)), licence_facts(), RULES)
    assert "27号" in str(refusal.value.rule)


def test_a_question_budget_above_its_own_budget_is_refused() -> None:
    changes = budget(budget_nano_rho=10, question_nano_rho_max=11)
    with pytest.raises(InvalidInput, match="budget_above_ceiling"):
        check_licence(licence_document(budgets=changes), licence_facts(), RULES)


def test_no_licence_budget_exceeds_the_lifetime_cap_of_a_population() -> None:
    lifetime = RULES.privacy.model_copy(update={"population_lifetime_nano_rho_max": 10})
    assert replace(RULES, privacy=lifetime).budget_nano_rho_max == 10
    with pytest.raises(InvalidInput, match="budget_above_ceiling"):
        check_licence(licence_document(), licence_facts(), replace(RULES, privacy=lifetime))


def test_a_payee_named_twice_is_refused() -> None:
    doubled = shares(("datawise", 500_000, "account"), ("datawise", 500_000, "account"))
    with pytest.raises(InvalidInput, match="shares_do_not_sum"):
        check_licence(licence_document(scheme=doubled), licence_facts(), RULES)


def test_the_first_refusal_names_the_other_fields_to_correct() -> None:
    document = licence_document(valid_until="2040-01-01", budgets=[])
    with pytest.raises(InvalidInput, match="term_too_long") as refusal:
        check_licence(document, licence_facts(), RULES)
    assert refusal.value.way_out is not None
    assert "$.budgets" in refusal.value.way_out.en


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        licence_document(extra=1)


def test_rows_about_persons_with_a_named_basis_are_accepted() -> None:
    changes = grant(0, modes=["rows", "aggregate"], columns=["state"], basis="批复7号")
    assert licence_problems(licence_document(grants=changes), licence_facts(), RULES) == []


def test_a_free_product_needs_no_tariff_approval() -> None:
    document = licence_document(
        scenario={**licence_json()["scenario"], "purpose": "public_welfare"},
        product={
            **tariff(prices=[], approval="", price_class="public_welfare"),
            "price_class": "public_welfare",
        },
    )
    assert licence_problems(document, licence_facts(), RULES) == []


def test_five_years_to_the_day_are_accepted() -> None:
    document = licence_document(valid_from="2025-12-01", valid_until="2030-12-01")
    assert licence_problems(document, licence_facts(), RULES) == []


def test_the_good_document_is_accepted() -> None:
    check_licence(licence_document(), licence_facts(), RULES)
