"""What code inside a session may ask: data sets, budget, estimate, question.

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
from disclosure.scope import QuestionScope
from disclosure.twins.answers import refuse_in_debug
from foundation.db import reading
from foundation.errors import Denied, Message
from sandbox.lifecycle import SessionMode
from sandbox.sessions import Session
from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform, platform_of
from service.bootstrap import Platform
from service.errors import language_of

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["gateway"])
ARROW_STREAM = "application/vnd.apache.arrow.stream"
SQL_CHARACTERS_MAX = 100_000
ASK_PATTERN = r"^[0-9a-f]{32}$"


class SqlQuestion(Frozen):
    """One question, and how much privacy loss it may cost."""

    sql: str = Field(min_length=1, max_length=SQL_CHARACTERS_MAX)
    question_nano_rho: int | None = Field(default=None, ge=1)


class NamedQuestion(SqlQuestion):
    """A question to answer; by the name ``ask`` its own session follows it or gives it up."""

    ask: str | None = Field(default=None, pattern=ASK_PATTERN)


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


def any_session_scope(request: Request) -> QuestionScope:
    """Return who asks, as the slot's session and the registry know it, in either mode."""
    platform = platform_of(request)
    session = platform.sessions.session_of_slot(str(request.state.slot))
    if session is None:
        raise Denied(
            "session_not_open",
            Message("会话不在开通状态。", "The session is not open."),
            field="session",
        )
    return scope_of(platform, session, language_of(request))


def scope_of(platform: Platform, session: Session, language: str) -> QuestionScope:
    """Return who asks in a session, as the register knows its person now."""
    with reading(platform.engine) as connection:
        actor = actor_for_person(connection, session.person, session.organisation, language)
    return QuestionScope(
        session=session.id,
        licence=session.licence,
        actor=actor,
        project=session.project,
        twin=session.mode is not SessionMode.PRODUCTION,
    )


InAnyMode = Annotated[QuestionScope, Depends(any_session_scope)]
"""A session in debug or in production: for what answers a debug session from twins, or tells it
nothing of data."""


def session_scope(request: Request, scope: InAnyMode) -> QuestionScope:
    """Return who asks from a session in production; one in debug mode is refused, and logged."""
    if scope.twin:
        request.state.actor = scope.actor
        refuse_in_debug(scope)
    return scope


InSession = Annotated[QuestionScope, Depends(session_scope)]
"""A session in production: what every endpoint takes that does not know of twins."""


@router.get("/datasets")
def get_datasets(scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """List what this licence grants."""
    return {"datasets": platform.pipeline.datasets(scope), **_synthetic(scope)}


@router.get("/budget")
def get_budget(scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Tell this licence's privacy budget: the real one, of which a debug session spends none."""
    return {"populations": platform.pipeline.budget(scope), **_synthetic(scope)}


@router.post("/estimate")
def post_estimate(
    body: EstimateQuestion, scope: InAnyMode, platform: OnPlatform
) -> dict[str, object]:
    """Say what a question would cost and how exact its answer would be. Free.

    With ``wanted`` the price is the least at which the named figure is as exact as that.
    """
    asked = body.wanted
    wanted = None if asked is None else Wanted(asked.output, asked.half_width, asked.rows)
    told = platform.pipeline.estimate(scope, body.sql, body.question_nano_rho, wanted)
    return {**told, **_synthetic(scope)}


@router.post("/query")
def post_query(body: NamedQuestion, scope: InAnyMode, platform: OnPlatform) -> Response:
    """Ask a question; the answer is one Arrow stream with its receipt."""
    with platform.asks.open(scope.session, body.ask) as ask:
        given = platform.pipeline.ask(scope, body.sql, body.question_nano_rho, ask)
    return Response(given.arrow_stream, media_type=ARROW_STREAM)


@router.post("/attempts", status_code=201)
def post_attempt(body: AttemptReport, scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Log an attempt that the sandbox stopped. It is the session's own word, and marked so."""
    receipt = platform.pipeline.report_attempt(scope, body.label, body.code, stopped=body.stopped)
    return {"logged": receipt is not None, "receipt": receipt}


def _synthetic(scope: QuestionScope) -> dict[str, object]:
    """Mark what a debug session is told."""
    return {"synthetic": True} if scope.twin else {}
