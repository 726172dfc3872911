"""A question that is on its way: how far the engine is, and giving it up.

Both only for answers of granted rows, and only to the session that asks: see ``disclosure.asks``.
"""

from typing import Annotated

from fastapi import APIRouter, Path

from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform
from service.api.gateway import ASK_PATTERN, InAnyMode

router = APIRouter(prefix="/v1/queries", route_class=StrictRoute, tags=["gateway"])
AskName = Annotated[str, Path(pattern=ASK_PATTERN)]


@router.get("/{ask}")
def get_progress(ask: AskName, scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Tell the engine's own percentage of a question of this session; null where it knows none."""
    return platform.asks.of(scope.session, ask).progress()


@router.delete("/{ask}")
def delete_query(ask: AskName, scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Give a question up: it ends at once, is logged as cancelled, and is not billed."""
    platform.asks.of(scope.session, ask).cancel()
    return {"cancelled": True}
