"""A counted table as the checks read it: exact cells under the names of their categories."""

from collections.abc import Mapping

from disclosure.checks.tables.cells import ALL, Category, Cell, CellTable, Dimension, complete
from disclosure.checks.tables.cells import Key as CheckedKey
from disclosure.checks.tables.cells import Statistic as CheckedStatistic
from disclosure.release.tables.counting import TOTAL, Counted, Counts, Key, text_of
from disclosure.release.tables.plan import Kind, Part

_WHOLE = Dimension("table", ("all",))
"""The one dimension of a table without keys."""

_STATISTICS: dict[Kind, CheckedStatistic] = {
    Kind.ROWS: "count",
    Kind.PEOPLE: "people",
    Kind.VALUES: "count",
    Kind.TOTAL: "sum",
    Kind.SQUARES: "std",
}


def cells_of(counted: Counted, place: int) -> CellTable:
    """Return one part of a table, with every total, as the checks read it."""
    part = counted.plan.parts[place]
    dimensions = _dimensions(counted)
    cells = (_cell(counted, key, part, counted.at(key)[place]) for key in counted.keys(totals=True))
    return complete(
        dimensions,
        _STATISTICS[part.kind],
        cells,
        margins=bool(counted.plan.keys),
        population=counted.plan.dataset,
        unit_scale=10**part.measure.scale if part.measure is not None else 1,
    )


def _dimensions(counted: Counted) -> tuple[Dimension, ...]:
    if not counted.plan.keys:
        return (_WHOLE,)
    return tuple(
        Dimension(item.name, tuple(map(text_of, values)))
        for item, values in zip(counted.plan.keys, counted.categories, strict=True)
    )


def names_of(counted: Counted) -> Mapping[CheckedKey, Key]:
    """Return which counted cell each checked cell is."""
    return {_checked(counted, key): key for key in counted.keys(totals=True)}


def _checked(counted: Counted, key: Key) -> CheckedKey:
    if not counted.plan.keys:
        return ("all",)
    names: list[Category] = [
        ALL if place == TOTAL else text_of(counted.categories[number][int(place)])
        for number, place in enumerate(key)
    ]
    return tuple(names)


def _cell(counted: Counted, key: Key, part: Part, counts: Counts) -> Cell:
    rows = counted.rows.get(key, 0)
    sums = part.kind in {Kind.TOTAL, Kind.SQUARES}
    value = counts.people if part.kind is Kind.PEOPLE else counts.total
    return Cell(
        key=_checked(counted, key),
        contributors=counts.people,
        rows=rows if part.kind is Kind.PEOPLE else counts.rows,
        missing=0 if part.kind is Kind.PEOPLE else rows - counts.rows,
        value=value,
        largest=counts.largest if sums else (),
        negative=counts.negative,
    )
