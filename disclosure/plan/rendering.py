"""The SQL of a plan over stored rows: generated whole, integers only, no text of the user.

The question's own words never reach the engine. Sums saturate at a constant, which keeps the
bound (saturation moves no two values further apart), and no statement can fail on data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from disclosure.plan.conditions import conjuncts_of
from disclosure.plan.expressions import PER_UNIT, Condition, fields_of
from disclosure.plan.model import AggregatePlan, Measured, MeasuredKind, Road
from disclosure.plan.question import InnerFunction, InnerOutput
from disclosure.plan.rendering_columns import (
    BOUNDED,
    RANKED,
    UNIT_ROWS,
    Columns,
    narrowest,
    quoted,
)
from disclosure.plan.rendering_rows import (
    caps_sql,
    condition_sql,
    key_sql,
    measure_sql,
    rows_sql,
)
from disclosure.plan.sensitivity import (
    INTEGER_MAX,
    counts_each_unit_once,
    magnitudes,
    value_max,
)

SMALL_MAX = 2**31
"""Below it a square fits 64 bits."""

NOTHING = "SELECT 1 AS nothing"
"""Where only quantiles of all rows are asked, the main statement measures nothing."""

Table = TypeVar("Table")


class StatementKind(StrEnum):
    """What a statement returns."""

    MAIN = "main"  # k0 …, and BIGINT v<i> for the measured vector at place i
    HISTOGRAM = "histogram"  # k0 …, bin (from 0), n


@dataclass(frozen=True)
class Statement:
    """One statement for the engine, and the places of what it measures in the plan."""

    sql: str
    kind: StatementKind
    measured_places: tuple[int, ...]


def rendered(plan: AggregatePlan) -> tuple[Statement, ...]:
    """Render the main statement, then one for each different histogram. Raises ValueError.

    A ValueError means that the plan contradicts itself: it is a fault of binding, never of data.
    """
    _check_road(plan)
    columns = Columns(plan)
    places = [i for i, m in enumerate(plan.measured) if m.kind is not MeasuredKind.QUANTILE]
    found = [Statement(_main(plan, columns, places), StatementKind.MAIN, tuple(places))]
    histograms: dict[str, list[int]] = {}
    for place, measured in enumerate(plan.measured):
        if measured.kind is MeasuredKind.QUANTILE:
            histograms.setdefault(_histogram(plan, columns, measured), []).append(place)
    for sql, served in histograms.items():
        found.append(Statement(sql, StatementKind.HISTOGRAM, tuple(served)))
    return tuple(found)


def tables_in_order(
    statements: Sequence[Statement], results: Sequence[Table], plan: AggregatePlan
) -> list[Table]:
    """Give the main result first, then one histogram for each QUANTILE in the plan's order."""
    by_place: Mapping[int, Table] = {
        place: result
        for statement, result in zip(statements, results, strict=True)
        if statement.kind is StatementKind.HISTOGRAM
        for place in statement.measured_places
    }
    quantiles = [i for i, m in enumerate(plan.measured) if m.kind is MeasuredKind.QUANTILE]
    return [results[0], *(by_place[place] for place in quantiles)]


def _check_road(plan: AggregatePlan) -> None:
    """Refuse a plan whose bound is not the one that its road keeps."""
    bounding = plan.bounding
    counts_units = any(item.kind is MeasuredKind.UNITS for item in plan.measured)
    as_answered = bounding.merged_max == 1 and not bounding.refines
    held = {
        Road.DECLARED: not bounding.refines and (not counts_units or counts_each_unit_once(plan)),
        Road.RANKED: True,  # caps_sql looks at the caps
        Road.UNRANKED: as_answered,
        Road.PER_UNIT: as_answered
        and (bounding.groups_per_unit_max, bounding.rows_per_group_max) == (1, 1),
    }
    inner = plan.question.source.per_unit is not None
    if not held[bounding.road] or inner != (bounding.road is Road.PER_UNIT):
        raise ValueError("the bound of a plan is the one that its road keeps")


def _main(plan: AggregatePlan, columns: Columns, places: Sequence[int]) -> str:
    if plan.bounding.road is Road.UNRANKED:
        return _main_unranked(plan, columns, places)
    keys = _keys(plan, columns)
    values = [f"{_measured(plan.measured[i], columns)} AS v{i}" for i in places]
    if not keys and not values:
        return NOTHING
    return _select([*keys, *values], _from(plan, columns), len(keys))


