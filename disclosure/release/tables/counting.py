"""Counts a table's cells in a worker: exact figures, the people behind them, and their sketches.

What comes back is read as a stranger's: whole numbers as text, cells by their keys. Cells that no
row fell into are there as well, as zeros: a table is whole, with every total of its keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import pyarrow as pa

from catalog.datasets import ColumnType
from disclosure.release.tables import refusals
from disclosure.release.tables.plan import TablePlan
from disclosure.release.tables.rendering import (
    LARGEST_KEPT,
    cells_sql,
    grouping_sets,
    planned_key,
    sketches_sql,
)
from disclosure.release.tables.sketches import Sketch
from policies.schema.tables import TableRules

Category = str | int | bool | date | Decimal | None
TOTAL = "*"
Key = tuple[str | int, ...]
"""A cell by the place of its category in each key; ``TOTAL`` where the key is totalled."""


@dataclass(frozen=True)
class Counts:
    """One additive integer of one cell.

    ``people`` have a value here, in ``rows`` with one; ``largest`` are the largest sums of one
    person by size, without sign.
    """

    people: int = 0
    rows: int = 0
    total: int = 0
    negative: bool = False
    largest: tuple[int, ...] = ()


@dataclass(frozen=True)
class Counted:
    """A whole table with all its totals.

    ``rows`` are all rows of a cell, whatever they hold; ``counts`` the parts in the plan's order.
    """

    plan: TablePlan
    categories: tuple[tuple[Category, ...], ...]
    rows: Mapping[Key, int]
    counts: Mapping[Key, tuple[Counts, ...]]
    sketches: Mapping[tuple[Key, int], Sketch]

    def keys(self, *, totals: bool) -> Iterator[Key]:
        """Give the inner cells in the order of their keys, or all with every total."""
        places = [range(len(found)) for found in self.categories]
        for chosen in grouping_sets(self.plan) if totals else [tuple(range(len(places)))]:
            sides = [places[i] if i in chosen else (TOTAL,) for i in range(len(places))]
            yield from product(*sides)

    def at(self, key: Key) -> tuple[Counts, ...]:
        """Return the parts of a cell, zeros where no row fell into it."""
        return self.counts.get(key) or (Counts(),) * len(self.plan.parts)


def count_cells(plan: TablePlan, ask: Callable[[str], pa.Table], rules: TableRules) -> Counted:
    """Count a table. Raises Refused where it has more cells than the rules allow."""
    found = ask(cells_sql(plan)).to_pylist()
    categories = _categories(plan, found, rules)
    named = [{value: place for place, value in enumerate(values)} for values in categories]
    rows: dict[Key, int] = {}
    counts: dict[Key, tuple[Counts, ...]] = {}
    for row in found:
        key = _key(plan, row, named)
        rows[key] = int(row["rows"])
        counts[key] = tuple(_counts(row, place) for place in range(len(plan.parts)))
    return Counted(
        plan,
        categories,
        rows,
        counts,
        _sketches(plan, ask(sketches_sql(plan)), named, counts),
    )


def text_of(value: Category) -> str | None:
    """Write a category as text, the same in every run; None where rows have no value."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def shown(plan: TablePlan, place: int, value: Category) -> Category:
    """Return a category as a table shows it: a decimal gets back its point."""
    key = planned_key(plan, plan.keys[place].key)
    if key.type is ColumnType.DECIMAL and isinstance(value, int):
        return Decimal(value).scaleb(-key.scale)
    return value


def _categories(
    plan: TablePlan, found: Sequence[Mapping[str, Any]], rules: TableRules
) -> tuple[tuple[Category, ...], ...]:
    cells = 1
    listed = []
    for place in range(len(plan.keys)):
        values = {row[f"k{place}"] for row in found if not _is_total(plan, row["g"], place)}
        if len(values) > rules.categories_max:
            raise refusals.too_large("categories", rules.categories_max)
        known = sorted(value for value in values if value is not None)
        listed.append((*known, None) if None in values else tuple(known))
        cells *= len(values) + 1
        if cells > rules.cells_max:
            raise refusals.too_large("cells", rules.cells_max)
    return tuple(listed)


def _is_total(plan: TablePlan, bits: int, place: int) -> bool:
    return bool(int(bits) >> (len(plan.keys) - 1 - place) & 1)


def _key(plan: TablePlan, row: Mapping[str, Any], named: Sequence[Mapping[Category, int]]) -> Key:
    return tuple(
        TOTAL if _is_total(plan, row["g"], place) else places[row[f"k{place}"]]
        for place, places in enumerate(named)
    )


def _counts(row: Mapping[str, Any], place: int) -> Counts:
    return Counts(
        people=int(row[f"c{place}"]),
        rows=int(row[f"n{place}"]),
        total=int(row[f"t{place}"]),
        negative=bool(row[f"x{place}"]),
        largest=tuple(int(row[f"l{place}_{rank}"]) for rank in range(1, LARGEST_KEPT + 1)),
    )


def _sketches(
    plan: TablePlan,
    found: pa.Table,
    named: Sequence[Mapping[Category, int]],
    counts: Mapping[Key, tuple[Counts, ...]],
) -> dict[tuple[Key, int], Sketch]:
    lanes: dict[tuple[Key, int], dict[int, int]] = {}
    members: dict[tuple[Key, int], dict[int, int]] = {}
    for row in found.to_pylist():
        key, lane = _key(plan, row, named), int(row["lane"])
        for place in range(len(plan.parts)):
            lanes.setdefault((key, place), {})[lane] = int(row[f"z{place}"])
            members.setdefault((key, place), {})[lane] = int(row[f"y{place}"])
    return {
        (key, place): Sketch.of(counts[key][place].people, of_part, members[key, place])
        for (key, place), of_part in lanes.items()
    }


def is_inner(key: Key) -> bool:
    """Tell whether a cell is none of the totals."""
    return TOTAL not in key
