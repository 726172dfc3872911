"""Reviews of notebooks and their unattended runs over HTTP.

An operator submits and asks for runs, a checker of another house judges, the authority may end
either; each reads what is theirs to read.
"""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from authorization.decisions import AccessRequest, check_decision, decide
from authorization.documents import LicenceDocument
from authorization.lines import Action
from catalog.datasets import Frozen, Name
from catalog.store import current_version, dataset_by_name
from foundation.db import reading
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from sandbox.reviews import Review, check_may_judge, check_own
from sandbox.subscriptions import Subscription
from sandbox.unattended import Asked, Caps, Run, Trigger
from service.api.callers import (
    AnyCaller,
    CheckerCaller,
    HolderCaller,
    OnPlatform,
    OperatorCaller,
)
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute
from service.session_terms import check_project

router = APIRouter(prefix="/reviews", route_class=IdempotentRoute, tags=["reviews"])
runs = APIRouter(prefix="/runs", route_class=IdempotentRoute, tags=["runs"])


class NotebookSubmission(Frozen):
    """A notebook, as the text of its ``.ipynb`` file, for review under a licence."""

    licence: str = Field(min_length=1, max_length=80)
    notebook: str = Field(min_length=1)


class ReviewDecision(Frozen):
    """A reviewer's word on exactly the notebook with this digest; a return says why."""

    decision: Literal["approve", "return"]
    notebook_digest: str = Field(min_length=1, max_length=80)
    comment: str = Field(default="", max_length=2_000)


class Reason(Frozen):
    """Why something is ended; it goes into the private part of the log."""

    reason: str = Field(min_length=1, max_length=2_000)


class RunRequest(Caps):
    """A run of a reviewed notebook, with the most that it may cost."""

    review: str = Field(min_length=1, max_length=40)
    project: Name | None = None


class SubscriptionRequest(RunRequest):
    """A run, with these caps, on each new version of a data set."""

    dataset: Name


