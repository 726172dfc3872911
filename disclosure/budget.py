"""The privacy budget: a tree of hard stops from a population's lifetime down to one licence.

A charge passes every level or none, and is never given back. The root belongs to the people: it
is shared by all data sets, versions and licences of the population, who may collude (I5).
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from authorization.documents import PrivacyBudget
from disclosure.outcome import Refused
from disclosure.store import budget_node, charge
from foundation.canonical import digest
from foundation.errors import Message, Unavailable
from foundation.ids import new_id
from policies.schema.privacy import PrivacyRules

RULE = "policies/privacy"


@dataclass(frozen=True)
class Charge:
    """What one answer takes from one population under one licence."""

    population: str
    licence: str
    nano_rho: int
    plan_digest: str
    delta_steps: int = 0


@dataclass(frozen=True)
class Level:
    """One level of the tree: its cap and what was spent of it."""

    id: str
    cap_nano_rho: int
    spent_nano_rho: int
    cap_delta_steps: int
    spent_delta_steps: int

    @property
    def remaining_nano_rho(self) -> int:
        """What may still be charged here."""
        return self.cap_nano_rho - self.spent_nano_rho


@dataclass(frozen=True)
class Remaining:
    """What a licence may still spend on a population: the least of its levels."""

    population: Level
    licence: Level

    @property
    def nano_rho(self) -> int:
        """The largest charge that would pass every level."""
        return min(self.population.remaining_nano_rho, self.licence.remaining_nano_rho)


def population_node(population: str) -> str:
    """Name the root of a population's tree."""
    return f"population/{population}"


def licence_node(population: str, licence: str) -> str:
    """Name a licence's level beneath a population."""
    return f"population/{population}/licence/{licence}"


def open_population(
    connection: Connection, population: str, rules: PrivacyRules, now_us: int
) -> None:
    """Give a population its lifetime budget; a second call changes nothing."""
    _open(
        connection,
        id=population_node(population),
        parent=None,
        population=population,
        licence=None,
        cap_nano_rho=rules.population_lifetime_nano_rho_max,
        cap_delta_steps=rules.population_lifetime_delta_steps_max,
        opened_us=now_us,
    )


def open_licence(connection: Connection, licence: str, budget: PrivacyBudget, now_us: int) -> None:
    """Give a licence its budget for one population, whose root is open; once for good."""
    _open(
        connection,
        id=licence_node(budget.population, licence),
        parent=population_node(budget.population),
        population=budget.population,
        licence=licence,
        cap_nano_rho=budget.budget_nano_rho,
        cap_delta_steps=0,
        opened_us=now_us,
    )


def charge_budget(connection: Connection, asked: Charge, *, entry_index: int, now_us: int) -> str:
    """Charge every level, or raise and leave all as it was; return the charge's identifier.

    Runs inside the writer's savepoint. The condition stands in the UPDATE itself, so two charges
    at once cannot both take what is left for one.
    """
    if asked.nano_rho < 0 or asked.delta_steps < 0:
        raise ValueError("a charge is never negative")
    before = remaining(connection, asked.population, asked.licence)
    for level in (before.population, before.licence):
        if not _spend(connection, level.id, asked):
            raise _exhausted(asked, remaining(connection, asked.population, asked.licence))
    charge_id = new_id("chg")
    connection.execute(
        charge.insert().values(
            id=charge_id,
            population=asked.population,
            licence=asked.licence,
            nano_rho=asked.nano_rho,
            delta_steps=asked.delta_steps,
            plan_digest=asked.plan_digest,
            entry_index=entry_index,
            charged_us=now_us,
        )
    )
    return charge_id


def remaining(connection: Connection, population: str, licence: str) -> Remaining:
    """Return both levels of a licence on a population. Raises Refused where it has no budget."""
    root = _level(connection, population_node(population))
    leaf = _level(connection, licence_node(population, licence))
    if root is None or leaf is None:
        raise Refused(
            "budget_missing",
            Message(
                zh="本授权没有该总体的隐私预算，不能作聚合查询。",
                en="This licence has no privacy budget for the population of this data set.",
            ),
            field="budgets",
            rule=RULE,
            way_out=Message(
                zh="可请数据主管部门在授权中增列隐私预算。",
                en="Ask the data authority for a licence with a privacy budget.",
            ),
        )
    return Remaining(population=root, licence=leaf)


