"""What a licence holder, the authority and the regulator see of privacy budgets, and what is left.

A licence holder sees their own licence and projects in full, and of the levels they share: the
cap, every raise of it, and how much of it they could still use. Nothing here reads any data.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from authorization.documents import PrivacyBudget
from disclosure.budgets.charging import PopulationCharge, charge_path
from disclosure.budgets.forecasts import Forecast, Simulation, forecast, simulate_levels, spent_ppm
from disclosure.budgets.raising import raises_of
from disclosure.budgets.tree import (
    RAISABLE,
    Amount,
    BudgetHolder,
    Level,
    LevelKind,
    Place,
    levels_at,
    licence_place,
    population_place,
    project_place,
)
from disclosure.privacy import epsilon_shown
from policies.schema.privacy import PrivacyRules


@dataclass(frozen=True)
class Outlook:
    """From when, and through which data sets and project, a licence looks at its budget."""

    now_us: int
    datasets: tuple[str, ...] = ()
    project: str | None = None


def simulate(
    connection: Connection,
    holder: BudgetHolder,
    population: str,
    cost: Amount,
    rules: PrivacyRules,
    outlook: Outlook,
) -> Simulation:
    """Say how many more questions of one cost would pass, and which level stops them. Free.

    Raises Refused where the licence has no budget for the population, or no such project.
    """
    return simulate_levels(_levels(connection, holder, population, rules, outlook), cost)


def what_is_left(
    connection: Connection,
    holder: BudgetHolder,
    population: str,
    rules: PrivacyRules,
    outlook: Outlook,
) -> Amount:
    """Return the largest charge that would pass every level. Raises Refused as ``simulate``."""
    first, *others = _levels(connection, holder, population, rules, outlook)
    left = first.remaining
    for level in others:
        left = left.lesser(level.remaining)
    return left


def budget_lines(
    connection: Connection,
    holder: BudgetHolder,
    rules: PrivacyRules,
    outlook: Outlook,
    populations_of: dict[str, tuple[str, ...]],
) -> list[dict[str, object]]:
    """Return what each population's budget of a licence was, is spent, and has left.

    ``populations_of`` maps each population to the data sets of it that the licence grants. What
    remains is what the outlook's project may still spend, or the licence where none is named.
    """
    lines = []
    for population, budget in sorted(holder.budgets.items()):
        view = Outlook(outlook.now_us, populations_of.get(population, ()), outlook.project)
        root = population_place(population, rules)
        own = licence_place(root, holder.id, budget)
        projects = [project_place(own, cap.project, budget) for cap in budget.project_caps]
        shared = _shared(connection, holder, population, rules, view)
        private = levels_at(connection, [own, *(one for one in projects if one is not None)])
        left = _spendable(shared, private, budget, outlook.project)
        spent = private[0].spent
        warnings = [forecast(connection, level, rules) for level in [*shared, *private]]
        lines.append(
            {
                "population": population,
                "budget_nano_rho": budget.budget_nano_rho,
                "budget_nano_rho_spent": spent.nano_rho,
                "budget_nano_rho_remaining": left.nano_rho,
                "budget_delta_steps": budget.budget_delta_steps,
                "budget_delta_steps_spent": spent.delta_steps,
                "budget_delta_steps_remaining": left.delta_steps,
                "question_nano_rho_max": budget.question_nano_rho_max,
                "epsilon_shown": epsilon_shown(spent.nano_rho, rules.epsilon_delta_steps),
                "levels": [
                    *(_level_line(level, shared=True) for level in shared),
                    *(_level_line(level, shared=False) for level in private),
                ],
                "raises": raises_of(connection, [level.place.id for level in shared]),
                "warnings": [_warning_line(one) for one in warnings if one is not None],
            }
        )
    return lines


def shown_name(place: Place) -> str:
    """Name a level to a licence holder: a shared one as it is raised, the own by what it is.

    The listings of two licences of one kind are then equal to the byte.
    """
    own = {LevelKind.LICENCE: "licence", LevelKind.PROJECT: f"licence/project/{place.name}"}
    return own.get(place.kind, place.id)


def simulation_line(simulation: Simulation) -> dict[str, object]:
    """Return a simulation as JSON."""
    first = simulation.first_to_stop
    return {
        "cost_nano_rho": simulation.cost.nano_rho,
        "cost_delta_steps": simulation.cost.delta_steps,
        "questions": None if first is None else first.questions,
        "stops_at": None if first is None else shown_name(first.level.place),
        "stops_at_level": None if first is None else str(first.level.place.kind),
        "levels": [
            {
                "level": shown_name(found.level.place),
                "kind": str(found.level.place.kind),
                "questions": found.questions,
            }
            for found in simulation.levels
        ],
    }


def _levels(
    connection: Connection,
    holder: BudgetHolder,
    population: str,
    rules: PrivacyRules,
    outlook: Outlook,
) -> list[Level]:
    asked = PopulationCharge(population, outlook.datasets, Amount())
    path = charge_path(connection, holder, asked, rules, outlook.now_us, outlook.project)
    return levels_at(connection, path)


def _shared(
    connection: Connection,
    holder: BudgetHolder,
    population: str,
    rules: PrivacyRules,
    outlook: Outlook,
) -> list[Level]:
    asked = PopulationCharge(population, outlook.datasets, Amount())
    path = _shared_path(connection, holder, asked, rules, outlook.now_us)
    return levels_at(connection, path)


def _shared_path(
    connection: Connection,
    holder: BudgetHolder,
    asked: PopulationCharge,
    rules: PrivacyRules,
    now_us: int,
) -> list[Place]:
    budget = holder.budgets[asked.population]
    project = budget.project_caps[0].project if budget.project_caps else None
    path = charge_path(connection, holder, asked, rules, now_us, project)
    return [place for place in path if place.kind in RAISABLE]


def _spendable(
    shared: Sequence[Level], private: Sequence[Level], budget: PrivacyBudget, project: str | None
) -> Amount:
    """Return the largest charge that would pass; none, where a project has no part of a budget."""
    named = [cap.project for cap in budget.project_caps]
    if project is not None and named and project not in named:
        return Amount()
    own, *parts = private
    return _least([*shared, own, *(level for level in parts if level.place.name == project)])


def _least(levels: Sequence[Level]) -> Amount:
    left = levels[0].remaining
    for level in levels[1:]:
        left = left.lesser(level.remaining)
    return left


def _level_line(level: Level, *, shared: bool) -> dict[str, object]:
    line: dict[str, object] = {
        "level": shown_name(level.place),
        "kind": str(level.place.kind),
        "cap_nano_rho": level.cap.nano_rho,
        "cap_delta_steps": level.cap.delta_steps,
        "remaining_nano_rho": level.remaining.nano_rho,
        "remaining_delta_steps": level.remaining.delta_steps,
    }
    if not shared:
        line["spent_ppm"] = spent_ppm(level.cap, level.spent)
    return line


def _warning_line(found: Forecast) -> dict[str, object]:
    return {
        "level": shown_name(found.level.place),
        "kind": str(found.level.place.kind),
        "spent_ppm": found.spent_ppm,
        "spent_by_us": found.spent_by_us,
        "questions_left_like_last": found.questions_left,
    }
