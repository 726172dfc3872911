"""Sessions: opened by an operator under a licence, framed on the platform's own page."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from authorization.decisions import AccessRequest, check_decision, decide
from authorization.lines import Action
from catalog.datasets import Frozen, Name
from foundation.db import reading
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor
from policies.schema.sessions import SessionRules
from sandbox.egress import EgressAccount
from sandbox.endings import endings
from sandbox.lifecycle import LIFECYCLE_RULE, SessionMode, SessionState, not_open, step
from sandbox.proxy_rules import ENTER_PATH
from sandbox.sessions import Session
from sandbox.unattended import Asked, Trigger
from service.api.bodies import StrictRoute
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform, OperatorCaller
from service.api.reviews import Reason, RunRequest, caps_of, shown_run, usable
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute
from service.regulator.names import RegisteredNames
from service.session_page import session_page
from service.session_terms import check_project, mode_of_new, needs_review

router = APIRouter(prefix="/sessions", route_class=IdempotentRoute, tags=["sessions"])
pages = APIRouter(route_class=StrictRoute, tags=["pages"])


class SessionRequest(Frozen):
    """Under which licence a session is wanted, and for which of its projects, where it has any."""

    licence: str = Field(min_length=1, max_length=80)
    project: Name | None = None
    mode: SessionMode | None = None


@router.post("", status_code=201)
def post_session(
    body: SessionRequest, actor: OperatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Open an isolated notebook session. Its purpose is that of the licence's scenario.

    In which ``mode``, the rules say where none is asked for: on the real data where they allow it.
    """
    snapshot = platform.enforcer.snapshot
    request = AccessRequest(actor, body.licence, Action.SESSION_OPEN)
    permit = check_decision(decide(snapshot, platform.board, request, platform.clock.now_us()))
    purpose = str(permit.licence.document.scenario.purpose)
    check_project(permit.licence.document, body.project)
    platform.doors.egress.check_open(EgressAccount(actor.person, body.licence))
    with reading(platform.engine) as connection:
        reviewed_only = needs_review(
            connection, permit.licence.document, platform.pack.rules(SessionRules)
        )
    mode = mode_of_new(body.mode, reviewed_only=reviewed_only)
    session = platform.sessions.open(actor, body.licence, purpose, body.project, mode)
    if not platform.board.is_open(body.licence):  # suspended while the sandbox was starting
        platform.sessions.close(session.id, actor, "licence_suspended")
        platform.board.check_open(body.licence)
    return _shown(platform, session)


@router.get("")
def get_sessions(
    actor: AnyCaller,
    platform: OnPlatform,
    licence: Annotated[str | None, Query(max_length=80)] = None,
    live: Annotated[bool, Query()] = False,
) -> dict[str, object]:
    """List sessions, newest first: a person's own; all of them for authority and regulator."""
    found = platform.sessions.sessions(licence=licence, live=live)
    own = [one for one in found if actor.oversees or one.person == actor.person]
    return {"sessions": [_shown(platform, session) for session in own]}


