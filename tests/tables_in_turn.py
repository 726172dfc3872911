"""Tables released in turn in a small world, and a reader of all of them who knows every sort.

The reader is none of the desk's: a solver over the numbers of people of each region, band and cost
that could occur, in each pattern of versions. Nothing is rounded, which only helps it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from disclosure.checks.tables.solver import UNBOUNDED, Columns, Programme
from disclosure.checks.tables.solver import Row as Condition
from disclosure.outcome import Refused
from disclosure.release.tables.counting import TOTAL, Counted, Key
from disclosure.release.tables.protecting import Protection
from tests.table_world import Released

MIN = 10
REGIONS = ("east", "north", "west")
AGES = (10, 40, 70)
COSTS = (1_000, 2_000)
Row = Mapping[str, Any]
Group = tuple[str, int, int]

MERGED = "(region = 'east' AND age < 30) OR region = 'west'"
KEYS: Mapping[str, tuple[str, Callable[[Row], object]]] = {
    "region": ("region", lambda row: row["region"]),
    "band": ("floor(age / 30) * 30 AS band", lambda row: row["age"] // 30 * 30),
    "cost": ("cost", lambda row: row["cost"]),
    "merged": (
        f"CASE WHEN {MERGED} THEN 'True' ELSE 'False' END AS merged",
        lambda row: (row["region"], row["age"]) == ("east", 10) or row["region"] == "west",
    ),
}  # fmt: skip
WHERE: Mapping[str, Callable[[Row], bool]] = {
    "": lambda _row: True,
    "WHERE age < 60": lambda row: row["age"] < 60,
    "WHERE region <> 'west'": lambda row: row["region"] != "west",
    "WHERE age >= 30 AND region <> 'west'": lambda row: (
        row["age"] >= 30 and row["region"] != "west"
    ),
}


@dataclass(frozen=True)
class Ask:
    """A table: its keys, its filter, its totals, and how many of the first people have gone."""

    keys: tuple[str, ...]
    where: str
    margins: bool
    gone: int = 0

    @property
    def sql(self) -> str:
        named = ", ".join(KEYS[key][0] for key in self.keys)
        return f"SELECT {named}, COUNT(*) AS n FROM visits {self.where} GROUP BY ALL"

    def holds(self, counted: Counted, key: Key, row: Row) -> bool:
        """Tell whether a row stands in a cell."""
        return WHERE[self.where](row) and all(
            place == TOTAL or str(counted.categories[number][int(place)]) == str(KEYS[name][1](row))
            for number, (name, place) in enumerate(zip(self.keys, key, strict=True))
        )


Left = tuple[Ask, Counted, Protection]


def rows_of(people: Mapping[Group, int]) -> list[Row]:
    found = [group for group in sorted(people) for _ in range(people[group])]
    return [
        {"person": n, "region": region, "age": age, "cost": cost, "day": None}
        for n, (region, age, cost) in enumerate(found)
    ]


def released_in_turn(
    register: Released, people: Mapping[Group, int], asks: Sequence[Ask]
) -> Iterator[list[Left]]:
    """Release tables one after the other; give what left so far, after each that did."""
    every = rows_of(people)
    left: list[Left] = []
    for ask in asks:
        held = every[ask.gone :]
        if not held:
            continue
        try:
            found = register.release(ask.sql, held, margins=ask.margins)
        except Refused:
            continue
        left.append((ask, *found))
        yield left


def shown_of(left: Sequence[Left]) -> list[tuple[int, Key]]:
    """Return every cell that readers see, with the number of its table."""
    return [
        (number, key)
        for number, (_, counted, protection) in enumerate(left)
        for key in counted.keys(totals=protection.totals)
        if key not in protection.hidden
    ]


def small_of(left: Sequence[Left]) -> list[tuple[int, Key]]:
    """Return every cell and total below the minimum, shown or not."""
    return [
        (number, key)
        for number, (_, counted, _) in enumerate(left)
        for key in counted.keys(totals=True)
        if 0 < counted.at(key)[0].total < MIN
    ]


class Reader:
    """A solver over how many people there are of each sort, in each pattern of versions."""

    def __init__(self, left: Sequence[Left], seen: Sequence[tuple[int, Key]]) -> None:
        gone = sorted({0, *(ask.gone for ask, _, _ in left)})
        self._left = left
        self._columns = Columns()
        self._place = {
            (sort, since): self._columns.add(0.0, UNBOUNDED)
            for sort in product(REGIONS, AGES, COSTS)
            for since in gone
        }
        conditions = []
        for number, key in seen:
            ask, counted, _ = left[number]
            total = float(counted.at(key)[0].total)
            conditions.append(Condition(self._terms(ask, counted, key), total, total))
        self._programme = Programme(self._columns, [c for c in conditions if c.terms])

    def between(self, number: int, key: Key) -> tuple[float, float]:
        """Return the least and the greatest number of people that a cell can have."""
        ask, counted, _ = self._left[number]
        terms = self._terms(ask, counted, key)
        ends = []
        for sign in (1.0, -1.0):
            for place, factor in terms.items():
                self._programme.cost(place, sign * factor)
            answer = self._programme.minimise(10)
            assert answer.unbounded or answer.best
            values = answer.values
            ends.append(
                -sign * UNBOUNDED if values is None else sum(values[place] for place in terms)
            )
            for place in terms:
                self._programme.cost(place, 0.0)
        return ends[0], ends[1]

    def _terms(self, ask: Ask, counted: Counted, key: Key) -> dict[int, float]:
        """Return whom a cell counts: of each sort those who had not gone when it was made."""
        return {
            place: 1.0
            for ((region, age, cost), since), place in self._place.items()
            if since >= ask.gone
            and ask.holds(counted, key, {"region": region, "age": age, "cost": cost})
        }
