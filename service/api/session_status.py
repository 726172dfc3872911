"""What code inside a session may know of its own session, and how it hands in its notebook.

Reading the status is no use of a session: it neither keeps it from its idle stop nor costs.
"""

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from foundation.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND
from foundation.db import reading
from sandbox.sessions import Session
from sandbox.unattended import run_of_session
from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform
from service.api.gateway import InAnyMode
from service.api.reviews import shown_review, shown_run, submit
from service.api.sessions import session_ends
from service.bootstrap import Platform

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["gateway"])
MINUTE_US = 60 * MICROSECONDS_PER_SECOND


class OwnNotebook(Frozen):
    """The notebook of this session, as the text of its ``.ipynb`` file."""

    notebook: str = Field(min_length=1)


@router.get("/session")
def get_session_status(scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Tell state and mode, minutes and licence days left, what was spent and what is left."""
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
