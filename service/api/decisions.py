"""Why may, or may not, somebody do something under a licence: a dry run that changes nothing.

Authority and regulator may ask about any person of the operator, and see the deciding lines; that
they looked is logged. An operator's person learns the reasons of their own refusals, and no line.
"""

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import Field

from audit.events import AuditEvent, no_effect
from audit.tags import EntryKind
from authorization.explanations import Explained, Step, Wish, explain
from authorization.licences import licence_by_id
from authorization.lines import Action
from authorization.organisations import actor_for_person
from catalog.datasets import DatasetDeclaration, Frozen, Name
from catalog.store import dataset_by_name
from foundation.db import reading
from foundation.errors import Denied, Message
from foundation.identity import Actor
from service.api.callers import ExplainingCaller, OnPlatform
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/decisions", route_class=IdempotentRoute, tags=["decisions"])
COLUMNS_MAX = 500


class DecisionQuestion(Frozen):
    """What is asked about. ``person`` is left out by an operator: one asks for oneself."""

    licence: str = Field(min_length=1, max_length=80)
    action: Action
    dataset: Name | None = None
    columns: tuple[Name, ...] = Field(default=(), max_length=COLUMNS_MAX)
    person: str | None = Field(default=None, min_length=1, max_length=64)


@router.post("/explain")
def post_explanation(
    body: DecisionQuestion, actor: ExplainingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Explain the decision that would be made now; nothing is asked of any data."""
    if not actor.oversees and body.person not in (None, actor.person):
        raise _not_yours()
    asked = _person_asked(platform, actor, body) if actor.oversees else actor
    found = explain(
        platform.enforcer.snapshot,
        platform.board,
        asked,
        Wish(body.licence, body.action, body.dataset, body.columns),
        _declaration(platform, body.dataset),
        platform.clock.now_us(),
    )
    if not actor.oversees:
        return _shown(found, actor.language, lines=False)
    public: dict[str, object] = {
        "licence": body.licence,
        "subject": asked.person,
        "action": str(body.action),
        "dataset": body.dataset,
        "allowed": found.allowed,
        "policy": found.snapshot_digest,
    }
    event = AuditEvent(EntryKind.DECISION_EXPLAINED, actor, public)
    recorded = platform.writer.submit(event, no_effect)
    return {**_shown(found, actor.language, lines=True), "entry": recorded.index}


def _person_asked(platform: Platform, actor: Actor, body: DecisionQuestion) -> Actor:
    """Return the person asked about, acting for the operator of the licence."""
    if body.person is None:
        return actor
    with reading(platform.engine) as connection:
        licence = licence_by_id(connection, body.licence)
        organisation = actor.organisation if licence is None else licence.operator
        return actor_for_person(connection, body.person, organisation)


def _declaration(platform: Platform, dataset: str | None) -> DatasetDeclaration | None:
    if dataset is None:
        return None
    with reading(platform.engine) as connection:
        found = dataset_by_name(connection, dataset)
    return None if found is None else found.declaration


def _shown(found: Explained, language: str, *, lines: bool) -> dict[str, object]:
    denial = found.denial
    steps = [step for step in found.steps if lines or not step.allowed]
    return {
        "allowed": found.allowed,
        "refusal": None
        if denial is None
        else {
            "code": denial.code,
            "reason": denial.reason.in_language(language),
            "rule": denial.rule,
            "way_out": None if denial.way_out is None else denial.way_out.in_language(language),
        },
        "steps": [_step(step, language, lines=lines) for step in steps],
        "obligations": [
            {"kind": type(one).__name__.removesuffix("Obligation").lower(), **asdict(one)}
            for one in (found.obligations if lines else ())
        ],
        "policy": found.snapshot_digest,
    }


def _step(step: Step, language: str, *, lines: bool) -> dict[str, object]:
    way_out = step.way_out
    shown: dict[str, object] = {
        "object": step.obj,
        "column": step.column,
        "cause": str(step.cause),
        "reason": step.reason.in_language(language),
        "way_out": None if way_out is None else way_out.in_language(language),
        "source": step.source,
    }
    if lines:
        shown["line"] = None if step.line is None else step.line._asdict()
    return shown


def _not_yours() -> Denied:
    return Denied(
        "explanation_not_yours",
        Message(
            "您只能查询本人在本机构授权下被拒绝的原因。",
            "You may ask why you yourself were refused, under your own organisation's licence.",
        ),
        field="person",
        rule="roles",
    )
