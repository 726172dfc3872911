"""Sketches against the truth: no pair that is too near is missed, nor a figure of few people."""

from random import Random  # noqa: TID251 - seeded, for tests

from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.release.tables.sketches import (
    LANES,
    MODULUS,
    Sketch,
    sparse_combinations,
    too_near,
)

PEOPLE = 4_000
MIN = 10
_RANDOM = Random(20)
NUMBERS = [_RANDOM.getrandbits(63) for _ in range(PEOPLE)]


def sketch(rows: dict[int, int]) -> Sketch:
    """Sketch people with as many rows each, as the worker's SQL does."""
    lanes: dict[int, int] = {}
    members: dict[int, int] = {}
    for person, weight in rows.items():
        number = NUMBERS[person]
        lane, secret = number % LANES, (number >> 12) % MODULUS
        lanes[lane] = (lanes.get(lane, 0) + secret * weight) % MODULUS
        members[lane] = (members.get(lane, 0) + secret) % MODULUS
    return Sketch.of(len(rows), lanes, members)


def once(people: object) -> dict[int, int]:
    return dict.fromkeys(people, 1)  # type: ignore[call-overload,no-any-return]


groups = st.sets(st.integers(0, PEOPLE - 1), min_size=10, max_size=300)
few = st.sets(st.integers(0, PEOPLE - 1), max_size=14)


@settings(max_examples=120, deadline=None)
@given(groups, few, few)
def test_a_pair_is_too_near_exactly_where_fewer_people_differ_on_both_sides(
    shared: set[int], one: set[int], other: set[int]
) -> None:
    left, right = shared | one, (shared - one) | other
    near = left != right and max(len(left - right), len(right - left)) < MIN
    found = too_near(sketch(once(left)), sketch(once(right)), MIN)
    if near:
        assert found  # never missed
    elif found:  # only by people who share a lane
        lanes = {NUMBERS[person] % LANES for person in left ^ right}
        assert len(lanes) < len(left ^ right)


@settings(max_examples=60, deadline=None)
@given(groups, st.integers(0, 200))
def test_other_values_of_the_same_people_count_as_a_difference(
    people: set[int], changed: int
) -> None:
    rows = once(people)
    other = dict(rows)
    for person in sorted(people)[:changed]:
        other[person] = 2
    found = too_near(sketch(rows), sketch(other), MIN)
    differing = min(changed, len(people))
    if 0 < differing < MIN:
        assert found
    elif found:  # only by people who share a lane
        assert len({NUMBERS[person] % LANES for person in sorted(people)[:changed]}) < differing


@settings(max_examples=12, deadline=None)
@given(st.integers(1, MIN - 1), st.integers(0, 2**32))
def test_three_figures_that_leave_few_people_are_found_among_many(left: int, seed: int) -> None:
    chance = Random(seed)
    people = list(range(PEOPLE))
    chance.shuffle(people)
    whole, parts = people[:900], (people[:400], people[400 : 900 - left])
    others = [sketch(once(chance.sample(people, 250))) for _ in range(20)]
    earlier = [sketch(once(part)) for part in parts] + others
    found = sparse_combinations(
        earlier, [sketch(once(whole))], people_min=MIN, trials=16, seed=b"test"
    )
    assert [item.new for item in found] == [(0,)]


def test_enough_people_left_between_three_figures_are_no_finding() -> None:
    whole = range(900)
    earlier = [sketch(once(range(400))), sketch(once(range(400, 880)))]
    assert not sparse_combinations(
        earlier, [sketch(once(whole))], people_min=MIN, trials=8, seed=b"test"
    )


def test_what_was_already_told_by_earlier_figures_is_no_finding() -> None:
    earlier = [sketch(once(range(500))), sketch(once(range(497)))]
    again = [sketch(once(range(500))), sketch(once(range(600, 900)))]
    assert not sparse_combinations(earlier, again, people_min=MIN, trials=8, seed=b"test")


def test_a_sketch_survives_being_stored() -> None:
    one = sketch(once(range(100)))
    assert Sketch.unpacked(one.contributors, one.packed()) == one
