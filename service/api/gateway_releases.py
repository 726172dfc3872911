"""What code in a session may ask of the release desk: its own licence's requests, and no votes."""

from fastapi import APIRouter

from disclosure.release.bodies import (
    CommentText,
    NamedFile,
    Reason,
    ReleaseDraft,
    ReleaseRequest,
)
from disclosure.release.drafting import check_reads
from disclosure.release.files import FileDraft
from disclosure.release.requests import no_such_request, requests_of, require_request
from disclosure.scope import QuestionScope
from foundation.db import reading
from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform
from service.api.gateway import InSession
from service.bootstrap import Platform

router = APIRouter(prefix="/v1/releases", route_class=StrictRoute, tags=["gateway"])


@router.post("", status_code=201)
def post_release(body: ReleaseRequest, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Ask the release desk to let one stored answer out, in one step."""
    found = platform.desk.submit(scope.actor, scope.licence, body, scope.session)
    return found.as_json(scope.actor.person)


@router.get("")
def get_releases(scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """List the requests of this licence, and where they stand."""
    with reading(platform.engine) as connection:
        found = requests_of(connection, scope.licence)
    return {"releases": [item.as_json(scope.actor.person) for item in found]}


@router.post("/drafts", status_code=201)
def post_draft(body: ReleaseDraft, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Begin a request of one or several files."""
    found = platform.desk.draft(scope.actor, scope.licence, body, scope.session)
    return found.as_json(scope.actor.person)


@router.get("/{release_id}")
def get_release(release_id: str, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Read one request of this licence."""
    with reading(platform.engine) as connection:
        found = require_request(connection, release_id)
    check_reads(scope.actor, found)
    if found.licence != scope.licence:
        raise no_such_request()
    return found.as_json(scope.actor.person)


@router.post("/{release_id}/files", status_code=201)
def post_file(
    release_id: str, body: FileDraft, scope: InSession, platform: OnPlatform
) -> dict[str, object]:
    """Add a file to a draft, or replace the one of that name."""
    _check_here(platform, scope, release_id)
    found = platform.desk.drafts.put_file(scope.actor, release_id, body)
    return found.as_json(scope.actor.person)


@router.post("/{release_id}/files/remove", status_code=201)
def post_removal(
    release_id: str, body: NamedFile, scope: InSession, platform: OnPlatform
) -> dict[str, object]:
    """Take a file out of a draft."""
    _check_here(platform, scope, release_id)
    found = platform.desk.drafts.remove_file(scope.actor, release_id, body.name)
    return found.as_json(scope.actor.person)


@router.post("/{release_id}/submit", status_code=201)
def post_submission(release_id: str, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Submit a draft: the desk makes its files, checks them, and asks two checkers."""
    _check_here(platform, scope, release_id)
    return platform.desk.submit_draft(scope.actor, release_id).as_json(scope.actor.person)


@router.post("/{release_id}/revise", status_code=201)
def post_revision(release_id: str, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Turn what was sent back into a draft again."""
    _check_here(platform, scope, release_id)
    return platform.desk.drafts.revise(scope.actor, release_id).as_json(scope.actor.person)


@router.post("/{release_id}/withdraw", status_code=201)
def post_withdrawal(
    release_id: str, body: Reason, scope: InSession, platform: OnPlatform
) -> dict[str, object]:
    """Take a request back for good."""
    _check_here(platform, scope, release_id)
    found = platform.desk.drafts.withdraw(scope.actor, release_id, body.reason)
    return found.as_json(scope.actor.person)


@router.post("/{release_id}/comments", status_code=201)
def post_comment(
    release_id: str, body: CommentText, scope: InSession, platform: OnPlatform
) -> dict[str, object]:
    """Write to the checkers."""
    _check_here(platform, scope, release_id)
    found = platform.desk.drafts.comment(scope.actor, release_id, body.comment)
    return found.as_json(scope.actor.person)


def _check_here(platform: Platform, scope: QuestionScope, release_id: str) -> None:
    """Raise NotFound for a request of another licence, whoever its author is."""
    with reading(platform.engine) as connection:
        found = require_request(connection, release_id)
    if found.licence != scope.licence:
        raise no_such_request()
