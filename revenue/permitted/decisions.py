"""Deciding a maximum permitted revenue: two persons of the pricing authority, once for each year.

A decision takes what the period before it brought in above its own maximum off this one, at once
or smoothed; a part that is due later waits for the decision after it. Reviews compare one year.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.independence import check_apart
from authorization.organisations import OrganisationKind, organisation_by_id
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from foundation.canonical import canonical_bytes, digest
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from policies.schema.revenue import PermittedRules
from revenue.permitted.actual import actual_fen, maximum_fen
from revenue.permitted.documents import PermittedRevenue, check_document, year_bounds_us
from revenue.permitted.law import adjustment_for, deductions_of, excess_of, merged, spread
from revenue.permitted.store import permitted_decision, permitted_proposal, permitted_review

RULE = "revenue/permitted"


@dataclass(frozen=True)
class Proposal:
    """A proposed maximum, and who proposed it."""

    digest: str
    document: PermittedRevenue
    proposed_by: str
    proposed_us: int


@dataclass(frozen=True)
class Decision:
    """A decided period: the sheet's lines, what is deducted, and the maximum of each year."""

    digest: str
    operator: str
    computed: Mapping[str, Any]

    @property
    def maxima_fen(self) -> Mapping[int, int]:
        """The maximum of each year, after deductions."""
        return {int(year): fen for year, fen in self.computed["maxima_fen"].items()}


@dataclass(frozen=True)
class Review:
    """One year's revenue against its maximum, and what has to be adjusted."""

    operator: str
    year: int
    actual_fen: int
    maximum_fen: int
    adjustment: str

    def as_json(self) -> dict[str, object]:
        """Return the review as entries and readers see it."""
        return {
            "operator": self.operator,
            "year": self.year,
            "actual_fen": self.actual_fen,
            "maximum_fen": self.maximum_fen,
            "adjustment": self.adjustment,
        }


def propose_permitted(
    writer: Writer, actor: Actor, document: PermittedRevenue, rules: PermittedRules
) -> Recorded[Proposal]:
    """Propose a maximum. Raises InvalidInput where the price law does not allow a figure."""
    _check_person(actor)
    check_document(document, rules)
    content = document.model_dump(mode="json")
    name = digest(content)

    def apply(connection: Connection, entry: PendingEntry) -> Proposal:
        _check_pricing(connection, actor)
        _check_operator(connection, document)
        known = select(permitted_proposal.c.digest).where(
            permitted_proposal.c.operator == document.operator,
            permitted_proposal.c.version == document.version,
        )
        if connection.execute(known).first() is not None:
            raise _conflict(
                "permitted_version_known",
                "该版本号的最高准许收入已存在，请使用新的版本号。",
                "This version of a maximum is known; give it a new version.",
            )
        connection.execute(
            insert(permitted_proposal).values(
                digest=name,
                operator=document.operator,
                version=document.version,
                document=canonical_bytes(content).decode(),
                proposed_by=actor.person,
                proposed_index=entry.index,
                proposed_us=entry.time_us,
            )
        )
        return _require_proposal(connection, name)

    public = {
        "operator": document.operator,
        "version": document.version,
        "years": list(document.years),
        "permitted_digest": name,
    }
    return writer.submit(AuditEvent(EntryKind.PERMITTED_PROPOSED, actor, public), apply)


def decide_permitted(
    writer: Writer, actor: Actor, name: str, rules: PermittedRules
) -> Recorded[Decision]:
    """Decide a proposed maximum by its digest: another person, after the period before is over."""
    _check_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Decision:
        _check_pricing(connection, actor)
        proposal = _require_proposal(connection, name)
        check_another_person(actor, proposal.proposed_by)
        check_older_than(actor, proposal.proposed_us)
        check_apart(connection, actor, proposal.document.operator)
        check_document(proposal.document, rules)
        operator = proposal.document.operator
        _check_undecided(connection, proposal.document)
        before = latest_decision(connection, operator)
        _check_follows(before, proposal.document, entry.time_us)
        computed = _computed(connection, before, proposal.document, rules)
        maxima = computed["maxima_fen"]
        connection.execute(
            insert(permitted_decision),
            [
                {
                    "operator": operator,
                    "year": year,
                    "digest": name,
                    "maximum_fen": maxima[str(year)],
                    "computed": canonical_bytes(computed).decode(),
                    "decided_by": actor.person,
                    "decided_index": entry.index,
                }
                for year in proposal.document.years
            ],
        )
        entry.amend(operator=operator, proposed_by=proposal.proposed_by, **computed)
        return Decision(name, operator, computed)

    public = {"permitted_digest": name}
    return writer.submit(AuditEvent(EntryKind.PERMITTED_DECIDED, actor, public), apply)


def review_year(
    writer: Writer, actor: Actor, operator: str, year: int, rules: PermittedRules
) -> Recorded[Review]:
    """Hold a finished year's revenue against its maximum, once: up to 10 % off prices adjust."""
    _check_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Review:
        _check_pricing(connection, actor)
        maximum = maximum_fen(connection, operator, year)
        if maximum is None:
            raise NotFound(
                "permitted_unknown",
                Message("该年度没有核定最高准许收入。", "No maximum was decided for that year."),
                field="year",
                rule=RULE,
            )
        if entry.time_us < year_bounds_us(year)[1]:
            raise _not_over(year)
        actual = actual_fen(connection, operator, year)
        found = adjustment_for(actual, maximum, rules)
        review = Review(operator, year, actual, maximum, found.value)
        _check_unreviewed(connection, operator, year)
        connection.execute(
            insert(permitted_review).values(
                **review.as_json(), reviewed_by=actor.person, reviewed_index=entry.index
            )
        )
        entry.amend(**review.as_json())
        return review

    public = {"operator": operator}
    return writer.submit(AuditEvent(EntryKind.PERMITTED_REVIEWED, actor, public), apply)


