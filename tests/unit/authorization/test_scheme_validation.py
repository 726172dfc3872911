"""Schemes that do not add up, could not be shared out, or pay a department its own account."""

from typing import Any

import pytest
from pydantic import ValidationError

from authorization.documents import LicenceDocument
from authorization.scheme_terms import ShareScheme
from authorization.scheme_validation import scheme_problems
from authorization.validation import check_licence
from foundation.errors import InvalidInput
from tests.licensing import RULES, licence_document, licence_facts

GRANTED = ("households", "colleges")


def source(dataset: str, **changes: Any) -> dict[str, Any]:
    plain = {"dataset": dataset, "payee": "statistics", "channel": "treasury", "approved_rows": 9}
    return plain | changes


def scheme(**changes: Any) -> dict[str, Any]:
    return {
        "version": "1",
        "approval": "分配1号",
        "shares": [{"payee": "datawise", "ppm": 400_000, "channel": "account"}],
        "pot": pot(),
        **changes,
    }


def pot(**changes: Any) -> dict[str, Any]:
    return {
        "ppm": 600_000,
        "weight": "rows*quality_ppm",
        "sources": [source("households"), source("colleges")],
        "unused_to": {"payee": "statistics", "channel": "treasury"},
        **changes,
    }


def sources(**changes: Any) -> dict[str, Any]:
    return scheme(pot=pot(sources=[source("households", **changes), source("colleges")]))


def codes(document: dict[str, Any]) -> list[tuple[str, str | None]]:
    found = scheme_problems(
        ShareScheme.model_validate(document), granted=GRANTED, organisations=ORGANISATIONS_BY_ID
    )
    assert all(problem.message.zh and problem.message.en for problem in found)
    return [(problem.code, problem.field) for problem in found]


ORGANISATIONS_BY_ID = licence_facts().organisations
HALF = {"minimum_ppm": 600_000}
REFUSALS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "sum": (scheme(shares=[]), ("shares_do_not_sum", "shares")),
    "payee twice": (
        scheme(shares=[{"payee": "datawise", "ppm": 200_000, "channel": "account"}] * 2),
        ("shares_do_not_sum", "shares"),
    ),
    "cost twice": (
        scheme(
            cost_recovery=[{"payee": "datawise", "channel": "account", "fen_per_period": 1}] * 2
        ),
        ("cost_recovery_repeated", "cost_recovery"),
    ),
    "weight": (scheme(pot=pot(weight="rows/calls")), ("weight_invalid", "pot.weight")),
    "weight of zero": (scheme(pot=pot(weight="0*rows")), ("weight_always_zero", "pot.weight")),
    "source twice": (
        scheme(pot=pot(sources=[source("households")] * 2 + [source("colleges")])),
        ("source_repeated", "pot.sources"),
    ),
    "source missing": (
        scheme(pot=pot(sources=[source("households")])),
        ("source_missing", "pot.sources"),
    ),
    "source not granted": (
        scheme(pot=pot(sources=[source("households"), source("colleges"), source("roads")])),
        ("source_not_granted", "pot.sources[2].dataset"),
    ),
    "minimum above maximum": (
        sources(minimum_ppm=500_001, maximum_ppm=500_000),
        ("pot_infeasible", "pot.sources[0].minimum_ppm"),
    ),
    "minimums above the pot": (
        scheme(pot=pot(sources=[source("households", **HALF), source("colleges", **HALF)])),
        ("pot_infeasible", "pot.sources"),
    ),
    "maximums below the pot": (
        scheme(
            pot=pot(
                sources=[
                    source("households", maximum_ppm=499_999),
                    source("colleges", maximum_ppm=500_000),
                ]
            )
        ),
        ("pot_infeasible", "pot.sources"),
    ),
    "reserved": (
        scheme(shares=[{"payee": "tax", "ppm": 400_000, "channel": "account"}]),
        ("payee_reserved", "shares[0].payee"),
    ),
    "unknown": (
        scheme(shares=[{"payee": "nobody", "ppm": 400_000, "channel": "account"}]),
        ("organisation_unknown", "shares[0].payee"),
    ),
    "two channels": (
        scheme(permitted_profit={"payee": "datawise", "channel": "treasury", "fen_per_period": 1}),
        ("payee_in_two_channels", "shares[0].channel"),
    ),
    "department": (
        sources(payee="bureau", channel="account"),
        ("department_paid_outside_treasury", "pot.sources[0].channel"),
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSALS))
def test_a_scheme_that_cannot_be_used_is_refused_by_its_field(case: str) -> None:
    document, (code, field) = REFUSALS[case]
    assert (code, f"$.scheme.{field}") in codes(document)


def test_bounds_that_meet_exactly_are_accepted() -> None:
    assert codes(scheme()) == []
    exact = [
        source("households", minimum_ppm=600_000, maximum_ppm=600_000),
        source("colleges", minimum_ppm=400_000, maximum_ppm=400_000),
    ]
    assert codes(scheme(pot=pot(sources=exact))) == []


def test_a_licence_with_such_a_scheme_is_not_drafted() -> None:
    for document, (code, _) in REFUSALS.values():
        with pytest.raises(InvalidInput) as refusal:
            check_licence(licence_document(scheme=document), licence_facts(), RULES)
        others = refusal.value.way_out.en if refusal.value.way_out is not None else ""
        assert refusal.value.code == code or "$.scheme" in others
    check_licence(licence_document(scheme=scheme()), licence_facts(), RULES)


@pytest.mark.parametrize(
    "changes",
    [
        {"shares": [{"payee": "datawise", "ppm": 0.4, "channel": "account"}]},
        {"shares": [{"payee": "datawise", "ppm": -1, "channel": "account"}]},
        {"shares": [{"payee": "datawise", "ppm": 400_000, "channel": "cash"}]},
        {"pot": pot(sources=[])},
        {"pot": pot(weight="r" * 501)},
        {"cost_recovery": [{"payee": "a", "channel": "account", "fen_per_period": -1}]},
        {"rounding": "up"},
    ],
)
def test_no_fraction_negative_figure_or_unknown_field_gets_in(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ShareScheme.model_validate(scheme(**changes))


def test_the_licence_names_its_payees() -> None:
    document: LicenceDocument = licence_document(scheme=scheme())
    assert document.scheme.payees() == {"datawise", "statistics"}
