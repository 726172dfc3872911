"""Tables of cells counted from plain rows, for tests and benchmarks: slow, plain and exact.

The public cases are made anew with the counts that ACRO's own examples show (153 charities over six
years; nursery places; eleven records for each of 81 combinations): no foreign data is kept here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from random import Random  # noqa: TID251 - seeded
from typing import Any

from disclosure.checks.tables.cells import (
    ALL,
    HIDDEN,
    Category,
    Cell,
    CellTable,
    Dimension,
    Key,
    ReleasedTable,
    Shown,
    Statistic,
    complete,
)
from policies.load import load_policies
from policies.schema.checks import CheckRules

Row = Mapping[str, Any]
CHECKS = load_policies().rules(CheckRules)
RULES, SIZE = CHECKS.of("L3"), CHECKS.size
YEARS = tuple(range(2010, 2016))
CHARITIES = (("G", 15, 3), ("N", 59, 0), ("R", 71, 47), ("R/G", 8, 0))  # kind, all, died
GRANTS_GIVEN = {  # how many of a kind told their income from grants in that year
    (2010, "G"): 14,
    (2010, "N"): 5,
    (2010, "R"): 60,
    (2010, "R/G"): 4,
    (2011, "N"): 58,
    (2011, "R"): 69,
    (2012, "R"): 69,
    (2014, "R"): 67,
    (2015, "G"): 12,
    (2015, "N"): 58,
    (2015, "R"): 51,
}


def table_of(
    rows: Iterable[Row],
    columns: Sequence[str],
    statistic: Statistic,
    *,
    value: str | None = None,
    margins: bool = True,
    unit: str = "unit",
    categories: Mapping[str, Sequence[Any]] | None = None,
) -> CellTable:
    """Count a table from rows, every total from the rows themselves."""
    rows = list(rows)
    named = categories or {}
    found = {c: named.get(c) or tuple(dict.fromkeys(row[c] for row in rows)) for c in columns}
    dimensions = tuple(
        Dimension(column, tuple(None if v is None else str(v) for v in found[column]))
        for column in columns
    )
    members: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        own: list[tuple[Category, ...]] = []
        for column in columns:
            label = None if row[column] is None else str(row[column])
            own.append((label, ALL) if margins else (label,))
        for key in product(*own):
            members[key].append(row)
    cells = [_cell(key, group, statistic, value, unit) for key, group in members.items()]
    return complete(dimensions, statistic, cells, margins=margins, population="test")


def _cell(
    key: Key, rows: Sequence[Row], statistic: Statistic, value: str | None, unit: str
) -> Cell:
    given = [row for row in rows if value is None or row[value] is not None]
    missing = len(rows) - len(given)
    units = {row[unit] for row in given}
    if value is None:
        figure = len(units) if statistic == "people" else len(given)
        by_rows: dict[Any, int] = defaultdict(int)
        for row in given:
            by_rows[row[unit]] += 1
        largest = tuple(sorted(by_rows.values(), reverse=True)[:2]) if statistic == "count" else ()
        return Cell(key, len(units), len(given), missing, figure, largest)
    power = 2 if statistic == "std" else 1
    by_unit: dict[Any, int] = defaultdict(int)
    for row in given:
        by_unit[row[unit]] += int(row[value]) ** power
    top = tuple(sorted((abs(v) for v in by_unit.values()), reverse=True)[:2])
    negative = any(row[value] < 0 for row in given) and power == 1
    return Cell(key, len(units), len(given), missing, sum(by_unit.values()), top, negative)


def people_table(shape: Sequence[int], counts: Sequence[int], *, margins: bool = True) -> CellTable:
    """Build a table of people from the counts of its inner cells, row by row."""
    dimensions = tuple(
        Dimension(f"d{place}", tuple(f"c{n}" for n in range(size)))
        for place, size in enumerate(shape)
    )
    inner = dict(zip(product(*(d.categories for d in dimensions)), counts, strict=True))
    totals: dict[Key, int] = defaultdict(int)
    for key, count in inner.items():
        for target in product(*((part, ALL) if margins else (part,) for part in key)):
            totals[target] += count
    cells = (Cell(key, n, n, 0, n) for key, n in totals.items())
    return complete(dimensions, "people", cells, margins=margins, population="test")


def printed(table: CellTable, hidden: Iterable[Key] = (), name: str = "new") -> ReleasedTable:
    """Print a table with some cells hidden."""
    gone = set(hidden)
    shown = {k: HIDDEN if k in gone else Shown(c.value, c.value) for k, c in table.by_key.items()}
    return ReleasedTable(name, table, shown)


def charities() -> list[Row]:
    """153 charities over six years, with the counts of ACRO's example and incomes of our own."""
    random, unit = Random(7), 0
    rows: list[Row] = []
    for kind, number, died in CHARITIES:
        for place in range(number):
            unit += 1
            survivor = "Dead in 2015" if place < died else "Alive in 2015"
            for year in YEARS:
                told = GRANTS_GIVEN.get((year, kind), number)
                rows.append(
                    {
                        "unit": unit,
                        "filing": len(rows),
                        "year": year,
                        "grant_type": kind,
                        "survivor": survivor,
                        "inc_grants": _grants(random, year, kind, place) if place < told else None,
                        "inc_activity": random.randint(10_000, 900_000),
                        "inc_donations": random.randint(10_000, 900_000),
                        "total_costs": random.randint(10_000, 900_000),
                    }
                )
    return rows


def _grants(random: Random, year: int, kind: str, place: int) -> int:
    if (year, kind) == (2010, "N"):
        return 0
    if (year, kind) == (2010, "R/G"):
        return (800_000, 161_000, 30_000, 9_000)[place]  # two hold 96.1 %, p % is 4.9 %
    return random.randint(100_000, 900_000)


def nursery() -> list[Row]:
    """12,960 applications with the counts of parents, recommendation and finance that are known."""
    counts = {
        ("not_recom", "usual"): (720, 720),
        ("not_recom", "pretentious"): (720, 720),
        ("not_recom", "great_pret"): (720, 720),
        ("recommend", "usual"): (2, 0),
        ("very_recom", "usual"): (130, 66),
        ("very_recom", "pretentious"): (66, 66),
        ("priority", "usual"): (962, 962),
        ("priority", "pretentious"): (742, 742),
        ("priority", "great_pret"): (429, 429),
        ("spec_prior", "usual"): (379, 379),
        ("spec_prior", "pretentious"): (632, 632),
        ("spec_prior", "great_pret"): (1011, 1011),
    }
    rows: list[Row] = []
    for (recommend, parents), halves in counts.items():
        for finance, number in zip(("convenient", "inconv"), halves, strict=True):
            rows += [
                {
                    "unit": len(rows) + place,
                    "recommend": recommend,
                    "parents": parents,
                    "finance": finance,
                }
                for place in range(number)
            ]
    return rows


def four_ways() -> list[Row]:
    """ACRO's own 3×3×3×3 set: 11 records a cell, 5 where variables 1, 3 and 4 are all C."""
    rows: list[Row] = []
    for one, two, three, four in product("ABC", repeat=4):
        for _ in range(5 if one == three == four == "C" else 11):
            row = {"unit": len(rows), "v1": one, "v2": two, "v3": three, "v4": four}
            rows.append(row | {"value": 10_000 if not rows else 10})
    return rows
