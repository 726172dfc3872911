"""Whether the privacy budgets of a licence document keep their rules.

Each population is named once, no budget lies above its ceiling, no project above its licence.
That the licences of a population fit it together is checked when one is signed, against all that
were signed before (``disclosure.budgets.allocation``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from authorization.documents import PrivacyBudget
from foundation.errors import InvalidInput, Message

RULE = "licence-document"
_UNITS = {
    "budget_nano_rho": "nano-ρ",
    "question_nano_rho_max": "nano-ρ",
    "budget_delta_steps": "10⁻¹⁵",
}


def budget_problems(
    budgets: Sequence[PrivacyBudget], needed: Collection[str], ceilings: Mapping[str, int]
) -> Iterator[InvalidInput]:
    """Yield every problem, in the order of the fields.

    ``needed`` names the populations granted as aggregates; ``ceilings`` are in nano-rho, and in
    steps of 10^-15 for delta.
    """
    named = [budget.population for budget in budgets]
    for population in sorted(set(needed) - set(named)):
        yield _problem(
            "budget_missing",
            "budgets",
            f"总体 {population} 按聚合方式授权，但未设隐私预算。",
            f"Population {population} is granted as aggregates without a privacy budget.",
        )
    for place, budget in enumerate(budgets):
        path = f"budgets[{place}]"
        if budget.population not in needed or named.count(budget.population) > 1:
            yield _problem(
                "budget_population",
                f"{path}.population",
                "隐私预算须对应一个按聚合方式授权的总体，且只列一次。",
                "A budget names, once, a population that is granted as aggregates.",
            )
        yield from _ceiling_problems(path, budget, ceilings)
        yield from _project_problems(f"{path}.project_caps", budget)


def _ceiling_problems(
    path: str, budget: PrivacyBudget, ceilings: Mapping[str, int]
) -> Iterator[InvalidInput]:
    question_max = min(ceilings["question_nano_rho_max"], budget.budget_nano_rho)
    for field, ceiling in {**ceilings, "question_nano_rho_max": question_max}.items():
        if getattr(budget, field) > ceiling:
            unit = _UNITS[field]
            yield _problem(
                "budget_above_ceiling",
                f"{path}.{field}",
                f"隐私预算高于规则上限 {ceiling}（{unit}）。",
                f"The privacy budget is above the rule's ceiling of {ceiling} ({unit}).",
            )


def _project_problems(path: str, budget: PrivacyBudget) -> Iterator[InvalidInput]:
    """Each project once, none above its licence; their sum may be, for the licence stops it."""
    named = [cap.project for cap in budget.project_caps]
    for place, cap in enumerate(budget.project_caps):
        within = (
            cap.budget_nano_rho <= budget.budget_nano_rho
            and cap.budget_delta_steps <= budget.budget_delta_steps
        )
        if named.count(cap.project) > 1 or not within:
            yield _problem(
                "project_cap",
                f"{path}[{place}]",
                "每个项目只列一次，且其预算不得高于本授权的预算。",
                "A project is named once, with no more than the licence's own budget.",
            )


def _problem(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=RULE)
