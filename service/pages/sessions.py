"""Pages of sandbox sessions: an operator opens one under a licence, enters it and closes it.

The authority freezes or ends any session. Each form does what the API does.
"""

from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.documents import LicenceDocument
from authorization.licences import Licence, LicenceState, licences_in
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from sandbox.lifecycle import LIVE, MODE_NAMES, STATE_NAMES, SessionMode, SessionState
from sandbox.sessions import Session
from service.api.reviews import Reason
from service.api.sessions import (
    SessionRequest,
    get_session,
    post_close,
    post_closure,
    post_freeze,
    post_session,
    post_ticket,
)
from service.pages.blocks import (
    Badge,
    Block,
    Facts,
    Filled,
    Link,
    Links,
    Paragraph,
    Rows,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.names import licence_title, licence_titles, person_names
from service.pages.routes import PageRoute

HOME = "/pages/sessions"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
OPERATORS, AUTHORITY = (Role.OPERATOR,), (Role.AUTHORITY,)
TONES = {
    SessionState.APPLIED: "wait",
    SessionState.DEBUG: "good",
    SessionState.PRODUCTION: "good",
    SessionState.FROZEN: "bad",
}
REASON = Field("reason", Message("理由", "Reason"), kind="area")
ENTER = Form(
    fields=(),
    title=Message("进入会话", "Enter the session"),
    intro=Message("入口一次有效，一分钟内打开。", "The way in works once, within a minute."),
    button=Message("进入会话", "Enter"),
)
CLOSE = Form(
    fields=(),
    title=Message("关闭会话", "Close the session"),
    intro=Message(
        "沙箱随即销毁；未超出上限的工作密封保存，可在同一授权的下一个会话中继续。",
        "The sandbox is destroyed. Work within the limit is kept sealed for your next session.",
    ),
    button=Message("关闭会话", "Close"),
    danger=True,
)
FREEZE = Form(
    fields=(REASON,),
    title=Message("冻结会话", "Freeze the session"),
    button=Message("立即冻结", "Freeze now"),
    danger=True,
)
CLOSURE = Form(
    fields=(REASON,),
    title=Message("终止会话", "End the session"),
    button=Message("终止会话", "End it"),
    danger=True,
)


@router.get("")
def get_sessions(visit: AnyVisit) -> Response:
    """List one's own sessions; all of them for the authority and the regulator."""
    oversees = visit.has(Role.AUTHORITY, Role.REGULATOR)
    found = [
        one
        for one in visit.platform.sessions.sessions()
        if oversees or one.person == visit.actor.person
    ]
    with reading(visit.platform.engine) as connection:
        titles, people = licence_titles(connection), person_names(connection)
    rows = [
        (
            Link(titles.get(one.licence, one.licence), f"{HOME}/{one.id}"),
            people.get(one.person, one.person),
            MODE_NAMES[one.mode],
            shown_time(one.opened_us),
            _badge(one),
        )
        for one in found
    ]
    columns = (
        Message("授权", "Licence"),
        Message("使用人", "Person"),
        Message("模式", "Mode"),
        Message("开通时间", "Opened"),
        Message("状态", "State"),
    )
    blocks: list[Block] = []
    if visit.has(*OPERATORS):
        words = Message("开通会话", "Open a session")
        blocks.append(Links([Link(words, f"{HOME}/new", strong=True)]))
    none = Message("还没有会话。", "There is no session yet.")
    return visit.page(
        Message("数据沙箱", "Sandbox sessions"),
        *blocks,
        Rows(columns, rows, empty=none),
        intro=Message(
            "在隔离的沙箱中使用授权数据；原始数据不离开沙箱，结果经出域审核取得。",
            "Licensed data are used inside an isolated sandbox; only results that pass the release "
            "desk leave it.",
        ),
    )


def _usable(visit: Visit) -> list[Licence]:
    with reading(visit.platform.engine) as connection:
        found = licences_in(connection, (LicenceState.ACTIVE,))
    return [one for one in found if one.operator == visit.actor.organisation]


def _new_form(visit: Visit) -> Form:
    usable = _usable(visit)
    documents = (LicenceDocument.model_validate_json(one.document) for one in usable)
    budgets = (budget for one in documents for budget in one.budgets)
    projects = sorted({cap.project for budget in budgets for cap in budget.project_caps})
    none = Message(
        "本单位目前没有生效的授权；请先由数据主管部门签发授权。",
        "Your organisation holds no licence in force; the data authority issues them.",
    )
    fields = [
        Field(
            "licence",
            Message("授权", "Licence"),
            kind="choice",
            choices=tuple((one.id, licence_title(one)) for one in usable),
            value=usable[0].id if len(usable) == 1 else "",
        ),
        Field(
            "mode",
            Message("模式", "Mode"),
            kind="choice",
            required=False,
            choices=tuple(MODE_NAMES.items()),
            help=Message("不选则按规则确定。", "Left empty, the rules decide."),
        ),
    ]
    if projects:
        choices = tuple((name, name) for name in projects)
        project = Field("project", Message("项目", "Project"), kind="choice", choices=choices)
        fields.append(project)
    return Form(
        fields=tuple(fields),
        title=Message("开通会话", "Open a session"),
        intro="" if usable else none,
        button=Message("开通", "Open"),
    )


def _open(visit: Visit, entered: Entered) -> str:
    asked = SessionRequest(
        licence=entered["licence"],
        project=entered["project"] or None,
        mode=SessionMode(entered["mode"]) if entered["mode"] in set(SessionMode) else None,
    )
    made = post_session(asked, visit.actor, visit.platform)
    return f"{HOME}/{made['id']}?done=1"


posting(router, "/new", _new_form, _open, visitors=OPERATORS)


@router.get("/{session}")
def get_one_session(session: str, visit: AnyVisit) -> Response:
    """Show where a session stands, and what the visitor can do with it."""
    told = get_session(session, visit.actor, visit.platform)
    found = visit.platform.sessions.session(session)
    with reading(visit.platform.engine) as connection:
        titles, people = licence_titles(connection), person_names(connection)
        person = people.get(found.person, found.person)
    ends = told["ends_us"]
    blocks: list[Block] = [
        Facts(
            [
                (Message("状态", "State"), _badge(found)),
                (Message("使用人", "Person"), person),
                (Message("模式", "Mode"), MODE_NAMES[found.mode]),
                (Message("项目", "Project"), found.project),
                (Message("开通时间", "Opened"), shown_time(found.opened_us)),
                (
                    Message("最迟结束", "Ends at the latest"),
                    shown_time(ends if isinstance(ends, int) else None),
                ),
            ]
        )
    ]
    warning = told["warning"]
    if isinstance(warning, dict):
        blocks.append(Paragraph(Message(warning["zh"], warning["en"]), "wait"))
    here = f"{HOME}/{session}"
    mine = found.person == visit.actor.person and visit.has(*OPERATORS)
    if mine and found.answering:
        blocks += [] if found.review else [Filled(ENTER, f"{here}/entry")]
        blocks.append(Filled(CLOSE, f"{here}/close"))
    if visit.has(*AUTHORITY) and found.state in LIVE:
        blocks += [] if not found.answering else [Filled(FREEZE, f"{here}/freeze")]
        blocks.append(Filled(CLOSURE, f"{here}/closure"))
    back = Link(Message("返回会话列表", "Back to the sessions"), HOME)
    return visit.page(titles.get(found.licence, found.licence), *blocks, Links([back]))


def _enter(visit: Visit, _entered: Entered) -> str:
    made = post_ticket(_at(visit), visit.actor, visit.platform)
    page = urlsplit(str(made["page"]))
    return f"{page.path}?{page.query}"


def _close(visit: Visit, _entered: Entered) -> str:
    post_close(_at(visit), visit.actor, visit.platform)
    return f"{HOME}/{_at(visit)}?done=1"


def _freeze(visit: Visit, entered: Entered) -> str:
    post_freeze(_at(visit), Reason(reason=entered["reason"]), visit.actor, visit.platform)
    return f"{HOME}/{_at(visit)}?done=1"


def _end(visit: Visit, entered: Entered) -> str:
    post_closure(_at(visit), Reason(reason=entered["reason"]), visit.actor, visit.platform)
    return f"{HOME}/{_at(visit)}?done=1"


def _at(visit: Visit) -> str:
    return str(visit.request.path_params["session"])


def _badge(session: Session) -> Badge:
    words = STATE_NAMES[session.state]
    return Badge(Message(words.zh, words.en.capitalize()), TONES.get(session.state, "plain"))


posting(router, "/{session}/entry", ENTER, _enter, visitors=OPERATORS)
posting(router, "/{session}/close", CLOSE, _close, visitors=OPERATORS)
posting(router, "/{session}/freeze", FREEZE, _freeze, visitors=AUTHORITY)
posting(router, "/{session}/closure", CLOSURE, _end, visitors=AUTHORITY)
