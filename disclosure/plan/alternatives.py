"""Cheaper questions close to the one asked, each planned and priced for real, best gain first.

All are functions of question and policy. Gain is how many times smaller the worst relative error
becomes at the same loss; groups that fall together are taken to hold their rows together.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from disclosure.outcome import Refused
from disclosure.plan.binding import bind
from disclosure.plan.estimates import relative_error
from disclosure.plan.expressions import Binned, DatePart, KeyExpression, Truncated
from disclosure.plan.model import Asked
from disclosure.plan.pricing import PricedPlan, PriceTerms
from disclosure.plan.question import (
    AggregateOutput,
    FormulaOutput,
    KeyOutput,
    Output,
    Question,
)
from disclosure.plan.writing import write_question
from foundation.errors import Message
from policies.schema.privacy import PrivacyRules

ALTERNATIVES_MAX = 5
GAIN_MIN = 1.05
_COARSER = {
    DatePart.DAY: DatePart.WEEK,
    DatePart.WEEK: DatePart.MONTH,
    DatePart.MONTH: DatePart.QUARTER,
    DatePart.QUARTER: DatePart.YEAR,
}


@dataclass(frozen=True)
class Alternative:
    """A question to ask instead: its text, what it gives up, its price and its gain."""

    sql: str
    why: Message
    cost_nano_rho: int
    error_gain: float

    def as_public(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "sql": self.sql,
            "why": {"zh": self.why.zh, "en": self.why.en},
            "cost_nano_rho": self.cost_nano_rho,
            "error_gain": f"{self.error_gain:.2f}",
        }


def alternatives(
    question: Question,
    asked: Asked,
    rules: PrivacyRules,
    terms: PriceTerms,
    question_nano_rho: int | None,
) -> tuple[Alternative, ...]:
    """List questions whose errors are smaller at the same loss, the best first."""

    def priced(candidate: Question) -> PricedPlan:
        return terms.priced(bind(candidate, asked, rules), rules, question_nano_rho)

    base = priced(question)
    found: dict[str, Alternative] = {}
    for candidate, why in _candidates(question):
        with suppress(Refused):
            other = priced(candidate)
            gain = _gain(base, other, rules)
            sql = write_question(candidate, asked)
            if gain >= GAIN_MIN:
                found[sql] = Alternative(sql, why, other.cost_nano_rho, gain)
    best = sorted(found.values(), key=lambda item: (-item.error_gain, item.sql))
    return tuple(best[:ALTERNATIVES_MAX])


def _gain(base: PricedPlan, other: PricedPlan, rules: PrivacyRules) -> float:
    """Compare the worst errors of what both show, at the rule's middle size of a group."""
    size = rules.preview_counts[len(rules.preview_counts) // 2]
    merged = max(base.plan.group_count // max(other.plan.group_count, 1), 1)
    names = {item.name for item in _shown(other.plan.question)}
    before = [relative_error(base, item, size) for item in _shown(base.plan.question)]
    kept = [item.name in names for item in _shown(base.plan.question)]
    after = [relative_error(other, item, size * merged) for item in _shown(other.plan.question)]
    worst = max((e for e, stays in zip(before, kept, strict=True) if stays), default=0.0)
    return worst / max(after) if after and max(after) > 0 else 0.0


def _candidates(question: Question) -> Iterator[tuple[Question, Message]]:
    yield from _coarser(question)
    yield from _fewer(question)
    yield from _tighter(question)


def _coarser(question: Question) -> Iterator[tuple[Question, Message]]:
    """Leave one key out, or cut it more coarsely."""
    for output in question.outputs:
        if not isinstance(output, KeyOutput):
            continue
        yield (
            _without(question, output),
            Message(f"不按“{output.name}”分组", f"without grouping by {output.name!r}"),
        )
        key = _coarser_key(output.key)
        if key is not None:
            yield (
                _with(question, output, replace(output, key=key)),
                Message(f"“{output.name}”取更粗的粒度", f"with {output.name!r} cut more coarsely"),
            )


def _fewer(question: Question) -> Iterator[tuple[Question, Message]]:
    """Leave one aggregate out, where several share the loss."""
    figures = [item for item in question.outputs if not isinstance(item, KeyOutput)]
    for output in figures if len(figures) > 1 else []:
        yield (
            _without(question, output),
            Message(f"不含“{output.name}”", f"without {output.name!r}"),
        )


def _tighter(question: Question) -> Iterator[tuple[Question, Message]]:
    """Clamp one measure to the lower half of its range: less noise, and a bias of its own."""
    for output in _shown(question):
        measure = output.measure
        if measure is None or measure.upper - measure.lower < 2:  # noqa: PLR2004 - no half of it
            continue
        half = replace(measure, upper=measure.lower + (measure.upper - measure.lower) // 2)
        yield (
            _with(question, output, replace(output, measure=half)),
            Message(
                f"“{output.name}”的上界减半（超出部分被截断，会带来偏差）",
                f"with the range of {output.name!r} halved (values beyond are cut: a bias)",
            ),
        )


def _coarser_key(key: KeyExpression) -> KeyExpression | None:
    if isinstance(key, Truncated) and key.part in _COARSER:
        return replace(key, part=_COARSER[key.part])
    if isinstance(key, Binned):
        return replace(key, width=key.width * 2)
    return None


def _without(question: Question, output: Output) -> Question:
    return replace(
        question,
        outputs=tuple(item for item in question.outputs if item != output),
        having=tuple(item for item in question.having if item.output != output.name),
        order=tuple(item for item in question.order if _column(item.output) != output.name),
    )


def _with(question: Question, old: Output, new: Output) -> Question:
    outputs = tuple(new if item == old else item for item in question.outputs)
    return replace(question, outputs=outputs)


def _column(name: str) -> str:
    return name.removesuffix("_low").removesuffix("_high")


def _shown(question: Question) -> list[AggregateOutput]:
    shown: list[AggregateOutput] = []
    for item in question.outputs:
        if isinstance(item, AggregateOutput):
            shown.append(item)
        elif isinstance(item, FormulaOutput):
            shown += item.reads
    return shown
