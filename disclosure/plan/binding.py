"""From a question to a plan: which road bounds it, over which public groups, measuring what.

The cheapest kind of road that can answer is taken, and among those of one kind the one with the
smallest bound: a choice made from policy alone.
"""

from collections.abc import Iterator

from catalog.store import NeighbourRelation
from disclosure.outcome import Refused
from disclosure.plan import refusals
from disclosure.plan.conditions import (
    FALSE,
    TRUE,
    both,
    either,
    equals_any,
    holds,
    present,
)
from disclosure.plan.domains import Domains
from disclosure.plan.expressions import (
    PER_UNIT,
    Among,
    Both,
    Branch,
    Cases,
    Comparison,
    Condition,
    Either,
    Field,
    KeyExpression,
    Literal,
    Negated,
    fields_of,
)
from disclosure.plan.facts import Facts, facts_of, public_literals, stored_literal
from disclosure.plan.measuring import ROWS, measured_for
from disclosure.plan.model import (
    AggregatePlan,
    Asked,
    Bounding,
    MeasuredKind,
    Road,
    StoredColumn,
)
from disclosure.plan.nearest import nearest_sql
from disclosure.plan.question import KeyOutput, PerUnit, Question, Source
from disclosure.plan.reading import fields_read, read_question
from disclosure.plan.roads import Roads, asks_units
from disclosure.plan.sensitivity import counts_each_unit_once, squared_l2, sum_cannot_overflow
from disclosure.plan.tree import Node
from policies.schema.privacy import PrivacyRules

_CHEAPEST_FIRST = list(Road)


def plan_question(syntax: Node, asked: Asked, rules: PrivacyRules) -> AggregatePlan:
    """Plan the question of a syntax tree. Raises Refused with the nearest allowed question."""
    try:
        return bind(read_question(syntax, asked), asked, rules)
    except Refused as refused:
        sql = nearest_sql(syntax, asked, lambda question: bind(question, asked, rules))
        raise refusals.with_way_out(refused, sql) from None


def bind(
    question: Question, asked: Asked, rules: PrivacyRules, road: Road | None = None
) -> AggregatePlan:
    """Bind a question to the best road, or to the best of one kind. Raises Refused."""
    question = _over_public_values(question, asked)
    forced = both(_forced(question.source, asked))
    where = both((question.where or TRUE, forced))
    _check_left_over(question, where, asked)
    bound = None if where == TRUE else where
    candidates = [
        _plan(question, asked, bound, bounding, rules)
        for bounding in Roads(question, asked, bound).allowed()
        if road in {None, bounding.road}
    ]
    if not candidates:
        raise _no_road(question, asked)
    if asks_units(question):
        candidates = [plan for plan in candidates if _counts_units(plan)]
    if not candidates:
        raise refusals.units_not_countable()
    plan = min(candidates, key=_cost)
    _check_size(plan, rules)
    return plan


def _cost(plan: AggregatePlan) -> tuple[int, int, int]:
    """Order plans: a declared set as it was declared, then the smallest bound within one slot.

    Stored rows and stored ranks answer within the same slot, so that where groups of a set fall
    together the less noisy of them is free. People counted over ranks need a longer slot.
    """
    bounding = plan.bounding
    counts_people = any(item.kind is MeasuredKind.UNITS for item in plan.measured)
    place = _CHEAPEST_FIRST.index(bounding.road)
    if bounding.road is Road.DECLARED and bounding.merged_max == 1:
        rank = 0
    elif bounding.road is Road.DECLARED or (bounding.road is Road.RANKED and not counts_people):
        rank = 1
    else:
        rank = 2 + place
    return rank, squared_l2(plan, ROWS), place


def _counts_units(plan: AggregatePlan) -> bool:
    """Tell whether units can be counted: stored flags count some twice where groups merge."""
    return plan.bounding.road is not Road.DECLARED or counts_each_unit_once(plan)


def _no_road(question: Question, asked: Asked) -> Refused:
    protected = asked.protected[question.source.dataset]
    if not protected.has_ranks:
        return refusals.bounding_not_available()
    return refusals.no_road(frozenset(field.column for field in fields_read(question)))


def _check_size(plan: AggregatePlan, rules: PrivacyRules) -> None:
    if plan.group_count > rules.groups_max:
        raise refusals.too_many_groups(rules.groups_max)
    for measured in plan.measured:
        if not sum_cannot_overflow(measured, rules.dataset_rows_max):
            name = "" if measured.measure is None else measured.measure.field.column
            raise refusals.range_not_provable(name)


