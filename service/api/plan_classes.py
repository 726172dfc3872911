"""Classes of private questions that were closed by a failure: read them, open them again."""

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from disclosure.plan_classes import closed_classes, reopen_class
from foundation.clock import to_iso
from foundation.db import reading
from service.api.bodies import StrictRoute
from service.api.callers import AuthorityCaller, OnPlatform, OverseerCaller

router = APIRouter(prefix="/closed-plan-classes", route_class=StrictRoute, tags=["disclosure"])


class Reopening(Frozen):
    """Why a class of questions may be asked again."""

    reason: str = Field(min_length=10, max_length=2000)


@router.get("")
def get_closed_classes(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List every closing, newest first, and whether somebody has looked since."""
    with reading(platform.engine) as connection:
        found = closed_classes(connection)
    return {
        "closings": [
            {
                "id": item.id,
                "class": item.description,
                "licence": item.licence,
                "closed_index": item.closed_index,
                "closed_at": to_iso(item.closed_us),
                "reopened_at": None if item.reopened_us is None else to_iso(item.reopened_us),
                "reopened_by": item.reopened_by,
                "reason": item.reason,
            }
            for item in found
        ]
    }


@router.post("/{closing}/reopening", status_code=201)
def post_reopening(
    closing: str, body: Reopening, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Open a class again after looking into its failure; logged with the reason."""
    recorded = reopen_class(platform.writer, actor, closing, body.reason)
    return {"closing": closing, "index": recorded.index, "receipt": recorded.receipt}
