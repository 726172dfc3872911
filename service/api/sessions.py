"""Sessions: opened by an operator under a licence, framed on the platform's own page."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from authorization.compile import CompiledLicence
from authorization.decisions import AccessRequest, check_decision, decide
from authorization.lines import Action
from catalog.datasets import Frozen, Name
from foundation.db import reading
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from policies.schema.sessions import SessionRules
from sandbox.lifecycle import SessionMode, not_open
from sandbox.proxy_rules import ENTER_PATH
from sandbox.sessions import Session
from service.api.bodies import StrictRoute
from service.api.callers import AnyCaller, OnPlatform, OperatorCaller
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute
from service.session_page import session_page
from service.session_terms import mode_of_new, needs_review

router = APIRouter(prefix="/sessions", route_class=IdempotentRoute, tags=["sessions"])
pages = APIRouter(route_class=StrictRoute, tags=["pages"])

PROJECT_RULE = "licence-document"


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
    _check_project(permit.licence, body.project)
    with reading(platform.engine) as connection:
        reviewed_only = needs_review(
            connection, permit.licence.document, platform.pack.rules(SessionRules)
        )
    mode = mode_of_new(body.mode, reviewed_only=reviewed_only)
    session = platform.sessions.open(actor, body.licence, purpose, body.project, mode)
    if not platform.board.is_open(body.licence):  # suspended while the sandbox was starting
        platform.sessions.close(session.id, actor, "licence_suspended")
        platform.board.check_open(body.licence)
    return _shown(session)


@router.get("/{session_id}")
def get_session(session_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell where a session stands: to its own person, the authority and the regulator."""
    return _shown(_readable(platform, actor, session_id))


@router.post("/{session_id}/tickets", status_code=201)
def post_ticket(session_id: str, actor: OperatorCaller, platform: OnPlatform) -> dict[str, object]:
    """Give the session's own person a link that works once, within a minute."""
    session = _own(platform, actor, session_id)
    url = platform.proxy.enter_url(str(session.slot))
    settings = platform.settings
    origin = f"http://{settings.platform_host}:{settings.port}"
    return {"url": url, "page": f"{origin}/sessions/{session_id}?{url.partition('?')[2]}"}


@router.post("/{session_id}/close", status_code=200)
def post_close(session_id: str, actor: OperatorCaller, platform: OnPlatform) -> dict[str, object]:
    """End a session; its sandbox and everything in it is destroyed."""
    _own(platform, actor, session_id)
    return _shown(platform.sessions.close(session_id, actor, "closed_by_operator"))


@pages.get("/sessions/{session_id}", response_class=HTMLResponse)
def get_session_page(
    session_id: str, platform: OnPlatform, ticket: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Show the page that frames a session. The link holds a one-time ticket, so no token."""
    session = platform.sessions.session(session_id)
    if not session.answering or session.slot is None or not ticket:
        raise _unknown()
    origin = platform.proxy.session_origin(session.slot)
    url = f"{origin}{ENTER_PATH}?ticket={ticket}"
    return session_page(session_id, url, origin, platform.settings.language)


def _check_project(licence: CompiledLicence, project: str | None) -> None:
    """Refuse a session outside the projects over which its licence divides a budget.

    Such a session could ask nothing. Raises InvalidInput, naming the projects there are.
    """
    caps = (cap for budget in licence.budgets.values() for cap in budget.project_caps)
    known = sorted({cap.project for cap in caps})
    if project in known or (project is None and not known):
        return
    names = ", ".join(known)
    if not known:
        raise InvalidInput(
            "project_unknown",
            Message(
                "本授权的隐私预算不按项目划分，会话不能指明项目。",
                "This licence divides no privacy budget over projects, so a session names none.",
            ),
            field="$.project",
            rule=PROJECT_RULE,
            way_out=Message("请去掉 project 后重试。", "Ask again without a project."),
        )
    given = project is not None
    raise InvalidInput(
        "project_unknown" if given else "project_missing",
        Message(
            f"本授权的隐私预算按项目划分，会话须指明其一：{names}。",
            f"This licence divides its privacy budget over projects; a session names one of them: "
            f"{names}.",
        ),
        field="$.project",
        rule=PROJECT_RULE,
        way_out=Message(
            f"请在 project 中填写其中之一：{names}。", f"Give one of them as project: {names}."
        ),
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
    overseer = actor.has(Role.AUTHORITY) or actor.has(Role.REGULATOR)
    if session.person != actor.person and not overseer:
        raise _unknown()
    return session


def _unknown() -> NotFound:
    return NotFound("session_unknown", Message("没有这个会话。", "There is no such session."))


def _shown(session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "slot": session.slot,
        "licence": session.licence,
        "purpose": session.purpose,
        "project": session.project,
        "mode": session.mode,
        "review": session.review,
        "state": session.state,
        "reason": session.reason,
        "egress_bytes": session.egress_bytes,
    }
