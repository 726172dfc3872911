"""No released table, alone or with earlier ones, lets a cell below the minimum be computed.

The judge here is neither the search nor the attack: every printed figure is the set of people that
it counts, and a group is computed exactly if its set is a combination of those sets. Rounded
figures are taken as if they were printed exactly, which only helps the reader.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure.checks.tables.audit import audit
from disclosure.checks.tables.cells import ALL, CellName, CellTable, Key, ReleasedTable, Statistic
from disclosure.checks.tables.differencing import Box, Boxes, Figure, find_relations
from disclosure.checks.tables.primary import judge
from disclosure.checks.tables.rounding import round_counts
from disclosure.checks.tables.secondary import Protected, protect
from tests.cell_tables import RULES, printed, table_of
from tests.cell_tables import SIZE as SIZE_IN_FORCE
from tests.table_rows import Row

PRIME = (1 << 31) - 1
SIZE = SIZE_IN_FORCE.model_copy(
    update={"exact_search_ms_max": 200}
)  # cheapness is tested elsewhere
LEAST = RULES.contributors_min
LABELS: tuple[tuple[Any, ...], ...] = (
    (2010, 2011, 2012, 2013),
    ("a", "b", "c"),
    (None, "Total", "total", "all"),
    (True, False, None),
    (1.5, "1.5x", -1, 0),
    ("男", "女"),
)
STATISTICS: tuple[Statistic, ...] = ("people", "count", "sum", "mean")


@st.composite
def people(draw: st.DrawFn) -> list[Row]:
    """Draw people with two or three attributes of any type, some values missing, skew counts."""
    kinds = draw(st.permutations(LABELS))[:3]
    cells = draw(
        st.lists(
            st.tuples(
                *(st.sampled_from(kind) for kind in kinds),
                st.one_of(st.integers(0, 14), st.integers(10, 60)),
            ),
            min_size=2,
            max_size=20,
        )
    )
    rows: list[Row] = []
    for *labels, number in cells:
        for _ in range(number):
            unit = len(rows)
            worth = None if unit % 7 == 3 else (unit * 7919) % 100 + 1
            rows.append({"unit": unit, "value": worth, **dict(zip("abc", labels, strict=True))})
    return draw(st.permutations(rows)) if len(rows) < 40 else rows


def counted(
    rows: Sequence[Row], columns: Sequence[str], statistic: Statistic, *, margins: bool
) -> CellTable:
    value = None if statistic in {"people", "count"} else "value"
    return table_of(rows, columns, statistic, value=value, margins=margins)


def released(table: CellTable, **more: Any) -> Protected:
    return protect(table, judge(table, RULES, SIZE), RULES, SIZE, **more)


def members(rows: Sequence[Row], columns: Sequence[str], key: Key) -> frozenset[int]:
    """Return who stands in a cell."""
    return frozenset(
        row["unit"]
        for row in rows
        if all(
            part is ALL or part == (None if row[c] is None else str(row[c]))
            for c, part in zip(columns, key, strict=True)
        )
    )


class Span:
    """All groups that are combinations of given groups of people, modulo a prime."""

    def __init__(self, groups: Iterable[frozenset[int]]) -> None:
        self._rows: dict[int, dict[int, int]] = {}
        for group in groups:
            rest = self._reduced(group)
            if rest:
                pivot, figure = next(iter(rest.items()))
                inverse = pow(figure, -1, PRIME)
                self._rows[pivot] = {n: v * inverse % PRIME for n, v in rest.items()}

    def holds(self, group: frozenset[int]) -> bool:
        return not self._reduced(group)

    def _reduced(self, group: frozenset[int]) -> dict[int, int]:
        rest = dict.fromkeys(group, 1)
        while True:
            pivot = next((n for n in rest if n in self._rows), None)
            if pivot is None:
                return rest
            times = rest[pivot]
            for n, v in self._rows[pivot].items():
                total = (rest.get(n, 0) - v * times) % PRIME
                if total:
                    rest[n] = total
                else:
                    rest.pop(n, None)


def atoms(groups: Mapping[Any, frozenset[int]]) -> dict[Any, frozenset[int]]:
    """Put people who stand in exactly the same groups together: one number for each sort."""
    sorts: dict[frozenset[Any], int] = {}
    signature: dict[int, set[Any]] = {}
    for name, group in groups.items():
        for person in group:
            signature.setdefault(person, set()).add(name)
    sort = {p: sorts.setdefault(frozenset(s), len(sorts)) for p, s in signature.items()}
    return {name: frozenset(sort[p] for p in group) for name, group in groups.items()}


def check_span(groups: Mapping[Any, frozenset[int]], open_to_all: Iterable[Any]) -> None:
    """Check that no small group, and no small difference of two groups, can be computed."""
    sorts = atoms(groups)
    span = Span(sorts[name] for name in open_to_all)
    for name, group in groups.items():
        assert not (0 < len(group) < LEAST and span.holds(sorts[name])), name
    for one, other in combinations(groups, 2):
        for big, small in ((one, other), (other, one)):
            rest = groups[big] - groups[small]
            if groups[small] <= groups[big] and 0 < len(rest) < LEAST:
                assert not span.holds(sorts[big] - sorts[small]), (big, small)


def alone(rows: list[Row], columns: str, statistic: Statistic, *, margins: bool) -> None:
    table = counted(rows, columns, statistic, margins=margins)
    shielded = released(table)
    if shielded.released is None:
        return
    release = shielded.released
    told = (
        [row for row in rows if row["value"] is not None]
        if table.statistic in {"sum", "mean"}
        else rows
    )
    groups = {key: members(told, columns, key) for key in table.by_key}
    assert {key: len(group) for key, group in groups.items()} == {
        key: cell.contributors for key, cell in table.by_key.items()
    }
    check_span(groups, [key for key in groups if release.shown[key].exact])
    assert audit([release], RULES).safe
    rounded, finding = round_counts(release, RULES.rounding_base)
    assert finding.rule == "rounding"
    assert audit([rounded.released], RULES).safe


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people(), st.sampled_from(("a", "ab", "ba", "abc")), st.sampled_from(STATISTICS), st.booleans()
)
def test_one_table_lets_no_small_cell_be_computed(
    rows: list[Row], columns: str, statistic: Statistic, margins: bool
) -> None:
    if rows:
        alone(rows, columns, statistic, margins=margins)


@pytest.mark.full
@pytest.mark.timeout(3600)
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people(), st.sampled_from(("a", "ab", "ba", "abc")), st.sampled_from(STATISTICS), st.booleans()
)
def test_one_table_lets_no_small_cell_be_computed_many(
    rows: list[Row], columns: str, statistic: Statistic, margins: bool
) -> None:
    if rows:
        alone(rows, columns, statistic, margins=margins)


class Counted:
    """Sizes of differences, counted on the rows."""

    def __init__(self, versions: Mapping[str, Sequence[Row]]) -> None:
        self._versions = versions

    def people(self, boxes: Boxes) -> set[int]:
        return {
            row["unit"]
            for box in boxes
            for row in self._versions[box.version]
            if self._in(row, box)
        }

    def apart(self, first: Boxes, second: Boxes) -> tuple[int, int]:
        one, two = self.people(first), self.people(second)
        return len(one - two), len(two - one)

    @staticmethod
    def _in(row: Row, box: Box) -> bool:
        return all(
            (None if row[c] is None else str(row[c])) in values for c, values in box.within.items()
        )


def figures(
    name: str, table: CellTable, version: str, within: Mapping[str, frozenset[str | None]]
) -> list[Figure]:
    found = []
    for key, cell in table.by_key.items():
        own = {
            d.name: frozenset((part,))
            for d, part in zip(table.dimensions, key, strict=True)
            if part is not ALL
        }
        joined = {c: own.get(c, values) & values for c, values in within.items()}
        found.append(
            Figure(CellName(name, key), Box(version, {**own, **joined}), cell.contributors)
        )
    return found


def in_turn(
    rows: list[Row], first: str, second: str, drop: int, only: int, *, margins: bool
) -> int:
    """Release a table, then another of the same people; return how many of the two left."""
    label = None if rows[0]["c"] is None else str(rows[0]["c"])
    within: dict[str, frozenset[str | None]] = {"c": frozenset((label,))} if only else {}
    later = [row for row in rows if row["unit"] >= drop]
    kept = [r for r in later if not only or (None if r["c"] is None else str(r["c"])) == label]
    if not kept:
        return 0
    version = "2" if drop else "1"
    old, new = (
        counted(rows, first, "people", margins=margins),
        counted(kept, second, "people", margins=margins),
    )
    before = released(old, name="old")
    if before.released is None:
        return 0
    sizes = Counted({"1": rows, version: later})
    relations = find_relations(
        figures("new", new, version, within), figures("old", old, "1", {}), sizes, LEAST
    )
    after = released(new, known=[before.released], links=relations.links)
    groups = {("old", key): members(rows, first, key) for key in old.by_key}
    open_to_all = [("old", key) for key in old.by_key if before.released.shown[key].exact]
    if after.released is None:
        return 1
    groups |= {("new", key): members(kept, second, key) for key in new.by_key}
    open_to_all += [("new", key) for key in new.by_key if after.released.shown[key].exact]
    check_span(groups, open_to_all)
    assert audit([before.released, after.released], RULES, links=relations.links).safe
    return 2


TURNS = (
    people().filter(bool),
    st.sampled_from(("a", "ab", "abc")),
    st.sampled_from(("a", "b", "ba", "ac")),
    st.sampled_from((0, 0, 1, 5, 12)),
    st.sampled_from((0, 1)),
    st.booleans(),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(*TURNS)
def test_a_table_after_another_lets_no_small_cell_be_computed(
    rows: list[Row], first: str, second: str, drop: int, only: int, margins: bool
) -> None:
    in_turn(rows, first, second, drop, only, margins=margins)


@pytest.mark.full
@pytest.mark.timeout(3600)
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(*TURNS)
def test_a_table_after_another_lets_no_small_cell_be_computed_many(
    rows: list[Row], first: str, second: str, drop: int, only: int, margins: bool
) -> None:
    in_turn(rows, first, second, drop, only, margins=margins)


def test_the_judge_itself_sees_a_cell_that_a_total_gives_away() -> None:
    rows = [{"unit": n, "value": 1, "a": "x" if n < 4 else "y"} for n in range(50)]
    table = counted(rows, "a", "people", margins=True)
    groups = {key: members(rows, "a", key) for key in table.by_key}
    leaky: ReleasedTable = printed(table, [("x",)])
    with pytest.raises(AssertionError):
        check_span(groups, [key for key in groups if leaky.shown[key].exact])
    assert not audit([leaky], RULES).safe
