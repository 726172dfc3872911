"""The tree of hard stops: which levels a charge must pass, what each may spend and has spent.

A population's lifetime is the root and the guarantee: licensees may collude, and the loss is the
people's (I5). Beneath it stand two branches, and a charge passes both: the data (lineage, then
calendar period) and those who ask (licence, then project). All amounts are integer nano-rho of
zero-concentrated differential privacy (Bun and Steinke, 2016) and integer steps of 10^-15.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects import postgresql, sqlite

from authorization.documents import LicenceDocument, PrivacyBudget
from disclosure.budgets.periods import Period
from disclosure.budgets.store import budget_node
from policies.schema.budgets import RaisableAmounts
from policies.schema.privacy import PrivacyRules

RULE = "policies/privacy"


class LevelKind(StrEnum):
    """The levels, in the order in which a charge passes them."""

    POPULATION = "population"
    LINEAGE = "lineage"
    PERIOD = "period"
    LICENCE = "licence"
    PROJECT = "project"


RAISABLE = (LevelKind.POPULATION, LevelKind.LINEAGE, LevelKind.PERIOD)
"""Levels whose cap two persons may raise; the others stand in a signed licence."""


class BudgetHolder(Protocol):
    """Who spends: a licence's identifier and its budgets by population."""

    @property
    def id(self) -> str:
        """The licence's identifier."""
        ...

    @property
    def budgets(self) -> Mapping[str, PrivacyBudget]:
        """The budgets of its signed document, by population."""
        ...


@dataclass(frozen=True)
class LicenceBudgets:
    """The budgets of a licence document, in force or not: a ``BudgetHolder``."""

    id: str
    budgets: Mapping[str, PrivacyBudget]

    @classmethod
    def of(cls, document: LicenceDocument) -> "LicenceBudgets":
        """Take them from a document."""
        return cls(document.id, {budget.population: budget for budget in document.budgets})


@dataclass(frozen=True)
class Amount:
    """A privacy loss: nano-rho, and delta in steps of 10^-15."""

    nano_rho: int = 0
    delta_steps: int = 0

    def __post_init__(self) -> None:
        """Refuse a refund: no amount is negative."""
        if self.nano_rho < 0 or self.delta_steps < 0:
            raise ValueError("a privacy loss is never negative")

    def __add__(self, other: "Amount") -> "Amount":
        """Add both parts, as zCDP and delta compose."""
        return Amount(self.nano_rho + other.nano_rho, self.delta_steps + other.delta_steps)

    def lesser(self, other: "Amount") -> "Amount":
        """Take the smaller of each part."""
        return Amount(min(self.nano_rho, other.nano_rho), min(self.delta_steps, other.delta_steps))

    def within(self, other: "Amount") -> bool:
        """Tell whether neither part is above the other's."""
        return self.nano_rho <= other.nano_rho and self.delta_steps <= other.delta_steps


@dataclass(frozen=True)
class Place:
    """A level of the tree before anything is read: its name, what it opens with, its ceiling."""

    id: str
    parent: str | None
    kind: LevelKind
    population: str
    name: str
    opening: Amount
    ceiling: Amount


@dataclass(frozen=True)
class Level:
    """A level as it stands. ``cap`` never lies above the ceiling of the rules in force."""

    place: Place
    cap: Amount
    spent: Amount
    opened_us: int | None

    @property
    def remaining(self) -> Amount:
        """What may still be charged here."""
        return Amount(
            max(self.cap.nano_rho - self.spent.nano_rho, 0),
            max(self.cap.delta_steps - self.spent.delta_steps, 0),
        )


def population_place(population: str, rules: PrivacyRules) -> Place:
    """Return the root of a population: its lifetime."""
    ceiling = Amount(
        rules.population_lifetime_nano_rho_max, rules.population_lifetime_delta_steps_max
    )
    opens = rules.budgets.population
    opening = Amount(opens.opening_nano_rho, opens.opening_delta_steps).lesser(ceiling)
    node = f"population/{population}"
    return Place(node, None, LevelKind.POPULATION, population, population, opening, ceiling)


def lineage_place(root: Place, lineage: str, rules: PrivacyRules) -> Place:
    """Return one line of data beneath its population."""
    return _raisable(root, LevelKind.LINEAGE, lineage, rules.budgets.lineage)