@router.post("", status_code=201)
def post_review(
    body: NotebookSubmission, actor: OperatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Submit a notebook for review: only its code cells are kept, outputs are stripped."""
    return shown_review(submit(platform, actor, body.licence, body.notebook))


@router.get("")
def get_reviews(
    actor: AnyCaller,
    platform: OnPlatform,
    licence: Annotated[str | None, Query(max_length=80)] = None,
) -> dict[str, object]:
    """List the reviews that the caller may see, newest first, without their code."""
    found = platform.work.reviews.reviews(licence)
    return {"reviews": [shown_review(item) for item in found if _readable(actor, item)]}


@router.get("/{review_id}")
def get_review(review_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read one review; its code is for its author's organisation and for who may judge it."""
    review = platform.work.reviews.review(review_id)
    if not _readable(actor, review):
        raise NotFound(
            "review_unknown",
            Message("没有这项笔记本审查。", "There is no such review of a notebook."),
            field="review",
        )
    if actor.organisation != review.organisation:
        if not actor.has(Role.CHECKER):
            return shown_review(review)
        with reading(platform.engine) as connection:
            check_may_judge(connection, actor, review)
    return {**shown_review(review), "cells": list(review.notebook.cells)}


@router.post("/{review_id}/decision", status_code=201)
def post_decision(
    review_id: str, body: ReviewDecision, actor: CheckerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Approve or return a notebook: a checker of another house than its author's."""
    decided = platform.work.reviews.decide(
        actor,
        review_id,
        approve=body.decision == "approve",
        notebook_digest=body.notebook_digest,
        comment=body.comment,
    )
    return shown_review(decided)


@router.post("/{review_id}/withdrawal", status_code=201)
def post_withdrawal(
    review_id: str, body: Reason, actor: HolderCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a review or an approval; what runs on it stops at its next question."""
    return shown_review(platform.work.reviews.withdraw(actor, review_id, body.reason))


@runs.post("", status_code=202)
def post_run(body: RunRequest, actor: OperatorCaller, platform: OnPlatform) -> dict[str, object]:
    """Ask for an unattended run of a reviewed notebook; it begins within seconds."""
    review = usable(platform, actor, body.review, body)
    asked = Asked(review, body.project, caps_of(body), Trigger.PERSON)
    return shown_run(platform.work.runs.request(actor, asked))


@runs.get("")
def get_runs(
    actor: AnyCaller,
    platform: OnPlatform,
    licence: Annotated[str | None, Query(max_length=80)] = None,
) -> dict[str, object]:
    """List the runs that the caller may see, oldest first."""
    found = platform.work.runs.runs(licence=licence)
    return {"runs": [shown_run(item) for item in found if _readable(actor, item)]}


@runs.get("/{run_id}")
def get_run(run_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell where a run stands, what it has cost, and at which cell it failed."""
    run = platform.work.runs.run(run_id)
    if not _readable(actor, run):
        raise NotFound(
            "run_unknown", Message("没有这次运行。", "There is no such run."), field="run"
        )
    return shown_run(run)


@runs.post("/subscriptions", status_code=201)
def post_subscription(
    body: SubscriptionRequest, actor: OperatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Ask for a run on each new version of a data set that the approval names."""
    review = usable(platform, actor, body.review, body)
    with reading(platform.engine) as connection:
        found = dataset_by_name(connection, body.dataset)
        version = None if found is None else current_version(connection, found.id)
    seen = "" if version is None else version.manifest_digest
    made = platform.work.subscriptions.subscribe(
        actor, review, body.dataset, body.project, caps_of(body), seen
    )
    return _shown_subscription(made)


@runs.post("/subscriptions/{subscription_id}/end", status_code=201)
def post_subscription_end(
    subscription_id: str, body: Reason, actor: HolderCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a subscription."""
    ended = platform.work.subscriptions.end(actor, subscription_id, body.reason)
    return _shown_subscription(ended)


def submit(platform: Platform, actor: Actor, licence: str, notebook: str) -> Review:
    """Take a notebook in from whoever may use the licence now. Raises Denied, InvalidInput."""
    document = _usable_licence(platform, actor, licence)
    datasets = [grant.dataset for grant in document.grants]
    return platform.work.reviews.submit(actor, licence, datasets, notebook)


def usable(platform: Platform, actor: Actor, review_id: str, body: RunRequest) -> Review:
    """Return an approval that the actor's organisation may run on now.

    Raises Denied, Conflict where it is lost, InvalidInput for another project or too long a run.
    """
    review = platform.work.reviews.review(review_id)
    check_own(review, actor)
    document = _usable_licence(platform, actor, review.licence)
    check_project(document, body.project)
    most = platform.work.rules.run_wall_seconds_max
    if body.wall_seconds_max > most:
        raise InvalidInput(
            "run_too_long",
            Message(f"单次运行不得超过 {most} 秒。", f"A run takes at most {most} seconds."),
            field="$.wall_seconds_max",
            rule="policies/sessions: run_wall_seconds_max",
        )
    with reading(platform.engine) as connection:
        return platform.work.reviews.check_stands(
            connection, review.id, review.licence, platform.clock.now_us()
        )


def caps_of(body: Caps) -> Caps:
    """Return the caps of a request alone."""
    return Caps(**{name: getattr(body, name) for name in Caps.model_fields})


def shown_review(review: Review) -> dict[str, object]:
    """Return a review as the API shows it: no code, no comment."""
    names = ("id", "licence", "notebook_digest", "environment_digest", "policy_digest", "state")
    times = ("submitted_us", "decided_us", "valid_until_us")
    return {
        **{name: getattr(review, name) for name in (*names, *times)},
        "datasets": list(review.datasets),
        "cells_count": len(json.loads(review.cells)["cells"]),
        "author": review.person,
        "organisation": review.organisation,
        "reviewer": review.reviewer,
    }


def shown_run(run: Run) -> dict[str, object]:
    """Return a run as the API shows it."""
    names = (
        *("id", "review", "licence", "notebook_digest", "trigger", "subscription", "session"),
        *("state", "budget_nano_rho_max", "money_micro_fen_max", "wall_seconds_max"),
        *("spent_nano_rho", "spent_micro_fen", "cells_run", "failed_cell", "code"),
        *("requested_us", "changed_us"),
    )
    shown = {name: getattr(run, name) for name in names}
    return {**shown, "project": run.project or None, "versions": list(run.versions)}


def _shown_subscription(one: Subscription) -> dict[str, object]:
    names = ("id", "review", "licence", "dataset", "last_version", "made_us", "ended_us")
    return {**{name: getattr(one, name) for name in names}, **one.caps.model_dump()}


def _usable_licence(platform: Platform, actor: Actor, licence: str) -> LicenceDocument:
    request = AccessRequest(actor, licence, Action.SESSION_OPEN)
    now_us = platform.clock.now_us()
    decision = decide(platform.enforcer.snapshot, platform.board, request, now_us)
    return check_decision(decision).licence.document


def _readable(actor: Actor, item: Review | Run) -> bool:
    own = actor.organisation == item.organisation
    return own or actor.oversees or (isinstance(item, Review) and actor.has(Role.CHECKER))
