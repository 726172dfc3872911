"""Two and three tables in turn, by the desk's own steps: no cell below the minimum is computed.

The judge is none of the desk's: a reader who knows every combination that could occur, with a
solver over the numbers of people in each; and exact elimination over the people themselves.
"""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure.release.tables.counting import Key
from tests.properties.test_tables_disclose_nothing import check_span
from tests.table_world import Released
from tests.tables_in_turn import (
    AGES,
    COSTS,
    REGIONS,
    WHERE,
    Ask,
    Group,
    Left,
    Reader,
    Row,
    released_in_turn,
    rows_of,
    shown_of,
    small_of,
)

PEOPLE = st.dictionaries(
    st.tuples(st.sampled_from(REGIONS), st.sampled_from(AGES), st.sampled_from(COSTS)),
    st.one_of(st.integers(0, 14), st.integers(10, 70)),
    min_size=4,
)
ASK = st.builds(
    Ask,
    st.sampled_from(
        [("region",), ("band",), ("region", "band"), ("region", "cost"), ("band", "cost"),
         ("merged",), ("merged", "cost"), ("region", "band", "cost")]
    ),
    st.sampled_from(sorted(WHERE)),
    st.booleans(),
    st.sampled_from((0, 0, 0, 5, 12)),
)  # fmt: skip


def in_turn(people: Mapping[Group, int], asks: Sequence[Ask]) -> None:
    """Release tables one after the other, and attack all that left after each."""
    every = rows_of(people)
    for left in released_in_turn(Released(), people, asks):
        attacked(every, left)


def attacked(every: Sequence[Row], left: Sequence[Left]) -> None:
    """Check that no small group follows from what is shown, by sums or by what can be."""
    groups: dict[tuple[int, Key], frozenset[int]] = {}
    for number, (ask, counted, _) in enumerate(left):
        for key in counted.keys(totals=True):
            groups[number, key] = frozenset(
                row["person"] for row in every[ask.gone :] if ask.holds(counted, key, row)
            )
            assert len(groups[number, key]) == counted.at(key)[0].total
    seen = shown_of(left)
    check_span(groups, seen)
    reader = Reader(left, seen)
    for number, key in small_of(left):
        least, most = reader.between(number, key)
        assert most - least > 0.5, (number, key)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(PEOPLE, st.lists(ASK, min_size=2, max_size=3))
def test_two_and_three_tables_let_no_small_cell_be_computed(
    people: Mapping[Group, int], asks: Sequence[Ask]
) -> None:
    in_turn(people, asks)


@pytest.mark.full
@pytest.mark.timeout(7200)
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(PEOPLE, st.lists(ASK, min_size=2, max_size=3))
def test_two_and_three_tables_let_no_small_cell_be_computed_many(
    people: Mapping[Group, int], asks: Sequence[Ask]
) -> None:
    in_turn(people, asks)
