"""Pages of sharing requests and of their cases: ask, sign off, decide, supply, use, destroy."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import select

from authorization.sharing.case_files import COUNTER_NAMES, case_file
from authorization.sharing.sealing import sealed_decision
from authorization.sharing.states import STATE_NAMES, Share, ShareState, shares, visible_share
from authorization.sharing.using import uses
from catalog.book.store import catalog_entry
from catalog.entries import ShareMode
from catalog.matters.matter import Counter
from catalog.matters.reads import matter
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Role
from service.pages.blocks import (
    Badge,
    Block,
    Cell,
    Event,
    Facts,
    Heading,
    Link,
    Links,
    Paragraph,
    Rows,
    Text,
    Timeline,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.matter_pages import page_of
from service.pages.names import entry_titles, house_names, person_names
from service.pages.routes import PageRoute
from service.pages.sharing_forms import (
    ACTS,
    FORM_FIELDS,
    HOME,
    MODES,
    acting,
    drafted,
    filled,
    form_of_name,
    offered,
    supply_form,
)
from service.sharing_desks import sharing_of

router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
cases = APIRouter(prefix="/pages/cases", route_class=PageRoute, include_in_schema=False)
STAFF = (Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE)
USERS = (*STAFF, Role.AUTHORITY)
ENTRIES_MAX = 500
_TONES = {
    ShareState.SUBMITTED: "wait",
    ShareState.APPROVED: "wait",
    ShareState.SUSPENDED: "bad",
    ShareState.RECTIFYING: "wait",
    ShareState.IN_USE: "good",
    ShareState.SUPPLIED: "good",
}
_SHARED = ("unconditional", "conditional")


@router.get("")
def get_requests(visit: AnyVisit) -> Response:
    """List the requests of one's own department, either side."""
    with reading(visit.platform.engine) as connection:
        found = shares(connection, visit.actor)
        names = house_names(connection)
        titles = entry_titles(connection, {one.entry for one in found})
    rows = [
        (
            Link(titles.get(one.entry, "—"), f"{HOME}/{one.id}"),
            Link(one.case_number, f"/pages/cases/{one.case_number}"),
            names.get(one.requester, one.requester),
            names.get(one.provider, one.provider),
            shown_time(one.drafted_us),
            _badge(one),
        )
        for one in found
    ]
    columns = (
        Message("目录条目", "Entry"),
        Message("办件编号", "Case"),
        Message("使用单位", "User"),
        Message("提供单位", "Provider"),
        Message("起草时间", "Drafted"),
        Message("状态", "State"),
    )
    blocks: list[Block] = [Rows(columns, rows)]
    if visit.has(*STAFF):
        words = Message("申请共享数据", "Ask for data")
        blocks.insert(0, Links([Link(words, f"{HOME}/new", strong=True)]))
    return visit.page(Message("数据共享", "Sharing"), *blocks)


def _new_form(visit: Visit) -> Form:
    table = catalog_entry.c
    query = (
        select(table.id, table.name_zh, table.name_en)
        .where(
            table.provider != visit.actor.organisation,
            table.state.in_(("published", "change_submitted")),
            table.share_attribute.in_(_SHARED),
        )
        .order_by(table.code)
        .limit(ENTRIES_MAX)
    )
    with reading(visit.platform.engine) as connection:
        choices = [(row.id, Message(row.name_zh, row.name_en)) for row in connection.execute(query)]
    entry = Field("entry", Message("目录条目", "Catalogue entry"), kind="choice", choices=choices)
    words = Message("起草共享申请", "Draft a sharing request")
    return Form(fields=(entry, *FORM_FIELDS), title=words, button=Message("送审签", "To the head"))


def _draft(visit: Visit, entered: Entered) -> str:
    applying = sharing_of(visit.platform).applying
    recorded = applying.draft(visit.actor, entered["entry"], drafted(entered))
    return f"{HOME}/{recorded.value.id}?done=1"


posting(router, "/new", _new_form, _draft, visitors=STAFF)


@router.get("/{share}")
def get_share(share: str, visit: AnyVisit) -> Response:
    """Show a request, what stands of it, and the forms that its reader can use now."""
    with reading(visit.platform.engine) as connection:
        found = visible_share(connection, visit.actor, share)
        names = house_names(connection)
        opened = matter(connection, found.matter)
        used = uses(connection, share)
        title = entry_titles(connection, {found.entry}).get(found.entry, "—")
        people = person_names(connection)
        try:
            sealed = bool(sealed_decision(connection, share))
        except NotFound:
            sealed = False
    due = "—" if opened is None or opened.due is None or opened.is_over else opened.due.on
    about = (Message("目录条目", "Entry"), Link(title, f"/pages/catalogue/{found.entry}"))
    blocks: list[Block] = [Facts([about, *_facts(found, names, due)])]
    links = [Link(Message("办件全过程", "The whole case"), f"/pages/cases/{found.case_number}")]
    if sealed:
        links += [
            Link(Message("决定书（PDF）", "Decision (PDF)"), f"{HOME}/{share}/decision/pdf"),
            Link(Message("签名文件（JSON）", "Signed file"), f"{HOME}/{share}/decision/json"),
        ]
    mine = visit.actor.organisation == found.requester
    filed = found.state in {ShareState.SUPPLIED, ShareState.IN_USE}
    if mine and filed and found.mode is not ShareMode.SERVICE:
        links.append(Link(Message("下载数据", "Download"), f"{HOME}/{share}/copy", strong=True))
    blocks.append(Links(links))
    blocks += [
        filled(visit, found, name)
        for name in offered(found, visit.actor, visit.platform.authority)
        if not (name == "seal" and sealed)
    ]
    if mine and filed and found.mode is ShareMode.SERVICE:
        blocks.append(_interface(found))
    if used:
        blocks.append(Heading(Message("使用记录", "Records of use")))
        events = [
            Event(str(one["at"])[:10], str(one["effect"]), people.get(str(one["person"]), "—"))
            for one in used
        ]
        blocks.append(Timeline(events))
    return visit.page(Message("共享申请", "Sharing request"), *blocks)


