"""The table that leaves: keys, figures, and one column that says which figures are held back.

A held-back figure is NULL beside a plain ``suppressed``; no number stands for it. Means and
deviations are computed from exact sums in decimal arithmetic, to a fixed number of places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import product

import pyarrow as pa

from catalog.datasets import ColumnType
from disclosure.checks.tables.rounding import round_to
from disclosure.release.tables.counting import TOTAL, Counted, Counts, Key, shown
from disclosure.release.tables.plan import Figure, Statistic, TablePlan, parts_of
from disclosure.release.tables.rendering import planned_key

SUPPRESSED = "suppressed"
TOTALLED = "totalled"
"""Which keys a row is a total over, joined by ``+``; empty for an inner cell."""

_EXACT = Context(prec=80)
_DIGITS = 38
_KEY_TYPES = {
    ColumnType.INTEGER: pa.int64(),
    ColumnType.TEXT: pa.string(),
    ColumnType.DATE: pa.date32(),
    ColumnType.BOOLEAN: pa.bool_(),
}


@dataclass(frozen=True)
class Rounding:
    """To which base counts are rounded, and for which parts totals are sums of rounded cells."""

    base: int = 1
    summed: frozenset[int] = frozenset()

    def count(self, counted: Counted, key: Key, place: int) -> int:
        """Return a count as it is shown."""
        if place not in self.summed or TOTAL not in key:
            return round_to(counted.at(key)[place].total, self.base)
        sides = [
            range(len(values)) if chosen == TOTAL else (int(chosen),)
            for chosen, values in zip(key, counted.categories, strict=True)
        ]
        return sum(round_to(counted.at(inner)[place].total, self.base) for inner in product(*sides))


def show(
    counted: Counted,
    hidden: frozenset[Key],
    rounding: Rounding,
    *,
    totals: bool,
    decimals: int,
) -> pa.Table:
    """Make the table that leaves, in the order of its keys, inner cells before totals.

    Counts are shown rounded; sums, means and deviations as they are.
    """
    plan = counted.plan
    keys = list(counted.keys(totals=totals))
    columns: dict[str, pa.Array] = {}
    for place, item in enumerate(plan.keys):
        values = [
            None if key[place] == TOTAL
            else shown(plan, place, counted.categories[place][int(key[place])])
            for key in keys
        ]  # fmt: skip
        columns[item.name] = pa.array(values, _key_type(plan, place))
    if totals:
        columns[TOTALLED] = pa.array([_totalled(plan, key) for key in keys], pa.string())
    for figure in plan.figures:
        values = [
            None if key in hidden else _value(counted, figure, key, rounding, decimals)
            for key in keys
        ]
        columns[figure.name] = pa.array(values, _figure_type(figure, decimals))
    columns[SUPPRESSED] = pa.array([key in hidden for key in keys], pa.bool_())
    return pa.table(columns)


def _value(
    counted: Counted, figure: Figure, key: Key, rounding: Rounding, decimals: int
) -> int | Decimal | None:
    parts = counted.plan.parts
    at = counted.at(key)
    counts = [at[parts.index(part)] for part in parts_of(figure)]
    match figure.statistic:
        case Statistic.ROWS | Statistic.PEOPLE | Statistic.VALUES:
            return rounding.count(counted, key, parts.index(parts_of(figure)[0]))
        case Statistic.SUM:
            return _scaled(counts[0].total, _scale(figure))
        case Statistic.AVERAGE:
            return _average(counts, _scale(figure), decimals)
        case Statistic.DEVIATION:
            return _deviation(counts, _scale(figure), decimals)


def _average(counts: Sequence[Counts], scale: int, decimals: int) -> Decimal | None:
    total, values = counts
    if not values.total:
        return None
    mean = _EXACT.divide(Decimal(total.total), Decimal(values.total))
    return _placed(mean, scale, decimals)


def _deviation(counts: Sequence[Counts], scale: int, decimals: int) -> Decimal | None:
    squares, total, values = counts
    freedom = values.total - 1
    if freedom < 1:
        return None
    spread = squares.total * values.total - total.total**2
    variance = _EXACT.divide(Decimal(spread), Decimal(values.total * freedom))
    return _placed(_EXACT.sqrt(variance), scale, decimals)


def _placed(value: Decimal, scale: int, decimals: int) -> Decimal:
    return _EXACT.quantize(value.scaleb(-scale, _EXACT), Decimal(1).scaleb(-(scale + decimals)))


def _scaled(value: int, scale: int) -> int | Decimal:
    return value if not scale else Decimal(value).scaleb(-scale, _EXACT)


def _scale(figure: Figure) -> int:
    return 0 if figure.measure is None else figure.measure.scale


def _key_type(plan: TablePlan, place: int) -> pa.DataType:
    key = planned_key(plan, plan.keys[place].key)
    if key.type is ColumnType.DECIMAL:
        return pa.decimal128(_DIGITS, key.scale)
    return _KEY_TYPES[key.type]


def _figure_type(figure: Figure, decimals: int) -> pa.DataType:
    if figure.statistic in {Statistic.AVERAGE, Statistic.DEVIATION}:
        return pa.decimal128(_DIGITS, _scale(figure) + decimals)
    if figure.statistic is Statistic.SUM:
        return pa.decimal128(_DIGITS, _scale(figure))
    return pa.int64()


def _totalled(plan: TablePlan, key: Key) -> str:
    return "+".join(item.name for item, place in zip(plan.keys, key, strict=True) if place == TOTAL)


def is_reserved(name: str) -> bool:
    """Tell whether a column's name is one of the table's own."""
    return name.lower() in {SUPPRESSED, TOTALLED}
