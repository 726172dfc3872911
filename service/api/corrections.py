"""Corrections (校核纠错) and real-name objections (异议): raised by anyone, answered in time."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from catalog.quality.correction_reads import (
    Correction,
    affected,
    corrections,
    flags_for,
    moves,
    readable_correction,
)
from catalog.quality.correction_states import STATE_NAMES
from catalog.quality.correction_targets import TEXT_CHARACTERS_MAX, RaisedCorrection
from disclosure.release.requests import require_request
from foundation.db import reading
from foundation.identity import Actor, Role
from service.api.callers import (
    AnyCaller,
    AuthorityCaller,
    DataKeeperCaller,
    OnPlatform,
    RaisingCaller,
)
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute
from service.quality import correction_desk
from service.recalling import recall_affected

router = APIRouter(prefix="/corrections", route_class=IdempotentRoute, tags=["corrections"])
Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)]


class Judgement(BaseModel):
    """What verifying found, and why."""

    model_config = ConfigDict(extra="forbid")

    upheld: bool
    answer: Text


class Answer(BaseModel):
    """What the one who raised it is told."""

    model_config = ConfigDict(extra="forbid")

    answer: Text


class Supplement(BaseModel):
    """The papers that were asked for."""

    model_config = ConfigDict(extra="forbid")

    evidence: Text


class RecallReason(BaseModel):
    """Why the releases that rest on wrong data are taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=2_000)]


@router.post("", status_code=201)
def post_correction(
    body: RaisedCorrection, actor: RaisingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Raise a correction, or under one's verified name an objection, about data or an entry."""
    recorded = correction_desk(platform).raise_correction(actor, body)
    return {**_shown(platform, actor, recorded.value), "entry": recorded.index}


@router.get("")
def get_corrections(
    actor: AnyCaller,
    platform: OnPlatform,
    dataset: Annotated[str | None, Query(max_length=63)] = None,
) -> dict[str, object]:
    """List the corrections that the caller may read: their own, their department's, or all."""
    with reading(platform.engine) as connection:
        found = corrections(connection, actor, dataset=dataset)
    return {"corrections": [_named(item) for item in found]}


@router.get("/flags")
def get_flags(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List what the caller's organisation holds that rests on data found wrong."""
    with reading(platform.engine) as connection:
        return {"flags": flags_for(connection, actor.organisation)}


@router.get("/{correction}")
def get_correction(correction: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read one correction with its moves and what it flagged."""
    with reading(platform.engine) as connection:
        found = readable_correction(connection, actor, correction)
    return _shown(platform, actor, found)


@router.post("/{correction}/referral", status_code=201)
def post_referral(
    correction: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Refer a correction to the provider, where the jurisdiction has the authority do so."""
    recorded = correction_desk(platform).refer(actor, correction)
    return {**_shown(platform, actor, recorded.value), "entry": recorded.index}


@router.post("/{correction}/judgement", status_code=201)
def post_judgement(
    correction: str, body: Judgement, actor: DataKeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """Uphold a verified correction, which flags what rests on the data, or refuse it."""
    recorded = correction_desk(platform).judge(
        actor, correction, upheld=body.upheld, answer=body.answer
    )
    return {**_shown(platform, actor, recorded.value), "entry": recorded.index}


@router.post("/{correction}/correction", status_code=201)
def post_corrected(
    correction: str, actor: DataKeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """Name the newest version as the one that corrects."""
    recorded = correction_desk(platform).correct(actor, correction)
    return {**_shown(platform, actor, recorded.value), "entry": recorded.index}


@router.post("/{correction}/answer", status_code=201)
def post_answer(
    correction: str, body: Answer, actor: DataKeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """Answer the one who raised it; the matter ends."""
    recorded = correction_desk(platform).answer(actor, correction, body.answer)
    return {**_shown(platform, actor, recorded.value), "entry": recorded.index}


@router.post("/{correction}/supplement", status_code=201)
def post_supplement(
    correction: str, body: Supplement, actor: RaisingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Complete the papers of one's own correction; the clock starts afresh."""
    recorded = correction_desk(platform).supplement(actor, correction, body.evidence)
    return {**_shown(platform, actor, recorded.value), "entry": recorded.index}


@router.post("/{correction}/withdrawal", status_code=201)
def post_withdrawal(
    correction: str, actor: RaisingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take one's own correction back before it is judged."""
    recorded = correction_desk(platform).withdraw(actor, correction)
    return {**_shown(platform, actor, recorded.value), "entry": recorded.index}


@router.post("/{correction}/recalls", status_code=201)
def post_recalls(
    correction: str, body: RecallReason, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Recall every delivered release that an upheld correction flagged."""
    recalled = recall_affected(platform, actor, correction, body.reason)
    return {"correction": correction, "recalled": recalled}


def _shown(platform: Platform, actor: Actor, found: Correction) -> dict[str, object]:
    """Return a correction; who holds what rests on the data is not the objector's to know."""
    sees = actor.organisation in {found.provider, platform.authority} or actor.has(Role.REGULATOR)
    with reading(platform.engine) as connection:
        outputs = [
            {
                **item.model_dump(),
                "state": require_request(connection, item.output.partition("@")[0]).state.value,
            }
            for item in (affected(connection, found.id) if sees else [])
        ]
        history = moves(connection, found.id)
    return {**_named(found), "moves": history, "affected": outputs}


def _named(found: Correction) -> dict[str, object]:
    named = STATE_NAMES[found.state]
    return {**found.model_dump(mode="json"), "state_name": {"zh": named.zh, "en": named.en}}
