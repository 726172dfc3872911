"""From a question to a plan: which declared group set answers it, over which public values.

Where several sets could, the one with the smallest bound is taken (then the fewest keys, then the
order of declaration): a choice made from policy alone.
"""

from catalog.datasets import Column, ColumnType, GroupSet
from disclosure.plan.model import (
    AggregateOutput,
    AggregatePlan,
    AskedDataset,
    Function,
    Measured,
    MeasuredKind,
    Question,
    Selection,
)
from disclosure.plan.reading import read_question
from disclosure.plan.refusals import Refusals, usable
from disclosure.plan.sensitivity import counts_each_unit_once, squared_l2, sum_cannot_overflow
from disclosure.plan.tree import Node, is_whole
from policies.schema.privacy import PrivacyRules

_ROWS = Measured(MeasuredKind.ROWS)


def plan_question(syntax: Node, asked: AskedDataset, rules: PrivacyRules) -> AggregatePlan:
    """Plan the question of a syntax tree. Raises Refused with the nearest allowed question."""
    question = read_question(syntax, asked)
    return bind(question, asked, rules)


def bind(question: Question, asked: AskedDataset, rules: PrivacyRules) -> AggregatePlan:
    """Bind a question to the best declared group set."""
    refuse = Refusals(asked)
    candidates = [
        _plan(question, asked, group_set)
        for group_set in asked.declaration.group_sets
        if usable(group_set, asked) and _holds(group_set, question)
    ]
    if not candidates:
        raise refuse.no_group_set(
            question.measures | frozenset(question.keys) | frozenset(question.filters)
        )
    if _asks_units(question):
        candidates = [plan for plan in candidates if counts_each_unit_once(plan)]
    if not candidates:
        raise refuse.units_not_countable()
    plan = min(candidates, key=lambda p: (squared_l2(p, _ROWS), len(p.selections)))
    _check_size(plan, refuse, rules)
    return plan


def _holds(group_set: GroupSet, question: Question) -> bool:
    keys = {*question.keys, *question.filters}
    return keys <= set(group_set.keys) and question.measures <= set(group_set.measures)


def _asks_units(question: Question) -> bool:
    return any(item.function is Function.UNITS for item in question.aggregates)


def _check_size(plan: AggregatePlan, refuse: Refusals, rules: PrivacyRules) -> None:
    if plan.group_count > rules.groups_max:
        raise refuse.too_many_groups(rules.groups_max)
    for measured in plan.measured:
        bounded = sum_cannot_overflow(measured, rules.dataset_rows_max)
        if measured.column is not None and not bounded:
            raise refuse.range_not_provable(measured.column.name)


def _plan(question: Question, asked: AskedDataset, group_set: GroupSet) -> AggregatePlan:
    return AggregatePlan(
        dataset=asked.declaration.name,
        group_set=group_set,
        neighbours=asked.neighbours,
        selections=tuple(_selection(key, question, asked) for key in group_set.keys),
        measured=_measured(question, asked),
        question=question,
    )


def _selection(key: str, question: Question, asked: AskedDataset) -> Selection:
    refuse = Refusals(asked)
    column = _declared(asked, key)
    chosen = set(range(len(column.public_values)))
    if key in question.filters:
        chosen &= _ordinals(column, question.filters[key], refuse)
    if key in asked.forced_values:
        known = {_normal(column, value) for value in asked.forced_values[key]}
        chosen &= {i for i, v in enumerate(column.public_values) if _normal(column, v) in known}
    if not chosen:
        raise refuse.value_unknown(key)
    return Selection(column, tuple(sorted(chosen)), grouped=key in question.keys)


def _ordinals(column: Column, texts: tuple[str, ...], refuse: Refusals) -> set[int]:
    places = {_normal(column, value): i for i, value in enumerate(column.public_values)}
    wanted = [_normal(column, text) for text in texts]
    if not set(wanted) <= set(places):
        raise refuse.value_unknown(column.name)
    return {places[text] for text in wanted}


def _normal(column: Column, text: str) -> str:
    """Write a literal and a public value of the same key in the same way."""
    if column.type is ColumnType.BOOLEAN:
        return text.lower()
    if column.type is ColumnType.INTEGER and is_whole(text.removeprefix("-")):
        return str(int(text))
    return text


def _measured(question: Question, asked: AskedDataset) -> tuple[Measured, ...]:
    """List what has to be measured, each once, in a fixed order."""
    wanted = {item for output in question.aggregates for item in parts_of(output, asked)}
    order = list(MeasuredKind)
    return tuple(
        sorted(wanted, key=lambda m: (m.column.name if m.column else "", order.index(m.kind)))
    )


def parts_of(output: AggregateOutput, asked: AskedDataset) -> tuple[Measured, ...]:
    """Say which measured integers an output is made of; AVG is a noisy sum over a noisy count."""
    if output.function is Function.COUNT:
        return (_ROWS,)
    if output.function is Function.UNITS:
        return (Measured(MeasuredKind.UNITS),)
    column = _declared(asked, output.measure or "")
    total = Measured(MeasuredKind.TOTAL, column)
    if output.function is Function.SUM:
        return (total,)
    counted = Measured(MeasuredKind.VALUES, column) if column.nullable else _ROWS
    return (total, counted)


def _declared(asked: AskedDataset, name: str) -> Column:
    column = asked.declaration.column(name)
    if column is None:
        raise Refusals(asked).not_granted()
    return column
