"""Moves of money that wait for a second person: listed, approved, withdrawn."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from foundation.db import reading
from revenue.flow.moves import REASON_CHARACTERS_MAX, moves, withdraw
from service.api.callers import KeeperCaller, LedgerCaller, MoneyCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/moves", route_class=IdempotentRoute, tags=["revenue"])
Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
Fen = Annotated[int, Field(ge=1, le=10**15)]
Party = Annotated[str, Field(min_length=1, max_length=200)]


@router.get("")
def get_moves(
    _actor: LedgerCaller,
    platform: OnPlatform,
    undecided: Annotated[bool, Query()] = True,
) -> dict[str, object]:
    """List the moves, by default those that wait for a second person."""
    with reading(platform.engine) as connection:
        return {"moves": [one.as_json() for one in moves(connection, undecided=undecided)]}


@router.post("/{move_id}/approval", status_code=201)
def post_approval(move_id: str, actor: KeeperCaller, platform: OnPlatform) -> dict[str, object]:
    """Approve a move as its second person: it is carried out in the same commit."""
    recorded = platform.money.approve(actor, move_id)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{move_id}/withdrawal", status_code=201)
def post_withdrawal(move_id: str, actor: MoneyCaller, platform: OnPlatform) -> dict[str, object]:
    """Withdraw a move that nobody approved."""
    recorded = withdraw(platform.writer, actor, move_id)
    return {**recorded.value.as_json(), "entry": recorded.index}
