"""Two tables that are safe apart and tell of few people together: every planted pair is found.

Each attack releases tables one after the other, by the very steps of the desk, and then plays a
reader who knows all that was shown. What is planted must be held back; what tells nothing must not.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from disclosure.outcome import Refused
from disclosure.release.tables.counting import Counted, Key, text_of
from disclosure.release.tables.protecting import Protection
from tests.table_world import RULES, Released

REGIONS = ("east", "north", "south", "west")
PEOPLE = 480
MIN = 10
COUNT = "SELECT region, COUNT(*) AS n FROM visits GROUP BY region"
Row = Mapping[str, Any]


def rows(people: Iterable[int] = range(PEOPLE)) -> list[Row]:
    """Return a row a person: 120 in each region, ages and costs by arithmetic."""
    return [
        {
            "person": person,
            "region": REGIONS[person % 4],
            "age": (person // 4) % 90,
            "day": date(2026, 1, 1) + timedelta(days=(person * 7) % 120),
            "cost": 1_000 + person * 37 % 5_000,
        }
        for person in people
    ]


def shown(released: tuple[Counted, Protection]) -> dict[str, int]:
    """Return what a reader sees of a table by one key."""
    counted, protection = released
    return {
        _name(counted, key): counted.at(key)[0].total
        for key in counted.keys(totals=protection.totals)
        if key not in protection.hidden
    }


def _name(counted: Counted, key: Key) -> str:
    names = [
        "total" if place == "*" else text_of(counted.categories[number][int(place)]) or "missing"
        for number, place in enumerate(key)
    ]
    return "/".join(names)


def seen(register: Released, sql: str, held: Sequence[Row], *, margins: bool = False) -> set[str]:
    """Return the cells that a reader sees; none where the table is refused."""
    try:
        return set(shown(register.release(sql, held, margins=margins)))
    except Refused as refusal:
        if refusal.code not in {"table_not_protectable", "table_differs_too_little"}:
            raise
        return set()


@pytest.mark.parametrize("few", [1, 2, 5, MIN - 1])
def test_a_filter_that_leaves_out_few_people_is_found(few: int) -> None:
    register = Released()
    register.release(COUNT, rows())
    one_each = " OR ".join(f"age = {60 + number}" for number in range(few))
    where = f"WHERE NOT (region = 'east' AND ({one_each}))"
    sql = f"SELECT region, COUNT(*) AS n FROM visits {where} GROUP BY region"
    assert seen(register, sql, rows()) == set(REGIONS) - {"east"}


def test_few_people_exchanged_for_few_others_are_found() -> None:
    """Nine move out and nine move in: the figure stays as it was, and tells of both."""
    register = Released()
    register.release(COUNT, rows())
    gone = {4 * number for number in range(MIN - 1)}
    moved = [{**rows([0])[0], "person": PEOPLE + number} for number in range(MIN - 1)]
    later = [*(row for row in rows() if row["person"] not in gone), *moved]
    assert seen(register, COUNT, later) == set(REGIONS) - {"east"}
    many = {4 * number + 1 for number in range(MIN)}
    newer = [{**rows([1])[0], "person": 2 * PEOPLE + number} for number in range(MIN)]
    exchanged = [*(row for row in rows() if row["person"] not in many), *newer]
    assert "north" in seen(register, COUNT, exchanged)


def test_a_pair_is_found_however_many_tables_lie_between() -> None:
    """No search of combinations reaches so far back; each pair is looked at all the same."""
    register = Released(
        rules=RULES.model_copy(update={"row_space_figures_max": 4, "row_space_packs_max": 1})
    )
    register.release(COUNT, rows())
    for step in range(12):
        sql = f"SELECT COUNT(*) AS n FROM visits WHERE age < {20 + 5 * step}"
        register.release(sql, rows())
    one_less = [row for row in rows() if row["person"] != 400]
    assert seen(register, COUNT, one_less) == set(REGIONS) - {"east"}


@pytest.mark.parametrize("few", [1, 4, MIN - 1])
def test_people_added_or_gone_between_versions_are_found(few: int) -> None:
    register = Released()
    assert set(shown(register.release(COUNT, rows()))) == set(REGIONS)
    newer = [*rows(), *({**row, "person": PEOPLE + 4 * n} for n, row in enumerate(rows([0]) * few))]
    assert shown(register.release(COUNT, newer)).keys() == set(REGIONS) - {"east"}
    older = Released()
    older.release(COUNT, rows())
    fewer = [row for row in rows() if row["person"] not in {4 * n + 1 for n in range(few)}]
    assert shown(older.release(COUNT, fewer)).keys() == set(REGIONS) - {"north"}


@pytest.mark.parametrize("few", [1, MIN - 1])
def test_other_values_of_few_people_between_versions_are_found(few: int) -> None:
    sql = "SELECT region, SUM(cost) AS total FROM visits GROUP BY region"
    register = Released()
    assert set(shown(register.release(sql, rows()))) == set(REGIONS)
    changed = {4 * number + 2 for number in range(few)}
    newer = [
        {**row, "cost": row["cost"] + 17} if row["person"] in changed else row for row in rows()
    ]
    assert shown(register.release(sql, newer)).keys() == set(REGIONS) - {"south"}


def test_merged_categories_that_differ_by_few_people_are_found() -> None:
    register = Released()
    bins = "SELECT floor(age / 30) * 30 AS band, COUNT(*) AS n FROM visits GROUP BY band"
    assert len(shown(register.release(bins, rows()))) == 3
    merged = (
        "SELECT CASE WHEN age < 31 THEN 'low' ELSE 'high' END AS band, COUNT(*) AS n "
        "FROM visits GROUP BY band"
    )
    assert seen(register, merged, rows()) == set()  # each tells of the four people aged 30


def test_a_total_less_its_parts_is_found() -> None:
    """The complement: all regions together, then all but one person of the west."""
    register = Released()
    assert "total" in shown(register.release(COUNT, rows(), margins=True))
    rest = (
        "SELECT CASE WHEN region = 'west' THEN 'west' ELSE 'rest' END AS part, COUNT(*) AS n "
        "FROM visits WHERE NOT (region = 'west' AND age = 70) GROUP BY part"
    )
    assert sum(r["region"] == "west" and r["age"] == 70 for r in rows()) == 1
    assert "west" not in seen(register, rest, rows())


def test_a_figure_less_two_others_is_found() -> None:
    """Three tables, no two of which are near: A - B - C leaves few people."""
    register = Released()
    assert "east" in shown(register.release(COUNT, rows()))
    first = "SELECT region, COUNT(*) AS n FROM visits WHERE age < 40 GROUP BY region"
    assert "east" in shown(register.release(first, rows()))
    second = "SELECT region, COUNT(*) AS n FROM visits WHERE age >= {} GROUP BY region"
    assert seen(register, second.format(42), rows()) == set()  # two people of each region
    assert seen(register, second.format(40 + MIN), rows()) == set(REGIONS)


def test_what_was_held_back_is_not_given_by_a_later_table() -> None:
    """The first table hides a small cell and others beside it; the second may not fill them in."""
    small = [row for row in rows() if row["region"] != "west" or row["age"] < 4]
    register = Released()
    first = shown(register.release(COUNT, small, margins=True))
    assert "west" not in first
    assert "total" in first
    hidden = set(REGIONS) - set(first) - {"west"}
    assert hidden  # else the total would give the west away
    second = "SELECT region, COUNT(*) AS n FROM visits WHERE region <> 'west' GROUP BY region"
    again = seen(register, second, small)
    assert not hidden <= again


def test_the_same_table_again_and_one_that_differs_by_many_stay_whole() -> None:
    register = Released()
    first = shown(register.release(COUNT, rows()))
    assert shown(register.release(COUNT, rows())) == first
    half = "SELECT region, COUNT(*) AS n FROM visits WHERE age < 45 GROUP BY region"
    assert set(shown(register.release(half, rows()))) == set(REGIONS)
    newer = [*rows(), *rows(range(PEOPLE, PEOPLE + 80))]
    assert set(shown(register.release(COUNT, newer))) == set(REGIONS)


def test_a_table_of_which_all_cells_are_too_near_is_refused() -> None:
    register = Released()
    register.release(COUNT, rows())
    fewer = [row for row in rows() if row["person"] >= 4]  # one person less in each region
    with pytest.raises(Refused) as refusal:
        register.release(COUNT, fewer)
    assert refusal.value.code == "table_not_protectable"


def test_no_reader_of_a_day_of_tables_computes_a_figure_about_few() -> None:
    """Everything shown at once, against true membership, by exact elimination over all people."""
    register = Released()
    released: list[tuple[Counted, Protection, Sequence[Row]]] = []
    asks = [
        (COUNT, rows(), True),
        ("SELECT region, COUNT(*) AS n FROM visits WHERE age < 44 GROUP BY region", rows(), False),
        ("SELECT region, COUNT(*) AS n FROM visits WHERE age > 45 GROUP BY region", rows(), False),
        (COUNT, rows(range(3, PEOPLE)), True),
        ("SELECT floor(age / 30) * 30 AS b, COUNT(*) AS n FROM visits GROUP BY b", rows(), True),
    ]
    for sql, held, margins in asks:
        try:
            counted, protection = register.release(sql, held, margins=margins)
        except Refused:
            continue
        released.append((counted, protection, held))
    assert len(released) >= 3
    figures = [_members(counted, key, held) for counted, protection, held in released
               for key in counted.keys(totals=protection.totals)
               if key not in protection.hidden]  # fmt: skip
    for order in (1, -1):
        for row in _reduced(figures, list(range(PEOPLE))[::order]):
            assert not 0 < len(row) < MIN


def _members(counted: Counted, key: Key, held: Sequence[Row]) -> dict[int, Fraction]:
    """Return who stands in a cell, from the rows themselves."""
    plan = counted.plan
    text = repr(plan.where)
    found = {}
    for row in held:
        if plan.where is not None and not (row["age"] < 44 if "<=" in text else row["age"] > 45):
            continue
        (place,) = key
        value = row["region"] if plan.keys[0].name == "region" else row["age"] // 30 * 30
        if place == "*" or counted.categories[0][int(place)] == value:
            found[row["person"]] = Fraction(1)
    return found


def _reduced(
    figures: Sequence[Mapping[int, Fraction]], order: Sequence[int]
) -> list[dict[int, Fraction]]:
    """Return the figures' reduced row echelon form over the rationals."""
    basis: dict[int, dict[int, Fraction]] = {}
    for figure in figures:
        row = dict(figure)
        for known, other in basis.items():
            row = _less(row, row.get(known, Fraction(0)), other)
        pivot = next((person for person in order if person in row), None)
        if pivot is None:
            continue
        row = {person: value / row[pivot] for person, value in row.items()}
        basis = {
            at: _less(other, other.get(pivot, Fraction(0)), row) for at, other in basis.items()
        }
        basis[pivot] = row
    return list(basis.values())


def _less(
    row: Mapping[int, Fraction], factor: Fraction, other: Mapping[int, Fraction]
) -> dict[int, Fraction]:
    if not factor:
        return dict(row)
    people = {*row, *other}
    zero = Fraction(0)
    found = {p: row.get(p, zero) - factor * other.get(p, zero) for p in people}
    return {person: value for person, value in found.items() if value}
