"""The first page: what waits for me and until when; and the language and the style of all pages."""

from collections.abc import Mapping
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from catalog.matters.matter import Matter, MatterState
from catalog.matters.reads import inbox
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from service.login.visiting import own_path, unguarded_form
from service.pages.blocks import Badge, Cell, Heading, Link, Paragraph, Rows
from service.pages.frame import LANGUAGE_COOKIE, LANGUAGES, AnyVisit, Visit
from service.pages.matter_pages import page_of, what_to_do
from service.pages.names import house_names
from service.pages.navigation import groups_for
from service.pages.routes import PageRoute
from service.pages.waiting import waiting_beside

router = APIRouter(prefix="/pages", route_class=PageRoute, include_in_schema=False)
front = APIRouter(include_in_schema=False)
_COLUMNS = (
    Message("事项", "What"),
    Message("申请单位", "From"),
    Message("办理期限", "Due"),
    Message("状态", "State"),
    Message("办件编号", "Case"),
)
_BESIDE = (Message("事项", "What"), Message("提出者", "From"), Message("提出时间", "Since"))
_YEAR_SECONDS = 366 * 24 * 3600


@front.get("/")
def get_front() -> RedirectResponse:
    """Lead to the first page."""
    return RedirectResponse("/pages", status_code=303)


@router.get("")
def get_home(visit: AnyVisit) -> Response:
    """Show what the visitor must decide, and where they can go."""
    with reading(visit.platform.engine) as connection:
        waiting = inbox(connection, visit.actor)
        names = house_names(connection)
        beside = waiting_beside(visit, connection)
    now_us = visit.platform.clock.now_us()
    areas = [
        (Link(item.text, item.href), visit.say(item.hint))
        for group in groups_for(visit.actor)
        for item in group.items
        if item.href != "/pages"
    ]
    return visit.page(
        Message("我的待办", "My tasks"),
        Rows(
            _COLUMNS,
            [_row(visit, item, names, now_us) for item in waiting],
            empty=Message("现在没有等您办理的事项。", "Nothing waits for you now."),
        )
        if waiting or not beside
        else Paragraph(Message("以下事项等您办理。", "This waits for you.")),
        *([Rows(_BESIDE, beside)] if beside else []),
        Heading(Message("我可以做什么", "What I can do here")),
        Rows((Message("栏目", "Area"), Message("用途", "What for")), areas),
    )


@router.get("/style.css")
def get_style() -> Response:
    """Serve the style of all pages."""
    style = (files("service") / "pages" / "templates" / "style.css").read_text(encoding="utf-8")
    return Response(style, media_type="text/css", headers={"cache-control": "max-age=3600"})


@router.post("/language")
async def post_language(request: Request) -> RedirectResponse:
    """Remember the language a reader chose, and show the same page in it."""
    form = await unguarded_form(request)
    chosen = form.get("language", "")
    answer = RedirectResponse(own_path(form.get("back", "")), status_code=303)
    if chosen in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, chosen, max_age=_YEAR_SECONDS, httponly=True, samesite="lax"
        )
    return answer


def due_words(matter: Matter) -> Message | str:
    """Return the last day of a matter's clock, and whether a later list may still move it."""
    if matter.due is None:
        return Message("无法定期限", "No legal time limit")
    if matter.due.provisional:
        on = matter.due.on
        return Message(f"{on}（暂定）", f"{on} (provisional)")
    return matter.due.on


def state_badge(matter: Matter, now_us: int) -> Badge:
    """Return a matter's state as people read it; overdue stands out."""
    if matter.state is MatterState.WAITING:
        return Badge(Message("等申请人补正", "Waiting for papers"), "plain")
    if matter.is_over:
        return Badge(Message("已办结", "Concluded"), "good")
    if matter.is_overdue(now_us):
        return Badge(Message("已逾期", "Overdue"), "bad")
    return Badge(Message("待办", "To do"), "wait")


def _row(
    visit: Visit, matter: Matter, names: Mapping[str, Message], now_us: int
) -> tuple[Cell, ...]:
    place = page_of(matter.kind, matter.subject, matter.case)
    if Role.HALL_REPRESENTATIVE in matter.handler_roles and visit.has(Role.HALL_REPRESENTATIVE):
        place = f"/pages/hall/queue/{matter.id}"
    return (
        Link(what_to_do(matter), place, strong=True),
        names.get(matter.applicant, matter.applicant),
        due_words(matter),
        state_badge(matter, now_us),
        Link(matter.case, f"/pages/cases/{matter.case}"),
    )