def _main_unranked(plan: AggregatePlan, columns: Columns, places: Sequence[int]) -> str:
    """Bound while answering: one row a unit and group first, clamped; then L0 groups of a unit.

    The groups kept are those in which the unit's first rows stand, in the order of their stored
    keyed ranks; ties, possible only where ranks saturate, are broken by the keys. Nothing here
    reads the value of the unit's ordinal, which depends on other units.
    """
    keys = _keys(plan, columns)
    names = [f"k{i}" for i in range(len(keys))]
    clamped = [f"{_of_unit(plan.measured[i], plan, columns)} AS v{i}" for i in places]
    first = [f"{RANKED}._unit AS _unit", *keys, f"min({RANKED}._rank) AS _first"]
    per_group = _select([*first, *clamped], _from(plan, columns), 1 + len(keys))
    kept = f"SELECT * FROM ({per_group})"  # noqa: S608
    if not _has_few_groups(plan):
        order = ", ".join(["_first", *names])
        kept += (
            f" QUALIFY row_number() OVER (PARTITION BY _unit ORDER BY {order})"
            f" <= {plan.bounding.groups_per_unit_max}"
        )
    values = [f"{_saturated(f'SUM(v{i})')} AS v{i}" for i in places]
    return _select([*names, *values], f"({kept})", len(keys)) if names or values else NOTHING


def _histogram(plan: AggregatePlan, columns: Columns, measured: Measured) -> str:
    if measured.measure is None or measured.grid_step < 1:
        raise ValueError("a quantile has a measure and a grid")
    keys = _keys(plan, columns)
    names = [f"k{i}" for i in range(len(keys))]
    value = measure_sql(measured.measure, columns)
    lower, step = measured.measure.lower, measured.grid_step
    place = f"CAST((CAST({value} AS BIGINT) - ({lower})) // {step} AS BIGINT) AS bin"
    present = f"{value} IS NOT NULL"
    rows = [*keys, place]
    if plan.bounding.road is Road.UNRANKED:
        rows += [f"{RANKED}._unit AS _unit", f"{RANKED}._rank AS _rank"]
    source = f"({_select(rows, _from(plan, columns, present), 0)})"
    if plan.bounding.road is Road.UNRANKED:
        source = _bounded_while_answering(plan, source, names)
    return _select([*names, "bin", "COUNT(*) AS n"], source, len(names) + 1)


def _bounded_while_answering(plan: AggregatePlan, rows: str, names: Sequence[str]) -> str:
    """Keep C rows of each unit and group, and L0 groups, by stored keyed rank.

    Rows of one unit whose ranks saturate are told apart by their bin, so that what is kept is a
    function of the unit's rows.
    """
    group = ", ".join(["_unit", *names])
    order = ", ".join(["_first", *names])
    bounding = plan.bounding
    ranked = (
        f"SELECT *, min(_rank) OVER (PARTITION BY {group}) AS _first, "  # noqa: S608
        f"row_number() OVER (PARTITION BY {group} ORDER BY _rank, bin) AS _row FROM {rows}"
    )
    grouped = (
        f"SELECT *, dense_rank() OVER (PARTITION BY _unit ORDER BY {order}) AS _group "  # noqa: S608
        f"FROM ({ranked})"
    )
    return (
        f"(SELECT * FROM ({grouped}) WHERE _group <= {bounding.groups_per_unit_max} "  # noqa: S608
        f"AND _row <= {bounding.rows_per_group_max})"
    )


def _keys(plan: AggregatePlan, columns: Columns) -> list[str]:
    return [f"{key_sql(key, columns)} AS k{i}" for i, key in enumerate(plan.keys)]


def _from(plan: AggregatePlan, columns: Columns, *more: str) -> str:
    """Render FROM and WHERE of the rows that are counted: stored rows, or one row a unit."""
    parts = conjuncts_of(plan.where)
    if plan.question.source.per_unit is None:
        held = [condition_sql(part, columns) for part in parts]
        if plan.bounding.road is Road.DECLARED:
            return BOUNDED + _where([*held, *more])
        return rows_sql(plan, columns) + _where([*caps_sql(plan), *held, *more])
    outer = [condition_sql(part, columns) for part in parts if _is_of_units(part)]
    inner = [condition_sql(part, columns) for part in parts if not _is_of_units(part)]
    return _per_unit(plan, columns, inner) + _where([*outer, *more])


def _per_unit(plan: AggregatePlan, columns: Columns, conditions: list[str]) -> str:
    """Render one row for each unit that has a row at all, made of all its rows."""
    per_unit = plan.question.source.per_unit
    if per_unit is None or plan.bounding.road is not Road.PER_UNIT:
        raise ValueError("an inner aggregate has its own road")
    if per_unit.where is not None:
        conditions = [*conditions, condition_sql(per_unit.where, columns)]
    outputs = [
        f"{_inner(item, columns)} AS {quoted(f'f_{item.name}')}" for item in per_unit.outputs
    ]
    listed = ", ".join([f"{RANKED}._unit", *outputs])
    source = rows_sql(plan, columns) + _where(conditions)
    return f"(SELECT {listed} FROM {source} GROUP BY {RANKED}._unit) AS {UNIT_ROWS}"  # noqa: S608


