"""Random plans over ``tests.small_worlds``, on every road, with bounds worked out the naive way.

How many declared groups fall together in the answer is counted here by listing them all, so that
the figure a plan claims does not come from the code that is tested.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from random import Random  # noqa: TID251 - seeded, for tests
from typing import TypeVar

from catalog.datasets import ColumnType
from catalog.store import NeighbourRelation
from disclosure.plan.expressions import (
    PER_UNIT,
    Among,
    Binned,
    Both,
    Branch,
    Cases,
    Comparison,
    Condition,
    DatePart,
    Either,
    Extracted,
    Field,
    Literal,
    Measure,
    Missing,
    Negated,
    Plain,
    Truncated,
    fields_of,
)
from disclosure.plan.model import (
    AggregatePlan,
    Bounding,
    Measured,
    MeasuredKind,
    PlannedKey,
    Road,
    StoredColumn,
)
from disclosure.plan.question import (
    InnerFunction,
    InnerOutput,
    PerUnit,
    PublicJoin,
    Question,
    Source,
)
from tests.small_worlds import AGE, DAY, DUE, KINDS, PAY, SEXES, STATES, Worlds

INTEGER, TEXT, DATE = ColumnType.INTEGER, ColumnType.TEXT, ColumnType.DATE
STATE, SEX, AGE_F, DAY_F, TOWN, PAY_F, BATCH = (
    Field("visits", name) for name in ("state", "sex", "age", "day", "town", "pay", "batch")
)
KIND, DUE_F = Field("bills", "kind"), Field("bills", "due")
CODE, ZONE = Field("regions", "code"), Field("regions", "zone")
INNER = {name: Field(PER_UNIT, name) for name in ("count", "sum_pay", "max_age", "min_day")}
INNER_BATCH = Field(PER_UNIT, "batch")
WORLDS_MAX = 200
KNOWN = {
    item.field: item
    for item in (
        StoredColumn(STATE, TEXT, public_values=STATES),
        StoredColumn(SEX, INTEGER, public_values=SEXES),
        StoredColumn(AGE_F, INTEGER, lower=AGE[0], upper=AGE[1]),
        StoredColumn(DAY_F, DATE, lower=DAY[0], upper=DAY[1]),
        StoredColumn(TOWN, TEXT),
        StoredColumn(PAY_F, ColumnType.DECIMAL, scale=1, lower=PAY[0], upper=PAY[1]),
        StoredColumn(KIND, TEXT, public_values=KINDS),
        StoredColumn(DUE_F, INTEGER, lower=DUE[0], upper=DUE[1]),
        StoredColumn(CODE, TEXT),
        StoredColumn(ZONE, TEXT),
        StoredColumn(BATCH, INTEGER, public_values=tuple(range(WORLDS_MAX))),
    )
}
OF_SET = {STATE, SEX}
_WEST = Cases((Branch(Among(STATE, ("CA", "NY")), "west"),), None)
_ODD = Cases(
    (Branch(Both((Comparison(STATE, "=", "CA"), Comparison(SEX, "=", 1))), "odd"),), "even"
)
_OLD = Cases((Branch(Comparison(AGE_F, ">=", 5), 1), Branch(Missing(AGE_F), 2)), 0)


def _coded(field: Field, values: tuple[Literal, ...]) -> PlannedKey:
    places = tuple(range(len(values)))
    return PlannedKey(Plain(field), KNOWN[field].type, (*values, None), (*places, None))


def _whole(key: PlannedKey) -> PlannedKey:
    return replace(key, engine_values=key.values)


SET_KEYS = (
    _coded(STATE, STATES),
    _coded(SEX, SEXES),
    _whole(PlannedKey(_WEST, TEXT, ("west", None), None)),
    _whole(PlannedKey(_ODD, TEXT, ("odd", "even"), None)),
    _whole(PlannedKey(Binned(SEX, 2), INTEGER, (0, 2, None), None, lower=1, upper=2)),
    _whole(PlannedKey(Binned(SEX, 5, indexed=True), INTEGER, (0, None), None)),
)
ROW_KEYS = (
    _whole(PlannedKey(_OLD, INTEGER, (0, 1, 2), None)),
    _whole(PlannedKey(Binned(AGE_F, 4), INTEGER, (0, 4, 8, None), None, lower=0, upper=9)),
    PlannedKey(Plain(TOWN), TEXT, None, None),
    _whole(
        PlannedKey(
            Truncated(DAY_F, DatePart.MONTH),
            DATE,
            (date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)),
            None,
            lower=DAY[0],
            upper=DAY[1],
        )
    ),
    PlannedKey(Extracted(DAY_F, DatePart.WEEKDAY), INTEGER, None, None),
)
ZONE_KEY = _whole(PlannedKey(Plain(ZONE), TEXT, ("cold", "warm", None), None))
UNIT_KEYS = (
    _whole(PlannedKey(Binned(INNER["count"], 3), INTEGER, (0, 3, 6), None, lower=0, upper=8)),
    PlannedKey(Truncated(INNER["min_day"], DatePart.YEAR), DATE, None, None),
)
SET_CONDITIONS: tuple[Condition, ...] = (
    Comparison(STATE, "=", "CA"),
    Comparison(STATE, "<", "NY"),
    Among(STATE, ("CA", "TX")),
    Negated(Among(STATE, ("CA", "NY"))),
    Either((Comparison(SEX, "=", 2), Comparison(STATE, "<>", "TX"))),
    Comparison(SEX, ">=", 2),
    Either(()),
)
ROW_CONDITIONS: tuple[Condition, ...] = (
    Comparison(AGE_F, ">=", 3),
    Negated(Missing(TOWN)),
    Either((Missing(AGE_F), Among(TOWN, ("north", "it's")))),
    Comparison(DAY_F, "<", date(2020, 2, 1)),
    Comparison(PAY_F, ">", 5),
)
UNIT_CONDITIONS: tuple[Condition, ...] = (
    Comparison(INNER["count"], ">=", 2),
    Comparison(INNER["sum_pay"], "<", 10),
)


def random_plan(dice: Random, worlds: Worlds) -> AggregatePlan:
    """Draw a plan of any road."""
    makers: tuple[Callable[[Random, Worlds], AggregatePlan], ...] = (
        declared_plan,
        ranked_plan,
        ranked_plan,
        rows_plan,
        unranked_plan,
        unranked_plan,
        per_unit_plan,
        joined_plan,
    )
    return dice.choice(makers)(dice, worlds)


def declared_plan(dice: Random, worlds: Worlds) -> AggregatePlan:
    """Draw a plan over the stored bounded rows: the set's own keys, coarser, derived."""
    keys = _some(dice, SET_KEYS)
    where = _some(dice, SET_CONDITIONS)
    bounding = set_bounding(Road.DECLARED, keys, where, worlds)
    once = bounding.merged_max == 1 or bounding.groups_per_unit_max == 1
    measured = _measured(dice, (PAY_F, *PAY), sums=(), units=once, counted=(PAY_F,), inside=True)
    return _plan(Source("visits"), bounding, keys, where, measured)


