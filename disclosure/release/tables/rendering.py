"""The SQL of a table: its cells and all their margins, by person first, then by cell.

Keys, conditions and measures are rendered by the same code that renders private aggregates. Every
statement is ours; a person is an anonymous number that leaves the worker only inside sums.
"""

from collections.abc import Sequence
from itertools import chain, combinations

from catalog.datasets import ColumnType
from catalog.store import NeighbourRelation
from disclosure.plan.expressions import (
    Binned,
    Cases,
    Extracted,
    KeyExpression,
    Plain,
    Truncated,
)
from disclosure.plan.model import AggregatePlan, Bounding, PlannedKey, Road, StoredColumn
from disclosure.plan.question import Question, Source
from disclosure.plan.rendering_columns import RANKED, Columns
from disclosure.plan.rendering_rows import condition_sql, key_sql, measure_sql
from disclosure.release.tables.plan import Kind, Part, TablePlan, is_unbounded
from disclosure.release.tables.sketches import LANES, MODULUS

PERSON = "_person"
TABLE = RANKED
LARGEST_KEPT = 4
"""So many largest contributions of a cell are told to the dominance rules."""


def stored_name(column: str) -> str:
    """Return the name under which a column is streamed to the worker."""
    return f"c_{column}"


def planned_key(plan: TablePlan, key: KeyExpression) -> PlannedKey:
    """Return a key with the type in which it is shown; its values come from the rows."""
    match key:
        case Cases(branches, otherwise):
            labels = [*(branch.then for branch in branches), otherwise]
            named = next((type(label) for label in labels if label is not None), str)
            kinds = {bool: ColumnType.BOOLEAN, int: ColumnType.INTEGER, str: ColumnType.TEXT}
            return PlannedKey(key, kinds.get(named, ColumnType.TEXT), None, None)
        case Truncated():
            return PlannedKey(key, ColumnType.DATE, None, None)
        case Extracted():
            return PlannedKey(key, ColumnType.INTEGER, None, None)
        case Binned(field, _, indexed):
            stored = _stored(plan, field.column)
            kind = ColumnType.INTEGER if indexed else stored.type
            return PlannedKey(key, kind, None, None, 0 if indexed else stored.scale)
        case Plain(field):
            stored = _stored(plan, field.column)
            return PlannedKey(key, stored.type, None, None, stored.scale)


def grouping_sets(plan: TablePlan) -> list[tuple[int, ...]]:
    """Return the places of the keys of every total, the whole table first."""
    places = range(len(plan.keys))
    sizes = (combinations(places, size) for size in reversed(range(len(plan.keys) + 1)))
    return list(chain.from_iterable(sizes))


def cells_sql(plan: TablePlan) -> str:
    """Render every cell and margin: people, rows, and for each part its exact figures.

    Columns: ``g`` (which keys are totalled, a bit each, the first key highest), ``k0`` …, and for
    the part at place i: ``c`` people with a value, ``n`` its rows with one, ``t`` the sum, ``x``
    whether any value is negative, ``l1`` … the largest sums of a person by size.
    """
    columns = ["g", *_key_names(plan), "CAST(sum(n) AS VARCHAR) AS rows"]
    for place, part in enumerate(plan.parts):
        value = f"s{place}"
        columns += [
            f"CAST(count(*) FILTER (m{place} > 0) AS VARCHAR) AS c{place}",
            f"CAST(coalesce(sum(m{place}), 0) AS VARCHAR) AS n{place}",
            f"CAST(coalesce(sum({value}), 0) AS VARCHAR) AS t{place}",
            f"coalesce(bool_or({_negative(part, place)}), false) AS x{place}",
        ]
        columns += [
            f"CAST(coalesce((max(abs({value}), {LARGEST_KEPT}))[{rank}], 0) AS VARCHAR) "
            f"AS l{place}_{rank}"
            for rank in range(1, LARGEST_KEPT + 1)
        ]
    grouped = ", ".join(["g", *_key_names(plan)])
    return f"WITH {_people(plan)} SELECT {', '.join(columns)} FROM people GROUP BY {grouped}"  # noqa: S608


