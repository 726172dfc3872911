"""Tables for release: planted differences found, what comparing costs, and what counting costs.

``planted_differences_found``: tables that tell of one to nine people beside earlier ones, by a
filter, a version, a merge or three at once; every one must be held back. ``compare_20k_figures_s``:
processor time to hold a table of twenty figures against a register of 20,000. ``table_vs_raw``: a
table with margins, people, sketches and all, over a plain GROUP BY of the same keys, one million
rows, processor time, interleaved, medians. ``successive_tables_recovered``: cells below the minimum
that a reader of four tables of the same people, with a solver, computes; attacked by linear
programming. ``successive_tables_pinned``: nine people, hidden in one table, of whom another table
tells that they are at least five; against the same tables attacked one by one.
``joint_table_s_p95``: processor time to protect one of them beside the others.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from random import Random  # noqa: TID251 - seeded: the same rows in every run

import duckdb
import pyarrow as pa

from benchmarks.figures import show
from disclosure.outcome import Refused
from disclosure.release.tables.counting import Counted, count_cells
from disclosure.release.tables.nearness import Earlier, too_telling
from disclosure.release.tables.protecting import Protection
from disclosure.release.tables.rendering import PERSON, TABLE
from disclosure.release.tables.sketches import LANES, MODULUS, Sketch
from tests.attacks.test_tables_together import MIN, given_away
from tests.attacks.test_tables_together import PEOPLE as NINE
from tests.table_world import RULES, Released, counted_of, plan_of
from tests.tables_in_turn import (
    AGES,
    COSTS,
    WHERE,
    Ask,
    Group,
    Left,
    Reader,
    released_in_turn,
    shown_of,
    small_of,
)
from tests.tables_in_turn import REGIONS as REGIONS_IN_TURN

PLANTED = 48
FIGURES = 20_000
ROWS = 1_000_000
PEOPLE = 200_000
PAIRS = 5
COMPARE_SECONDS_MAX = 60
TURNS = 30
TABLES_EACH = 4
JOINT_SECONDS_MAX = 10
RATIO_MAX = 150
HALF = 0.5
REGIONS = ("east", "north", "south", "west")
COUNT = "SELECT region, COUNT(*) AS n FROM visits GROUP BY region"
Row = dict[str, object]


def main() -> int:
    """Take every figure; return 1 where a bar is missed."""
    met = [_planted(), _compared(), _counting(), *_in_turn(), _pinned()]
    return 0 if all(met) else 1


def _rows(people: int) -> list[Row]:
    return [
        {"person": n, "region": REGIONS[n % 4], "age": n // 4 % 90, "cost": 1_000 + n * 37 % 5_000}
        for n in range(people)
    ]


def _planted() -> bool:
    found = 0
    kinds: tuple[Callable[[int, Random], bool], ...] = (_by_version, _by_filter, _by_three)
    for number in range(PLANTED):
        chance = Random(number)
        found += kinds[number % len(kinds)](1 + number % 9, chance)
    return show(
        "planted_differences_found",
        100 * found / PLANTED,
        "%",
        "100",
        met=found == PLANTED,
        against="people who really differ",
        runs=PLANTED,
    )


def _by_version(few: int, chance: Random) -> bool:
    register, rows = Released(), _rows(480)
    register.release(COUNT, rows)
    east = [row["person"] for row in rows if row["region"] == "east"]
    gone = set(chance.sample(east, few))
    return "east" not in _seen(register, COUNT, [r for r in rows if r["person"] not in gone])


def _by_filter(few: int, _chance: Random) -> bool:
    register, rows = Released(), _rows(480)
    register.release(COUNT, rows)
    ages = " OR ".join(f"age = {60 + number}" for number in range(few))
    where = f"WHERE NOT (region = 'west' AND ({ages}))"
    return "west" not in _seen(register, COUNT.replace("GROUP", f"{where} GROUP"), rows)


def _by_three(few: int, chance: Random) -> bool:
    register, rows = Released(), _rows(480)
    register.release(COUNT, rows)
    split = 31 + chance.randrange(45 - few)  # one person of each age and region from 30 on
    below = COUNT.replace("GROUP", f"WHERE age < {split} GROUP")
    above = COUNT.replace("GROUP", f"WHERE age >= {split + few} GROUP")
    register.release(below, rows)
    return not _seen(register, above, rows)


def _seen(register: Released, sql: str, rows: list[Row]) -> set[object]:
    try:
        counted, protection = register.release(sql, rows)
    except Refused:
        return set()
    shown = set(counted.keys(totals=protection.totals)) - protection.hidden
    return {counted.categories[0][int(key[0])] for key in shown}


def _compared() -> bool:
    chance = Random(1)
    tables = [[_some(chance) for _ in range(20)] for _ in range(FIGURES // 20)]
    every = sorted((item for table in tables for item in table), key=lambda s: s.contributors)
    sizes = [item.contributors for item in every]

    def near(_comparable: str, wanted: tuple[int, int]) -> list[Sketch]:
        return [s for s, size in zip(every, sizes, strict=True) if wanted[0] <= size <= wanted[1]]

    sql = "SELECT floor(age / 5) * 5 AS band, COUNT(*) AS n FROM visits GROUP BY band"
    counted = counted_of(sql, _rows(3_600))
    earlier = Earlier(near, lambda _comparable: tables)
    started = time.process_time()
    too_telling(counted, frozenset(), earlier, RULES, totals=False, people_min=10)
    seconds = time.process_time() - started
    return show(
        "compare_20k_figures_s",
        round(seconds, 1),
        "s",
        f"<= {COMPARE_SECONDS_MAX}",
        met=seconds <= COMPARE_SECONDS_MAX,
        against="a register of 1,000 tables",
        runs=1,
    )


def _some(chance: Random) -> Sketch:
    """Return the sketch of a figure of several hundred people, of no table here."""
    people = chance.randrange(100, 400)
    lanes = {lane: chance.randrange(1, MODULUS) for lane in chance.sample(range(LANES), 200)}
    return Sketch.of(people, lanes, lanes)


def _counting() -> bool:
    connection = duckdb.connect(config={"threads": 2})
    connection.register("incoming", _million())
    connection.execute(f"CREATE TABLE {TABLE} AS SELECT * FROM incoming")
    plan = plan_of(
        "SELECT region, floor(age / 10) * 10 AS band, COUNT(*) AS n, SUM(cost) AS total "
        "FROM visits GROUP BY region, band",
        margins=True,
    )
    raw = f"SELECT c_region, c_age // 10, COUNT(*), SUM(c_cost) FROM {TABLE} GROUP BY ALL"
    ratios = []
    for _ in range(PAIRS):
        ours = _cost(lambda: count_cells(plan, lambda q: connection.sql(q).to_arrow_table(), RULES))
        ratios.append(ours / _cost(lambda: connection.sql(raw).to_arrow_table()))
    ratio = statistics.median(ratios)
    return show(
        "table_vs_raw",
        round(ratio, 1),
        "x",
        f"<= {RATIO_MAX}",
        met=ratio <= RATIO_MAX,
        against="COUNT and SUM by the same keys, without people",
        runs=PAIRS,
    )


def _million() -> pa.Table:
    chance = Random(2)
    person = [chance.getrandbits(63) for _ in range(PEOPLE)]
    who = [n * 7_919 % PEOPLE for n in range(ROWS)]
    return pa.table(
        {
            "c_region": [REGIONS[n % 4] for n in who],
            "c_age": pa.array([n % 90 for n in who], pa.int64()),
            "c_cost": pa.array([n * 37 % 9_000 for n in range(ROWS)], pa.int64()),
            PERSON: pa.array([person[n] for n in who], pa.int64()),
        }
    )


def _in_turn() -> list[bool]:
    """Release tables of random people in turn, and attack all that left."""
    small = recovered = tables = 0
    seconds: list[float] = []
    for number in range(TURNS):
        chance = Random(number)
        register = Timed()
        last: list[Left] = []
        for left in released_in_turn(register, _crowd(chance), _asks(chance)):
            last = left
        reader = Reader(last, shown_of(last))
        between = [reader.between(*cell) for cell in small_of(last)]
        small += len(between)
        recovered += sum(1 for least, most in between if most - least < HALF)
        tables += len(last)
        seconds += register.seconds
    high = statistics.quantiles(seconds, n=20)[-1]
    return [
        show(
            "successive_tables_recovered",
            recovered,
            "cells",
            "0",
            met=not recovered and small > 0,
            against=f"{small} cells below the minimum in {tables} tables, up to {TABLES_EACH} each",
            runs=TURNS,
        ),
        show(
            "joint_table_s_p95",
            round(high, 2),
            "s",
            f"<= {JOINT_SECONDS_MAX}",
            met=high <= JOINT_SECONDS_MAX,
            against="processor time of one table beside the earlier ones",
            runs=len(seconds),
        ),
    ]


def _pinned() -> bool:
    chance = Random(3)
    worlds = [
        {group: chance.randrange(40, 140) for group, number in NINE.items() if number > MIN}
        for _ in range(TURNS)
    ]
    alone = sum(given_away(people, jointly=False) for people in worlds)
    pinned = sum(given_away(people, jointly=True) for people in worlds)
    return show(
        "successive_tables_pinned",
        pinned,
        "cells",
        "0",
        met=not pinned and alone > 0,
        against=f"{alone} where tables are attacked one by one",
        runs=TURNS,
    )


class Timed(Released):
    """A register that notes how long each table took."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.seconds: list[float] = []

    def release(
        self, sql: str, rows: Sequence[Mapping[str, object]], **more: object
    ) -> tuple[Counted, Protection]:
        """Release a table and note the time, refused or not."""
        started = time.process_time()
        try:
            return super().release(sql, rows, **more)
        finally:
            self.seconds.append(time.process_time() - started)


def _crowd(chance: Random) -> dict[Group, int]:
    sorts = product(REGIONS_IN_TURN, AGES, COSTS)
    return {sort: chance.choice((chance.randrange(10), chance.randrange(10, 70))) for sort in sorts}


def _asks(chance: Random) -> list[Ask]:
    keys = [("region", "band"), ("region", "cost"), ("band", "cost"), ("merged", "cost"), ("band",)]
    wheres = sorted(WHERE)
    return [
        Ask(chance.choice(keys), chance.choice(wheres), chance.random() < HALF)
        for _ in range(TABLES_EACH)
    ]


def _cost(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
