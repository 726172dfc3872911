"""I5: whatever is asked, by whom, at once or after a restart, spent never passes a cap or falls."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.budgets.forecasts import simulate_levels, spent_ppm
from disclosure.budgets.odometer import check_odometer, readings, tree_now
from disclosure.budgets.periods import period_at
from disclosure.budgets.tree import Amount, Level, LevelKind, Place
from disclosure.outcome import Refused
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from tests.budgeting import (
    CENSUS,
    PEOPLE,
    Ground,
    Holder,
    add_dataset,
    budget_ground,
    holder,
    rules,
)
from tests.fakes import START_US, TickingClock

ROOT = f"population/{PEOPLE}"
OTHER = "tax"
LICENCES = ("lic_a", "lic_b")
PROJECTS = ("atlas", "brief")
charges = st.lists(
    st.tuples(
        st.sampled_from(LICENCES),
        st.sampled_from(PROJECTS),
        st.sampled_from([(CENSUS,), (OTHER,), (CENSUS, OTHER)]),
        st.integers(0, 400),
        st.integers(0, 3),
        st.booleans(),
    ),
    min_size=1,
    max_size=10,
)
Spent = dict[str, tuple[int, int]]


def take(
    ground: Ground, licence: Holder, project: str, datasets: tuple[str, ...], loss: Amount
) -> bool:
    try:
        ground.charge(
            licence,
            loss.nano_rho,
            datasets=datasets,
            delta_steps=loss.delta_steps,
            project=project,
        )
    except Refused:
        return False
    return True


def modelled(
    licence: str, project: str, datasets: tuple[str, ...], period: str, caps: dict[str, int]
) -> dict[str, int]:
    """Name the levels that a charge passes, and the cap of each, by a second way of saying it."""
    passed = {ROOT: caps["root"]}
    for line in datasets:
        passed[f"{ROOT}/lineage/{line}"] = caps["line"]
        passed[f"{ROOT}/lineage/{line}/period/{period}"] = caps["period"]
    passed[f"{ROOT}/licence/{licence}"] = caps[licence]
    passed[f"{ROOT}/licence/{licence}/project/{project}"] = min(caps["project"], caps[licence])
    return passed


@settings(max_examples=20, deadline=None)
@given(
    asked=charges,
    caps=st.fixed_dictionaries(
        {
            "root": st.integers(1, 1_500),
            "line": st.integers(1, 1_500),
            "period": st.integers(1, 1_000),
            "lic_a": st.integers(0, 1_000),
            "lic_b": st.integers(0, 1_000),
            "project": st.integers(0, 600),
        }
    ),
    delta_cap=st.integers(0, 6),
)
def test_a_charge_passes_exactly_where_every_level_has_room(
    asked: list[tuple[str, str, tuple[str, ...], int, int, bool]],
    caps: dict[str, int],
    delta_cap: int,
) -> None:
    caps = {**caps, "line": min(caps["line"], caps["root"])}
    caps["period"] = min(caps["period"], caps["root"])
    in_force = rules(
        caps["root"], lineage=caps["line"], period=caps["period"], delta_steps=delta_cap
    )
    holders = {
        name: holder(
            name, caps[name], delta_cap, **dict.fromkeys(PROJECTS, min(caps["project"], caps[name]))
        )
        for name in LICENCES
    }
    spent: Spent = {}
    clock = TickingClock()
    with (
        TemporaryDirectory() as directory,
        budget_ground(Path(directory), in_force, clock) as (ground),
    ):
        with ground.engine.begin() as connection:
            add_dataset(connection, OTHER, columns=("person", "income"), created_us=2)
        for licence, project, datasets, nano_rho, delta, later in asked:
            clock.advance(92 * MICROSECONDS_PER_DAY * later)
            period = period_at(clock.now_us(), in_force.budgets).name
            passed = modelled(licence, project, datasets, period, caps)
            after = {
                node: (
                    spent.get(node, (0, 0))[0] + nano_rho,
                    spent.get(node, (0, 0))[1] + delta,
                )
                for node in passed
            }
            fits = all(
                after[node][0] <= cap and after[node][1] <= delta_cap
                for node, cap in passed.items()
            )
            loss = Amount(nano_rho, delta)
            assert take(ground, holders[licence], project, datasets, loss) is fits
            if fits:
                spent.update(after)
            ground.engine.dispose()  # the next charge opens the file afresh, as after a restart
        with reading(ground.engine) as connection:
            check_odometer(connection)
            assert all(found.agrees for found in readings(connection))
            tree = tree_now(connection)
    found = {
        node: (totals.spent.nano_rho, totals.spent.delta_steps) for node, totals in tree.items()
    }
    assert found == spent


def test_many_at_once_take_exactly_what_there_is(tmp_path: Path) -> None:
    won: list[int] = []
    with budget_ground(tmp_path, rules(1_050)) as ground:

        def ask(licence: Holder) -> None:
            for _ in range(4):
                try:
                    won.append(ground.charge(licence, 100).index)
                except Refused:
                    return

        holders = [holder(name, 10_000) for name in LICENCES]
        threads = [threading.Thread(target=ask, args=(holders[i % 2],)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with reading(ground.engine) as connection:
            check_odometer(connection)
            root = tree_now(connection)[ROOT]
    assert len(won) == len(set(won)) == 10
    assert root.spent.nano_rho == 1_000


def level(cap: Amount, spent: Amount) -> Level:
    place = Place("population/p", None, LevelKind.POPULATION, "p", "p", cap, cap)
    return Level(place, cap, spent, 0)


amounts = st.builds(Amount, st.integers(0, 10**12), st.integers(0, 10**12))


@given(caps=st.lists(amounts, min_size=1, max_size=4), spent=amounts, cost=amounts)
def test_what_could_still_be_asked_fits_and_one_more_does_not(
    caps: list[Amount], spent: Amount, cost: Amount
) -> None:
    levels = [level(cap, spent.lesser(cap)) for cap in caps]
    first = simulate_levels(levels, cost).first_to_stop
    if first is None or first.questions is None:
        assert cost == Amount()
        return
    for more, fits in ((0, True), (1, False)):
        asked = first.questions + more
        total = Amount(cost.nano_rho * asked, cost.delta_steps * asked)
        assert all((found.spent + total).within(found.cap) for found in levels) is fits
    assert not (
        first.level.spent
        + Amount(cost.nano_rho * (first.questions + 1), cost.delta_steps * (first.questions + 1))
    ).within(first.level.cap)


@given(cap=amounts, spent=amounts)
def test_the_spent_share_is_whole_only_where_a_part_is_used_up(cap: Amount, spent: Amount) -> None:
    taken = spent.lesser(cap)
    share = spent_ppm(cap, taken)
    assert 0 <= share <= 1_000_000
    used_up = taken.nano_rho == cap.nano_rho or (
        cap.delta_steps > 0 and taken.delta_steps == cap.delta_steps
    )
    if used_up and cap.nano_rho:
        assert share == 1_000_000


@given(st.integers(0, 4 * 366), st.sampled_from(["year", "quarter", "month"]))
def test_a_moment_lies_in_one_period_that_the_next_follows(days: int, kind: str) -> None:
    found = rules().budgets.model_copy(update={"period": kind})
    period = period_at(START_US + days * MICROSECONDS_PER_DAY, found)
    assert START_US + days * MICROSECONDS_PER_DAY < period.ends_us
    assert period_at(period.ends_us - 1, found) == period
    assert period_at(period.ends_us, found).name > period.name
