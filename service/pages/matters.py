"""Pages of matters: what is overdue, who owes it, one matter with its moves, papers, extensions.

Returning papers and extending here call what the API calls. A matter is seen by its parties, the
data authority and the regulator.
"""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.independence import check_apart
from catalog.matters.announcing import announcements
from catalog.matters.matter import Matter, MatterState, MissingPaper
from catalog.matters.moves import ask_for_papers, decide_extension, extend
from catalog.matters.reads import moves_of, overdue, visible_matter
from catalog.matters.scorecards import MILLION, Scorecard, scorecards
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Role
from service.pages.blocks import (
    Badge,
    Block,
    Cell,
    Event,
    Facts,
    Filled,
    Heading,
    Link,
    Links,
    Paragraph,
    Rows,
    Timeline,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.home import due_words
from service.pages.matter_pages import page_of
from service.pages.names import house_names
from service.pages.routes import PageRoute

HOME = "/pages/matters"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
HANDLERS = (
    *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD),
    *(Role.HALL_REPRESENTATIVE, Role.AUTHORITY),
)
CARD_DAYS = 366
STATES = {
    MatterState.OPEN: (Message("办理中", "Open"), "wait"),
    MatterState.WAITING: (Message("待补正", "Waiting for papers"), "plain"),
    MatterState.CONCLUDED: (Message("已办结", "Decided"), "good"),
    MatterState.WITHDRAWN: (Message("已撤回", "Withdrawn"), "plain"),
}
MOVES = {
    "opened": Message("受理", "Opened"),
    "papers_asked": Message("一次性告知补正", "Papers asked, once"),
    "completed": Message("补正完成，重新计时", "Papers complete; the clock starts afresh"),
    "extension_asked": Message("申请延期", "Extension asked"),
    "extended": Message("同意延期", "Extended"),
    "extension_refused": Message("不同意延期", "Extension refused"),
    "reminded": Message("到期提醒", "Called to mind"),
    "escalated": Message("逾期督办", "Raised higher"),
    "settled": Message("到期日确定", "Due day fixed"),
    "concluded": Message("办结", "Decided"),
    "withdrawn": Message("撤回", "Withdrawn"),
}
PAPERS = Form(
    fields=(
        Field(
            "missing",
            Message("缺少的材料", "What lacks"),
            kind="area",
            help=Message(
                "每行一项，请一次列全；同一办件只能告知一次。",
                "One paper a line, all of them: there is no second notice.",
            ),
        ),
    ),
    title=Message("退回补正（一次性告知）", "Return for papers, once"),
    button=Message("告知申请人", "Tell the applicant"),
)
EXTENSION = Form(
    fields=(
        Field("days", Message("延长的工作日", "Further working days"), kind="number"),
        Field("reason", Message("理由", "Reason"), kind="area"),
    ),
    title=Message("申请延期", "Ask for an extension"),
)
CONSENT = Form(
    fields=(
        Field(
            "consent",
            Message("决定", "Decision"),
            kind="choice",
            choices=(("yes", Message("同意延期", "Consent")), ("no", Message("不同意", "Refuse"))),
        ),
        Field("reason", Message("理由", "Reason"), kind="area"),
    ),
    title=Message("审核延期申请", "Decide the extension"),
)


@router.get("")
def get_overview(visit: AnyVisit) -> Response:
    """Show what is overdue, the notices given of it, and how departments did in a year."""
    now_us = visit.platform.clock.now_us()
    oversees = visit.has(Role.AUTHORITY, Role.REGULATOR)
    house = None if oversees else visit.actor.organisation
    with reading(visit.platform.engine) as connection:
        owed = overdue(connection, now_us, handler=house)
        given = announcements(connection, limit=10) if visit.has(*HANDLERS, Role.REGULATOR) else []
        since_us = now_us - CARD_DAYS * MICROSECONDS_PER_DAY
        cards = scorecards(connection, since_us, now_us, None if house is None else [house])
        names = house_names(connection)
    return visit.page(
        Message("期限与督办", "Time limits"),
        Heading(Message("逾期办件", "Overdue")),
        Rows(
            (
                Message("办件编号", "Case"),
                Message("事项", "What"),
                Message("承办单位", "Handled by"),
                Message("应办结日", "Was due"),
            ),
            [
                (
                    Link(item.case, f"{HOME}/{item.id}"),
                    Message(item.title.zh, item.title.en),
                    names.get(item.handler, item.handler),
                    "—" if item.due is None else item.due.on,
                )
                for item in owed
            ],
            empty=Message("没有逾期办件。", "Nothing is overdue."),
        ),
        Heading(Message("考核评估（近一年）", "Assessment (the past year)")),
        Rows(_CARD_COLUMNS, [_card(card, names) for card in cards]),
        Heading(Message("逾期通报", "Notices of overdue matters")),
        Rows(
            (Message("日期", "Day"), Message("单位", "Departments"), Message("件数", "Matters")),
            [
                (
                    item["on"],
                    "、".join(visit.say(names.get(name, name)) for name in item["departments"]),
                    sum(item["departments"].values()),
                )
                for item in given
            ],
        ),
    )


