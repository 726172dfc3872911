"""Tables that are safe apart and together give a small cell away by what cannot be negative.

No pair of figures and no sum or difference of them is about few people, so that sketches find
nothing; only the joint attack on all tables does. Each attack releases tables by the very steps of
the desk, and then plays a reader of its own: a solver over the numbers of people in each group.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from disclosure.checks.tables.solver import UNBOUNDED, Columns, Programme
from disclosure.checks.tables.solver import Row as Condition
from disclosure.outcome import Refused
from disclosure.release.tables.counting import TOTAL, Counted, Key
from disclosure.release.tables.protecting import Protection
from tests.table_world import Released

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


def rows(people: Mapping[Group, int] = PEOPLE) -> list[Row]:
    """Return a row a person."""
    found = [group for group, number in people.items() for _ in range(number)]
    return [
        {"person": person, "region": region, "age": age, "day": None, "cost": 1_000 + person}
        for person, (region, age) in enumerate(found)
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
