"""A city that holds all that the widest question can read, and the plain engine's own answers.

Two protected data sets of one population, open data with a unique key, dates, missing values, a
column without public values. No bound of a declaration bites on these rows, so that what plain
DuckDB says of them is what a private answer is near to.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from tests.city import Plan
from tests.city_documents import TYPES, Further, Row, column, licence_json

RESIDENTS_OF = "city_residents"
RESIDENTS = 3_000
AREAS = ("coast", "hills")
CLINICS = ("general", "children", "teeth")
TRADES = ("baker", "teacher", "driver", "nurse")
RARE_TRADE = "falconer"
FIRST_DAY = date(2024, 1, 1)
DAYS = 366
DELTA_STEPS = 100_000_000


PER_UNIT = "SELECT unit, COUNT(*) AS times, SUM(pay) AS total FROM residents GROUP BY unit"
QUESTIONS = {
    "values and units": "SELECT district, COUNT(pay) AS n, COUNT(DISTINCT unit) AS units "
    "FROM residents GROUP BY district",
    "units of filtered rows": "SELECT COUNT(DISTINCT unit) AS n FROM residents WHERE age < 50",
    "sum, clamped": "SELECT district, SUM(LEAST(GREATEST(pay, 1000), 50000)) AS total "
    "FROM residents GROUP BY district",
    "mean": "SELECT district, AVG(pay) AS mean FROM residents GROUP BY district",
    "spread": "SELECT VARIANCE(age) AS v, VAR_POP(age) AS vp, STDDEV(age) AS s FROM residents",
    "bins": "SELECT floor(age / 20) * 20 AS bin, COUNT(*) AS n FROM residents GROUP BY bin",
    "months": "SELECT date_trunc('month', day) AS month, COUNT(*) AS n FROM residents "
    "GROUP BY month",
    "labels": "SELECT CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' ELSE 'old' END "
    "AS life, COUNT(*) AS n FROM residents GROUP BY life",
    "ranges": "SELECT COUNT(*) AS n FROM residents WHERE pay BETWEEN 20000 AND 60000 "
    "AND day >= DATE '2024-03-01' AND day < DATE '2024-10-01'",
    "in and not in": "SELECT COUNT(*) AS n FROM residents WHERE trade NOT IN ('baker', 'nurse') "
    "AND zone IN ('Z1', 'Z2', 'Z3', 'Z4')",
    "is null, or": "SELECT district, COUNT(*) AS n FROM residents "
    "WHERE pay IS NULL OR (pay > 50000 AND NOT age = 30) GROUP BY district",
    "public join": "SELECT z.area AS area, COUNT(*) AS n, AVG(r.pay) AS mean, SUM(z.hectares) AS s "
    "FROM residents r JOIN zones z ON r.zone = z.code GROUP BY area",
    "outer public join": "SELECT COUNT(*) AS n FROM residents r LEFT JOIN zones z "
    "ON r.zone = z.code WHERE z.area IS NULL",
    "unit join": "SELECT v.clinic AS clinic, COUNT(*) AS n, SUM(r.age) AS ages FROM residents r "
    "JOIN visits v ON r.unit = v.unit GROUP BY clinic",
    "units of units": f"SELECT COUNT(*) AS people, AVG(LEAST(times, 5)) AS mean FROM ({PER_UNIT})",
    "labels of units": "SELECT CASE WHEN times >= 3 THEN 'often' ELSE 'seldom' END AS often, "
    f"COUNT(*) AS people FROM ({PER_UNIT}) GROUP BY often",
}
"""A question for each capability of the planner."""


def resident_rows(residents: int = RESIDENTS) -> list[Row]:
    """Return one to three rows a resident; every ninth row tells no pay, one trade is rare."""
    return [
        _resident_row(number, row) for number in range(residents) for row in range(1 + number % 3)
    ]


def _resident_row(number: int, row: int) -> Row:
    return {
        "resident": number,
        "district": ("north", "south")[number % 2],
        "age": (number * 37) % 100,
        "pay": None if (number + row) % 9 == 0 else (number * 7_919 + row * 104_729) % 90_000,
        "day": FIRST_DAY + timedelta(days=(number * 31 + row * 11) % DAYS),
        "trade": RARE_TRADE if number == 1 else TRADES[(number // 3) % 4],
        "zone": f"Z{(number // 2) % 10}" if number % 50 else "Z-unknown",
    }


def visit_rows(residents: int = RESIDENTS) -> list[Row]:
    """Return one or two visits of every second resident."""
    return [
        {
            "resident": number,
            "clinic": CLINICS[(number + row) % 3],
            "cost": (number * 53 + row * 17) % 1_000,
        }
        for number in range(0, residents, 2)
        for row in range(1 + number % 4 // 2)
    ]


def zone_rows() -> list[Row]:
    """Return ten public zones, each once."""
    return [{"code": f"Z{n}", "area": AREAS[n % 2], "hectares": 10 * n} for n in range(10)]


_PROTECTED: dict[str, Any] = {
    "entry": "306001/8",
    "subject": "person",
    "population": RESIDENTS_OF,
    "unit_columns": ["resident"],
}
RESIDENTS_DECLARED: dict[str, Any] = {
    **_PROTECTED,
    "name": "residents",
    "label_zh": "居民",
    "label_en": "Residents",
    "rows_per_unit_max": 3,
    "columns": [
        column("resident", "integer", "L3", "unit", identifier="direct"),
        column("district", "text", "L2", "aggregate", public_values=["north", "south"]),
        column("age", "integer", "L2", "aggregate", lower=0, upper=119),
        column("pay", "integer", "L3", "aggregate", nullable=True, lower=0, upper=90_000),
        column("day", "date", "L2", "aggregate", lower="2024-01-01", upper="2024-12-31"),
        column("trade", "text", "L2", "aggregate", nullable=True),
        column("zone", "text", "L2", "aggregate", nullable=True),
    ],
    "group_sets": [
        {
            "name": "by_district",
            "keys": ["district"],
            "groups_per_unit_max": 1,
            "rows_per_group_max": 3,
            "measures": ["pay", "age"],
        }
    ],
}
VISITS_DECLARED: dict[str, Any] = {
    **_PROTECTED,
    "entry": "306001/9",
    "name": "visits",
    "label_zh": "就诊",
    "label_en": "Visits",
    "rows_per_unit_max": 2,
    "columns": [
        column("resident", "integer", "L3", "unit", identifier="direct"),
        column("clinic", "text", "L2", "aggregate", public_values=list(CLINICS)),
        column("cost", "integer", "L3", "aggregate", lower=0, upper=1_000),
    ],
}
ZONES_DECLARED: dict[str, Any] = {
    "entry": "306001/10",
    "name": "zones",
    "label_zh": "片区",
    "label_en": "Zones",
    "subject": "open",
    "unique_keys": ["code"],
    "columns": [
        column("code", "text", "L1", "rows"),
        column("area", "text", "L1", "rows", public_values=list(AREAS)),
        column("hectares", "integer", "L1", "rows", lower=0, upper=100),
    ],
}
TYPES.update(
    resident=pa.int64(),
    district=pa.string(),
    age=pa.int64(),
    pay=pa.int64(),
    day=pa.date32(),
    trade=pa.string(),
    zone=pa.string(),
    clinic=pa.string(),
    cost=pa.int64(),
    area=pa.string(),
    hectares=pa.int64(),
)


def wide_licence(**changes: Any) -> dict[str, Any]:
    """Return a licence to ask all of it, with delta for keys that nobody declared."""
    return licence_json(
        grants=[
            *licence_json()["grants"],
            {
                "dataset": "residents",
                "modes": ["aggregate"],
                "columns": ["district", "age", "pay", "day", "trade", "zone"],
            },
            {"dataset": "visits", "modes": ["aggregate"], "columns": ["clinic", "cost"]},
            {"dataset": "zones", "modes": ["rows"], "columns": ["code", "area", "hectares"]},
        ],
        budgets=[
            *licence_json()["budgets"],
            {
                "population": RESIDENTS_OF,
                "budget_nano_rho": 9_000_000_000,
                "question_nano_rho_max": 200_000_000,
                "budget_delta_steps": DELTA_STEPS,
            },
        ],
        **changes,
    )


def wide_plan(
    residents: int = RESIDENTS,
    plan: Plan | None = None,
    *,
    more_residents: Sequence[Row] = (),
    more_visits: Sequence[Row] = (),
) -> Plan:
    """Return the plan of the wide city, perhaps with some rows more."""
    return replace(
        plan or Plan(),
        licence=wide_licence(),
        further=(
            Further(RESIDENTS_DECLARED, [*resident_rows(residents), *more_residents]),
            Further(VISITS_DECLARED, [*visit_rows(residents), *more_visits]),
            Further(ZONES_DECLARED, zone_rows()),
        ),
    )


def plain_answer(sql: str, residents: int = RESIDENTS) -> list[Row]:
    """Answer a question by plain DuckDB over the raw rows: the truth that noise is added to."""
    connection = duckdb.connect()
    for name, rows in (
        ("residents", resident_rows(residents)),
        ("visits", visit_rows(residents)),
        ("zones", zone_rows()),
    ):
        fields = [(field, TYPES[field]) for field in rows[0]]
        connection.register(f"raw_{name}", pa.Table.from_pylist(rows, schema=pa.schema(fields)))
        unit = ", resident AS unit" if "resident" in rows[0] else ""
        connection.execute(f"CREATE VIEW {name} AS SELECT *{unit} FROM raw_{name}")
    found: list[Row] = connection.sql(sql).to_arrow_table().to_pylist()
    return found