def ranked_plan(dice: Random, worlds: Worlds) -> AggregatePlan:
    """Draw a plan on the stored ranks of the set: refined, cut across, joined."""
    source, more = _source(dice)
    keys = _some(dice, (*SET_KEYS, *ROW_KEYS, *more))
    where = _some(dice, (*SET_CONDITIONS, *ROW_CONDITIONS))
    bounding = set_bounding(Road.RANKED, keys, where, worlds)
    return _plan(source, bounding, keys, where, _any_measured(dice))


def rows_plan(dice: Random, _worlds: Worlds) -> AggregatePlan:
    """Draw a plan on the stored rank of a row in its unit."""
    source, more = _source(dice)
    keys = _some(dice, (*SET_KEYS, *ROW_KEYS, *more))
    bounding = Bounding(Road.RANKED, 1, dice.randint(1, 6), refines=bool(keys))
    where = _some(dice, (*SET_CONDITIONS, *ROW_CONDITIONS))
    return _plan(source, bounding, keys, where, _any_measured(dice))


def unranked_plan(dice: Random, _worlds: Worlds) -> AggregatePlan:
    """Draw a plan that is bounded while it is answered."""
    source, more = _source(dice)
    keys = _some(dice, (*SET_KEYS, *ROW_KEYS, *more))
    bounding = Bounding(Road.UNRANKED, dice.randint(1, 3) if keys else 1, dice.randint(1, 4))
    where = _some(dice, (*SET_CONDITIONS, *ROW_CONDITIONS))
    return _plan(source, bounding, keys, where, _any_measured(dice))


