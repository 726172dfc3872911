"""From exact integers to the answer: every public group, noise, then post-processing only.

Groups without rows are filled with zero before the noise, so that the existence of a group never
shows. Nothing after the noise reads the exact integers again. Counts stay as the noise left them,
below zero too: flooring them would bias every sum over small groups.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import pyarrow as pa

from catalog.datasets import Column, ColumnType
from disclosure.plan.intervals import Mean, mean_interval
from disclosure.plan.model import (
    AggregateOutput,
    AggregatePlan,
    Condition,
    Function,
    KeyOutput,
    Ordering,
    Output,
)
from disclosure.plan.pricing import Noised, PricedPlan, counted_by, main_part
from disclosure.privacy import add_noise

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
}
DECIMAL_DIGITS = 38


@dataclass(frozen=True)
class Shaped:
    """An answer ready to leave: its table, and where each figure's interval stands."""

    table: pa.Table
    intervals: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class _Shown:
    """One output column: its values over all groups, in the order of the public keys."""

    name: str
    values: Sequence[Any]
    type: pa.DataType


def shape(priced: PricedPlan, exact: pa.Table) -> Shaped:
    """Turn the engine's integers into the noisy answer of a priced plan."""
    noisy = measure(priced, exact)
    return present(priced, noisy)


def measure(priced: PricedPlan, exact: pa.Table) -> tuple[tuple[int, ...], ...]:
    """Fill every public group and add noise; the only place where exact integers are read."""
    filled = _filled(priced.plan, exact)
    return tuple(
        tuple(add_noise(values, item.mechanism))
        for values, item in zip(filled, priced.noised, strict=True)
    )


def present(priced: PricedPlan, noisy: Sequence[Sequence[int]]) -> Shaped:
    """Make the table of noisy integers that the question shows: pure post-processing."""
    vectors = dict(zip(priced.noised, noisy, strict=True))
    columns = [
        shown
        for output in priced.plan.question.outputs
        for shown in _columns(priced, output, vectors)
    ]
    table = pa.table(
        [pa.array(item.values, type=item.type) for item in columns],
        schema=pa.schema([pa.field(item.name, item.type) for item in columns]),
    )
    intervals = {
        item.name: {"low": f"{item.name}_low", "high": f"{item.name}_high"}
        for item in priced.plan.question.aggregates
    }
    return Shaped(table.take(_kept(priced.plan, columns)), intervals)


def _filled(plan: AggregatePlan, exact: pa.Table) -> list[list[int]]:
    """Lay the engine's rows out over all public groups, in mixed radix of the keys shown."""
    places = [{o: i for i, o in enumerate(item.ordinals)} for item in plan.grouped]
    positions = [0] * exact.num_rows
    for selection, place in zip(plan.grouped, places, strict=True):
        ordinals = exact.column(f"k_{selection.column.name}").to_pylist()
        positions = [p * len(place) + place[o] for p, o in zip(positions, ordinals, strict=True)]
    filled = [[0] * plan.group_count for _ in plan.measured]
    for i, values in enumerate(filled):
        found = exact.column(f"v{i}").to_pylist()
        for position, value in zip(positions, found, strict=True):
            values[position] = value
    return filled


def _columns(
    priced: PricedPlan, output: Output, vectors: Mapping[Noised, Sequence[int]]
) -> list[_Shown]:
    if isinstance(output, KeyOutput):
        return [_key_column(priced.plan, output)]
    part = main_part(priced, output)
    if output.function is Function.AVG:
        return _mean_columns(priced, output, vectors)
    values = vectors[part]
    scale = part.measured.column.scale if part.measured.column else 0
    return [
        _scaled(output.name, values, scale),
        _scaled(f"{output.name}_low", [v - part.half_width for v in values], scale),
        _scaled(f"{output.name}_high", [v + part.half_width for v in values], scale),
    ]


def _mean_columns(
    priced: PricedPlan, output: AggregateOutput, vectors: Mapping[Noised, Sequence[int]]
) -> list[_Shown]:
    total, count = main_part(priced, output), counted_by(priced, output)
    mean = Mean.of(total, count)
    found = [mean_interval(mean, s, n) for s, n in zip(vectors[total], vectors[count], strict=True)]
    names = (output.name, f"{output.name}_low", f"{output.name}_high")
    return [_Shown(name, [item[i] for item in found], pa.float64()) for i, name in enumerate(names)]


def _scaled(name: str, values: Sequence[int], scale: int) -> _Shown:
    if scale == 0:
        return _Shown(name, values, pa.int64())
    exact = [Decimal(value).scaleb(-scale) for value in values]
    return _Shown(name, exact, pa.decimal128(DECIMAL_DIGITS, scale))


def _key_column(plan: AggregatePlan, output: KeyOutput) -> _Shown:
    place = next(i for i, s in enumerate(plan.grouped) if s.column.name == output.key)
    column = plan.grouped[place].column
    values, value_type = _public_values(column)
    groups = product(*(item.ordinals for item in plan.grouped))
    return _Shown(output.name, [values[group[place]] for group in groups], value_type)


def _public_values(column: Column) -> tuple[list[Any], pa.DataType]:
    """Return a key's public values in their own type, text where they do not read as it."""
    value_type = _KEY_TYPES.get(column.type, pa.string())
    texts = pa.array(column.public_values, type=pa.string())
    try:
        return texts.cast(value_type).to_pylist(), value_type
    except pa.ArrowInvalid:
        return texts.to_pylist(), pa.string()


def _kept(plan: AggregatePlan, columns: Sequence[_Shown]) -> pa.Array:
    """Apply HAVING, ORDER BY, LIMIT to the noisy columns; return the kept places in order."""
    by_name = {item.name: item.values for item in columns}
    question = plan.question
    places = [
        i
        for i in range(plan.group_count)
        if all(_holds(item, by_name[item.output][i]) for item in question.having)
    ]
    for item in reversed(question.order):
        places = _ordered(places, item, by_name[item.output])
    end = None if question.limit is None else question.offset + question.limit
    return pa.array(places[question.offset : end], type=pa.int64())


def _holds(condition: Condition, value: Any) -> bool:
    return value is not None and _COMPARE[condition.operator](Decimal(value), condition.literal)


def _ordered(places: list[int], item: Ordering, values: Sequence[Any]) -> list[int]:
    missing = [place for place in places if values[place] is None]
    found = [place for place in places if values[place] is not None]
    found.sort(key=lambda place: values[place], reverse=item.descending)  # stable both ways
    return missing + found if item.nulls_first else found + missing
