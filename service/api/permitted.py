"""Maximum permitted revenue over HTTP: two persons of the pricing authority, read by overseers."""

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from foundation.db import reading
from foundation.errors import Denied, Message
from foundation.identity import Role
from policies.schema.revenue import PermittedRules, RevenueRules
from revenue.permitted.decisions import (
    decide_permitted,
    decisions_of,
    propose_permitted,
    review_year,
    reviews_of,
)
from revenue.permitted.documents import YEAR_MAX, YEAR_MIN, PermittedRevenue
from service.api.callers import AnyCaller, OnPlatform, PricingCaller
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/permitted-revenue", route_class=IdempotentRoute, tags=["revenue"])
OVERSEERS = (Role.AUTHORITY, Role.REGULATOR, Role.PRICING, Role.FINANCE)


class ReviewRequest(Frozen):
    """The finished calendar year to hold against its maximum."""

    year: int = Field(ge=YEAR_MIN, le=YEAR_MAX)


@router.post("", status_code=201)
def post_proposal(
    body: PermittedRevenue, actor: PricingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose a maximum from its cost sheet; another person decides it by its digest."""
    recorded = propose_permitted(platform.writer, actor, body, _rules(platform))
    maximum = body.maximum(_rules(platform))
    return {
        "digest": recorded.value.digest,
        "yearly_fen": maximum.total_fen,
        "cost_fen": maximum.cost_fen,
        "profit_fen": maximum.profit_fen,
        "tax_fen": maximum.tax_fen,
        "entry": recorded.index,
    }


@router.post("/{digest}/decision", status_code=201)
def post_decision(digest: str, actor: PricingCaller, platform: OnPlatform) -> dict[str, object]:
    """Decide a proposal: what the period before took in too much comes off its years."""
    recorded = decide_permitted(platform.writer, actor, digest, _rules(platform))
    return {"digest": digest, **recorded.value.computed, "entry": recorded.index}


@router.post("/{operator}/reviews", status_code=201)
def post_review(
    operator: str, body: ReviewRequest, actor: PricingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Hold a year's revenue against its maximum: prices or ceilings adjust."""
    recorded = review_year(platform.writer, actor, operator, body.year, _rules(platform))
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.get("/{operator}")
def get_permitted(operator: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read an operator's decided maxima and reviews: for its overseers and itself."""
    if actor.organisation != operator and not any(actor.has(role) for role in OVERSEERS):
        raise Denied(
            "permitted_not_yours",
            Message(
                "最高准许收入只对监管方和该运营机构开放。",
                "A maximum is open to overseers and to the operator itself only.",
            ),
            field="operator",
            rule="roles",
        )
    with reading(platform.engine) as connection:
        decided = decisions_of(connection, operator)
        reviews = reviews_of(connection, operator)
    return {
        "operator": operator,
        "decisions": [{"digest": one.digest, **one.computed} for one in decided],
        "reviews": [one.as_json() for one in reviews],
    }


def _rules(platform: Platform) -> PermittedRules:
    return platform.pack.rules(RevenueRules).permitted
