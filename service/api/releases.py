"""The release desk over HTTP: checkers read, preview and vote; certificates follow delivery."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from disclosure.release.delivered import certificate_of
from disclosure.release.desk import ReleaseVote
from disclosure.release.requests import Request, requests_of, require_request
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Actor, Role
from service.api.callers import AnyCaller, CheckerCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/releases", route_class=IdempotentRoute, tags=["releases"])
CSV = "text/csv; charset=utf-8"
OVERSEERS = (Role.CHECKER, Role.AUTHORITY, Role.REGULATOR)


@router.get("")
def get_releases(
    actor: AnyCaller,
    platform: OnPlatform,
    licence: Annotated[str | None, Query(max_length=80)] = None,
) -> dict[str, object]:
    """List the requests that the caller may see."""
    with reading(platform.engine) as connection:
        found = requests_of(connection, licence)
    return {"releases": [item.as_json() for item in found if _readable(item, actor)]}


@router.get("/{release_id}")
def get_release(release_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read one request with its checks; votes show once it is decided."""
    with reading(platform.engine) as connection:
        found = require_request(connection, release_id)
    if not _readable(found, actor):
        raise NotFound(
            "release_unknown",
            Message("没有这个出域申请。", "There is no such release request."),
            field="release",
        )
    return found.as_json()


@router.get("/{release_id}/preview")
def get_preview(release_id: str, actor: CheckerCaller, platform: OnPlatform) -> Response:
    """Read the very bytes that would leave; the reading is logged."""
    return Response(platform.desk.preview(actor, release_id), media_type=CSV)


@router.post("/{release_id}/votes", status_code=201)
def post_vote(
    release_id: str, body: ReleaseVote, actor: CheckerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Vote on exactly the bytes named; the second approval delivers."""
    return platform.desk.vote(actor, release_id, body).as_json()


@router.get("/{release_id}/certificate")
def get_certificate(release_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Return the signed certificate of a delivered release."""
    with reading(platform.engine) as connection:
        found = require_request(connection, release_id)
        if not _readable(found, actor):
            raise NotFound(
                "release_unknown",
                Message("没有这个出域申请。", "There is no such release request."),
                field="release",
            )
        return certificate_of(connection, release_id)


def _readable(request: Request, actor: Actor) -> bool:
    return request.organisation == actor.organisation or any(map(actor.has, OVERSEERS))
