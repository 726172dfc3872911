"""A small licence for tests of private answers: declared, asked, planned, priced.

``asked`` is one data set with one group set. ``WIDE`` has all that the grammar reaches: two
protected sets of one population, public tables, dates, decimals, measures without bounds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    GroupSet,
)
from catalog.store import NeighbourRelation
from disclosure.plan.binding import plan_question
from disclosure.plan.facts import day_number
from disclosure.plan.model import AggregatePlan, Asked, AskedDataset, PublicTable
from disclosure.plan.pricing import PricedPlan, price
from disclosure.plan.question import Question
from disclosure.plan.reading import read_question
from disclosure.plan.rendering import rendered, tables_in_order
from policies.load import load_policies
from policies.schema.privacy import PrivacyRules
from tests.engines import parse_here
from tests.ranking import onboarded, opened

RULES = load_policies().rules(PrivacyRules)
QUESTION_MAX = 100_000_000
STATES = ("CA", "NY", "TX")
SEXES = ("1", "2")
PAY_LOWER, PAY_UPPER = -50, 200

Row = tuple[int, str, int, int | None]
"""One row: person, state, sex, pay."""


def column(name: str, kind: ColumnType, **more: Any) -> Column:
    return Column(
        name=name,
        type=kind,
        label_zh=name,
        label_en=name,
        grade=Grade.L3,
        exposure=Exposure.UNIT if name == "person" else Exposure.AGGREGATE,
        **more,
    )


def declared(groups_per_unit_max: int = 2, rows_per_group_max: int = 3) -> DatasetDeclaration:
    caps = {
        "groups_per_unit_max": groups_per_unit_max,
        "rows_per_group_max": rows_per_group_max,
    }
    return DatasetDeclaration(
        name="survey",
        entry="ent",
        label_zh="调查",
        label_en="Survey",
        subject="person",
        population="residents",
        unit_columns=("person",),
        columns=(
            column("person", ColumnType.INTEGER),
            column("state", ColumnType.TEXT, public_values=STATES),
            column("sex", ColumnType.INTEGER, public_values=SEXES),
            column(
                "pay",
                ColumnType.DECIMAL,
                scale=1,
                nullable=True,
                lower=PAY_LOWER,
                upper=PAY_UPPER,
            ),
            column("secret", ColumnType.TEXT),
        ),
        group_sets=(GroupSet(name="by_both", keys=("state", "sex"), measures=("pay",), **caps),),
    )


def asked_dataset(
    declaration: DatasetDeclaration | None = None,
    neighbours: NeighbourRelation = NeighbourRelation.DP_ONLY,
    forced: Mapping[str, tuple[str, ...]] | None = None,
    *,
    has_ranks: bool = True,
) -> AskedDataset:
    """Grant every column but ``secret`` and the units' own."""
    declaration = declaration or declared()
    granted = {item.name for item in declaration.columns} - {"secret", "person"}
    return AskedDataset(
        declaration, frozenset(granted), neighbours, forced or {}, has_ranks=has_ranks
    )


def asked(
    declaration: DatasetDeclaration | None = None,
    neighbours: NeighbourRelation = NeighbourRelation.DP_ONLY,
    forced: Mapping[str, tuple[str, ...]] | None = None,
    *,
    has_ranks: bool = True,
) -> Asked:
    """Ask one data set."""
    dataset = asked_dataset(declaration, neighbours, forced, has_ranks=has_ranks)
    return Asked({dataset.declaration.name: dataset})


def _wide_survey() -> DatasetDeclaration:
    days = {
        "lower": day_number(date(2024, 1, 15)),
        "upper": day_number(date(2025, 3, 10)),
    }
    base = declared()
    return base.model_copy(
        update={
            "columns": (
                *base.columns,
                column("zone", ColumnType.TEXT),
                column("age", ColumnType.INTEGER, lower=0, upper=119),
                column("score", ColumnType.INTEGER, nullable=True),
                column("rate", ColumnType.DECIMAL, scale=2),
                column("day", ColumnType.DATE, nullable=True, **days),
                column("seen", ColumnType.DATE),
                column("member", ColumnType.BOOLEAN),
                column("order", ColumnType.TEXT),
            ),
            "group_sets": (
                *base.group_sets,
                GroupSet(
                    name="by_state",
                    keys=("state",),
                    groups_per_unit_max=1,
                    rows_per_group_max=3,
                    measures=("age",),
                ),
            ),
            "rows_per_unit_max": 5,
        }
    )