@router.get("/{share}/decision/{form}")
def get_decision(share: str, form: str, visit: AnyVisit) -> Response:
    """Hand out a sealed decision: its paper, or the signed file."""
    with reading(visit.platform.engine) as connection:
        visible_share(connection, visit.actor, share)
        found = sealed_decision(connection, share)
    if form == "pdf":
        headers = {"Content-Disposition": f'attachment; filename="{found.id}.pdf"'}
        return Response(found.paper, media_type="application/pdf", headers=headers)
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.json"'}
    return Response(found.machine, media_type="application/json", headers=headers)


@router.get("/{share}/copy")
def get_copy(share: str, visit: AnyVisit) -> Response:
    """Hand over the file or batch of an approved request, marked for this person."""
    copy = sharing_of(visit.platform).delivery.hand_over(visit.actor, share)
    headers = {
        "Content-Disposition": f'attachment; filename="{copy.name}"',
        "X-Copy": copy.delivery,
    }
    return Response(copy.content, media_type="application/octet-stream", headers=headers)


for _name in ACTS:
    _form = supply_form if _name == "supply" else form_of_name(_name)
    posting(router, f"/{{share}}/{_name}", _form, acting(_name), visitors=USERS)


@cases.get("/{number}")
def get_case(number: str, visit: AnyVisit) -> Response:
    """Show a case over the five counters, and lead on to where it is decided."""
    with reading(visit.platform.engine) as connection:
        found = case_file(connection, visit.actor, number)
        names = house_names(connection)
    blocks: list[Block] = []
    for one in found["counters"]:
        blocks.append(Heading(COUNTER_NAMES[Counter(one["counter"])]))
        if not one["matters"]:
            blocks.append(Paragraph(Message("本窗口无办件。", "Nothing at this counter.")))
            continue
        rows = [
            (
                Link(Message(each["title"]["zh"], each["title"]["en"]), _page(each, number)),
                names.get(each["handler"], each["handler"]),
                "—" if each["due"] is None else each["due"]["on"],
                _matter_badge(each["state"]),
            )
            for each in one["matters"]
        ]
        columns = (
            Message("事项", "What"),
            Message("承办单位", "Handled by"),
            Message("办理期限", "Due"),
            Message("状态", "State"),
        )
        blocks.append(Rows(columns, rows))
    return visit.page(Message(f"办件 {number}", f"Case {number}"), *blocks)


def _page(each: dict[str, object], number: str) -> str:
    return page_of(str(each["kind"]), str(each["subject"]), number)


def _matter_badge(state: str) -> Badge:
    words = {
        "open": (Message("办理中", "Open"), "wait"),
        "waiting": (Message("待补正", "Waiting for papers"), "wait"),
        "concluded": (Message("已办结", "Concluded"), "good"),
        "withdrawn": (Message("已撤回", "Withdrawn"), "plain"),
    }
    return Badge(*words[state])


def _badge(share: Share) -> Badge:
    words = STATE_NAMES[share.state]
    return Badge(Message(words.zh, words.en.capitalize()), _TONES.get(share.state, "plain"))


def _facts(share: Share, names: Mapping[str, Message], due: str) -> list[tuple[Text, Cell]]:
    form = share.as_json()["form"]
    modes = dict(MODES)
    facts: list[tuple[Text, Cell]] = [
        (Message("使用单位", "User"), names.get(share.requester, share.requester)),
        (Message("提供单位", "Provider"), names.get(share.provider, share.provider)),
        (Message("状态", "State"), _badge(share)),
        (Message("办理期限", "Due"), due),
        (Message("使用依据", "Basis"), form["basis"] or "—"),
        (Message("使用场景", "Scenario"), form["scenario"] or "—"),
        (Message("使用范围", "Scope"), form["scope"] or "—"),
        (Message("共享方式", "Mode"), modes.get(form["mode"], "—")),
        (Message("使用时限", "Until"), form["until"] or "—"),
    ]
    if share.decision is not None and share.decision.reason:
        facts.append((Message("理由", "Reason"), share.decision.reason))
        facts.append((Message("法律依据", "Legal basis"), share.decision.legal_basis))
    if share.granted is not None:
        facts.append((Message("供给字段", "Columns"), "、".join(share.granted.columns)))
    return facts


def _interface(share: Share) -> Paragraph:
    path = f"/api/v1/sharing/requests/{share.id}/calls"
    return Paragraph(
        Message(
            f"请以本部门服务账号调用 POST {path}；每次调用均计数并记入日志。",
            f"Call POST {path} with your department's service account; each call is counted.",
        )
    )