@router.get("/{session_id}")
def get_session(session_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell where a session stands: to its own person, the authority and the regulator."""
    return _shown(platform, _readable(platform, actor, session_id))


@router.post("/{session_id}/tickets", status_code=201)
def post_ticket(session_id: str, actor: OperatorCaller, platform: OnPlatform) -> dict[str, object]:
    """Give the session's own person a link that works once, within a minute."""
    session = _own(platform, actor, session_id)
    if session.review is not None:
        raise _unattended()
    url = platform.proxy.enter_url(str(session.slot))
    settings = platform.settings
    origin = f"http://{settings.platform_host}:{settings.port}"
    return {"url": url, "page": f"{origin}/sessions/{session_id}?{url.partition('?')[2]}"}


@router.post("/{session_id}/close", status_code=200)
def post_close(session_id: str, actor: OperatorCaller, platform: OnPlatform) -> dict[str, object]:
    """End a session; its sandbox and everything in it is destroyed."""
    _own(platform, actor, session_id)
    return _shown(platform, platform.sessions.close(session_id, actor, "closed_by_operator"))


@router.post("/{session_id}/production", status_code=202)
def post_production(
    session_id: str, body: RunRequest, actor: OperatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Move a debug session to production: a fresh sandbox runs the reviewed notebook, by itself."""
    session = _own(platform, actor, session_id)
    step(session.state, SessionState.PRODUCTION)
    review = usable(platform, actor, body.review, body)
    if (review.licence, body.project) != (session.licence, session.project):
        raise _of_another_licence()
    asked = Asked(review, session.project, caps_of(body), Trigger.SESSION, session=session.id)
    return shown_run(platform.work.runs.request(actor, asked))


@router.post("/{session_id}/freeze", status_code=200)
def post_freeze(
    session_id: str, body: Reason, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Freeze any session: nothing of it answers any more; its sandbox stays for inspection."""
    reason = "frozen_by_authority"
    return _shown(platform, platform.sessions.freeze(session_id, actor, reason, body.reason))


@router.post("/{session_id}/closure", status_code=200)
def post_closure(
    session_id: str, body: Reason, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """End any session, frozen or not; its sandbox and everything in it is destroyed."""
    reason = "closed_by_authority"
    return _shown(platform, platform.sessions.close(session_id, actor, reason, body.reason))


@pages.get("/sessions/{session_id}", response_class=HTMLResponse)
def get_session_page(
    session_id: str, platform: OnPlatform, ticket: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Show the page that frames a session. The link holds a one-time ticket, so no token."""
    session = platform.sessions.session(session_id)
    given = session.slot is not None and platform.tickets.is_given(session.slot, ticket)
    if not session.answering or session.slot is None or not given:
        raise _unknown()
    with reading(platform.engine) as connection:
        person = RegisteredNames(connection).person(session.person)
    origin = platform.proxy.session_origin(session.slot)
    url = f"{origin}{ENTER_PATH}?ticket={ticket}"
    return session_page(
        session_id,
        url,
        origin,
        platform.settings.language,
        person=person,
        now_us=platform.clock.now_us(),
        view=platform.tickets.give_view(session.slot),
    )


def _own(platform: Platform, actor: Actor, session_id: str) -> Session:
    session = platform.sessions.session(session_id)
    if session.person != actor.person:
        raise _unknown()
    if not session.answering:
        raise not_open(session.state)
    return session


def _readable(platform: Platform, actor: Actor, session_id: str) -> Session:
    session = platform.sessions.session(session_id)
    if session.person != actor.person and not actor.oversees:
        raise _unknown()
    return session


def _unknown() -> NotFound:
    return NotFound("session_unknown", Message("没有这个会话。", "There is no such session."))


def _unattended() -> Conflict:
    return Conflict(
        "session_unattended",
        Message(
            "该会话在运行经审查的笔记本，不提供浏览器入口；结果经出域审核取得。",
            "This session runs a reviewed notebook and has no browser's door; results leave by the "
            "release desk.",
        ),
        field="session",
        rule=LIFECYCLE_RULE,
    )


def _of_another_licence() -> Conflict:
    return Conflict(
        "review_of_another_licence",
        Message(
            "该审查属于另一项授权或项目，会话不能据此转入生产运行。",
            "The approval is under another licence or project than the session.",
        ),
        field="$.review",
        rule=LIFECYCLE_RULE,
    )


def _shown(platform: Platform, session: Session) -> dict[str, object]:
    names = (
        *("id", "slot", "licence", "person", "purpose", "project", "mode", "review", "state"),
        *("reason", "egress_bytes", "opened_us", "changed_us"),
    )
    return {**{name: getattr(session, name) for name in names}, **session_ends(platform, session)}


def session_ends(platform: Platform, session: Session) -> dict[str, object]:
    """Return when a session ends by itself, and the warning where that is near."""
    found = endings(
        session,
        platform.sessions.used_us(session),
        platform.clock.now_us(),
        idle_seconds_max=platform.settings.session_idle_seconds_max,
        wall_seconds_max=platform.settings.session_wall_seconds_max,
        rules=platform.work.rules,
    )
    if found is None:
        return {"ends_us": None, "idle_ends_us": None, "warning": None}
    warning = None if found.warning is None else {"zh": found.warning.zh, "en": found.warning.en}
    return {"ends_us": found.ends_us, "idle_ends_us": found.idle_ends_us, "warning": warning}