def sketches_sql(plan: TablePlan) -> str:
    """Render the keyed sketch of each cell and part: ``lane``, and each part's ``z`` and ``y``.

    ``z`` is the lane of the part itself, ``y`` that of the people who stand in it.
    """
    low = f"(({PERSON} >> 12) % {MODULUS})"
    high = f"(({low} * {low}) % {MODULUS})"  # another number of the same person
    columns = [f"({PERSON} % {LANES}) AS lane"]
    for place, part in enumerate(plan.parts):
        weight = f"CAST({low} AS HUGEINT) * m{place}"
        if part.kind in {Kind.TOTAL, Kind.SQUARES}:
            residue = f"(((s{place} % {MODULUS}) + {MODULUS}) % {MODULUS})"
            weight += f" + CAST({high} AS HUGEINT) * coalesce({residue}, 0)"
        columns.append(f"CAST(sum({weight}) % {MODULUS} AS BIGINT) AS z{place}")
        here = f"CAST(sum({low}) FILTER (m{place} > 0) % {MODULUS} AS BIGINT)"
        columns.append(f"coalesce({here}, 0) AS y{place}")
    grouped = ", ".join(["g", *_key_names(plan), "lane"])
    listed = ", ".join(["g", *_key_names(plan), *columns])
    return f"WITH {_people(plan)} SELECT {listed} FROM people GROUP BY {grouped}"  # noqa: S608


def _people(plan: TablePlan) -> str:
    """Render one row for each person and cell: ``n`` rows, ``m`` rows with a value, ``s`` sum."""
    columns = Columns(_borrowed(plan))
    keys = [f"{key_sql(planned_key(plan, item.key), columns)} AS k{place}"
            for place, item in enumerate(plan.keys)]  # fmt: skip
    values = [f"{_value(part, columns)} AS v{place}" for place, part in enumerate(plan.parts)]
    where = "" if plan.where is None else f" WHERE {condition_sql(plan.where, columns)}"
    listed = ", ".join([*keys, PERSON, *values])
    rows = f"picked AS (SELECT {listed} FROM {TABLE}{where})"  # noqa: S608
    names = _key_names(plan)
    totalled = f"GROUPING({', '.join(names)})" if names else "0"
    sums = [text for place, part in enumerate(plan.parts) for text in _sums(part, place)]
    sets = ", ".join(
        f"({', '.join([*(names[place] for place in chosen), PERSON])})"
        for chosen in grouping_sets(plan)
    )
    listed = ", ".join([f"{totalled} AS g", *names, PERSON, "count(*) AS n", *sums])
    people = f"people AS (SELECT {listed} FROM picked GROUP BY GROUPING SETS ({sets}))"  # noqa: S608
    return f"{rows}, {people}"


def _sums(part: Part, place: int) -> Sequence[str]:
    value = f"v{place}"
    match part.kind:
        case Kind.ROWS | Kind.VALUES:
            added = f"count({value})"
        case Kind.PEOPLE:
            added = "1"
        case Kind.TOTAL:
            added = f"sum(CAST({value} AS HUGEINT))"
        case Kind.SQUARES:
            added = f"sum(CAST({value} AS HUGEINT) * {value})"
    counted = "1" if part.kind is Kind.PEOPLE else f"count({value})"
    least = f"min({value})" if part.kind is Kind.TOTAL else "0"
    return (
        f"CAST({counted} AS BIGINT) AS m{place}",
        f"CAST({added} AS HUGEINT) AS s{place}",
        f"{least} AS least{place}",
    )


def _negative(part: Part, place: int) -> str:
    return f"least{place} < 0" if part.kind is Kind.TOTAL else "false"


def _value(part: Part, columns: Columns) -> str:
    if part.measure is not None:
        if is_unbounded(part.measure):
            return columns.number(part.measure.field)
        return measure_sql(part.measure, columns)
    if part.counted is not None:
        return f"(CASE WHEN {columns.raw(part.counted)} IS NULL THEN NULL ELSE 1 END)"
    return "1"


def _key_names(plan: TablePlan) -> list[str]:
    return [f"k{place}" for place in range(len(plan.keys))]


def _stored(plan: TablePlan, column: str) -> StoredColumn:
    return next(item for item in plan.stored if item.field.column == column)


def _borrowed(plan: TablePlan) -> AggregatePlan:
    """Return the plan that row-local rendering reads: plain columns of one relation, unbounded."""
    return AggregatePlan(
        question=Question(Source(plan.dataset), ()),
        bounding=Bounding(Road.UNRANKED, 1, 1),
        neighbours=NeighbourRelation.MIXED,
        keys=(),
        where=plan.where,
        measured=(),
        populations=(),
        stored=plan.stored,
    )
