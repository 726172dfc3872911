"""The nearest question that would be allowed: what was asked, without what cannot be.

It is made of the text, the declarations and the licence, and shown only if it plans: a function
of policy, never of data.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from disclosure.outcome import Refused
from disclosure.plan.expressions import Field, Measure, Plain
from disclosure.plan.model import AggregatePlan, Asked, AskedDataset
from disclosure.plan.question import AggregateOutput, Function, KeyOutput, Question, Source
from disclosure.plan.reading import mended_question
from disclosure.plan.roads import usable
from disclosure.plan.tree import Node
from disclosure.plan.writing import write_question

Bind = Callable[[Question], AggregatePlan]
TRIES_MAX = 12


def nearest_sql(syntax: Node, asked: Asked, bind: Bind) -> str | None:
    """Return the text of an allowed question near to one that was refused, or None."""
    for tried, question in enumerate(_candidates(syntax, asked)):
        if tried == TRIES_MAX:
            return None
        try:
            bind(question)
        except Refused:
            continue
        return write_question(question, asked)
    return None


def _candidates(syntax: Node, asked: Asked) -> Iterator[Question]:
    mended = mended_question(syntax, asked)
    if mended is not None:
        yield mended
        yield from _smaller(mended)
    for item in asked.protected.values():
        yield from _examples(item)


def _smaller(question: Question) -> Iterator[Question]:
    """Give the question without its filters, then with fewer keys, then as a bare count."""
    unordered = replace(question, having=(), order=())
    if question.where is not None:
        yield replace(question, where=None)
    for output in question.outputs:
        rest = tuple(item for item in question.outputs if item is not output)
        if any(not isinstance(item, KeyOutput) for item in rest):
            yield replace(unordered, outputs=rest)
    yield replace(unordered, outputs=(AggregateOutput("n", Function.COUNT),), where=None)


def _examples(item: AskedDataset) -> Iterator[Question]:
    """Give a question over each declared group set, then a bare count."""
    source = Source(item.declaration.name)
    count = AggregateOutput("n", Function.COUNT)
    for group_set in item.declaration.group_sets:
        if usable(group_set, item):
            keys = (KeyOutput(name, Plain(Field(source.dataset, name))) for name in group_set.keys)
            means = (_mean(item, name) for name in group_set.measures if name in item.columns)
            yield Question(source, (*keys, count, *islice(means, 1)))
    yield Question(source, (count,))


def _mean(item: AskedDataset, name: str) -> AggregateOutput:
    column = item.declaration.column(name)
    if column is None or column.lower is None or column.upper is None:
        raise ValueError("a declared measure has bounds")
    field = Field(item.declaration.name, name)
    measure = Measure(field, column.lower, column.upper, column.scale, column.nullable)
    return AggregateOutput(f"mean_{name}", Function.AVG, measure)
