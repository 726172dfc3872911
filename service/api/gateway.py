"""What code inside a session may ask: data sets, budget, estimate, question, release.

The slot stands in the scope, put there by the listener that accepted the connection; nothing in
the request says who asks (see ``service.session_gateway_socket``).
"""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from authorization.organisations import actor_for_person
from catalog.datasets import Frozen
from disclosure.pipeline.estimating import Wanted
from disclosure.release.desk import ReleaseRequest
from disclosure.scope import QuestionScope
from disclosure.twins.answers import refuse_in_debug
from foundation.db import reading
from foundation.errors import Denied, Message
from sandbox.lifecycle import SessionMode
from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform, platform_of
from service.errors import language_of

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["gateway"])
ARROW_STREAM = "application/vnd.apache.arrow.stream"
SQL_CHARACTERS_MAX = 100_000


class SqlQuestion(Frozen):
    """One question, and how much privacy loss it may cost."""

    sql: str = Field(min_length=1, max_length=SQL_CHARACTERS_MAX)
    question_nano_rho: int | None = Field(default=None, ge=1)


class Exactness(Frozen):
    """How exact one figure is wanted: its half width at 95 %, in a group of so many rows."""

    output: str = Field(min_length=1, max_length=100)
    half_width: Decimal = Field(gt=0, max_digits=18)
    rows: int | None = Field(default=None, ge=1, le=10**12)


class EstimateQuestion(SqlQuestion):
    """A question to price, perhaps at the exactness that is wanted of one figure."""

    wanted: Exactness | None = None


class AttemptReport(Frozen):
    """What code in a session says it tried of its sandbox, and what came of it."""

    label: str = Field(min_length=1, max_length=200)
    code: str = Field(pattern=r"^[a-z][a-z_]{1,59}$")
    stopped: bool


def session_scope(request: Request) -> QuestionScope:
    """Return who asks, as the slot's session and the registry know it."""
    platform = platform_of(request)
    session = platform.sessions.session_of_slot(str(request.state.slot))
    if session is None:
        raise Denied(
            "session_not_open",
            Message("会话不在开通状态。", "The session is not open."),
            field="session",
        )
    with reading(platform.engine) as connection:
        actor = actor_for_person(
            connection, session.person, session.organisation, language_of(request)
        )
    return QuestionScope(
        session=session.id,
        licence=session.licence,
        actor=actor,
        project=session.project,
        twin=session.mode is not SessionMode.PRODUCTION,
    )


InSession = Annotated[QuestionScope, Depends(session_scope)]


@router.get("/datasets")
def get_datasets(scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """List what this licence grants."""
    return {"datasets": platform.pipeline.datasets(scope), **_synthetic(scope)}


@router.get("/budget")
def get_budget(scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Tell this licence's privacy budget: the real one, of which a debug session spends none."""
    return {"populations": platform.pipeline.budget(scope), **_synthetic(scope)}


@router.post("/estimate")
def post_estimate(
    body: EstimateQuestion, scope: InSession, platform: OnPlatform
) -> dict[str, object]:
    """Say what a question would cost and how exact its answer would be. Free.

    With ``wanted`` the price is the least at which the named figure is as exact as that.
    """
    asked = body.wanted
    wanted = None if asked is None else Wanted(asked.output, asked.half_width, asked.rows)
    told = platform.pipeline.estimate(scope, body.sql, body.question_nano_rho, wanted)
    return {**told, **_synthetic(scope)}


@router.post("/query")
def post_query(body: SqlQuestion, scope: InSession, platform: OnPlatform) -> Response:
    """Ask a question; the answer is one Arrow stream with its receipt."""
    given = platform.pipeline.ask(scope, body.sql, body.question_nano_rho)
    return Response(given.arrow_stream, media_type=ARROW_STREAM)


@router.post("/attempts", status_code=201)
def post_attempt(body: AttemptReport, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Log an attempt that the sandbox stopped. It is the session's own word, and marked so."""
    receipt = platform.pipeline.report_attempt(scope, body.label, body.code, stopped=body.stopped)
    return {"logged": receipt is not None, "receipt": receipt}


@router.post("/releases", status_code=201)
def post_release(body: ReleaseRequest, scope: InSession, platform: OnPlatform) -> dict[str, object]:
    """Ask the release desk to let one stored answer out; a debug session has none that may."""
    refuse_in_debug(scope)
    return platform.desk.submit(scope.actor, scope.licence, body).as_json()


def _synthetic(scope: QuestionScope) -> dict[str, object]:
    """Mark what a debug session is told."""
    return {"synthetic": True} if scope.twin else {}
