"""Says which files and columns a plan reads: a worker is given those and nothing else (I2)."""

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.versions import RANKED_FILE, UNITS_FILE, bounded_file
from disclosure.plan.expressions import PER_UNIT
from disclosure.plan.model import AggregatePlan, MeasuredKind, Road
from disclosure.plan.rendering_columns import (
    BOUNDED,
    PUBLIC_PREFIX,
    RANKED,
    RANKED_2,
    UNITS,
    UNITS_2,
    Columns,
)


@dataclass(frozen=True)
class Relation:
    """A table of the engine: columns of one file of the data set's version.

    ``file`` is None for open data, which is read from the licence's own extract.
    """

    name: str
    dataset: str
    file: str | None
    columns: tuple[str, ...]


def relations(plan: AggregatePlan) -> tuple[Relation, ...]:
    """List what the statements of a plan read, the protected rows first."""
    return tuple(_relations(plan))


def _relations(plan: AggregatePlan) -> Iterator[Relation]:
    source, road = plan.question.source, plan.bounding.road
    read: dict[str, list[str]] = {}
    columns = Columns(plan)
    for stored in plan.stored:
        if stored.field.relation != PER_UNIT:
            read.setdefault(columns.relation(stored.field), []).append(columns.column(stored.field))
    if road is Road.DECLARED:
        if plan.bounding.group_set is None:
            raise ValueError("declared bounded rows belong to a group set")
        names = (*read.get(BOUNDED, ()), "first")
        yield Relation(BOUNDED, source.dataset, bounded_file(plan.bounding.group_set), names)
        return
    names = (*read.get(RANKED, ()), *_bounding_columns(plan))
    yield Relation(RANKED, source.dataset, RANKED_FILE, names)
    if source.unit_join is not None:
        second = (*read.get(RANKED_2, ()), "_unit", "_rank")
        yield Relation(UNITS, source.dataset, UNITS_FILE, ("_unit", "hash"))
        yield Relation(RANKED_2, source.unit_join, RANKED_FILE, second)
        yield Relation(UNITS_2, source.unit_join, UNITS_FILE, ("_unit", "hash"))
    for join in source.public_joins:
        relation = PUBLIC_PREFIX + join.relation
        held = (*read.get(relation, ()), join.column)
        yield Relation(relation, join.relation, None, tuple(dict.fromkeys(held)))


def _bounding_columns(plan: AggregatePlan) -> tuple[str, ...]:
    """Name the unit and the ranks that the plan's road and its counts of units read."""
    bounding = plan.bounding
    counts_units = any(item.kind is MeasuredKind.UNITS for item in plan.measured)
    needs_unit = counts_units or bounding.road is not Road.RANKED or bool(bounding.row_caps)
    unit = ("_unit",) if needs_unit else ()
    if bounding.road is Road.RANKED and bounding.group_set:
        return (*unit, f"gr_{bounding.group_set}", f"rg_{bounding.group_set}")
    return (*unit, "_rank")
