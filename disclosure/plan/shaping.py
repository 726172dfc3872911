"""From noisy integers to the table that the question shows: keys, figures, their intervals.

HAVING, ORDER BY and LIMIT read what is shown, after the noise. A plan that failed is shaped as if
no row had matched, so that a failure looks like any other answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import pyarrow as pa

from catalog.datasets import ColumnType
from catalog.store import NeighbourRelation
from disclosure.plan.figures import figures_of
from disclosure.plan.model import AggregatePlan
from disclosure.plan.noising import Noisy, measure, measure_nothing
from disclosure.plan.pricing import PricedPlan
from disclosure.plan.question import Having, KeyOutput, Ordering, Output
from foundation.errors import Message

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "<>": ne,
    "<": lt,
    ">": gt,
    "<=": le,
    ">=": ge,
}
_KEY_TYPES: Mapping[ColumnType, pa.DataType] = {
    ColumnType.INTEGER: pa.int64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TEXT: pa.string(),
}
DECIMAL_DIGITS = 38
NOISE_NOTE = Message(
    "区间只反映所加噪声（95%），不含数值截断，也不含因每个主体的贡献上限而略去的行。",
    "Intervals cover the added noise only (95%): not the clamping of values, nor rows left out "
    "by the bound on each unit's contribution.",
)
THRESHOLD_NOTE = Message(
    "按未公开取值分组时，只列出主体数超过阈值的组；未列出的组可能存在。",
    "Groups of keys without public values show only past a threshold; others may exist.",
)
MIXED_NOTE = Message(
    "该总体曾以明细形式授权，成员身份不在保护之列，阈值也不保护某人是否在某组。",
    "Rows of this population were licensed before: membership is not protected, "
    "and no threshold protects it.",
)


@dataclass(frozen=True)
class Shaped:
    """An answer ready to leave: its table, and where each figure's interval stands."""

    table: pa.Table
    intervals: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class _Shown:
    """One output column over all groups."""

    name: str
    values: Sequence[Any]
    type: pa.DataType


def shape(priced: PricedPlan, tables: Sequence[pa.Table]) -> Shaped:
    """Turn the engine's tables (main, then one for each quantile) into the noisy answer."""
    return present(priced, measure(priced, tables))


def shape_empty(priced: PricedPlan) -> Shaped:
    """Answer as if no row had matched; noise and groups are those of any other answer."""
    return present(priced, measure_nothing(priced))


def present(priced: PricedPlan, noisy: Noisy) -> Shaped:
    """Make the table of noisy integers that the question shows: pure post-processing."""
    outputs = priced.plan.question.outputs
    columns = [shown for output in outputs for shown in _columns(priced, output, noisy)]
    table = pa.table(
        [pa.array(item.values, type=item.type) for item in columns],
        schema=pa.schema([pa.field(item.name, item.type) for item in columns]),
    )
    intervals = {
        item.name: {"low": f"{item.name}_low", "high": f"{item.name}_high"}
        for item in outputs
        if not isinstance(item, KeyOutput)
    }
    return Shaped(table.take(_kept(priced.plan, columns, len(noisy.groups))), intervals)


def notes_on(priced: PricedPlan) -> tuple[Message, ...]:
    """Say what the intervals of an answer, and its privacy, do not cover."""
    mixed = priced.plan.neighbours is NeighbourRelation.MIXED
    return (
        NOISE_NOTE,
        *([] if priced.threshold is None else [THRESHOLD_NOTE]),
        *([MIXED_NOTE] if mixed else []),
    )


def _columns(priced: PricedPlan, output: Output, noisy: Noisy) -> list[_Shown]:
    if isinstance(output, KeyOutput):
        return [_key_column(priced.plan, output, noisy)]
    found = figures_of(priced, output, noisy)
    named = {"": found.values, "_low": found.low, "_high": found.high}
    return [_figures(f"{output.name}{end}", values, found.scale) for end, values in named.items()]


def _figures(name: str, values: Sequence[Any], scale: int | None) -> _Shown:
    if scale is None:
        return _Shown(name, values, pa.float64())
    return _scaled(name, values, scale)


def _scaled(name: str, values: Sequence[int | None], scale: int) -> _Shown:
    if scale == 0:
        return _Shown(name, values, pa.int64())
    exact = [None if value is None else Decimal(value).scaleb(-scale) for value in values]
    return _Shown(name, exact, pa.decimal128(DECIMAL_DIGITS, scale))


def _key_column(plan: AggregatePlan, output: KeyOutput, noisy: Noisy) -> _Shown:
    place = next(i for i, key in enumerate(plan.keys) if key.expression == output.key)
    key = plan.keys[place]
    values: list[Any] = [group[place] for group in noisy.groups]
    if key.type is ColumnType.DECIMAL:
        return _scaled(output.name, values, key.scale)
    return _Shown(output.name, values, _KEY_TYPES[key.type])


def _kept(plan: AggregatePlan, columns: Sequence[_Shown], groups: int) -> pa.Array:
    """Apply HAVING, ORDER BY, LIMIT to what is shown; return the kept places in order."""
    by_name = {item.name: item.values for item in columns}
    question = plan.question
    places = [
        i
        for i in range(groups)
        if all(_holds(item, by_name[item.output][i]) for item in question.having)
    ]
    for item in reversed(question.order):
        places = _ordered(places, item, by_name[item.output])
    end = None if question.limit is None else question.offset + question.limit
    return pa.array(places[question.offset : end], type=pa.int64())


def _holds(condition: Having, value: Any) -> bool:
    return value is not None and _COMPARE[condition.operator](Decimal(value), condition.literal)


def _ordered(places: list[int], item: Ordering, values: Sequence[Any]) -> list[int]:
    missing = [place for place in places if values[place] is None]
    found = [place for place in places if values[place] is not None]
    found.sort(key=lambda place: values[place], reverse=item.descending)  # stable both ways
    return missing + found if item.nulls_first else found + missing