def _visits() -> DatasetDeclaration:
    return declared().model_copy(
        update={
            "name": "visits",
            "columns": (
                column("person", ColumnType.INTEGER),
                column("clinic", ColumnType.TEXT, public_values=("a", "b")),
                column("cost", ColumnType.INTEGER, lower=0, upper=1_000),
            ),
            "group_sets": (),
            "rows_per_unit_max": 4,
        }
    )


def _public(name: str, columns: tuple[Column, ...], unique: str) -> PublicTable:
    declaration = declared().model_copy(
        update={
            "name": name,
            "subject": "open",
            "population": None,
            "unit_columns": (),
            "columns": columns,
            "group_sets": (),
        }
    )
    names = frozenset(item.name for item in columns)
    return PublicTable(declaration, names, frozenset({unique}))


WIDE = Asked(
    {"survey": asked_dataset(_wide_survey()), "visits": asked_dataset(_visits())},
    {
        "zones": _public(
            "zones",
            (
                column("code", ColumnType.TEXT),
                column("area", ColumnType.TEXT, public_values=("east", "west")),
                column("size", ColumnType.INTEGER, lower=0, upper=500),
            ),
            "code",
        ),
        "areas": _public(
            "areas",
            (
                column("name", ColumnType.TEXT),
                column("coastal", ColumnType.BOOLEAN),
            ),
            "name",
        ),
    },
)


@cache
def tree(sql: str) -> Any:
    return json.loads(parse_here(sql).tree_json)


def question(sql: str, within: Asked | None = None) -> Question:
    return read_question(tree(sql), within or asked())


def plan(sql: str, within: Asked | None = None) -> AggregatePlan:
    return plan_question(tree(sql), within or asked(), RULES)


def priced(sql: str, within: Asked | None = None, nano_rho: int | None = None) -> PricedPlan:
    return price(
        plan(sql, within),
        RULES,
        question_nano_rho=nano_rho,
        question_nano_rho_max=QUESTION_MAX,
        grade="L3",
    )


def squared_distance(left: Mapping[Any, int], right: Mapping[Any, int]) -> int:
    groups: Iterable[Any] = {*left, *right}
    return sum((left.get(group, 0) - right.get(group, 0)) ** 2 for group in groups)


def bounded(rows: Sequence[Row], declaration: DatasetDeclaration) -> duckdb.DuckDBPyConnection:
    """Onboard rows by the builder's own code; the result holds every relation of a plan.

    The builder refuses a file without rows: nobody at all is somebody, emptied.
    """
    if not rows:
        emptied = bounded([(1, STATES[0], 1, None)], declaration)
        for relation in ("bounded", "ranked", "units"):
            emptied.execute(f"DELETE FROM {relation}")
        return emptied
    table = pa.table(
        {
            "person": pa.array([row[0] for row in rows], pa.int64()),
            "state": pa.array([row[1] for row in rows], pa.string()),
            "sex": pa.array([row[2] for row in rows], pa.int64()),
            "pay": pa.array(
                [None if row[3] is None else Decimal(row[3]).scaleb(-1) for row in rows],
                pa.decimal128(20, 1),
            ),
            "secret": pa.array(["x"] * len(rows), pa.string()),
        }
    )
    version = onboarded(declaration, table)
    group_set = declaration.group_sets[0].name
    return opened(
        [
            ("bounded", version[f"bounded-{group_set}"]),
            ("ranked", version["ranked"]),
            ("units", version["units"]),
        ]
    )


def exact(connection: duckdb.DuckDBPyConnection, asked_plan: AggregatePlan) -> list[pa.Table]:
    """Run the generated SQL: the integers before the noise, as shaping takes them."""
    statements = rendered(asked_plan)
    results = [connection.sql(item.sql).to_arrow_table() for item in statements]
    return tables_in_order(statements, results, asked_plan)
