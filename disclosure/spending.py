"""A question's own view of privacy budgets: its charge, what is left, and what rows may be held.

Levels open with the first charge, in the same commit, at the caps that the signed licence and the
rule file name (``disclosure.budgets``).
"""

from sqlalchemy import Connection

from audit.reading import read_entries
from authorization.compile import CompiledLicence
from catalog.store import NeighbourRelation, dataset_by_name
from catalog.store import population as population_by_name
from disclosure.budgets.listing import Outlook, budget_lines, what_is_left
from disclosure.budgets.odometer import check_spent, tree_now
from foundation.errors import Conflict, Message
from policies.schema.privacy import PrivacyRules

__all__ = [
    "budget_left",
    "check_rows_may_be_held",
    "check_spent",
    "granted_of_populations",
    "licence_budgets",
    "population_spent_nano_rho",
]


def check_rows_may_be_held(connection: Connection, name: str) -> None:
    """Refuse the first licence of rows on a population that gave private answers already (I4).

    Those answers were priced for one unit joining or leaving. Once rows are held, membership is
    known and the same answers cost up to four times as much, which nobody charged.
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


def population_spent_nano_rho(connection: Connection, population: str) -> int:
    """Return what all licences together have spent of a population; zero before any charge."""
    root = tree_now(connection).get(f"population/{population}")
    return 0 if root is None else root.spent.nano_rho


def licence_budgets(
    connection: Connection,
    licence: CompiledLicence,
    rules: PrivacyRules,
    project: str | None = None,
) -> list[dict[str, object]]:
    """Return what each population's budget of this licence was, is spent, and has left."""
    outlook = Outlook(log_time_us(connection), project=project)
    datasets = granted_of_populations(
        connection, [grant.dataset for grant in licence.document.grants]
    )
    return budget_lines(connection, licence, rules, outlook, datasets)


def budget_left(
    connection: Connection,
    licence: CompiledLicence,
    population: str,
    rules: PrivacyRules,
    outlook: Outlook,
) -> int | None:
    """Return what may still be charged to a population (nano-rho), or None without a budget."""
    if population not in licence.budgets:
        return None
    return what_is_left(connection, licence, population, rules, outlook).nano_rho


def granted_of_populations(
    connection: Connection, granted: list[str]
) -> dict[str, tuple[str, ...]]:
    """Sort granted data sets by their population; those without one cost no privacy."""
    sorted_out: dict[str, set[str]] = {}
    for name in granted:
        found = dataset_by_name(connection, name)
        if found is not None and found.declaration.population is not None:
            sorted_out.setdefault(found.declaration.population, set()).add(name)
    return {population: tuple(sorted(names)) for population, names in sorted_out.items()}


def log_time_us(connection: Connection) -> int:
    """Return the time of the newest log entry, which service time never precedes."""
    newest = read_entries(connection, newest_first=True, limit=1)
    return newest[0].time_us if newest else 0
