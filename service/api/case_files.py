"""A case over the five counters (统一管理·发布·受理·对接·推广), and what is promoted last."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from authorization.sharing.case_files import case_file, cases_of
from authorization.sharing.promoting import promoted
from catalog.datasets import Frozen
from foundation.db import reading
from service.api.callers import AnyCaller, AuthorityCaller, DepartmentCaller, OnPlatform
from service.api.sharing import Words
from service.idempotency import IdempotentRoute
from service.sharing_desks import sharing_of

router = APIRouter(prefix="/case-files", route_class=IdempotentRoute, tags=["sharing"])
promotions = APIRouter(prefix="/promotions", route_class=IdempotentRoute, tags=["sharing"])


class PromotionBody(Frozen):
    """What shared data achieved, in the using department's words."""

    request: str = Field(min_length=1, max_length=64)
    achieved: Words


class PromotionDecision(Frozen):
    """Whether an application is published for others to follow."""

    outcome: Literal["published", "declined"]
    reason: str = Field(default="", max_length=2_000)


@router.get("")
def get_case_files(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the cases in which one's own organisation has a part."""
    with reading(platform.engine) as connection:
        return {"cases": cases_of(connection, actor)}


@router.get("/{number}")
def get_case_file(number: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Show a case's whole life over the counters, and where it is now."""
    with reading(platform.engine) as connection:
        return case_file(connection, actor, number)


@promotions.get("")
def get_promotions(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the applications that were published for others to follow."""
    with reading(platform.engine) as connection:
        found = promoted(connection)
    shown = ("id", "case", "subject", "title", "applicant", "concluded_us")
    return {"promotions": [one.model_dump(mode="json", include=set(shown)) for one in found]}


@promotions.post("", status_code=201)
def post_promotion(
    body: PromotionBody, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Put an application of shared data forward."""
    recorded = sharing_of(platform).promoting.propose(actor, body.request, body.achieved)
    return {"matter": recorded.value.model_dump(mode="json"), "entry_index": recorded.index}


@promotions.post("/{matter_id}/decision", status_code=201)
def post_promotion_decision(
    matter_id: str, body: PromotionDecision, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Publish an application, or decline it."""
    decide = sharing_of(platform).promoting.decide
    recorded = decide(actor, matter_id, body.outcome, body.reason)
    return {"matter": recorded.value.model_dump(mode="json"), "entry_index": recorded.index}
