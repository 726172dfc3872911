"""A licence's own view of its privacy budgets, and a question's charge against them.

A budget's levels open with the first charge, in the same commit, at the caps that the signed
licence and the rule file name; from then on the caps never change.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from audit.events import PendingEntry
from authorization.compile import CompiledLicence
from catalog.store import NeighbourRelation
from catalog.store import population as population_by_name
from disclosure.budget import (
    Charge,
    charge_budget,
    check_odometer,
    odometer,
    open_licence,
    open_population,
    population_spent_nano_rho,
    remaining,
    spent_table_digest,
)
from disclosure.outcome import Refused
from disclosure.plan.pricing import PricedPlan
from disclosure.privacy import epsilon_shown
from foundation.errors import Conflict, Message, Unavailable
from policies.schema.privacy import PrivacyRules


def charge_question(
    connection: Connection,
    entry: PendingEntry,
    *,
    licence: CompiledLicence,
    population: str,
    priced: PricedPlan,
    rules: PrivacyRules,
) -> str:
    """Charge a priced question at every level, or raise; return the digest of all spendings."""
    _check_relation(connection, population, priced)
    budget = licence.budgets.get(population)
    if budget is not None:
        open_population(connection, population, rules, entry.time_us)
        open_licence(connection, licence.id, budget, entry.time_us)
    asked = Charge(population, licence.id, priced.cost_nano_rho, priced.digest)
    charge_budget(connection, asked, entry_index=entry.index, now_us=entry.time_us)
    return spent_table_digest(connection)


def check_rows_may_be_held(connection: Connection, name: str) -> None:
    """Refuse the first licence of rows on a population that gave private answers already (I4).

    Those answers were priced for one unit joining or leaving. Once rows are held, membership is
    known and the same answers cost four times as much, which nobody charged.
    """
    found = population_by_name(connection, name)
    still_dp_only = found is not None and found.relation is NeighbourRelation.DP_ONLY
    if still_dp_only and population_spent_nano_rho(connection, name):
        raise Conflict(
            "population_already_answered",
            Message(
                zh=f"总体“{name}”已给出过差分隐私答案，其代价按“成员身份不公开”计算，不能再授予明细。",
                en=f"Private answers about the population {name!r} were already given, priced for "
                "unknown membership, so its rows can no longer be licensed.",
            ),
            field="grants",
            rule="I4",
            way_out=Message(
                zh="请改授聚合方式；确需明细的，应在首个差分隐私答案之前授予。",
                en="Grant aggregates instead; rows would have to be licensed before the first "
                "private answer.",
            ),
        )


def _check_relation(connection: Connection, name: str, priced: PricedPlan) -> None:
    """Refuse a charge whose price was made for a relation that no longer holds."""
    found = population_by_name(connection, name)
    if found is None or found.relation is not priced.plan.neighbours:
        raise Refused(
            "population_relation_changed",
            Message(
                zh="该总体的保护关系刚刚改变，本次定价作废；请重新提问。",
                en="The relation that protects this population has just changed, so this price "
                "is void; ask again.",
            ),
            field="population",
            rule="I4",
        )


def check_spent(connection: Connection, committed: str | None) -> None:
    """Compare all spendings with the charges, and with the digest the log last committed to.

    Raises Unavailable where either differs. ``committed`` is None where nothing was charged yet.
    """
    check_odometer(connection)
    found = spent_table_digest(connection) if odometer(connection) else None
    if found != committed:
        raise Unavailable(
            "budget_mismatch",
            Message(
                zh="隐私预算与审计日志最后记载的不符，受保护数据已关闭，请联系数据主管部门。",
                en="The privacy budgets differ from what the audit log last committed to; "
                "protected data stays closed. Tell the data authority.",
            ),
            rule="I5",
        )


def licence_budgets(
    connection: Connection, licence: CompiledLicence, rules: PrivacyRules
) -> list[dict[str, object]]:
    """Return what each population's budget of this licence was, is spent, and has left."""
    return list(_shown(connection, licence, rules))


def budget_left(
    connection: Connection, licence: CompiledLicence, population: str | None
) -> int | None:
    """Return what may still be charged to a population, or None where there is no budget."""
    budget = None if population is None else licence.budgets.get(population)
    if budget is None:
        return None
    try:
        return remaining(connection, budget.population, licence.id).nano_rho
    except Refused:  # nothing was charged yet, so no level is open
        return budget.budget_nano_rho


def _shown(
    connection: Connection, licence: CompiledLicence, rules: PrivacyRules
) -> Iterable[dict[str, object]]:
    for population, budget in sorted(licence.budgets.items()):
        left = budget_left(connection, licence, population) or 0
        try:
            spent = remaining(connection, population, licence.id).licence.spent_nano_rho
        except Refused:
            spent = 0
        yield {
            "population": population,
            "budget_nano_rho": budget.budget_nano_rho,
            "budget_nano_rho_spent": spent,
            "budget_nano_rho_remaining": left,
            "question_nano_rho_max": budget.question_nano_rho_max,
            "epsilon_shown": epsilon_shown(spent, rules.epsilon_delta_steps),
        }
