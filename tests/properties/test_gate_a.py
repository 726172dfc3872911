"""Gate A (I4), exact: no person moves the integers before the noise beyond what the plan claims.

Random small databases and random plans of every road, each person removed and persons entirely
changed; the builder's own code, the generated statements, a real engine. Then each bound broken
by one, in a double made for the test, and seen to be caught.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from random import Random  # noqa: TID251 - seeded, for tests
from typing import Any

import pytest

from catalog.store import NeighbourRelation
from disclosure.plan.expressions import Measure
from disclosure.plan.model import AggregatePlan, Measured, MeasuredKind, Road
from disclosure.plan.relations import relations
from disclosure.plan.rendering import Statement, rendered
from tests.gate_a import (
    Claim,
    Neighbourhood,
    Render,
    answers,
    changes,
    claims_of,
    neighbourhood,
    random_round,
    violations,
    violations_of,
)
from tests.random_plans import (
    declared_plan,
    joined_plan,
    per_unit_plan,
    random_plan,
    ranked_plan,
    rows_plan,
    unranked_plan,
)
from tests.ranking import opened
from tests.small_worlds import Worlds

FULL_SEEDS, FULL_WORLDS, FULL_PLANS = 40, 125, 20  # 100,000 databases and plans
TRIES = 60
Plans = Callable[[Random, Worlds], AggregatePlan]
ROADS: dict[str, Plans] = {
    "declared": declared_plan,
    "ranked": ranked_plan,
    "rows": rows_plan,
    "unranked": unranked_plan,
    "per unit": per_unit_plan,
    "joined": joined_plan,
}
ROWS = Measured(MeasuredKind.ROWS)


@pytest.mark.parametrize("seed", range(3))
def test_no_plan_moves_beyond_its_claims(seed: int) -> None:
    assert random_round(seed, worlds=20, plans=7) == []


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(1000, 1000 + FULL_SEEDS))
def test_no_plan_of_very_many_moves_beyond_its_claims(seed: int) -> None:
    assert random_round(seed, worlds=FULL_WORLDS, plans=FULL_PLANS) == []


@cache
def _near() -> Neighbourhood:
    return neighbourhood(Random(7), 24, caps=(2, 2))


@cache
def _wide() -> Neighbourhood:
    """The same databases, onboarded by a builder that keeps one row and one group too many."""
    near = _near()
    groups, rows = near.base.groups_per_unit_max + 1, near.base.rows_per_group_max + 1

    def wider(worlds: Worlds) -> Worlds:
        return replace(worlds, groups_per_unit_max=groups, rows_per_group_max=rows)

    return Neighbourhood(wider(near.base), tuple(map(wider, near.gone)), ())


def _caught(
    make: Plans,
    *,
    render: Render = rendered,
    claims: Callable[[AggregatePlan], dict[int, Claim]] = claims_of,
    fits: Callable[[AggregatePlan], bool] = lambda _plan: True,
    near: Neighbourhood | None = None,
    mixed: bool = False,
) -> set[str]:
    """Say which bounds are seen broken, under a renderer or claims that are off on purpose."""
    dice, store = Random(11), near or _near()
    for _ in range(TRIES):
        plan = make(dice, _near().base)
        plan = replace(plan, neighbours=NeighbourRelation.MIXED) if mixed else plan
        if not fits(plan):
            continue
        neighbours = store.changed if mixed else store.gone
        found = violations(store.base, neighbours, plan, render=render, claims=claims(plan))
        if found:
            return {item.bound for item in found}
    return set()


def _with_caps(groups: int, rows: int) -> Render:
    """Render a plan as if its caps were higher by so much."""

    def render(plan: AggregatePlan) -> Sequence[Statement]:
        bounding = plan.bounding
        caps = tuple(cap + rows for cap in bounding.row_caps)
        product = caps[0] * caps[1] if caps else bounding.rows_per_group_max + rows
        wider = replace(
            bounding,
            groups_per_unit_max=bounding.groups_per_unit_max + groups,
            rows_per_group_max=product,
            row_caps=caps,
        )
        return rendered(replace(plan, bounding=wider))

    return render


def _wider_clamp(plan: AggregatePlan) -> Sequence[Statement]:
    def moved(item: Measured) -> Measured:
        if item.measure is None or item.kind is MeasuredKind.QUANTILE:
            return item
        wider = replace(item.measure, lower=item.measure.lower - 1, upper=item.measure.upper + 1)
        return replace(item, measure=wider)

    return rendered(replace(plan, measured=tuple(map(moved, plan.measured))))


def _rewritten(old: str, new: str) -> Render:
    """Render as always, then exchange a piece of the SQL."""

    def render(plan: AggregatePlan) -> Sequence[Statement]:
        return [replace(item, sql=item.sql.replace(old, new)) for item in rendered(plan)]

    return render


def _claimed_as(**changed: Any) -> Callable[[AggregatePlan], dict[int, Claim]]:
    return lambda plan: claims_of(replace(plan, bounding=replace(plan.bounding, **changed)))


@pytest.mark.parametrize("road", ["ranked", "rows", "unranked", "joined"])
def test_one_row_too_many_is_caught(road: str) -> None:
    assert _caught(ROADS[road], render=_with_caps(0, 1))


@pytest.mark.parametrize("road", ["ranked", "unranked"])
def test_one_group_too_many_is_caught(road: str) -> None:
    assert _caught(ROADS[road], render=_with_caps(1, 0))


def test_a_builder_that_keeps_one_row_and_group_too_many_is_caught() -> None:
    assert _caught(declared_plan, near=_wide())


@pytest.mark.parametrize("road", ["ranked", "rows", "unranked", "per unit", "joined"])
def test_a_clamp_too_wide_by_one_is_caught(road: str) -> None:
    assert _caught(ROADS[road], render=_wider_clamp) & {"L2", "Linf", "L1"}


@pytest.mark.parametrize("road", ["declared", "ranked"])
def test_the_bound_of_the_finer_groups_kept_for_coarser_ones_is_caught(road: str) -> None:
    """OpenDP issue 2949: a coarsening, bounded as if nothing had been merged."""
    found = _caught(
        ROADS[road],
        claims=_claimed_as(merged_max=1),
        fits=lambda plan: plan.bounding.merged_max > 1,
    )
    assert "L2" in found or "Linf" in found


def test_a_coarsening_bounded_as_one_group_less_is_caught() -> None:
    def claims(plan: AggregatePlan) -> dict[int, Claim]:
        return _claimed_as(merged_max=plan.bounding.merged_max - 1)(plan)

    assert _caught(ranked_plan, claims=claims, fits=lambda plan: plan.bounding.merged_max > 1)


def test_a_join_bounded_by_one_side_is_caught() -> None:
    def claims(plan: AggregatePlan) -> dict[int, Claim]:
        return _claimed_as(rows_per_group_max=max(plan.bounding.row_caps))(plan)

    assert _caught(joined_plan, claims=claims, fits=lambda p: min(p.bounding.row_caps) > 1)


def test_a_refinement_that_touches_only_the_declared_number_of_groups_is_caught() -> None:
    found = _caught(
        ranked_plan, claims=_claimed_as(refines=False), fits=lambda plan: plan.bounding.refines
    )
    assert "L0" in found


def test_a_changed_person_bounded_as_one_that_leaves_is_caught() -> None:
    def claims(plan: AggregatePlan) -> dict[int, Claim]:
        return claims_of(replace(plan, neighbours=NeighbourRelation.DP_ONLY))

    assert _caught(ranked_plan, claims=claims, mixed=True)


def test_a_unit_counted_by_its_rows_is_caught() -> None:
    render = _rewritten("COUNT(*) FILTER (WHERE first)", "COUNT(*)")
    assert _caught(declared_plan, render=render)
    assert _caught(rows_plan, render=_rewritten("DISTINCT ", ""))


def test_groups_chosen_by_the_ordinal_of_the_unit_are_caught() -> None:
    """The ordinal of a unit depends on who else is there: so may nothing that is kept of it."""
    render = _rewritten("ORDER BY _first", "ORDER BY hash(_unit, _first)")
    assert _caught(unranked_plan, render=render, fits=lambda plan: bool(plan.keys))


def test_a_unit_not_clamped_in_its_group_is_caught() -> None:
    assert _caught(unranked_plan, render=_rewritten("LEAST(COUNT(*), ", "LEAST(COUNT(*), 9"))


def _reached(plan: AggregatePlan, near: Neighbourhood) -> dict[str, float]:
    """Return, for each bound, the greatest share of the claim that some neighbour reaches."""
    best = dict.fromkeys(("L0", "L1", "L2", "Linf"), 0.0)
    before = answers(near.base, plan)
    for neighbour in near.gone:
        after = answers(neighbour, plan)
        for world in before:
            for place, claim in claims_of(plan).items():
                moved = changes(before[world][place], after[world][place])
                found = {
                    "L0": len(moved) / claim.touched,
                    "L1": sum(moved) / claim.l1,
                    "L2": sum(item**2 for item in moved) / claim.squared_l2,
                    "Linf": max(moved, default=0) / claim.linf,
                }
                best = {name: max(best[name], found[name]) for name in best}
    return best


@pytest.mark.parametrize("road", list(ROADS))
def test_each_bound_is_reached_by_some_person(road: str) -> None:
    """No slack by accident: the worst case that is claimed happens."""
    dice, near = Random(3), _near()
    best = dict.fromkeys(("L0", "L1", "L2", "Linf"), 0.0)
    for _ in range(12):
        found = _reached(ROADS[road](dice, near.base), near)
        best = {name: max(best[name], found[name]) for name in best}
    assert best == dict.fromkeys(best, 1.0)


def test_a_plan_that_contradicts_its_road_is_not_rendered() -> None:
    dice, base = Random(5), _near().base
    plan = unranked_plan(dice, base)
    for bounding in (
        replace(plan.bounding, merged_max=2),
        replace(plan.bounding, refines=True),
        replace(plan.bounding, road=Road.PER_UNIT),
        replace(plan.bounding, road=Road.RANKED, rows_per_group_max=255),
        replace(plan.bounding, road=Road.DECLARED, refines=True),
    ):
        with pytest.raises(ValueError, match=r"road|cap"):
            rendered(replace(plan, bounding=bounding))


def test_a_plan_runs_on_the_columns_that_it_names_and_no_others() -> None:
    dice, worlds = Random(13), _near().base
    tables = {
        name: worlds.store.sql(f"FROM {name}").to_arrow_table()
        for name in ("bounded", "ranked", "units", "ranked_2", "units_2", "p_regions")
    }
    for _ in range(30):
        plan = random_plan(dice, worlds)
        given = relations(plan)
        store = opened((item.name, tables[item.name].select(item.columns)) for item in given)
        for statement in rendered(plan):
            whole = worlds.store.execute(statement.sql).fetchall()
            assert sorted(map(repr, store.execute(statement.sql).fetchall())) == sorted(
                map(repr, whole)
            )
        assert {item.dataset for item in given} <= {"visits", "bills", "regions"}
        store.close()


def test_every_kind_of_plan_is_drawn() -> None:
    dice, base = Random(1), _near().base
    plans = [random_plan(dice, base) for _ in range(300)]
    assert {plan.bounding.road for plan in plans} == set(Road)
    assert {item.kind for plan in plans for item in plan.measured} == set(MeasuredKind)
    assert max(plan.bounding.merged_max for plan in plans) > 1
    assert any(plan.bounding.refines and plan.bounding.merged_max > 1 for plan in plans)
    assert {plan.has_unknown_keys for plan in plans} == {True, False}
    assert sum(violations_of(_near(), plan) != [] for plan in plans[:10]) == 0


def test_a_measure_clamped_outside_what_is_stored_stays_within_its_claim() -> None:
    dice, near = Random(9), _near()
    plan = declared_plan(dice, near.base)
    field = next(item.measure.field for item in plan.measured if item.measure is not None)
    wide = Measured(MeasuredKind.TOTAL, Measure(field, -100, 100, nullable=True), centre=3)
    assert violations_of(near, replace(plan, measured=(wide, ROWS))) == []
