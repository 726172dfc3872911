"""Tables of cells counted from plain rows, for tests and benchmarks: slow, plain and exact."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
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
from tests.table_rows import Row

CHECKS = load_policies().rules(CheckRules)
RULES, SIZE = CHECKS.of("L3"), CHECKS.size


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
