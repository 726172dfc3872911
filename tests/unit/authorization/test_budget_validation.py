"""A licence's budgets: each population once, beneath each ceiling, no project above its licence."""

from typing import Any

import pytest

from authorization.budget_validation import budget_problems
from authorization.documents import PrivacyBudget

CEILINGS = {"budget_nano_rho": 1_000, "question_nano_rho_max": 100, "budget_delta_steps": 10}
GOOD: dict[str, Any] = {
    "population": "residents",
    "budget_nano_rho": 1_000,
    "question_nano_rho_max": 100,
    "budget_delta_steps": 10,
    "project_caps": [
        {"project": "atlas", "budget_nano_rho": 1_000, "budget_delta_steps": 10},
        {"project": "brief", "budget_nano_rho": 600},
    ],
}


def found(*budgets: dict[str, Any]) -> list[tuple[str, str | None]]:
    parsed = [PrivacyBudget.model_validate(budget) for budget in budgets]
    return [(one.code, one.field) for one in budget_problems(parsed, {"residents"}, CEILINGS)]


def project(**cap: Any) -> dict[str, Any]:
    return {**GOOD, "project_caps": [{"project": "atlas", "budget_nano_rho": 1, **cap}]}


def test_the_ceilings_themselves_are_allowed() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("budget", "code", "field"),
    [
        ({**GOOD, "budget_nano_rho": 1_001}, "budget_above_ceiling", "budget_nano_rho"),
        ({**GOOD, "question_nano_rho_max": 101}, "budget_above_ceiling", "question_nano_rho_max"),
        ({**GOOD, "budget_delta_steps": 11}, "budget_above_ceiling", "budget_delta_steps"),
        ({**GOOD, "population": "others"}, "budget_population", "population"),
        (project(budget_nano_rho=1_001), "project_cap", "project_caps[0]"),
        (project(budget_delta_steps=11), "project_cap", "project_caps[0]"),
        (
            {**GOOD, "project_caps": [GOOD["project_caps"][0]] * 2},
            "project_cap",
            "project_caps[0]",
        ),
    ],
)
def test_what_is_above_a_ceiling_or_named_twice_is_a_problem_of_its_field(
    budget: dict[str, Any], code: str, field: str
) -> None:
    assert (code, f"$.budgets[0].{field}") in found(budget)


def test_a_budget_is_needed_once_for_each_population() -> None:
    assert found() == [("budget_missing", "$.budgets")]
    assert {code for code, _ in found(GOOD, GOOD)} == {"budget_population"}


def test_no_delta_and_no_project_is_what_a_licence_has_that_names_none() -> None:
    parsed = PrivacyBudget(population="residents", budget_nano_rho=5, question_nano_rho_max=5)
    assert (parsed.budget_delta_steps, parsed.project_caps) == (0, ())
