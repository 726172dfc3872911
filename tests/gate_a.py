"""Gate A: the integers before the noise, on two databases that differ in one person, compared.

Nothing is sampled and nothing has a tolerance: each change is a whole number, held against the
whole number that the plan claims.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded, for tests
from typing import Any

from catalog.store import NeighbourRelation
from disclosure.plan.model import AggregatePlan, Measured
from disclosure.plan.rendering import Statement, StatementKind, rendered
from disclosure.plan.sensitivity import groups_touched, l1, linf, squared_l2
from tests.random_plans import by_world, random_plan
from tests.small_worlds import PERSONS, Worlds, random_worlds

Group = tuple[Any, ...]
Vector = dict[Group, Counter[int]]
"""For each group the integer measured there, or the histogram: rows by bin."""
Answers = dict[int, dict[int, Vector]]
"""By world, then by place in the plan: the integers of every group."""
Render = Callable[[AggregatePlan], Sequence[Statement]]
NONE = -1
"""The place of the groups themselves: which are there at all."""


@dataclass(frozen=True)
class Claim:
    """What a plan claims of one measured vector."""

    touched: int
    l1: int
    squared_l2: int
    linf: int


@dataclass(frozen=True)
class Violation:
    """A change beyond its claim."""

    plan: AggregatePlan
    measured: Measured | None
    bound: str
    change: int
    claimed: int


def claims_of(plan: AggregatePlan) -> dict[int, Claim]:
    """Return what the plan claims of each of its measured vectors."""
    return {
        place: Claim(groups_touched(plan), l1(plan, item), squared_l2(plan, item), linf(plan, item))
        for place, item in enumerate(plan.measured)
    }


def answers(worlds: Worlds, plan: AggregatePlan, render: Render = rendered) -> Answers:
    """Run the generated statements on all worlds at once; keep the groups of the public domain."""
    found: Answers = defaultdict(lambda: defaultdict(lambda: defaultdict(Counter)))
    domains = [None if key.engine_values is None else {*key.engine_values} for key in plan.keys]
    width = 1 + len(plan.keys)
    store = worlds.store if plan.dataset == "visits" else worlds.store_of_bills
    for statement in render(by_world(plan)):
        for row in store.execute(statement.sql).fetchall():
            group = row[1:width]
            if row[0] is None or any(
                domain is not None and key not in domain
                for key, domain in zip(group, domains, strict=True)
            ):
                continue
            if statement.kind is StatementKind.MAIN:
                found[row[0]][NONE][group][0] = 1
                for place, value in zip(statement.measured_places, row[width:], strict=False):
                    found[row[0]][place][group][0] = value
            else:
                for place in statement.measured_places:
                    found[row[0]][place][group][row[width]] = row[width + 1]
    return found


def changes(left: Vector, right: Vector) -> list[int]:
    """Return how much each group changed: for a histogram, how many rows came or went."""
    found = []
    for group in {*left, *right}:
        one, other = left.get(group, Counter()), right.get(group, Counter())
        change = sum(abs(one[at] - other[at]) for at in {*one, *other})
        found += [change] if change else []
    return found


def violations(
    base: Worlds,
    neighbours: Iterable[Worlds],
    plan: AggregatePlan,
    *,
    render: Render = rendered,
    claims: Mapping[int, Claim] | None = None,
) -> list[Violation]:
    """Compare every world with its neighbour; return what moved beyond its claim."""
    claimed = claims_of(plan) if claims is None else claims
    before = answers(base, plan, render)
    found: list[Violation] = []
    for neighbour in neighbours:
        after = answers(neighbour, plan, render)
        for world in {*before, *after}:
            for place, claim in claimed.items():
                moved = changes(before[world][place], after[world][place])
                found += _beyond(plan, plan.measured[place], moved, claim)
            shown = changes(before[world][NONE], after[world][NONE])
            touched = groups_touched(plan)
            if len(shown) > touched:
                found.append(Violation(plan, None, "groups", len(shown), touched))
    return found


def _beyond(
    plan: AggregatePlan, measured: Measured, moved: Sequence[int], claim: Claim
) -> Iterable[Violation]:
    facts = {
        "L0": (len(moved), claim.touched),
        "L1": (sum(moved), claim.l1),
        "L2": (sum(change**2 for change in moved), claim.squared_l2),
        "Linf": (max(moved, default=0), claim.linf),
    }
    for bound, (change, allowed) in facts.items():
        if change > allowed:
            yield Violation(plan, measured, bound, change, allowed)


@dataclass(frozen=True)
class Neighbourhood:
    """Databases, each with all neighbours: a person gone, a person entirely changed."""

    base: Worlds
    gone: tuple[Worlds, ...]
    changed: tuple[Worlds, ...]


def neighbourhood(dice: Random, worlds: int, caps: tuple[int, int] | None = None) -> Neighbourhood:
    """Draw databases and every neighbour that has one person less, and two with one changed."""
    base = random_worlds(dice, worlds)
    if caps is not None:
        base = replace(base, groups_per_unit_max=caps[0], rows_per_group_max=caps[1])
    gone = tuple(base.without(person) for person in range(PERSONS))
    changed = tuple(base.with_other(person, dice) for person in (0, PERSONS - 1))
    return Neighbourhood(base, gone, changed)


def violations_of(near: Neighbourhood, plan: AggregatePlan) -> list[Violation]:
    """Hold a plan to what it claims under both neighbour relations."""
    mixed = replace(plan, neighbours=NeighbourRelation.MIXED)
    return [
        *violations(near.base, near.gone, plan),
        *violations(near.base, near.changed, mixed),
    ]


def random_round(seed: int, *, worlds: int, plans: int) -> list[Violation]:
    """Draw databases and plans from a seed, and hold every plan to its claims on all of them."""
    dice = Random(seed)
    near = neighbourhood(dice, worlds)
    found = []
    for _ in range(plans):
        found += violations_of(near, random_plan(dice, near.base))
    for store in (near.base, *near.gone, *near.changed):
        store.store.close()
    return found
