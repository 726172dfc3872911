"""Plans made by hand, for tests of prices, noise and shapes without an engine."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from catalog.datasets import ColumnType
from catalog.store import NeighbourRelation
from disclosure.plan.expressions import Field, Measure, Plain
from disclosure.plan.model import (
    AggregatePlan,
    Bounding,
    Measured,
    MeasuredKind,
    PlannedKey,
    Road,
)
from disclosure.plan.pricing import PricedPlan, price
from disclosure.plan.question import AggregateOutput, Function, KeyOutput, Output, Question, Source
from policies.load import load_policies
from policies.schema.privacy import PrivacyRules

RULES = load_policies().rules(PrivacyRules)
GRADE = "L3"
QUESTION_MAX = 100_000_000
PAY = Measure(Field("survey", "pay"), -50, 200, scale=1, nullable=True)
AGE = Measure(Field("survey", "age"), 0, 120)
ROWS = Measured(MeasuredKind.ROWS)
UNITS = Measured(MeasuredKind.UNITS)
PAY_COUNT = Measured(MeasuredKind.VALUES, PAY)
PAY_TOTAL = Measured(MeasuredKind.TOTAL, PAY)
PAY_CENTRED = Measured(MeasuredKind.TOTAL, PAY, centre=75)
PAY_SQUARES = Measured(MeasuredKind.SQUARES, PAY, centre=75)
AGE_MEDIAN = Measured(MeasuredKind.QUANTILE, AGE, quantile_ppm=500_000, grid_step=1)
COUNT = AggregateOutput("n", Function.COUNT)
PEOPLE = AggregateOutput("people", Function.UNITS)
SUM_PAY = AggregateOutput("total", Function.SUM, PAY)
MEAN_PAY = AggregateOutput("mean", Function.AVG, PAY)
MEDIAN_AGE = AggregateOutput("median", Function.QUANTILE, AGE, quantile_ppm=500_000)


def key(
    name: str, values: Sequence[Any] | None, kind: ColumnType = ColumnType.TEXT, scale: int = 0
) -> PlannedKey:
    """Return a key; public values are coded by their place, as stored rows are."""
    ordinals = (
        None if values is None else tuple(None if v is None else i for i, v in enumerate(values))
    )
    shown = None if values is None else tuple(values)
    return PlannedKey(Plain(Field("survey", name)), kind, shown, ordinals, scale)


STATE = key("state", ("CA", "NY", "TX"))
TOWN = key("town", None)


def plan(
    outputs: Sequence[Output],
    measured: Sequence[Measured],
    keys: Sequence[PlannedKey] = (),
    *,
    groups: int = 2,
    rows: int = 3,
    neighbours: NeighbourRelation = NeighbourRelation.DP_ONLY,
    **question: Any,
) -> AggregatePlan:
    shown = [KeyOutput(item.expression.field.column, item.expression) for item in keys]  # type: ignore[union-attr]
    asked = Question(Source("survey"), (*shown, *outputs), **question)
    bounding = Bounding(Road.DECLARED, groups, rows, group_set="by_state")
    return AggregatePlan(
        asked, bounding, neighbours, tuple(keys), None, tuple(measured), ("residents",)
    )


def priced(
    asked: AggregatePlan,
    nano_rho: int | None = None,
    *,
    noise: str = "gaussian",
    grade: str = GRADE,
) -> PricedPlan:
    return price(
        asked,
        RULES,
        question_nano_rho=nano_rho,
        question_nano_rho_max=QUESTION_MAX,
        noise=noise,
        grade=grade,
    )


def main_table(asked: AggregatePlan, rows: Mapping[tuple[Any, ...], Sequence[int]]) -> pa.Table:
    """Write a main table: for each group, as the engine names it, its values by place."""
    places = [i for i, m in enumerate(asked.measured) if m.kind is not MeasuredKind.QUANTILE]
    columns = {f"k{i}": [group[i] for group in rows] for i in range(len(asked.keys))}
    columns |= {f"v{place}": [row[i] for row in rows.values()] for i, place in enumerate(places)}
    return pa.table(columns)


def histogram(asked: AggregatePlan, rows: Mapping[tuple[Any, ...], Mapping[int, int]]) -> pa.Table:
    """Write one histogram: for each group, rows by bin."""
    flat = [(group, place, n) for group, bins in rows.items() for place, n in bins.items()]
    columns = {f"k{i}": [group[i] for group, _, _ in flat] for i in range(len(asked.keys))}
    return pa.table({**columns, "bin": [b for _, b, _ in flat], "n": [n for _, _, n in flat]})
