"""What a question would cost, how exact it would be, and what to ask instead. Free of charge.

Everything here is a function of question, policy and what was spent: no data is read (I14).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import Connection

from disclosure.budgets.listing import Outlook, simulate, simulation_line
from disclosure.budgets.tree import Amount
from disclosure.granted import asked_of
from disclosure.outcome import Refused
from disclosure.pipeline.preparing import Prepared
from disclosure.pipeline.private import slot_class
from disclosure.plan.alternatives import Alternative, alternatives
from disclosure.plan.estimates import estimate, price_for
from disclosure.plan.pricing import PricedPlan
from disclosure.spending import budget_left
from foundation.errors import Message
from policies.schema.privacy import PrivacyRules

ROWS = {"mode": "rows", "cost_nano_rho": 0, "epsilon_shown": "0.000", "aggregates": []}


@dataclass(frozen=True)
class Wanted:
    """An exactness to find the price of: "±50 at 95 %" of one figure, at groups of some size."""

    output: str
    half_width: Decimal
    rows: int | None = None


def estimated(
    connection: Connection, prepared: Prepared, rules: PrivacyRules, outlook: Outlook
) -> dict[str, object]:
    """Return price, expected errors, cheaper questions, and how many more of this one there are."""
    priced = prepared.priced
    if priced is None:
        return ROWS
    return {
        **estimate(priced, rules),
        "answer_slot_milliseconds": rules.answer_slot_milliseconds[slot_class(priced.plan)],
        "alternatives": [item.as_public() for item in _alternatives(prepared, priced, rules)],
        "further_questions": [
            {"population": name, **_further(connection, prepared, priced, rules, name, outlook)}
            for name in prepared.populations
        ],
    }


def least_left(
    connection: Connection, prepared: Prepared, rules: PrivacyRules, outlook: Outlook
) -> int | None:
    """Return the least that is left of any population which the question would charge."""
    found = [
        budget_left(
            connection,
            prepared.licence,
            name,
            rules,
            replace(outlook, datasets=prepared.datasets_of(name)),
        )
        for name in prepared.populations
    ]
    return min((left for left in found if left is not None), default=None)


def repriced(prepared: Prepared, wanted: Wanted, rules: PrivacyRules) -> Prepared:
    """Return the question at the least loss at which a figure is as exact as wanted.

    Raises Refused where the figure is not in the answer or no permitted loss is enough.
    """
    priced = prepared.priced
    names = [] if priced is None else [item.name for item in priced.plan.question.aggregates]
    if priced is None or wanted.output not in names:
        raise _not_an_output(names)
    plan, terms = priced.plan, prepared.terms
    least = price_for(
        plan,
        rules,
        terms,
        output=wanted.output,
        target_half_width=wanted.half_width,
        count=wanted.rows,
    )
    return replace(prepared, priced=terms.priced(plan, rules, least))


def _alternatives(
    prepared: Prepared, priced: PricedPlan, rules: PrivacyRules
) -> tuple[Alternative, ...]:
    return alternatives(
        priced.plan.question,
        asked_of(prepared.granted),
        rules,
        prepared.terms,
        priced.question_nano_rho,
    )


def _further(
    connection: Connection,
    prepared: Prepared,
    priced: PricedPlan,
    rules: PrivacyRules,
    population: str,
    outlook: Outlook,
) -> dict[str, object]:
    cost = Amount(priced.cost_nano_rho, priced.cost_delta_steps)
    view = replace(outlook, datasets=prepared.datasets_of(population))
    return simulation_line(simulate(connection, prepared.licence, population, cost, rules, view))


def _not_an_output(names: list[str]) -> Refused:
    listed = ", ".join(names)
    return Refused(
        "output_unknown",
        Message(
            zh=f"精度目标须指向本查询的一个统计列：{listed or '（无）'}。",
            en=f"The wanted exactness names one of the question's figures: {listed or '(none)'}.",
        ),
        field="output",
        rule="policies/privacy",
    )