def _inner(output: InnerOutput, columns: Columns) -> str:
    if output.function is InnerFunction.COUNT:
        return f"COUNT({'*' if output.field is None else columns.raw(output.field)})"
    if output.field is None:
        raise ValueError("an inner figure names its column")
    if output.function is InnerFunction.SUM:
        total = f"SUM({columns.number(output.field)})"
        return f"CASE WHEN {total} IS NOT NULL THEN {_saturated(total)} END"
    return f"{output.function.value}({columns.value(output.field)})"


def _is_of_units(part: Condition) -> bool:
    found = {field.relation == PER_UNIT for field in fields_of(part)}
    if len(found) > 1:
        raise ValueError("a condition reads units or rows, not both")
    return found == {True}


def _measured(measured: Measured, columns: Columns) -> str:
    """Render a vector over rows that are bounded already."""
    if measured.kind is MeasuredKind.UNITS:
        return _units(columns.plan)
    if measured.kind is MeasuredKind.ROWS:
        return "COUNT(*)"
    if measured.kind is MeasuredKind.VALUES:
        return f"COUNT({_counted(measured, columns)})"
    return _saturated(_summed(measured, columns))


def _of_unit(measured: Measured, plan: AggregatePlan, columns: Columns) -> str:
    """Render what one unit adds to one group, clamped to what C rows could add, held narrowly.

    There may be nearly as many of these as rows, so that their width is the road's memory.
    """
    rows = plan.bounding.rows_per_group_max
    if measured.kind is MeasuredKind.UNITS:
        return "CAST(1 AS UTINYINT)"
    if measured.kind is MeasuredKind.ROWS:
        return f"CAST(LEAST(COUNT(*), {rows}) AS {narrowest(0, rows)})"
    if measured.kind is MeasuredKind.VALUES:
        count = f"COUNT({_counted(measured, columns)})"
        return f"CAST(LEAST({count}, {rows}) AS {narrowest(0, rows)})"
    below, above = magnitudes(measured)
    total = f"COALESCE({_summed(measured, columns)}, 0)"
    clamp = f"GREATEST(LEAST({total}, {rows * above}), {-rows * below})"
    return f"CAST({clamp} AS {narrowest(-rows * below, rows * above)})"


def _units(plan: AggregatePlan) -> str:
    match plan.bounding.road:
        case Road.DECLARED:
            return "COUNT(*) FILTER (WHERE first)"
        case Road.PER_UNIT:
            return "COUNT(*)"
        case _:
            return f"COUNT(DISTINCT {RANKED}._unit)"


def _counted(measured: Measured, columns: Columns) -> str:
    field = measured.counted or (measured.measure.field if measured.measure else None)
    if field is None:
        raise ValueError("counted values have a column")
    return columns.raw(field)


def _summed(measured: Measured, columns: Columns) -> str:
    """Render the HUGEINT sum of the values less their centre, or of the squares of that."""
    if measured.measure is None:
        raise ValueError("a sum has a measure")
    value = measure_sql(measured.measure, columns)
    centre = measured.centre
    if measured.kind is MeasuredKind.TOTAL:
        total = f"SUM({value})"
        return f"({total} - CAST(COUNT({value}) AS HUGEINT) * {centre})" if centre else total
    wide = "BIGINT" if value_max(measured) < SMALL_MAX**2 else "HUGEINT"
    moved = f"(CAST({value} AS {wide}) - ({centre}))"
    return f"SUM({moved} * {moved})"


def _has_few_groups(plan: AggregatePlan) -> bool:
    """Tell whether a unit cannot have more groups of the answer than it may keep."""
    return not plan.has_unknown_keys and plan.group_count <= plan.bounding.groups_per_unit_max


def _saturated(total: str) -> str:
    """Render a BIGINT that never overflows; the sum of no row is 0."""
    return f"CAST(GREATEST(LEAST(COALESCE({total}, 0), {INTEGER_MAX}), -{INTEGER_MAX}) AS BIGINT)"


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _select(columns: Sequence[str], source: str, grouped: int) -> str:
    by = ", ".join(str(place) for place in range(1, grouped + 1))
    group_by = f" GROUP BY {by}" if grouped else ""
    return f"SELECT {', '.join(columns)} FROM {source}{group_by}"  # noqa: S608
