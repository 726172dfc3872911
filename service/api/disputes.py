"""Disputes: opened by a payee or payer, held by who keeps the books, decided by two persons."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from foundation.db import reading
from revenue.disputes.deciding import LINES_MAX, CorrectedLine
from revenue.disputes.opening import hold_dispute, open_dispute
from revenue.disputes.states import DisputeState, disputes
from service.api.callers import AnyCaller, KeeperCaller, OnPlatform, PartyCaller, reads_books
from service.api.moves import Party, Reason
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/disputes", route_class=IdempotentRoute, tags=["revenue"])


class DisputeBody(Frozen):
    """What is disputed: one's own lines of a pool, or for its payer the whole bill."""

    period: Party
    licence: Party
    reason: Reason


class LineBody(Frozen):
    """What a payee's line should be."""

    payee: Party
    channel: Literal["treasury", "account", "tax", "reserve"]
    fen: int = Field(ge=0, le=10**15)


class DecisionBody(Frozen):
    """How a dispute is decided; an upheld one names every line of the right bill."""

    outcome: Literal["upheld", "dismissed"]
    lines: Annotated[tuple[LineBody, ...], Field(max_length=LINES_MAX)] = ()
    reason: Reason


@router.get("")
def get_disputes(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the disputes: all for who reads the ledger, one's own organisation's for others."""
    whole = reads_books(platform, actor)
    with reading(platform.engine) as connection:
        found = [
            one for one in disputes(connection) if whole or one.organisation == actor.organisation
        ]
    return {"disputes": [one.as_json() for one in found]}


@router.post("", status_code=201)
def post_dispute(body: DisputeBody, actor: PartyCaller, platform: OnPlatform) -> dict[str, object]:
    """Open a dispute: from now on its lines are not distributed."""
    recorded = open_dispute(platform.writer, actor, body.period, body.licence, body.reason)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{dispute_id}/hold", status_code=201)
def post_hold(dispute_id: str, actor: KeeperCaller, platform: OnPlatform) -> dict[str, object]:
    """Hold what is disputed and not paid yet."""
    recorded = hold_dispute(platform.writer, actor, dispute_id)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{dispute_id}/decision", status_code=201)
def post_decision(
    dispute_id: str, body: DecisionBody, actor: KeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose a decision; another person approves the move, and new journals correct the bill."""
    lines = [CorrectedLine(one.payee, one.channel, one.fen) for one in body.lines]
    recorded = platform.money.propose_decision(
        actor, dispute_id, DisputeState(body.outcome), lines, body.reason
    )
    return {**recorded.value.as_json(), "entry": recorded.index}
