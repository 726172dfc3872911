"""What code inside a session may know of its own session, and how it hands in its notebook.

Reading the status is no use of a session: it neither keeps it from its idle stop nor costs.
"""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import Field

from catalog.datasets import Frozen
from disclosure.scope import QuestionScope
from foundation.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND
from foundation.db import reading
from foundation.errors import Message, NotFound
from sandbox.sessions import Session
from sandbox.unattended import run_of_session
from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform
from service.api.gateway import InAnyMode, scope_of
from service.api.reviews import shown_review, shown_run, submit
from service.api.sessions import session_ends
from service.bootstrap import Platform
from service.errors import language_of
from service.session_page import VIEW_HEADER
from service.session_strip import strip_of

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["gateway"])
pages = APIRouter(route_class=StrictRoute, tags=["pages"])
MINUTE_US = 60 * MICROSECONDS_PER_SECOND


class OwnNotebook(Frozen):
    """The notebook of this session, as the text of its ``.ipynb`` file."""

    notebook: str = Field(min_length=1)


@router.get("/session")
def get_session_status(scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Tell state and mode, minutes and licence days left, what was spent and what is left."""
    return session_status(platform, scope)


@pages.get("/sessions/{session_id}/status")
def get_session_strip(
    session_id: str,
    request: Request,
    platform: OnPlatform,
    view: Annotated[str, Header(alias=VIEW_HEADER, max_length=200)] = "",
) -> dict[str, object]:
    """Give the page around a session its line of facts; the page holds the secret it needs."""
    session = platform.sessions.session(session_id)
    if session.slot is None or not platform.tickets.sees(session.slot, view):
        raise NotFound("session_unknown", Message("没有这个会话。", "There is no such session."))
    scope = scope_of(platform, session, language_of(request))
    return strip_of(session_status(platform, scope), platform.settings.language)


def session_status(platform: Platform, scope: QuestionScope) -> dict[str, object]:
    """Return what a session's own person may know of it."""
    session = platform.sessions.session(scope.session)
    now_us = platform.clock.now_us()
    licence = platform.enforcer.snapshot.licences.get(session.licence)
    until_us = now_us if licence is None else licence.valid_until_us
    with reading(platform.engine) as connection:
        run = None if session.review is None else run_of_session(connection, session.id)
    names = ("id", "licence", "purpose", "project", "mode", "review", "state")
    return {
        **{name: getattr(session, name) for name in (*names, "spent_nano_rho", "spent_micro_fen")},
        **_time_left(platform, session, now_us),
        "licence_valid_until_us": until_us,
        "licence_days_left": max(0, until_us - now_us) // MICROSECONDS_PER_DAY,
        "budgets": platform.pipeline.budget(scope),
        "run": None if run is None else shown_run(run),
    }


@router.post("/reviews", status_code=201)
def post_own_review(body: OwnNotebook, scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Submit this session's notebook for review; only its code cells are kept."""
    return shown_review(submit(platform, scope.actor, scope.licence, body.notebook))


def _time_left(platform: Platform, session: Session, now_us: int) -> dict[str, object]:
    """Return when the session ends, in microseconds and in whole minutes from now."""
    ends = session_ends(platform, session)
    return {
        **ends,
        "minutes_left": _minutes(ends["ends_us"], now_us),
        "idle_minutes_left": _minutes(ends["idle_ends_us"], now_us),
    }


def _minutes(ends_us: object, now_us: int) -> int | None:
    return max(0, ends_us - now_us) // MINUTE_US if isinstance(ends_us, int) else None
