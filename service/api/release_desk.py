"""The desk as a whole: its figures, the signed list of recalls, notices, and traces of files."""

from fastapi import APIRouter

from disclosure.release.bodies import TracedFile
from disclosure.release.metrics import desk_metrics
from disclosure.release.recalling import notices_for, recall_list
from disclosure.release.tracing import trace
from foundation.db import reading
from service.api.callers import AnyCaller, OnPlatform, OverseerCaller
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/release-desk", route_class=IdempotentRoute, tags=["releases"])


@router.get("/metrics")
def get_metrics(actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell the age of the queue, turnaround, failed checks by rule, and what waits for what."""
    del actor
    with reading(platform.engine) as connection:
        return desk_metrics(connection, platform.clock.now_us(), platform.desk.waiting)


@router.get("/recalls")
def get_recalls(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Return the newest signed list of recalls; a certificate whose release it names is void."""
    del actor
    with reading(platform.engine) as connection:
        return {"recalls": recall_list(connection)}


@router.get("/notices")
def get_notices(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the recalls of what the caller's organisation holds a copy of."""
    with reading(platform.engine) as connection:
        return {"notices": notices_for(connection, actor.organisation)}


@router.post("/traces", status_code=201)
def post_trace(body: TracedFile, actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """Say which release, session, author and recipient a file came from, by digests and marks."""
    found = trace(platform.engine, platform.writer, actor, body)
    return {"origins": [origin.as_json() for origin in found]}
