"""Figures that are no plain table: each declared kind, one that passes and one that must not."""

import pytest

from disclosure.checks.tables.audit import audit
from disclosure.checks.tables.cells import (
    ALL,
    HIDDEN,
    Cell,
    CellName,
    Dimension,
    complete,
    same_cell,
)
from disclosure.checks.tables.differencing import Box, Boxes, Figure, find_relations
from disclosure.checks.tables.findings import Status
from disclosure.checks.tables.primary import judge
from disclosure.checks.tables.regression import (
    Correlation,
    Declared,
    Histogram,
    Model,
    Percentile,
    Ratio,
    Survival,
    judge_figure,
    worst_of,
)
from disclosure.checks.tables.rounding import round_counts, round_to
from disclosure.checks.tables.safety import Group
from disclosure.checks.tables.secondary import protect
from foundation.errors import InvalidInput
from tests.cell_tables import RULES, SIZE, people_table, printed

BIG = Group(100, 10_000, (300, 200), negative=False)
SMALL = Group(4, 900, (300, 200), negative=False)


@pytest.mark.parametrize(
    ("figure", "failing"),
    [
        (Model(100, 100, 4), set()),
        (Model(100, 12, 4), {"residual_freedom", "parameters"}),
        (Model(20, 20, 8), {"parameters"}),
        (Model(500, 500, 4, {"north": 3}), {"indicators"}),
        (Model(500, 500, 4, {"north": 497}), {"indicators"}),
        (Model(500, 500, 4, patterns=4, smallest_pattern=2), {"saturated_model"}),
        (Model(500, 500, 4, patterns=4, smallest_pattern=20), set()),
        (Model(500, 500, 4, exact_fit=True), {"saturated_model"}),
        (Survival((100, 80, 60)), set()),
        (Survival((100, 95)), {"survival_steps"}),
        (Survival((100, 80, 9)), {"at_risk"}),
        (Survival(()), {"at_risk"}),
        (Percentile("maximum"), {"percentile"}),
        (Percentile("median"), {"percentile"}),
        (Histogram((20, 30, 20), edges_declared=True), set()),
        (Histogram((20, 30, 20), edges_declared=False), {"bin_edges"}),
        (Histogram((20, 0, 20), edges_declared=True), {"bins"}),
        (Histogram((3, 30, 20), edges_declared=True), {"bins"}),
        (Correlation(50, perfect=False), set()),
        (Correlation(11, perfect=False), {"residual_freedom"}),
        (Correlation(50, perfect=True), {"perfect_correlation"}),
        (Ratio(BIG, BIG, within=False), set()),
        (Ratio(BIG, BIG, within=True), {"ratio_rest"}),
        (Ratio(SMALL, BIG, within=True), {"ratio_sides"}),
        ("anything else", {"unknown_figure"}),
    ],
)
def test_each_kind_fails_what_it_must(figure: Declared, failing: set[str]) -> None:
    findings = judge_figure(figure, RULES)
    assert {one.rule for one in findings if one.status is Status.FAIL} == failing
    assert all(one.way_out is not None for one in findings if one.status is Status.FAIL)
    assert worst_of([figure], RULES) is (Status.FAIL if failing else Status.PASS)


def test_nothing_judged_is_a_failure() -> None:
    assert worst_of([], RULES) is Status.FAIL


@pytest.mark.parametrize(("value", "multiple"), [(0, 0), (2, 0), (3, 5), (12, 10), (13, 15)])
def test_counts_are_rounded_to_the_nearest_multiple(value: int, multiple: int) -> None:
    assert round_to(value, 5) == multiple


def test_rounding_that_a_total_would_undo_sums_its_totals_instead() -> None:
    # four cells of 12 and 48: 10, 10, 10, 10 and 50 leave only 12 for each
    rounded, finding = round_counts(printed(people_table((4,), (12, 12, 12, 12))), 5)
    assert finding.status is Status.PASS
    assert rounded.totals_summed
    assert rounded.printed[(ALL,)] == 40
    plain, finding = round_counts(printed(people_table((4,), (12, 13, 14, 16))), 5)
    assert finding.status is Status.PASS
    assert not plain.totals_summed
    assert plain.printed[(ALL,)] == 55


def test_an_earlier_table_is_no_way_round_a_hidden_cell() -> None:
    first = people_table((2, 3), (4, 40, 30, 25, 30, 50))
    shielded = protect(first, judge(first, RULES, SIZE), RULES, SIZE, name="first")
    assert shielded.released is not None
    rows = people_table((3,), (29, 70, 80))  # the columns' totals again, without the rows
    key = next(key for key in shielded.secondary if ALL not in key)
    copy = people_table((1,), (first.by_key[key].value,), margins=False)
    link = same_cell(CellName("new", ("c0",)), CellName("first", key))
    bare = printed(copy)
    assert not audit([shielded.released, bare], RULES, links=[link]).safe
    again = protect(
        copy, judge(copy, RULES, SIZE), RULES, SIZE, known=[shielded.released], links=[link]
    )
    assert again.released is not None
    assert again.released.shown[("c0",)] == HIDDEN
    assert audit([shielded.released, again.released], RULES, links=[link]).safe
    assert rows.additive


class People:
    def __init__(self, groups: dict[str, set[int]]) -> None:
        self.groups = groups

    def apart(self, first: Boxes, second: Boxes) -> tuple[int, int]:
        one = {p for b in first for p in self.groups[b.version]}
        two = {p for b in second for p in self.groups[b.version]}
        return len(one - two), len(two - one)


@pytest.mark.parametrize("gone", [0, 1, 9, 10])
def test_a_later_version_that_lacks_a_few_people_is_found(gone: int) -> None:
    people = People({"1": set(range(50)), "2": set(range(gone, 50))})
    new = Figure(CellName("new", ("a",)), Box("2", {}), 50 - gone)
    old = Figure(CellName("old", ("a",)), Box("1", {}), 50)
    relations = find_relations([new], [old], people, 10)
    assert len(relations.differences) == (0 < gone < 10)
    assert len(relations.links) == 1


def test_two_figures_of_different_measures_are_not_compared() -> None:
    new = Figure(CellName("new", ("a",)), Box("1", {}), 50, "income")
    old = Figure(CellName("old", ("a",)), Box("2", {}), 51)
    assert find_relations([new], [old], People({}), 10).links == ()


def test_a_table_with_a_cell_twice_or_an_impossible_one_is_refused() -> None:
    dimension = (Dimension("d", ("a", "b")),)
    cell = Cell(("a",), 3, 3, 0, 3)
    with pytest.raises(InvalidInput):
        complete(dimension, "people", [cell, cell], margins=False, population="p")
    with pytest.raises(InvalidInput):
        Cell(("a",), 0, 0, 0, 3)


def test_no_time_is_a_refusal_and_not_a_release() -> None:
    table = people_table((3, 3), (3, 40, 30, 25, 30, 50, 60, 22, 35))
    hurried = SIZE.model_copy(update={"search_ms_max": 0})
    result = protect(table, judge(table, RULES, SIZE), RULES, hurried)
    assert result.released is None
    assert result.findings[0].status is Status.FAIL
    assert not audit([printed(table)], RULES, seconds=0).safe