def per_unit_plan(dice: Random, _worlds: Worlds) -> AggregatePlan:
    """Draw a plan over one row a unit."""
    outputs = (
        InnerOutput("count", InnerFunction.COUNT),
        InnerOutput("sum_pay", InnerFunction.SUM, PAY_F),
        InnerOutput("max_age", InnerFunction.MAX, AGE_F),
        InnerOutput("min_day", InnerFunction.MIN, DAY_F),
    )
    inner = dice.choice([None, *ROW_CONDITIONS])
    source = Source("visits", per_unit=PerUnit(outputs, inner))
    keys = _some(dice, UNIT_KEYS)
    where = _some(dice, (*UNIT_CONDITIONS, *SET_CONDITIONS))
    sums = ((INNER["count"], 0, 6), (INNER["max_age"], 2, 7))
    counted = (INNER["max_age"],)
    measured = _measured(dice, (INNER["sum_pay"], -9, 30), sums=sums, units=True, counted=counted)
    return _plan(source, Bounding(Road.PER_UNIT, 1, 1), keys, where, measured)


def joined_plan(dice: Random, _worlds: Worlds) -> AggregatePlan:
    """Draw a plan over two data sets of one population, joined unit to unit."""
    caps = (dice.randint(1, 3), dice.randint(1, 3))
    keys = _some(dice, (*SET_KEYS, *ROW_KEYS, _coded(KIND, KINDS)))
    where = _some(dice, (*SET_CONDITIONS, *ROW_CONDITIONS, Comparison(DUE_F, ">", 2)))
    bounding = Bounding(Road.RANKED, 1, caps[0] * caps[1], refines=bool(keys), row_caps=caps)
    source = Source("visits", unit_join="bills")
    return _plan(source, bounding, keys, where, _any_measured(dice, (DUE_F, *DUE)))


def set_bounding(
    road: Road, keys: Sequence[PlannedKey], where: Iterable[Condition], worlds: Worlds
) -> Bounding:
    """Count by listing them how many groups of the set fall into one group of the answer."""
    inside = [key for key in keys if set(fields_of(key.expression)) <= OF_SET]
    conditions = [item for item in where if set(fields_of(item)) <= OF_SET]
    counts = Counter(
        tuple(_label(key, state, sex) for key in inside)
        for state, sex in product(STATES, SEXES)
        if all(_holds(item, state, sex) for item in conditions)
    )
    groups = worlds.groups_per_unit_max
    if road is Road.DECLARED:
        groups = max(1, min(groups, counts.total()))
    merged = max(1, min(groups, max(counts.values(), default=1)))
    return Bounding(
        road, groups, worlds.rows_per_group_max, merged, len(inside) < len(keys), "both"
    )


def by_world(plan: AggregatePlan) -> AggregatePlan:
    """Ask the same of every world at once: the batch is one more key, and changes no bound."""
    question = plan.question
    inner = question.source.per_unit
    if inner is not None:
        outputs = (*inner.outputs, InnerOutput("batch", InnerFunction.MIN, BATCH))
        source = replace(question.source, per_unit=replace(inner, outputs=outputs))
        question = replace(question, source=source)
    key = PlannedKey(Plain(BATCH if inner is None else INNER_BATCH), INTEGER, (0,), (0,))
    stored = (*plan.stored, KNOWN[BATCH])
    return replace(plan, question=question, keys=(key, *plan.keys), stored=stored)


def _source(dice: Random) -> tuple[Source, tuple[PlannedKey, ...]]:
    if dice.random() < 0.6:
        return Source("visits"), ()
    join = PublicJoin("regions", TOWN, "code", outer=dice.random() < 0.5)
    return Source("visits", public_joins=(join,)), (ZONE_KEY,)


