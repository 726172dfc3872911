"""Tables that are safe apart and together give a small cell away by what cannot be negative.

No pair of figures and no sum or difference of them is about few people, so that sketches find
nothing; only the joint attack on all tables does. Each attack releases tables by the very steps of
the desk, and then plays a reader of its own: a solver over the numbers of people in each group.
"""

from collections.abc import Mapping, Sequence
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.datasets import Grade
from disclosure.checks.tables.solver import UNBOUNDED, Columns, Programme
from disclosure.checks.tables.solver import Row as Condition
from disclosure.outcome import Refused
from disclosure.release.tables.counting import TOTAL, Counted, Key
from disclosure.release.tables.joint import NEW, joined
from disclosure.release.tables.kept import kept_table
from disclosure.release.tables.protecting import Protection
from tests.table_world import RULES, Released, counted_of

MIN = 10
Row = Mapping[str, Any]
Group = tuple[str, int]
BY_BAND = "SELECT region, floor(age / 30) * 30 AS band, COUNT(*) AS n FROM visits GROUP BY ALL"
MERGED = (
    "SELECT CASE WHEN (region = 'east' AND age < 30) OR (region = 'south' AND age >= 60) "
    "THEN 'some' ELSE 'others' END AS part, COUNT(*) AS n FROM visits GROUP BY part"
)
SMALL: Group = ("east", 60)
PEOPLE: Mapping[Group, int] = {
    ("east", 0): 40, ("east", 30): 52, SMALL: 9,
    ("south", 0): 61, ("south", 30): 73, ("south", 60): 1,
    ("north", 0): 85, ("north", 30): 97, ("north", 60): 64,
    ("west", 0): 109, ("west", 30): 121, ("west", 60): 76,
}  # fmt: skip


FAR: Mapping[Group, int] = {("east", 0): 400, ("north", 30): 300}


def rows(people: Mapping[Group, int] = PEOPLE, first: int = 0) -> list[Row]:
    """Return a row a person, numbered from the first."""
    found = [group for group, number in people.items() for _ in range(number)]
    return [
        {"person": person, "region": region, "age": age, "day": None, "cost": 1_000 + person}
        for person, (region, age) in enumerate(found, first)
    ]


def least_and_most(
    released: Sequence[tuple[Counted, Protection]], held: Sequence[Row], asked: Group
) -> tuple[float, float]:
    """Return between what a reader of all tables knows a group's people to be."""
    groups = sorted({(row["region"], row["age"]) for row in held})
    columns = Columns()
    place = {group: columns.add(0.0, UNBOUNDED) for group in groups}
    seen = []
    for counted, protection in released:
        for key in counted.keys(totals=protection.totals):
            if key not in protection.hidden:
                terms = {place[g]: 1.0 for g in groups if _stands_in(counted, key, g)}
                total = float(counted.at(key)[0].total)
                seen.append(Condition(terms, total, total))
    ends = []
    for sign in (1, -1):
        programme = Programme(columns, seen)
        programme.cost(place[asked], float(sign))
        answer = programme.minimise(10)
        assert answer.unbounded or answer.best
        ends.append(UNBOUNDED if answer.values is None else answer.values[place[asked]])
    return ends[0], ends[1]


def _stands_in(counted: Counted, key: Key, group: Group) -> bool:
    region, age = group
    merged = (region == "east" and age < 30) or (region == "south" and age >= 60)
    of_group = {
        "region": region,
        "band": age // 30 * 30,
        "part": "some" if merged else "others",
    }
    return all(
        place == TOTAL or counted.categories[number][int(place)] == of_group[item.name]
        for number, (place, item) in enumerate(zip(key, counted.plan.keys, strict=True))
    )


def released_in_turn(
    register: Released, asks: Sequence[tuple[str, bool]], held: Sequence[Row]
) -> list[tuple[Counted, Protection]]:
    """Release tables one after the other; leave out those that the desk refuses."""
    found = []
    for sql, margins in asks:
        try:
            found.append(register.release(sql, held, margins=margins))
        except Refused as refusal:
            assert refusal.code in {"table_not_protectable", "table_differs_too_little"}  # noqa: PT017
    return found