def latest_decision(connection: Connection, operator: str) -> Decision | None:
    """Return an operator's newest decided period."""
    query = (
        select(permitted_decision)
        .where(permitted_decision.c.operator == operator)
        .order_by(permitted_decision.c.year.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _decision(row)


def decisions_of(connection: Connection, operator: str) -> list[Decision]:
    """Return every decided period of an operator, oldest first."""
    query = select(permitted_decision).where(permitted_decision.c.operator == operator)
    rows = connection.execute(query.order_by(permitted_decision.c.year))
    return list({row.digest: _decision(row) for row in rows}.values())


def reviews_of(connection: Connection, operator: str) -> list[Review]:
    """Return every reviewed year of an operator."""
    columns = permitted_review.c
    query = select(permitted_review).where(columns.operator == operator).order_by(columns.year)
    return [
        Review(row.operator, row.year, row.actual_fen, row.maximum_fen, row.adjustment)
        for row in connection.execute(query)
    ]


def _computed(
    connection: Connection,
    before: Decision | None,
    document: PermittedRevenue,
    rules: PermittedRules,
) -> dict[str, Any]:
    """Work the sheet out: maximum of a year, deductions due in this period, maxima of its years."""
    maximum = document.maximum(rules)
    years = document.years
    whole_fen = maximum.total_fen * len(years)
    excess_fen, due_fen = _excess(connection, before, document.smoothing_periods, rules)
    deducted_fen = min(whole_fen, due_fen[0])
    later = merged([due_fen[0] - deducted_fen], due_fen[1:])
    left = spread(deducted_fen, len(years))
    return {
        "cost_fen": maximum.cost_fen,
        "rate_ppm": maximum.rate_ppm,
        "profit_fen": maximum.profit_fen,
        "tax_fen": maximum.tax_fen,
        "yearly_fen": maximum.total_fen,
        "excess_before_fen": excess_fen,
        "deducted_fen": deducted_fen,
        "due_later_fen": list(later),
        "maxima_fen": {
            str(year): maximum.total_fen - off for year, off in zip(years, left, strict=True)
        },
    }


def _excess(
    connection: Connection, before: Decision | None, periods: int, rules: PermittedRules
) -> tuple[int, list[int]]:
    """Return the excess of the period before, and what is due in this period and in later ones.

    What earlier decisions left to later ones comes on top of it.
    """
    if before is None:
        return 0, [0]
    maxima = before.maxima_fen
    actuals = [actual_fen(connection, before.operator, year) for year in maxima]
    excess_fen = excess_of(actuals, list(maxima.values()))
    new = deductions_of(excess_fen, sum(maxima.values()), periods, rules)
    return excess_fen, list(merged(new, before.computed["due_later_fen"]))


def _check_follows(before: Decision | None, document: PermittedRevenue, time_us: int) -> None:
    """Refuse a period that does not come after the one before, or before that one is over."""
    if before is None:
        return
    last = max(before.maxima_fen)
    if document.first_year <= last:
        raise _decided_already()
    if time_us < year_bounds_us(last)[1]:
        raise _not_over(last)


def _check_undecided(connection: Connection, document: PermittedRevenue) -> None:
    if any(maximum_fen(connection, document.operator, year) is not None for year in document.years):
        raise _decided_already()


def _check_unreviewed(connection: Connection, operator: str, year: int) -> None:
    known = select(permitted_review.c.year).where(
        permitted_review.c.operator == operator, permitted_review.c.year == year
    )
    if connection.execute(known).first() is not None:
        raise _conflict(
            "permitted_reviewed", "该年度已评估。", "That year has been reviewed already."
        )


def _check_person(actor: Actor) -> None:
    check_role(actor, Role.PRICING)
    check_natural_person(actor)


def _check_pricing(connection: Connection, actor: Actor) -> None:
    """Refuse whoever does not act for a pricing authority."""
    own = organisation_by_id(connection, actor.organisation)
    if own is None or own.kind is not OrganisationKind.PRICING:
        raise Denied(
            "pricing_authority_required",
            Message(
                "最高准许收入只能由价格主管部门核定。",
                "Only a pricing authority decides a maximum permitted revenue.",
            ),
            rule=RULE,
        )


def _check_operator(connection: Connection, document: PermittedRevenue) -> None:
    found = organisation_by_id(connection, document.operator)
    if found is None or found.kind is not OrganisationKind.OPERATOR:
        raise InvalidInput(
            "operator_unknown",
            Message("所列运营机构尚未登记。", "The operator named is not registered."),
            field="$.operator",
            rule=RULE,
        )


def _require_proposal(connection: Connection, name: str) -> Proposal:
    query = select(permitted_proposal).where(permitted_proposal.c.digest == name)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "permitted_unknown",
            Message("没有这份最高准许收入方案。", "There is no such proposal of a maximum."),
            field="digest",
            rule=RULE,
        )
    document = PermittedRevenue.model_validate_json(row.document)
    return Proposal(row.digest, document, row.proposed_by, row.proposed_us)


def _decision(row: Row[Any]) -> Decision:
    return Decision(row.digest, row.operator, json.loads(row.computed))


def _decided_already() -> Conflict:
    return _conflict(
        "permitted_decided",
        "该运营机构在这些年度已有核定的最高准许收入。",
        "A maximum was decided for this operator in one of these years, or in later ones.",
    )


def _not_over(year: int) -> Conflict:
    return _conflict(
        "permitted_year_not_over",
        f"{year} 年尚未结束，实际收入未定。",
        f"The year {year} is not over, so its revenue is not known.",
    )


def _conflict(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh=zh, en=en), field="$.years", rule=RULE)