def _plan(
    question: Question,
    asked: Asked,
    where: Condition | None,
    bounding: Bounding,
    rules: PrivacyRules,
) -> AggregatePlan:
    has_missing = bounding.road is not Road.DECLARED
    domains = Domains(question.source, asked, where, rules.groups_max, has_missing)
    keys = tuple(domains.planned(key) for key in question.keys)
    protected = [asked.protected[name] for name in _protected(question.source)]
    relations = {item.neighbours for item in protected}
    mixed = NeighbourRelation.MIXED in relations
    populations = {item.declaration.population for item in protected}
    return AggregatePlan(
        question=question,
        bounding=bounding,
        neighbours=NeighbourRelation.MIXED if mixed else NeighbourRelation.DP_ONLY,
        keys=keys,
        where=where,
        measured=measured_for(
            question.aggregates,
            unknown_keys=any(key.values is None for key in keys),
            candidates_max=rules.mechanisms.candidates_max,
        ),
        populations=tuple(sorted(name for name in populations if name is not None)),
        stored=_stored(question, asked, where),
    )


def _protected(source: Source) -> tuple[str, ...]:
    return (source.dataset,) if source.unit_join is None else (source.dataset, source.unit_join)


def _forced(source: Source, asked: Asked) -> Iterator[Condition]:
    """Give the licence's own row filters, which always hold."""
    for name in _protected(source):
        for column, texts in asked.protected[name].forced_values.items():
            field = Field(name, column)
            facts = facts_of(field, source, asked)
            yield equals_any(field, (stored_literal(facts, text) for text in texts))


def _check_left_over(question: Question, where: Condition, asked: Asked) -> None:
    """Refuse a filter of the text that the licence's own row filters leave nothing of."""
    if where != FALSE or question.where == FALSE:
        return
    for field in sorted(set(fields_read(question)), key=lambda item: item.column):
        protected = asked.protected.get(field.relation)
        if protected is not None and field.column in protected.forced_values:
            raise refusals.value_unknown(field.column)
    raise refusals.value_unknown(next(iter(asked.protected[question.source.dataset].forced_values)))


def _stored(question: Question, asked: Asked, where: Condition | None) -> tuple[StoredColumn, ...]:
    """List every stored field that the plan reads, in order."""
    read = {field for field in fields_read(question) if field.relation != PER_UNIT}
    read |= set() if where is None else {f for f in fields_of(where) if f.relation != PER_UNIT}
    for join in question.source.public_joins:
        read |= {join.left, Field(join.relation, join.column)}
    if question.source.per_unit is not None:
        inner = question.source.per_unit.outputs
        read |= {output.field for output in inner if output.field is not None}
    ordered = sorted(read, key=lambda field: (field.relation, field.column))
    return tuple(_stored_column(field, question.source, asked) for field in ordered)


def _stored_column(field: Field, source: Source, asked: Asked) -> StoredColumn:
    facts = facts_of(field, source, asked)
    coded = bool(facts.public_values) and field.relation in asked.protected
    values = public_literals(facts) if coded else None
    return StoredColumn(field, facts.type, facts.scale, values, facts.lower, facts.upper)


def _over_public_values(question: Question, asked: Asked) -> Question:
    """Write each condition on a public-valued field as the values that satisfy it.

    So ``state <> 'CA'`` and ``state IN ('NY', 'TX')`` are one question.
    """
    simplify = _PublicValues(question.source, asked)
    outputs = tuple(
        KeyOutput(item.name, simplify.key(item.key)) if isinstance(item, KeyOutput) else item
        for item in question.outputs
    )
    source, where = question.source, question.where
    if source.per_unit is not None and source.per_unit.where is not None:
        inner = PerUnit(source.per_unit.outputs, simplify.condition(source.per_unit.where))
        source = Source(source.dataset, source.public_joins, source.unit_join, inner)
    simple = None if where is None else simplify.condition(where)
    return Question(
        source=source,
        outputs=outputs,
        where=None if simple == TRUE else simple,
        having=question.having,
        order=question.order,
        limit=question.limit,
        offset=question.offset,
    )


class _PublicValues:
    """Evaluates conditions over the declared values of the fields that have them."""

    def __init__(self, source: Source, asked: Asked) -> None:
        self._source = source
        self._asked = asked

    def key(self, key: KeyExpression) -> KeyExpression:
        if not isinstance(key, Cases):
            return key
        branches = tuple(Branch(self.condition(b.when), b.then) for b in key.branches)
        return Cases(branches, key.otherwise)

    def condition(self, condition: Condition) -> Condition:
        match condition:
            case Both(parts):
                return both(self.condition(part) for part in parts)
            case Either(parts):
                return either(self.condition(part) for part in parts)
            case Comparison(field) | Among(field) | Negated(Among(field)):
                return self._leaf(field, condition)
            case _:
                return condition

    def _leaf(self, field: Field, condition: Condition) -> Condition:
        values = self._values(field)
        if not values:
            return condition
        kept = [value for value in values if holds(condition, value) is True]
        return present(field) if len(kept) == len(values) else equals_any(field, kept)

    def _values(self, field: Field) -> tuple[Literal, ...]:
        if field.relation not in self._asked.protected:
            return ()
        facts: Facts = facts_of(field, self._source, self._asked)
        return public_literals(facts)