def period_place(lineage: Place, period: Period, rules: PrivacyRules) -> Place:
    """Return a calendar period of one line of data."""
    return _raisable(lineage, LevelKind.PERIOD, period.name, rules.budgets.period_amounts)


def licence_place(root: Place, licence: str, budget: PrivacyBudget) -> Place:
    """Return a licence beneath a population, at the cap that its document names."""
    cap = Amount(budget.budget_nano_rho, budget.budget_delta_steps)
    return _beneath(root, LevelKind.LICENCE, licence, cap, cap)


def project_place(licence: Place, project: str, budget: PrivacyBudget) -> Place | None:
    """Return a project beneath its licence; None where the document gives it no part."""
    for cap in budget.project_caps:
        if cap.project == project:
            amount = Amount(cap.budget_nano_rho, cap.budget_delta_steps)
            return _beneath(licence, LevelKind.PROJECT, project, amount, amount)
    return None


def raisable_place(node: str, rules: PrivacyRules) -> Place | None:
    """Return the shared level of a name, or None where the name is not one of a shared level."""
    match node.split("/"):
        case ["population", population]:
            return population_place(population, rules)
        case ["population", population, "lineage", lineage]:
            return lineage_place(population_place(population, rules), lineage, rules)
        case ["population", population, "lineage", lineage, "period", period]:
            line = lineage_place(population_place(population, rules), lineage, rules)
            return _raisable(line, LevelKind.PERIOD, period, rules.budgets.period_amounts)
        case _:
            return None


def open_level(connection: Connection, place: Place, now_us: int) -> bool:
    """Open a level beneath an open parent; False, and no change, where it is open already."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(budget_node).values(
        id=place.id,
        parent=place.parent,
        level=str(place.kind),
        population=place.population,
        name=place.name,
        cap_nano_rho=place.opening.nano_rho,
        cap_delta_steps=place.opening.delta_steps,
        opened_us=now_us,
    )
    return connection.execute(statement.on_conflict_do_nothing()).rowcount == 1


def spend(connection: Connection, place: Place, loss: Amount) -> bool:
    """Add a loss to a level; False, and no change, where it does not fit.

    The condition stands in the UPDATE itself, so two charges at once cannot both take what is
    left for one. The ceiling of the rules in force binds whatever cap the table holds.
    """
    nodes = budget_node.c
    rho, delta = nodes.spent_nano_rho + loss.nano_rho, nodes.spent_delta_steps + loss.delta_steps
    result = connection.execute(
        update(budget_node)
        .where(
            nodes.id == place.id,
            rho <= nodes.cap_nano_rho,
            rho <= place.ceiling.nano_rho,
            delta <= nodes.cap_delta_steps,
            delta <= place.ceiling.delta_steps,
        )
        .values(spent_nano_rho=rho, spent_delta_steps=delta)
    )
    return result.rowcount == 1


def level_at(connection: Connection, place: Place) -> Level:
    """Return a level as it stands, or as it would open."""
    return levels_at(connection, [place])[0]


def levels_at(connection: Connection, places: Iterable[Place]) -> list[Level]:
    """Return levels as they stand, or as they would open, in the order of the places."""
    wanted = list(places)
    query = select(budget_node).where(budget_node.c.id.in_([place.id for place in wanted]))
    rows = {row["id"]: row for row in connection.execute(query).mappings()}
    return [_level(place, rows.get(place.id)) for place in wanted]


def _level(place: Place, row: RowMapping | None) -> Level:
    if row is None:
        return Level(place, place.opening, Amount(), None)
    cap = Amount(row["cap_nano_rho"], row["cap_delta_steps"]).lesser(place.ceiling)
    spent = Amount(row["spent_nano_rho"], row["spent_delta_steps"])
    return Level(place, cap, spent, row["opened_us"])


def _raisable(parent: Place, kind: LevelKind, name: str, amounts: RaisableAmounts) -> Place:
    ceiling = Amount(amounts.ceiling_nano_rho, amounts.ceiling_delta_steps)
    opening = Amount(amounts.opening_nano_rho, amounts.opening_delta_steps)
    return _beneath(parent, kind, name, opening, ceiling)


def _beneath(parent: Place, kind: LevelKind, name: str, opening: Amount, ceiling: Amount) -> Place:
    node = f"{parent.id}/{kind}/{name}"
    return Place(node, parent.id, kind, parent.population, name, opening, ceiling)
