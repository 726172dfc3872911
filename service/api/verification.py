"""Verification (核验): a session's claims, and the locks of those who guess, for the authority."""

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from disclosure.verify.claims import Claim
from disclosure.verify.locks import lift_lock, locks
from foundation.db import reading
from service.api.bodies import StrictRoute
from service.api.callers import AuthorityCaller, OnPlatform, OverseerCaller
from service.api.gateway import InAnyMode
from service.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute, tags=["verification"])
claims = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["gateway"])


class LiftReason(Frozen):
    """Why a lock is lifted."""

    reason: str = Field(min_length=1, max_length=1_000)


@claims.post("/verify")
def post_claim(body: Claim, scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Verify a claim about one unit who agreed to it: yes, no or unknown, never a value."""
    return platform.verifier.verify(scope, body).as_json()


@router.get("/verification-locks")
def get_locks(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List which operators are locked out of which attribute of which subject (by digest)."""
    with reading(platform.engine) as connection:
        return {"locks": locks(connection)}


@router.post("/verification-locks/{lock_id}/lift", status_code=200)
def post_lift(
    lock_id: str, body: LiftReason, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Lift a lock, with a reason."""
    recorded = lift_lock(platform.writer, actor, lock_id, body.reason)
    return {"id": recorded.value, "lifted_us": recorded.time_us, "entry": recorded.index}
