"""What code in a session may ask of a table before it is submitted: which cells would not show."""

from fastapi import APIRouter

from disclosure.release.tables.plan import TableRequest
from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform
from service.api.gateway import InSession

router = APIRouter(prefix="/v1/tables", route_class=StrictRoute, tags=["gateway"])


@router.post("/preview")
def post_preview(body: TableRequest, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Rehearse a table: its shape, the cells that would be held back, what the checks say.

    No figure is told; every rehearsal is logged and counted, some a day at most.
    """
    return platform.previews.preview(scope, body)
