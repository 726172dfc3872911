"""A small population for tests of private answers: declared, bounded by the real builder, asked."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from catalog.columnar import BoundedSet, Measure, bound_rows, load_rows, rank_rows
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
from disclosure.plan.model import AggregatePlan, AskedDataset
from disclosure.plan.pricing import PricedPlan, price
from disclosure.plan.rendering import bounded_sql
from policies.load import load_policies
from policies.schema.privacy import PrivacyRules
from tests.engines import parse_here

RULES = load_policies().rules(PrivacyRules)
QUESTION_MAX = 100_000_000
SECRET = b"a secret of the version, 32 bytes"
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


def asked(
    declaration: DatasetDeclaration | None = None,
    neighbours: NeighbourRelation = NeighbourRelation.DP_ONLY,
    forced: Mapping[str, tuple[str, ...]] | None = None,
) -> AskedDataset:
    return AskedDataset(
        declaration or declared(), frozenset({"state", "sex", "pay"}), neighbours, forced or {}
    )


@cache
def tree(sql: str) -> Any:
    return json.loads(parse_here(sql).tree_json)


def plan(sql: str, dataset: AskedDataset | None = None) -> AggregatePlan:
    return plan_question(tree(sql), dataset or asked(), RULES)


def priced(
    sql: str, dataset: AskedDataset | None = None, nano_rho: int | None = None
) -> PricedPlan:
    return price(
        plan(sql, dataset), RULES, question_nano_rho=nano_rho, question_nano_rho_max=QUESTION_MAX
    )


def bounded(rows: Sequence[Row], declaration: DatasetDeclaration) -> duckdb.DuckDBPyConnection:
    """Bound rows by the builder's own code; the result holds the table ``bounded``."""
    connection = duckdb.connect()
    raw = pa.table(
        {
            "person": pa.array([row[0] for row in rows], pa.int64()),
            "state": pa.array([row[1] for row in rows], pa.string()),
            "sex": pa.array([row[2] for row in rows], pa.int64()),
            "pay": pa.array([row[3] for row in rows], pa.int64()),
            "_position": pa.array(range(len(rows)), pa.int64()),
        }
    )
    load_rows(connection, raw.to_reader(), "raw")
    rank_rows(connection, source="raw", target="ranked", unit_columns=("person",), secret=SECRET)
    group_set = declaration.group_sets[0]
    bounded_set = BoundedSet(
        name=group_set.name,
        keys={"state": STATES, "sex": SEXES},
        groups_per_unit_max=group_set.groups_per_unit_max,
        rows_per_group_max=group_set.rows_per_group_max,
        measures=[Measure("pay", PAY_LOWER, PAY_UPPER)],
    )
    bound_rows(connection, source="ranked", target="bounded", bounded=bounded_set, secret=SECRET)
    return connection


def exact(connection: duckdb.DuckDBPyConnection, asked_plan: AggregatePlan) -> pa.Table:
    """Run the generated SQL: the integers before the noise."""
    return connection.sql(bounded_sql(asked_plan, "bounded")).to_arrow_table()


def vectors(table: pa.Table, asked_plan: AggregatePlan) -> list[dict[tuple[int, ...], int]]:
    """Read the integers as one mapping from group to value for each measured vector."""
    keys = [table.column(f"k_{item.column.name}").to_pylist() for item in asked_plan.grouped]
    groups = list(zip(*keys, strict=True)) if keys else [()] * table.num_rows
    return [
        dict(zip(groups, table.column(f"v{i}").to_pylist(), strict=True))
        for i in range(len(asked_plan.measured))
    ]


def squared_distance(left: Mapping[Any, int], right: Mapping[Any, int]) -> int:
    groups: Iterable[Any] = {*left, *right}
    return sum((left.get(group, 0) - right.get(group, 0)) ** 2 for group in groups)