@router.get("/{matter_id}")
def get_matter(matter_id: str, visit: AnyVisit) -> Response:
    """Show one matter, each of its moves, and the forms its reader can use now."""
    with reading(visit.platform.engine) as connection:
        found = visible_matter(connection, visit.actor, matter_id)
        moves = moves_of(connection, matter_id)
        names = house_names(connection)
    text, tone = STATES[found.state]
    blocks: list[Block] = [
        Facts(
            (
                (Message("办件编号", "Case"), found.case),
                (Message("事项", "What"), Message(found.title.zh, found.title.en)),
                (Message("申请单位", "From"), names.get(found.applicant, found.applicant)),
                (Message("承办单位", "Handled by"), names.get(found.handler, found.handler)),
                (Message("状态", "State"), Badge(text, tone)),
                (Message("办理期限", "Due"), due_words(found)),
                (Message("依据", "Rule"), "—" if found.due is None else found.due.document),
            )
        )
    ]
    if found.is_overdue(visit.platform.clock.now_us()):
        words = Message("已逾期。逾期不视为同意。", "Overdue. Silence grants nothing.")
        blocks.append(Paragraph(words, "bad"))
    if found.missing:
        blocks.append(Heading(Message("需补正的材料", "Papers that lack")))
        rows = [(item.name, item.reason) for item in found.missing]
        blocks.append(Rows((Message("材料", "Paper"), Message("说明", "Why")), rows))
    events = [
        Event(
            shown_time(item["time_us"]),
            MOVES.get(item["move"], item["move"]),
            more="" if item["due"] is None else _until(item["due"]["on"]),
        )
        for item in moves
    ]
    blocks += [Heading(Message("办理过程", "What happened")), Timeline(events)]
    return visit.page(
        Message(f"办件 {found.case}", f"Case {found.case}"), *blocks, *_forms(visit, found)
    )


_CARD_COLUMNS = (
    Message("单位", "Department"),
    Message("办结", "Decided"),
    Message("按期率", "In time"),
    Message("在办", "Open"),
    Message("逾期", "Overdue"),
    Message("平均天数", "Average days"),
    Message("补正告知", "Notices"),
    Message("超期次数", "Clocks missed"),
    Message("未决终结", "Given up"),
    Message("异议", "Objections"),
)


def _card(card: Scorecard, names: Mapping[str, Message]) -> tuple[Cell, ...]:
    rate = "—" if card.on_time_ppm is None else f"{card.on_time_ppm * 100 // MILLION} %"
    tenths = card.average_days_tenths
    days = "—" if tenths is None else f"{tenths // 10}.{tenths % 10}"
    return (
        names.get(card.organisation, card.organisation),
        card.decided,
        rate,
        card.open,
        card.overdue,
        days,
        card.notices_given,
        card.clocks_missed,
        card.withdrawn,
        card.objections,
    )


def _until(on: str) -> Message:
    return Message(f"期限至{on}", f"due on {on}")


def _forms(visit: Visit, found: Matter) -> list[Block]:
    blocks: list[Block] = []
    place = page_of(str(found.kind), found.subject, found.case)
    if found.is_handled_by(visit.actor) and found.state is MatterState.OPEN:
        words = Message("前往办理", "Go and decide it")
        blocks.append(Links([Link(words, place, strong=True)]))
        if found.noticed_us is None:
            blocks.append(Filled(PAPERS, f"{HOME}/{found.id}/papers"))
        if found.due is not None and found.due.extension_days_max and not found.extension_asked:
            blocks.append(Filled(EXTENSION, f"{HOME}/{found.id}/extension"))
    if found.extension_asked and visit.has(Role.AUTHORITY):
        asked = Message(
            f"申请延长{found.extension_asked}个工作日：{found.extension_reason}",
            f"{found.extension_asked} further working days: {found.extension_reason}",
        )
        blocks += [
            Paragraph(asked),
            Filled(CONSENT, f"{HOME}/{found.id}/extension-decision"),
        ]
    return blocks


def _ask(visit: Visit, entered: Entered) -> str:
    matter_id = _visible(visit)
    lines = [line.strip() for line in entered["missing"].splitlines() if line.strip()]
    missing = [MissingPaper(name=line[:200]) for line in lines]
    ask_for_papers(visit.platform.writer, visit.platform.clocks, visit.actor, matter_id, missing)
    return f"{HOME}/{matter_id}?done=1"


def _extend(visit: Visit, entered: Entered) -> str:
    matter_id = _visible(visit)
    if not entered["days"].isdigit():
        raise InvalidInput(
            "extension_days_invalid", Message("请填写工作日数。", "Say how many."), field="$.days"
        )
    platform = visit.platform
    days, reason = int(entered["days"][:4]), entered["reason"]
    extend(platform.writer, platform.clocks, visit.actor, matter_id, days, reason)
    return f"{HOME}/{matter_id}?done=1"


def _decide(visit: Visit, entered: Entered) -> str:
    matter_id, platform = _visible(visit), visit.platform
    decide_extension(
        platform.writer,
        platform.clocks,
        visit.actor,
        matter_id,
        check_apart,
        consent=entered["consent"] == "yes",
        reason=entered["reason"],
    )
    return f"{HOME}/{matter_id}?done=1"


def _visible(visit: Visit) -> str:
    matter_id = str(visit.request.path_params["matter_id"])
    with reading(visit.platform.engine) as connection:
        return visible_matter(connection, visit.actor, matter_id).id


posting(router, "/{matter_id}/papers", PAPERS, _ask, visitors=HANDLERS)
posting(router, "/{matter_id}/extension", EXTENSION, _extend, visitors=HANDLERS)
posting(router, "/{matter_id}/extension-decision", CONSENT, _decide, visitors=(Role.AUTHORITY,))
