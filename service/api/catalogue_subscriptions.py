"""A person's own subscriptions to the catalogue: entries, departments, tags."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from catalog.book.subscriptions import Topic, subscribe, subscriptions, unsubscribe
from catalog.datasets import Frozen
from foundation.db import reading
from service.api.callers import AnyCaller, OnPlatform, PersonalCaller
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/catalog/subscriptions", route_class=IdempotentRoute, tags=["catalogue"])


class SubscriptionBody(Frozen):
    """What to be told of: an entry's identifier, an organisation, or a tag of the code lists."""

    topic: Topic
    subject: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_-]+$")]


@router.post("", status_code=201)
def post_subscription(
    body: SubscriptionBody, actor: PersonalCaller, platform: OnPlatform
) -> dict[str, object]:
    """Subscribe to changes of the catalogue, in one's own name."""
    recorded = subscribe(platform.writer, platform.catalog_rules, actor, body.topic, body.subject)
    return {**recorded.value.model_dump(mode="json"), "entry": recorded.index}


@router.get("")
def get_subscriptions(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List one's own subscriptions that stand."""
    with reading(platform.engine) as connection:
        found = subscriptions(connection, actor)
    return {"subscriptions": [item.model_dump(mode="json") for item in found]}


@router.post("/{subscription_id}/end", status_code=201)
def post_end(
    subscription_id: str, actor: PersonalCaller, platform: OnPlatform
) -> dict[str, object]:
    """End one's own subscription."""
    recorded = unsubscribe(platform.writer, actor, subscription_id)
    return {"id": subscription_id, "entry": recorded.index}
