"""对账→确认→分账: each payee checks and confirms its own lines, then two persons distribute."""

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from foundation.db import reading
from revenue.flow.confirmations import claim_of, confirm_statement
from service.api.callers import AnyCaller, KeeperCaller, OnPlatform, PartyCaller
from service.api.moves import Party, Reason
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/distributions", route_class=IdempotentRoute, tags=["revenue"])


class ConfirmationBody(Frozen):
    """A payee's word: the digest of the claim that was read."""

    period: Party
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")


class DistributionBody(Frozen):
    """The pool whose collected money is to be distributed."""

    period: Party
    licence: Party
    reason: Reason


@router.get("/claims/{period_id}")
def get_claim(period_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read one's own lines of a closed period, with the digest that a confirmation names."""
    with reading(platform.engine) as connection:
        return claim_of(connection, period_id, actor.organisation)


@router.post("/confirmations", status_code=201)
def post_confirmation(
    body: ConfirmationBody, actor: PartyCaller, platform: OnPlatform
) -> dict[str, object]:
    """Confirm one's own lines of a closed period; silence never does."""
    recorded = confirm_statement(
        platform.writer, actor, body.period, actor.organisation, body.digest
    )
    return {"period": body.period, "digest": recorded.value, "entry": recorded.index}


@router.post("", status_code=201)
def post_distribution(
    body: DistributionBody, actor: KeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose to make a pool's collected money payable; another person approves the move."""
    recorded = platform.money.propose_distribution(actor, body.period, body.licence, body.reason)
    return {**recorded.value.as_json(), "entry": recorded.index}
