"""Random small databases of persons, many in one onboarding, and what one person leaving makes.

Each world is one database: the unit is (world, person), so that no unit spans two. ``batch``
repeats the world as a coded column, by which results are told apart. All is built by the
builder's own code under one secret, so that neighbours differ in one person and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from random import Random  # noqa: TID251 - seeded, for tests
from typing import Any

import duckdb
import pyarrow as pa

from catalog.datasets import Column, ColumnType, DatasetDeclaration, Exposure, Grade, GroupSet
from tests.ranking import onboarded, opened

STATES = ("CA", "NY", "TX")
SEXES = (1, 2)
KINDS = ("a", "b")
TOWNS = ("north", "south", "east")
PERSONS = 4
PAY = (-5, 20)
AGE = (0, 9)
DUE = (0, 5)
DAY = (18_262, 18_322)  # January and February 2020
FIRST_DAY = date(2020, 1, 1)

Visit = tuple[int, int, str | None, int, int | None, date, str | None, int | None]
"""World, person, state, sex, age, day, town, pay."""
Bill = tuple[int, int, str, int]
"""World, person, kind, due."""


@dataclass(frozen=True)
class Worlds:
    """The rows of many small databases, and the caps of their one group set."""

    count: int
    visits: tuple[Visit, ...]
    bills: tuple[Bill, ...]
    groups_per_unit_max: int
    rows_per_group_max: int

    @cached_property
    def _tables(self) -> dict[str, dict[str, pa.Table]]:
        return {
            "visits": onboarded(declared_visits(self), _visits_table(self.visits)),
            "bills": onboarded(declared_bills(), _bills_table(self.bills)),
        }

    @cached_property
    def store(self) -> duckdb.DuckDBPyConnection:
        """Open a DuckDB with every relation of a plan that asks visits first."""
        return self._opened("visits", "bills")

    @cached_property
    def store_of_bills(self) -> duckdb.DuckDBPyConnection:
        """Open a DuckDB with every relation of a plan that asks bills first."""
        return self._opened("bills", "visits")

    def _opened(self, first: str, second: str) -> duckdb.DuckDBPyConnection:
        """Hold what the builder's own code made of both data sets, under the relations' names."""
        tables, others = self._tables[first], self._tables[second]
        return opened(
            [
                ("bounded", self._tables["visits"]["bounded-both"]),
                ("ranked", tables["ranked"]),
                ("units", tables["units"]),
                ("ranked_2", others["ranked"]),
                ("units_2", others["units"]),
                ("p_regions", REGIONS),
            ]
        )

    def without(self, person: int) -> "Worlds":
        """Take one person out of every world."""
        return replace(
            self,
            visits=tuple(row for row in self.visits if row[1] != person),
            bills=tuple(row for row in self.bills if row[1] != person),
        )

    def with_other(self, person: int, dice: Random) -> "Worlds":
        """Give one person of every world entirely different rows."""
        rest = self.without(person)
        visits, bills = [*rest.visits], [*rest.bills]
        for world in range(self.count):
            visits += rows_of(dice, world, person)
            bills += bills_of(dice, world, person)
        return replace(self, visits=tuple(visits), bills=tuple(bills))


REGIONS = pa.table({"code": ["north", "south", "west"], "zone": ["cold", "warm", "warm"]})


def random_worlds(dice: Random, count: int) -> Worlds:
    """Draw databases in which caps bite: a few persons, some heavy, few groups."""
    visits: list[Visit] = []
    bills: list[Bill] = []
    for world in range(count):
        for person in range(dice.randint(1, PERSONS)):
            visits += rows_of(dice, world, person)
            bills += bills_of(dice, world, person)
    dice.shuffle(visits)
    return Worlds(
        count, tuple(visits), tuple(bills), dice.randint(1, len(STATES)), dice.randint(1, 3)
    )


def rows_of(dice: Random, world: int, person: int) -> list[Visit]:
    """Draw the rows of one person: often a few, now and then many alike, at the clamps."""
    if dice.random() < 0.3:
        alike = _row(dice, world, person)
        pay = dice.choice([-(2**52), 2**52])
        spread = dice.random() < 0.5
        return [
            (*alike[:2], dice.choice(STATES), dice.choice(SEXES), *alike[4:7], pay)
            if spread
            else (*alike[:7], pay)
            for _ in range(dice.choice([6, 12, 24]))
        ]
    return [_row(dice, world, person) for _ in range(dice.randint(0, 5))]


def bills_of(dice: Random, world: int, person: int) -> list[Bill]:
    """Draw the bills of one person."""
    count = dice.choice([0, 1, 2, 5])
    return [(world, person, dice.choice([*KINDS, "c"]), dice.randint(-3, 9)) for _ in range(count)]


def _row(dice: Random, world: int, person: int) -> Visit:
    return (
        world,
        person,
        dice.choice([*STATES, *STATES, "XX", None]),
        dice.choice([*SEXES, *SEXES, 3]),
        dice.choice([None, -4, 0, 3, 5, 9, 15]),
        dice.choice([FIRST_DAY + timedelta(days=dice.randint(-40, 90)), date.min, date.max]),
        dice.choice([*TOWNS, None]),
        dice.choice([None, -90, -5, -1, 0, 7, 20, 400]),
    )


def declared_visits(worlds: Worlds) -> DatasetDeclaration:
    """Declare the first data set; its group set holds the batch, which no unit spans."""
    both = GroupSet(
        name="both",
        keys=("batch", "state", "sex"),
        measures=("pay",),
        groups_per_unit_max=worlds.groups_per_unit_max,
        rows_per_group_max=worlds.rows_per_group_max,
    )
    return _declared(
        "visits",
        (
            _column("world", ColumnType.INTEGER, exposure=Exposure.UNIT),
            _column("person", ColumnType.INTEGER, exposure=Exposure.UNIT),
            _column("batch", ColumnType.INTEGER, public_values=_texts(range(worlds.count))),
            _column("state", ColumnType.TEXT, public_values=STATES, nullable=True),
            _column("sex", ColumnType.INTEGER, public_values=_texts(SEXES)),
            _column("age", ColumnType.INTEGER, nullable=True, **_bounds(AGE)),
            _column("day", ColumnType.DATE, **_bounds(DAY)),
            _column("town", ColumnType.TEXT, nullable=True),
            _column("pay", ColumnType.DECIMAL, scale=1, nullable=True, **_bounds(PAY)),
        ),
        (both,),
    )


def declared_bills() -> DatasetDeclaration:
    """Declare the second data set of the same population; its units are written as text."""
    return _declared(
        "bills",
        (
            _column("world_id", ColumnType.TEXT, exposure=Exposure.UNIT),
            _column("person_id", ColumnType.TEXT, exposure=Exposure.UNIT),
            _column("kind", ColumnType.TEXT, public_values=KINDS),
            _column("due", ColumnType.INTEGER, **_bounds(DUE)),
        ),
        (),
    )


def _declared(
    name: str, columns: tuple[Column, ...], sets: tuple[GroupSet, ...]
) -> DatasetDeclaration:
    return DatasetDeclaration(
        name=name,
        entry="ent",
        label_zh=name,
        label_en=name,
        subject="person",
        population="residents",
        unit_columns=tuple(item.name for item in columns if item.exposure is Exposure.UNIT),
        columns=columns,
        group_sets=sets,
    )


def _column(name: str, kind: ColumnType, **more: Any) -> Column:
    fixed: dict[str, Any] = {"grade": Grade.L3, "exposure": Exposure.AGGREGATE, **more}
    return Column(name=name, type=kind, label_zh=name, label_en=name, **fixed)


def _bounds(bounds: tuple[int, int]) -> dict[str, int]:
    return {"lower": bounds[0], "upper": bounds[1]}


def _texts(values: Sequence[int]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _visits_table(rows: Sequence[Visit]) -> pa.Table:
    listed = list(zip(*rows, strict=True)) or [()] * 8
    kinds = [pa.int64(), pa.int64(), pa.string(), pa.int64(), pa.int64(), pa.date32()]
    kinds += [pa.string(), pa.int64()]
    names = ["world", "person", "state", "sex", "age", "day", "town", "pay"]
    arrays = [pa.array(column, kind) for column, kind in zip(listed, kinds, strict=True)]
    table = pa.table(arrays, names=names)
    stored = table.column("pay").cast(pa.decimal128(38, 0)).combine_chunks()
    pay = pa.Array.from_buffers(pa.decimal128(38, 1), len(stored), stored.buffers())
    pay = pay.cast(pa.decimal128(20, 1))
    table = table.set_column(7, "pay", pay)
    return table.append_column("batch", table.column("world"))


def _bills_table(rows: Sequence[Bill]) -> pa.Table:
    listed = list(zip(*rows, strict=True)) or [()] * 4
    kinds = [pa.string(), pa.string(), pa.string(), pa.int64()]
    arrays = [
        pa.array([str(v) if kind == pa.string() else v for v in column], kind)
        for column, kind in zip(listed, kinds, strict=True)
    ]
    return pa.table(arrays, names=["world_id", "person_id", "kind", "due"])