def _any_measured(dice: Random, more: tuple[Field, int, int] | None = None) -> list[Measured]:
    sums = [(AGE_F, 1, 8), (SEX, 0, 2), (DAY_F, *DAY), *([more] if more else [])]
    return _measured(dice, (PAY_F, -3, 12), sums=sums, units=True, counted=(TOWN, STATE, PAY_F))


def _measured(
    dice: Random,
    main: tuple[Field, int, int],
    *,
    sums: Iterable[tuple[Field, int, int]],
    units: bool,
    counted: Sequence[Field],
    inside: bool = False,
) -> list[Measured]:
    measures = [Measure(*item, nullable=True) for item in (main, *sums)]
    if inside:
        measures.append(Measure(main[0], main[1] + 2, main[2] - 3, nullable=True))
    found = [Measured(MeasuredKind.ROWS)]
    found += [Measured(MeasuredKind.UNITS)] if units else []
    found.append(Measured(MeasuredKind.VALUES, counted=dice.choice(counted)))
    for measure in measures:
        centre = dice.choice([0, (measure.lower + measure.upper) // 2, measure.lower])
        found.append(Measured(MeasuredKind.TOTAL, measure, centre=centre))
        found.append(Measured(MeasuredKind.SQUARES, measure, centre=centre))
    step = dice.choice([1, 4])
    grid = Measured(MeasuredKind.QUANTILE, measures[0], quantile_ppm=500_000, grid_step=step)
    return [*dice.sample(found, dice.randint(1, min(4, len(found)))), grid]


def _plan(
    source: Source,
    bounding: Bounding,
    keys: Sequence[PlannedKey],
    where: Sequence[Condition],
    measured: Sequence[Measured],
) -> AggregatePlan:
    condition = None if not where else where[0] if len(where) == 1 else Both(tuple(where))
    read = dict.fromkeys(_read(source, keys, condition, measured))
    return AggregatePlan(
        question=Question(source, ()),
        bounding=bounding,
        neighbours=NeighbourRelation.DP_ONLY,
        keys=tuple(keys),
        where=condition,
        measured=tuple(measured),
        populations=("residents",),
        stored=tuple(KNOWN[field] for field in read if field.relation != PER_UNIT),
    )


def _read(
    source: Source,
    keys: Iterable[PlannedKey],
    where: Condition | None,
    measured: Iterable[Measured],
) -> Iterator[Field]:
    for key in keys:
        yield from fields_of(key.expression)
    if where is not None:
        yield from fields_of(where)
    for item in measured:
        yield from (field for field in (item.counted,) if field is not None)
        yield from (item.measure.field for _ in range(1) if item.measure is not None)
    for join in source.public_joins:
        yield from (join.left, Field(join.relation, join.column))
    if source.per_unit is not None:
        yield from (item.field for item in source.per_unit.outputs if item.field is not None)
        if source.per_unit.where is not None:
            yield from fields_of(source.per_unit.where)


def _label(key: PlannedKey, state: str, sex: int) -> Literal | None:
    """Say what a key of the set is for one of its groups."""
    match key.expression:
        case Plain(field):
            return state if field == STATE else sex
        case Binned(_, width, indexed):
            return sex // width if indexed else sex // width * width
        case Cases(branches, otherwise):
            held = (branch.then for branch in branches if _holds(branch.when, state, sex))
            return next(held, otherwise)
    raise AssertionError("no key of the set")


def _holds(condition: Condition, state: str, sex: int) -> bool:
    match condition:
        case Comparison(field, operator, literal):
            value = state if field == STATE else sex
            signs = {"=": "==", "<>": "!="}
            return bool(eval(f"{value!r} {signs.get(operator, operator)} {literal!r}"))
        case Among(field, literals):
            return (state if field == STATE else sex) in literals
        case Negated(part):
            return not _holds(part, state, sex)
        case Both(parts):
            return all(_holds(part, state, sex) for part in parts)
        case Either(parts):
            return any(_holds(part, state, sex) for part in parts)
    raise AssertionError("no condition over the set")


Item = TypeVar("Item")


def _some(dice: Random, items: Sequence[Item]) -> list[Item]:
    return dice.sample(items, min(dice.choice([0, 1, 1, 2, 3]), len(items)))