def test_what_pairs_and_sketches_do_not_see_the_joint_attack_does() -> None:
    asks = [(BY_BAND, True), (MERGED, False)]
    apart = Released(jointly=False)
    one_after_the_other = released_in_turn(apart, asks, rows())
    assert len(one_after_the_other) == 2
    assert not one_after_the_other[1][1].hidden
    least, _ = least_and_most(one_after_the_other[:1], rows(), SMALL)
    assert least <= 4
    least, _ = least_and_most(one_after_the_other, rows(), SMALL)
    assert least == pytest.approx(8)  # nine are there, and they are kept from everybody

    together = Released()
    safe = released_in_turn(together, asks, rows())
    assert safe[0][1].hidden == one_after_the_other[0][1].hidden
    least, most = least_and_most(safe, rows(), SMALL)
    assert least <= 4
    assert most >= 14


BY_REGION = "SELECT region, COUNT(*) AS n FROM visits GROUP BY region"
BY_COST = "SELECT floor(cost / 1000) * 1000 AS cost, COUNT(*) AS n FROM visits GROUP BY ALL"


def test_beyond_the_tables_attacked_together_nothing_of_the_same_people_is_shown() -> None:
    few = RULES.model_copy(update={"joint_tables_max": 1})
    register = Released(rules=few)
    register.release(BY_BAND, rows(), margins=True)
    register.release(MERGED.replace("'some'", "'x'"), rows(FAR, 10_000))
    with pytest.raises(Refused) as refusal:
        register.release(BY_REGION, rows())
    assert refusal.value.code == "table_not_protectable"
    _, others = register.release(BY_COST, rows(FAR, 10_000))
    assert not others.hidden  # about other people: nothing of it is held back


def test_a_lower_grades_figures_do_not_block_a_higher_grades_table() -> None:
    """Twelve people may be shown at one grade, and may not at the other: it is known by then."""
    people = {**PEOPLE, ("south", 60): 12, SMALL: 30}
    register = Released()
    _, first = register.release(BY_BAND, rows(people), margins=True)
    assert not first.hidden
    register.grade = Grade.L4
    _, second = register.release(BY_REGION, rows(people))
    assert not second.hidden
    with pytest.raises(Refused):  # these twelve again, who are too few now and are known already
        register.release(BY_BAND, rows(people), margins=True)


def test_split_and_merged_groups_hang_together_and_others_do_not() -> None:
    register = Released()
    register.release(BY_BAND, rows())
    old = register.kept[0]
    new = kept_table(counted_of(BY_REGION, rows()), NEW, "any", base=1, totals=False)
    joint = joined(new, [old], RULES).of("count")
    assert [one.name for one in joint.known] == ["t0/0"]
    terms = [sorted(abs(factor) for factor, _ in link.terms) for link in joint.links]
    assert terms == [[1, 1, 1, 1]] * 4
    others = counted_of(BY_COST, rows(FAR, 10_000))
    far = kept_table(others, NEW, "any", base=1, totals=False)
    assert not joined(far, [old], RULES).of("count").known


BIG = st.fixed_dictionaries(
    {group: st.integers(40, 140) for group, number in PEOPLE.items() if number > MIN}
)


def given_away(people: Mapping[Group, int], *, jointly: bool) -> bool:
    """Tell whether nine people hidden in one table are known by another to be eight at least."""
    every = {**PEOPLE, **people}
    released = released_in_turn(
        Released(jointly=jointly), [(BY_BAND, True), (MERGED, False)], rows(every)
    )
    if not released or released[0][0].plan.margins is False:
        return False
    return least_and_most(released, rows(every), SMALL)[0] > PEOPLE[SMALL] - MIN // 2


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(BIG)
def test_nothing_hidden_is_pinned_by_a_later_table(people: Mapping[Group, int]) -> None:
    assert not given_away(people, jointly=True)


@pytest.mark.full
@pytest.mark.timeout(3600)
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(BIG)
def test_nothing_hidden_is_pinned_by_a_later_table_many(people: Mapping[Group, int]) -> None:
    assert not given_away(people, jointly=True)


def test_most_such_tables_would_give_it_away_if_they_were_attacked_alone() -> None:
    chance = Random(1)
    worlds = [
        {g: chance.randrange(40, 140) for g, n in PEOPLE.items() if n > MIN} for _ in range(8)
    ]
    assert sum(given_away(people, jointly=False) for people in worlds) >= 2
    assert not any(given_away(people, jointly=True) for people in worlds)
