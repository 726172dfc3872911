"""Webhooks of one's own organisation: subscribed, ended, and what could not be brought."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from foundation.clock import to_iso
from foundation.db import reading
from service.api.callers import OnPlatform, SubscriberCaller
from service.idempotency import IdempotentRoute
from service.notices.delivery import undelivered
from service.notices.webhooks import Subscription, subscriptions_of

router = APIRouter(prefix="/webhooks", route_class=IdempotentRoute, tags=["notices"])


class SubscriptionBody(Frozen):
    """Where to call, and for which kinds of notices (``matter.reminded``, ``matter.*``, ``*``)."""

    url: str = Field(min_length=1, max_length=500)
    kinds: tuple[str, ...] = Field(min_length=1, max_length=50)


@router.get("")
def get_webhooks(actor: SubscriberCaller, platform: OnPlatform) -> dict[str, object]:
    """List the subscriptions of one's own organisation; no secret is among them."""
    with reading(platform.engine) as connection:
        found = subscriptions_of(connection, actor.organisation)
    return {"webhooks": [_shown(item) for item in found]}


@router.post("", status_code=201)
def post_webhook(
    body: SubscriptionBody, actor: SubscriberCaller, platform: OnPlatform
) -> dict[str, object]:
    """Subscribe. The secret that signs each call is shown here and never again."""
    recorded, secret = platform.notices.webhooks.subscribe(actor, body.url, body.kinds)
    return {**_shown(recorded.value), "secret": secret, "entry": recorded.index}


@router.post("/{subscription_id}/end", status_code=201)
def post_end(
    subscription_id: str, actor: SubscriberCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a subscription, for good."""
    recorded = platform.notices.webhooks.end(actor, subscription_id)
    return {**_shown(recorded.value), "entry": recorded.index}


@router.get("/undelivered")
def get_undelivered(actor: SubscriberCaller, platform: OnPlatform) -> dict[str, object]:
    """List what one's own organisation could not be brought, and why."""
    with reading(platform.engine) as connection:
        return {"undelivered": undelivered(connection, actor)}


@router.post("/undelivered/{delivery_id}/revival", status_code=201)
def post_revival(
    delivery_id: str, actor: SubscriberCaller, platform: OnPlatform
) -> dict[str, object]:
    """Put back a delivery that was given up: it is tried once more."""
    recorded = platform.notices.delivery.revive(actor, delivery_id)
    return {"delivery": delivery_id, "entry": recorded.index}


def _shown(item: Subscription) -> dict[str, Any]:
    return {
        "id": item.id,
        "url": item.url,
        "kinds": list(item.kinds),
        "made_by": item.made_by,
        "made": to_iso(item.made_us),
        "ended": None if item.ended_us is None else to_iso(item.ended_us),
    }
