"""The release desk over HTTP: authors follow, checkers read and vote, officers except.

Drafts are made in a session, over its gateway: nothing is uploaded here.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Request as HttpRequest
from fastapi.responses import Response

from disclosure.release.bodies import CommentText, ExceptionGranted, Reason, ReleaseVote
from disclosure.release.copies import recipients_of
from disclosure.release.delivered import MEDIA_TYPES, certificate_of, packed
from disclosure.release.drafting import check_reads
from disclosure.release.requests import Request, no_such_request, requests_of, require_request
from disclosure.release.states import ReleaseState
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.errors import NotFound
from foundation.identity import Actor
from service.api.callers import (
    AnyCaller,
    AuthorityCaller,
    CheckerCaller,
    CommentingCaller,
    OfficerCaller,
    OnPlatform,
    OperatorCaller,
    OverseerCaller,
    ReleaseReaderCaller,
)
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/releases", route_class=IdempotentRoute, tags=["releases"])


@router.get("")
def get_releases(
    actor: AnyCaller,
    platform: OnPlatform,
    licence: Annotated[str | None, Query(max_length=80)] = None,
) -> dict[str, object]:
    """List the requests that the caller may see."""
    with reading(platform.engine) as connection:
        found = requests_of(connection, licence)
    seen = [item for item in found if is_readable(item, actor)]
    return {"releases": [item.as_json(actor.person) for item in seen]}


@router.get("/{release_id}")
def get_release(release_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read one request with its checks; votes show once it is decided."""
    return readable_request(platform, actor, release_id).as_json(actor.person)


@router.get("/{release_id}/preview")
def get_preview(
    release_id: str,
    actor: ReleaseReaderCaller,
    platform: OnPlatform,
    name: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Read the very bytes that would leave; the reading is logged. ``name`` chooses a file."""
    file = platform.desk.preview(actor, release_id, name)
    return Response(file.content, media_type=MEDIA_TYPES[file.format])


@router.post("/{release_id}/votes", status_code=201)
def post_vote(
    release_id: str, body: ReleaseVote, actor: CheckerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Vote on exactly the bytes named; votes are counted when all are in."""
    return platform.desk.vote(actor, release_id, body).as_json(actor.person)


@router.post("/{release_id}/comments", status_code=201)
def post_comment(
    release_id: str, body: CommentText, actor: CommentingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Comment on a request: its own organisation, or who may check it."""
    found = platform.desk.drafts.comment(actor, release_id, body.comment)
    return found.as_json(actor.person)


@router.post("/{release_id}/submit", status_code=201)
def post_submission(
    release_id: str, actor: OperatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Submit one's own draft: the desk makes its files, checks them, and asks two checkers."""
    return platform.desk.submit_draft(actor, release_id).as_json(actor.person)


@router.post("/{release_id}/revise", status_code=201)
def post_revision(
    release_id: str, actor: OperatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Turn one's own request that was sent back into a draft again."""
    return platform.desk.drafts.revise(actor, release_id).as_json(actor.person)


@router.post("/{release_id}/withdraw", status_code=201)
def post_withdrawal(
    release_id: str, body: Reason, actor: OperatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take one's own request back for good."""
    found = platform.desk.drafts.withdraw(actor, release_id, body.reason)
    return found.as_json(actor.person)


@router.post("/{release_id}/exceptions", status_code=201)
def post_exception(
    release_id: str, body: ExceptionGranted, actor: OfficerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Let a failed check pass, with a written reason; the votes are still needed."""
    return platform.desk.except_check(actor, release_id, body).as_json(actor.person)


@router.post("/{release_id}/copies", status_code=201)
def post_copy(release_id: str, actor: OperatorCaller, platform: OnPlatform) -> Response:
    """Be handed one's own copy: its files with both certificates, in a zip; each copy is logged."""
    copy = platform.desk.copies.hand_over(actor, release_id)
    with reading(platform.engine) as connection:
        certificate = certificate_of(connection, release_id)
    files = [(file.name, file.content) for file in copy.files]
    files.append(("certificate.release.json", canonical_bytes(certificate)))
    files.append(("certificate.copy.json", canonical_bytes(copy.certificate)))
    headers = {"X-Audit-Index": str(copy.index), "X-Copy": copy.id}
    return Response(packed(files), 201, headers, MEDIA_TYPES["zip"])


@router.get("/{release_id}/copies")
def get_copies(release_id: str, actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List who was handed a copy, and when."""
    readable_request(platform, actor, release_id)
    with reading(platform.engine) as connection:
        return {"copies": recipients_of(connection, release_id)}


@router.post("/{release_id}/recall", status_code=201)
def post_recall(
    request: HttpRequest,
    release_id: str,
    body: Reason,
    actor: AuthorityCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Take a delivered release back; every recipient and dependent product is named."""
    found = platform.desk.recalls.recall(actor, release_id, body.reason)
    request.app.state.answers.forget()  # no repeated key hands a recalled copy out again
    return found.as_json()


@router.get("/{release_id}/certificate")
def get_certificate(release_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Return the signed certificate of a delivered release."""
    readable_request(platform, actor, release_id)
    with reading(platform.engine) as connection:
        return certificate_of(connection, release_id)


def readable_request(platform: Platform, actor: Actor, release_id: str) -> Request:
    """Return a request that the caller may know of. Raises NotFound."""
    with reading(platform.engine) as connection:
        found = require_request(connection, release_id)
    if not is_readable(found, actor):
        raise no_such_request()
    return found


def is_readable(request: Request, actor: Actor) -> bool:
    """Tell who may read it; a draft is its organisation's own until it was submitted."""
    try:
        check_reads(actor, request)
    except NotFound:
        return False
    private = request.state is ReleaseState.DRAFT and request.first_submitted_us is None
    return not private or actor.organisation == request.organisation