def population_spent_nano_rho(connection: Connection, population: str) -> int:
    """Return what all licences together have spent of a population; zero before any charge."""
    root = _level(connection, population_node(population))
    return 0 if root is None else root.spent_nano_rho


def odometer(connection: Connection) -> dict[str, tuple[int, int]]:
    """Recompute what every node should have spent (nano-rho, delta steps) from the charges."""
    query = select(
        charge.c.population,
        charge.c.licence,
        func.sum(charge.c.nano_rho),
        func.sum(charge.c.delta_steps),
    ).group_by(charge.c.population, charge.c.licence)
    totals: dict[str, tuple[int, int]] = {}
    for population, licence, rho, delta in connection.execute(query):
        for node in (population_node(population), licence_node(population, licence)):
            spent_rho, spent_delta = totals.get(node, (0, 0))
            totals[node] = (spent_rho + int(rho), spent_delta + int(delta))
    return totals


def check_odometer(connection: Connection) -> None:
    """Compare the tree with its charges at start. Raises Unavailable where they differ."""
    computed = odometer(connection)
    for level in _levels(connection):
        found = (level.spent_nano_rho, level.spent_delta_steps)
        if found != computed.get(level.id, (0, 0)):
            raise Unavailable(
                "budget_mismatch",
                Message(
                    zh=f"隐私预算“{level.id}”与其扣减记录不符，相关数据已关闭，请联系数据主管部门。",
                    en=f"The privacy budget {level.id!r} differs from its charges; its data "
                    "stays closed. Tell the data authority.",
                ),
                rule="I5",
            )


def spent_table_digest(connection: Connection) -> str:
    """Return one digest of all caps and spendings, for log entries to commit to (I5)."""
    return digest(
        [
            [
                level.id,
                level.cap_nano_rho,
                level.spent_nano_rho,
                level.cap_delta_steps,
                level.spent_delta_steps,
            ]
            for level in _levels(connection)
        ]
    )


def _open(connection: Connection, **values: object) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(budget_node).values(**values).on_conflict_do_nothing())


def _spend(connection: Connection, node: str, asked: Charge) -> bool:
    nodes = budget_node.c
    result = connection.execute(
        update(budget_node)
        .where(
            nodes.id == node,
            nodes.spent_nano_rho + asked.nano_rho <= nodes.cap_nano_rho,
            nodes.spent_delta_steps + asked.delta_steps <= nodes.cap_delta_steps,
        )
        .values(
            spent_nano_rho=nodes.spent_nano_rho + asked.nano_rho,
            spent_delta_steps=nodes.spent_delta_steps + asked.delta_steps,
        )
    )
    return result.rowcount == 1


_COLUMNS = (
    budget_node.c.id,
    budget_node.c.cap_nano_rho,
    budget_node.c.spent_nano_rho,
    budget_node.c.cap_delta_steps,
    budget_node.c.spent_delta_steps,
)


def _level(connection: Connection, node: str) -> Level | None:
    row = connection.execute(select(*_COLUMNS).where(budget_node.c.id == node)).first()
    return Level(*row) if row else None


def _levels(connection: Connection) -> list[Level]:
    rows = connection.execute(select(*_COLUMNS).order_by(budget_node.c.id))
    return [Level(*row) for row in rows]


def _exhausted(asked: Charge, left: Remaining) -> Refused:
    fits = max(left.nano_rho, 0)
    return Refused(
        "budget_exhausted",
        Message(
            zh=f"隐私预算不足：本查询需要 {asked.nano_rho} nano-ρ，剩余 {fits} nano-ρ。",
            en=f"The privacy budget is not enough: this question needs {asked.nano_rho} "
            f"nano-rho, and {fits} are left.",
        ),
        field="question_nano_rho",
        rule=RULE,
        way_out=Message(
            zh=f"可将 question_nano_rho 设为不超过 {fits}，或重复已有查询（不再扣减）。",
            en=f"Set question_nano_rho to at most {fits}, or repeat an earlier question, "
            "which costs nothing.",
        ),
    )
