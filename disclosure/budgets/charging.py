"""A question's charge: every level of every population it touches, in one commit, or none.

A charge is never given back, and the same decision entry charges once. What was charged, and at
which caps levels opened, stands in the entry itself, so that the tree follows from the log alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from audit.events import PendingEntry
from authorization.documents import PrivacyBudget
from catalog.store import NeighbourRelation
from catalog.store import population as population_by_name
from disclosure.budgets.forecasts import warned_by
from disclosure.budgets.lineages import keep_lineages, lineage_of
from disclosure.budgets.odometer import spent_table_digest
from disclosure.budgets.periods import period_at
from disclosure.budgets.refusals import (
    budget_missing,
    project_unknown,
    relation_changed,
    spent_refusal,
)
from disclosure.budgets.store import charge, charge_level
from disclosure.budgets.tree import (
    Amount,
    BudgetHolder,
    Place,
    levels_at,
    licence_place,
    lineage_place,
    open_level,
    period_place,
    population_place,
    project_place,
    spend,
)
from foundation.ids import new_id
from policies.schema.privacy import PrivacyRules


@dataclass(frozen=True)
class PopulationCharge:
    """What one question costs the people of one population, through one or more data sets.

    A population is named once in a question: a join of two of its data sets is one loss, which
    counts in full against both lines of data. ``neighbours`` is the relation it was priced for;
    None where the population's relation did not enter the price.
    """

    population: str
    datasets: tuple[str, ...]
    loss: Amount
    neighbours: NeighbourRelation | None = None


@dataclass(frozen=True)
class Charged:
    """What one population was charged: at which levels, which opened, which reached their share."""

    asked: PopulationCharge
    path: tuple[Place, ...]
    opened: tuple[Place, ...]
    warned: tuple[str, ...]

    def as_public(self, licence: str) -> dict[str, object]:
        """Return what the decision entry says of the charge."""
        return {
            "population": self.asked.population,
            "licence": licence,
            "nano_rho": self.asked.loss.nano_rho,
            "delta_steps": self.asked.loss.delta_steps,
            "levels": [place.id for place in self.path],
        }


def charge_question(
    connection: Connection,
    entry: PendingEntry,
    *,
    licence: BudgetHolder,
    charges: Sequence[PopulationCharge],
    plan_digest: str,
    rules: PrivacyRules,
    project: str | None = None,
) -> str:
    """Charge a priced question at every level, or raise; return the digest of all spendings.

    Call it inside the writer's ``apply``, whose savepoint undoes every level where one refuses.
    Raises Refused: ``budget_missing``, ``project_unknown``, ``population_relation_changed``, or
    ``budget_exhausted`` (``refusals.BudgetSpent``) naming the level that is spent.
    """
    populations = [asked.population for asked in charges]
    if not charges or len(set(populations)) != len(populations):
        raise ValueError("a question charges each of its populations once")
    if _charged_before(connection, entry, licence.id, charges, plan_digest):
        return spent_table_digest(connection)
    charged: list[Charged] = []
    for asked in sorted(charges, key=lambda one: one.population):
        _check_relation(connection, asked)
        path = charge_path(connection, licence, asked, rules, entry.time_us, project)
        keep_lineages(connection, asked.datasets, entry.index)
        charged.append(
            charge_levels(
                connection,
                entry,
                licence=licence.id,
                asked=asked,
                plan_digest=plan_digest,
                path=path,
                rules=rules,
            )
        )
    spent = spent_table_digest(connection)
    entry.amend(
        charges=[one.as_public(licence.id) for one in charged],
        populations=sorted(populations),
        budgets_opened=[line for one in charged for line in opened_public(one.opened)],
        budgets_warned=[node for one in charged for node in one.warned],
        spent_digest=spent,
    )
    return spent


def charge_levels(
    connection: Connection,
    entry: PendingEntry,
    *,
    licence: str,
    asked: PopulationCharge,
    plan_digest: str,
    path: Sequence[Place],
    rules: PrivacyRules,
) -> Charged:
    """Charge every level of a path, opening what is not open yet, or raise ``BudgetSpent``."""
    standing = levels_at(connection, path)
    opened = tuple(
        level.place
        for level in standing
        if level.opened_us is None and open_level(connection, level.place, entry.time_us)
    )
    _spend_all(connection, path, asked.loss, entry.time_us, rules)
    _record(connection, entry, licence, asked, plan_digest, path)
    warned = warned_by(standing, asked.loss, rules)
    return Charged(asked, tuple(path), opened, tuple(warned))


def charge_path(
    connection: Connection,
    holder: BudgetHolder,
    asked: PopulationCharge,
    rules: PrivacyRules,
    now_us: int,
    project: str | None = None,
) -> list[Place]:
    """Return every level that a charge passes, parents before children. Raises Refused."""
    budget = holder.budgets.get(asked.population)
    if budget is None:
        raise budget_missing()
    root = population_place(asked.population, rules)
    period = period_at(now_us, rules.budgets)
    lines = {lineage_of(connection, dataset).name for dataset in asked.datasets}
    lineages = [lineage_place(root, name, rules) for name in sorted(lines)]
    periods = [period_place(line, period, rules) for line in lineages]
    own = licence_place(root, holder.id, budget)
    path = [root, *lineages, *periods, own]
    check_project(budget, project)
    part = None if project is None else project_place(own, project, budget)
    return path if part is None else [*path, part]


def check_project(budget: PrivacyBudget, project: str | None) -> None:
    """Refuse a question outside the projects over which a budget is divided. Raises Refused."""
    named = [cap.project for cap in budget.project_caps]
    if named and project not in named:
        raise project_unknown(named)


def opened_public(opened: Sequence[Place]) -> list[dict[str, object]]:
    """Return what an entry says of the levels that opened with it."""
    return [
        {
            "id": place.id,
            "cap_nano_rho": place.opening.nano_rho,
            "cap_delta_steps": place.opening.delta_steps,
        }
        for place in opened
    ]


def _check_relation(connection: Connection, asked: PopulationCharge) -> None:
    """Refuse a charge whose price was made for a relation that no longer holds."""
    found = population_by_name(connection, asked.population)
    stale = asked.neighbours is not None and (
        found is None or found.relation is not asked.neighbours
    )
    if stale:
        raise relation_changed()


def _charged_before(
    connection: Connection,
    entry: PendingEntry,
    licence: str,
    charges: Sequence[PopulationCharge],
    plan_digest: str,
) -> bool:
    """Tell whether this entry was charged already, with the very same charges."""
    rows = connection.execute(select(charge).where(charge.c.entry_index == entry.index))
    before = {
        (row.population, row.licence, row.nano_rho, row.delta_steps, row.plan_digest)
        for row in rows
    }
    now = {
        (one.population, licence, one.loss.nano_rho, one.loss.delta_steps, plan_digest)
        for one in charges
    }
    if before and before != now:
        raise ValueError("one entry cannot be charged twice, differently")
    return bool(before)


def _spend_all(
    connection: Connection, path: Sequence[Place], loss: Amount, now_us: int, rules: PrivacyRules
) -> None:
    for number, place in enumerate(path):
        if not spend(connection, place, loss):
            levels = levels_at(connection, path[number:])
            ends_us = period_at(now_us, rules.budgets).ends_us
            raise spent_refusal(levels, levels[0], loss, ends_us)


def _record(
    connection: Connection,
    entry: PendingEntry,
    licence: str,
    asked: PopulationCharge,
    plan_digest: str,
    path: Sequence[Place],
) -> None:
    loss: Mapping[str, int] = {
        "nano_rho": asked.loss.nano_rho,
        "delta_steps": asked.loss.delta_steps,
        "charged_us": entry.time_us,
    }
    charge_id = new_id("chg")
    connection.execute(
        insert(charge).values(
            id=charge_id,
            population=asked.population,
            licence=licence,
            plan_digest=plan_digest,
            entry_index=entry.index,
            **loss,
        )
    )
    connection.execute(
        insert(charge_level), [{"charge": charge_id, "node": place.id, **loss} for place in path]
    )
