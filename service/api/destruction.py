"""Certificates of destruction over HTTP: of a session, and of a licence that is over."""

from fastapi import APIRouter

from authorization.licences import require_licence
from foundation.db import reading
from foundation.errors import Message, NotFound
from sandbox.homes.keeping import homes
from service.api.callers import AnyCaller, ExplainingCaller, OnPlatform
from service.bootstrap import Platform
from service.destruction import DestructionDesk
from service.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute, tags=["destruction"])


@router.post("/sessions/{session_id}/destruction-certificates", status_code=201)
def post_session_certificate(
    session_id: str, actor: ExplainingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Certify that a session is destroyed: to its own person, the authority, the regulator."""
    session = platform.sessions.session(session_id)
    if session.person != actor.person and not actor.oversees:
        raise NotFound("session_unknown", Message("没有这个会话。", "There is no such session."))
    return _desk(platform).of_session(actor, session)


@router.post("/licences/{licence_id}/destruction-certificates", status_code=201)
def post_licence_certificate(
    licence_id: str, actor: ExplainingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Certify that everything under a licence is destroyed, and what is kept until when."""
    with reading(platform.engine) as connection:
        licence = require_licence(connection, licence_id)
    if licence.operator != actor.organisation and not actor.oversees:
        raise _no_licence()
    return _desk(platform).of_licence(actor, licence_id)


@router.get("/homes")
def get_homes(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the work that is kept between sessions: one's own; the authority sees everybody's."""
    with reading(platform.engine) as connection:
        found = homes(connection, person=None if actor.oversees else actor.person)
    return {"homes": [home.as_json() for home in found]}


def _desk(platform: Platform) -> DestructionDesk:
    return DestructionDesk(
        platform.engine,
        platform.writer,
        platform.keys,
        platform.records.classes,
        platform.sessions,
    )


def _no_licence() -> NotFound:
    return NotFound(
        "licence_unknown", Message("没有这份授权。", "There is no such licence."), field="licence"
    )
