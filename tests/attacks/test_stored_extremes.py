"""No value that onboarding lets in makes a private plan fail, whatever form of question reads it.

A failure that depends on one person's values would tell of that person (I11): so every form is run
over the greatest and least numbers, the first and last days and awkward texts, each of one person.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache

import pyarrow as pa
import pytest

from catalog.datasets import ColumnType, DatasetDeclaration, GroupSet
from disclosure.plan.model import AggregatePlan, Asked
from disclosure.plan.relations import relations
from disclosure.plan.rendering import rendered, tables_in_order
from disclosure.plan.shaping import shape
from tests.planning import WIDE, asked_dataset, column, plan, priced
from tests.ranking import onboarded, opened

GREATEST = 2**53 - 1  # catalog.foreign.INTEGER_MAX
NUMBERS = [GREATEST, -GREATEST, 0, -1, 1, GREATEST - 1, 1 - GREATEST]
DAYS = [2**31 - 1, 1 - 2**31, 2_932_896, 2_932_897, -719_162, -719_163, 0]
TEXTS = ["", "a\x7f\n", "é" * 1_000, "\U0001f600", "' OR 1=1 --", '"', "z"]
ZONES = pa.table({"code": ["z"], "area": ["east"], "size": pa.array([1], pa.int64())})


def _declaration() -> DatasetDeclaration:
    base = WIDE.protected["survey"].declaration
    kids = column(
        "kids", ColumnType.INTEGER, public_values=("0", "1", "2"), lower=0, upper=2, nullable=True
    )
    coded = GroupSet(
        name="by_sex",
        keys=("sex",),
        groups_per_unit_max=1,
        rows_per_group_max=3,
        measures=("kids",),
    )
    changed = {"columns": (*base.columns, kids), "group_sets": (*base.group_sets, coded)}
    return base.model_copy(update=changed)


SURVEY = _declaration()
ASKED = Asked({**WIDE.protected, "survey": asked_dataset(SURVEY)}, WIDE.public)


@cache
def version() -> dict[str, pa.Table]:
    count = len(NUMBERS)
    days = pa.array(DAYS, pa.int32()).cast(pa.date32())

    def decimals(scale: int) -> pa.Array:
        return pa.array([Decimal(n).scaleb(-scale) for n in NUMBERS], pa.decimal128(20, scale))

    columns = {
        "person": pa.array(range(count), pa.int64()),
        "state": pa.array(["CA", "NY", "none", "TX", "TX", "CA", "NY"]),
        "sex": pa.array(NUMBERS, pa.int64()),
        "pay": decimals(1),
        "secret": pa.array(["x"] * count),
        "zone": pa.array(TEXTS),
        "age": pa.array(NUMBERS, pa.int64()),
        "score": pa.array(NUMBERS, pa.int64()),
        "rate": decimals(2),
        "day": days,
        "seen": days,
        "member": pa.array([True, False, True, True, False, True, False]),
        "order": pa.array(TEXTS),
        "kids": pa.array([0, 1, 2, 3, None, -1, GREATEST], pa.int64()),
    }
    return onboarded(SURVEY, pa.table(columns))


KEYS = (
    *("zone", "score", "rate", "seen", "member", "kids", "state", "sex"),
    *("floor(score / 7) * 7", "floor(score / 1000000)", "floor(rate / 0.07) * 0.07"),
    *("floor(age / 10) * 10", "floor(kids / 2) * 2", "floor(pay / 3) * 3"),
    *(f"date_trunc('{part}', {day})" for part in ("week", "month", "quarter", "year")
      for day in ("seen", "day")),
    *(f"{part}(seen)" for part in ("year", "quarter", "month", "week", "day", "isodow")),
    "CASE WHEN score > 0 OR seen > '2020-01-01' THEN 1 WHEN rate < -3.5 THEN 2 END",
)  # fmt: skip
FIGURES = (
    "COUNT(*) AS a, COUNT(DISTINCT unit) AS b, COUNT(pay) AS c, COUNT(kids) AS d",
    "SUM(age) AS a, AVG(age) AS b, VARIANCE(age) AS c, MEDIAN(age) AS d",
    "SUM(LEAST(GREATEST(score, -1000), 1000)) AS a, STDDEV(LEAST(GREATEST(rate, 0), 100)) AS b",
    "SUM(kids) AS a, AVG(kids) AS b, MEDIAN(kids) AS c",
)
INNER = ("SUM(score)", "MIN(score)", "MAX(rate)", "SUM(rate)", "SUM(pay)", "COUNT(kids)")


def texts() -> Iterator[str]:
    for key in KEYS:
        yield f"SELECT {key} AS k, {FIGURES[0]} FROM survey GROUP BY 1"
        yield f"SELECT {key} AS k, MEDIAN(age) AS a FROM survey GROUP BY 1"
    for figures in FIGURES:
        yield f"SELECT {figures} FROM survey"
        yield f"SELECT sex, {figures} FROM survey GROUP BY 1"
        yield f"SELECT zone, {figures} FROM survey WHERE rate < 3.5 AND age >= -5 GROUP BY 1"
        yield f"SELECT area, {figures} FROM survey LEFT JOIN zones ON zone = code GROUP BY 1"
    for inner in INNER:
        of_unit = f"FROM (SELECT unit, {inner} AS s, MIN(seen) AS d FROM survey GROUP BY unit)"
        yield f"SELECT SUM(LEAST(GREATEST(s, 0), 1000)) AS a {of_unit}"
        yield f"SELECT floor(s / 10) * 10 AS k, COUNT(*) AS a {of_unit} GROUP BY 1"
        yield f"SELECT date_trunc('week', d) AS k, COUNT(*) AS a {of_unit} WHERE s > 3 GROUP BY 1"


def engine_tables(asked: AggregatePlan) -> Iterator[tuple[str, pa.Table]]:
    for item in relations(asked):
        stored = ZONES if item.file is None else version()[item.file.removesuffix(".parquet")]
        yield item.name, stored.select(list(item.columns))


@pytest.mark.parametrize("sql", list(texts()))
def test_no_stored_value_makes_a_plan_fail(sql: str) -> None:
    asked = plan(sql, ASKED)
    statements = rendered(asked)
    with opened(engine_tables(asked)) as engine:
        found = [engine.sql(statement.sql).to_arrow_table() for statement in statements]
    shape(priced(sql, ASKED, 10_000_000), tables_in_order(statements, found, asked))


def test_the_days_here_are_beyond_what_a_calendar_holds() -> None:
    assert (date.max - date(1970, 1, 1)).days == sorted(DAYS)[-3]
