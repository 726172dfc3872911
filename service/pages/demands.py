"""Pages of the demand list: state a need, see what meets it, decide; and responsibilities."""

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.sharing.demand_list import (
    DemandForm,
    Outcome,
    demands,
    team_of,
    visible_demand,
)
from authorization.sharing.demands import STATERS
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from service.pages.blocks import (
    Badge,
    Block,
    Facts,
    Filled,
    Heading,
    Link,
    Links,
    Rows,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, GovernmentVisit, Visit
from service.pages.names import house_names
from service.pages.routes import PageRoute
from service.sharing_desks import sharing_of

HOME = "/pages/demands"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
STATES = {
    "open": Badge(Message("待对接", "Open"), "wait"),
    "matched": Badge(Message("已对接", "Matched"), "good"),
    "refused": Badge(Message("不予对接", "Refused"), "bad"),
    "withdrawn": Badge(Message("已撤回", "Withdrawn"), "plain"),
}
KINDS = {
    "product": Message("数据产品", "Product"),
    "service": Message("数据服务", "Service"),
    "entry": Message("数据目录", "Catalogue entry"),
}
OUTCOMES = (
    (Outcome.PRODUCT, Message("使用现有产品", "An existing product")),
    (Outcome.SERVICE, Message("使用现有服务", "An existing service")),
    (Outcome.SHARING, Message("转共享申请", "Go on with a sharing request")),
    (Outcome.CATALOGUING, Message("转部门编目", "A department catalogues it")),
    (Outcome.LICENCE, Message("转授权运营", "Authorised operation")),
    (Outcome.REFUSED, Message("不予对接", "Refuse")),
)
WANTED = (
    ("product", Message("数据产品", "A product")),
    ("service", Message("数据服务", "A service")),
    ("copy", Message("数据副本（须说明理由）", "A copy (say why)")),
)
NEW = Form(
    fields=(
        Field("title", Message("需求名称", "Title")),
        Field("need", Message("需求说明", "What is needed"), kind="area"),
        Field(
            "data_items", Message("所需数据项（每行一个）", "Data items, one a line"), kind="area"
        ),
        Field("wanted", Message("期望形式", "As what"), kind="choice", choices=WANTED),
        Field(
            "copy_reason",
            Message("要求副本的理由", "Why a copy"),
            kind="area",
            required=False,
            help=Message("先产品、后数据。", "Product before copy."),
        ),
    ),
    title=Message("登记数据需求", "State a demand"),
)
MATCH = Form(
    fields=(
        Field(
            "outcome",
            Message("对接结果", "Result"),
            kind="choice",
            choices=[(str(key), words) for key, words in OUTCOMES],
        ),
        Field(
            "found",
            Message("对接到的编号或部门", "What meets it"),
            required=False,
            help=Message("请填写下方清单中的编号。", "An identifier of the list below."),
        ),
        Field("reason", Message("理由", "Reason"), kind="area", required=False),
    ),
    title=Message("对接办结", "Decide"),
)
WITHDRAW = Form(
    fields=(),
    title=Message("撤回需求", "Take it back"),
    button=Message("撤回", "Take it back"),
    danger=True,
)


@router.get("")
def get_demands(visit: AnyVisit) -> Response:
    """Show the demand list."""
    with reading(visit.platform.engine) as connection:
        found = demands(connection, visit.actor)
        names = house_names(connection)
    columns = (
        Message("需求", "Demand"),
        Message("提出单位", "From"),
        Message("办件编号", "Case"),
        Message("提出时间", "Stated"),
        Message("状态", "State"),
    )
    rows = [
        (
            Link(one.form.title, f"{HOME}/{one.id}"),
            names.get(one.requester, one.requester),
            one.case_number,
            shown_time(one.stated_us),
            STATES[one.state],
        )
        for one in found
    ]
    links = [Link(Message("责任清单", "Responsibilities"), f"{HOME}/responsibilities")]
    if visit.has(*STATERS):
        new = Message("登记数据需求", "State a demand")
        links.insert(0, Link(new, f"{HOME}/new", strong=True))
    none = Message(
        "暂无数据需求。由使用数据的单位在此登记。",
        "No demand yet. Whoever needs data states it here.",
    )
    return visit.page(
        Message("需求清单", "Demand list"), Links(links), Rows(columns, rows, empty=none)
    )


def _state(visit: Visit, entered: Entered) -> str:
    items = [line.strip() for line in entered["data_items"].splitlines() if line.strip()]
    form = DemandForm.model_validate(
        {
            "title": entered["title"],
            "need": entered["need"],
            "data_items": items,
            "wanted": entered["wanted"],
            "copy_reason": entered["copy_reason"],
        }
    )
    recorded = sharing_of(visit.platform).demands.state(visit.actor, form)
    return f"{HOME}/{recorded.value.id}?done=1"


posting(router, "/new", NEW, _state, visitors=STATERS)


@router.get("/responsibilities")
def get_responsibilities(visit: GovernmentVisit) -> Response:
    """Show the responsibility matrix: provider, users and manager of each entry."""
    with reading(visit.platform.engine) as connection:
        lines = sharing_of(visit.platform).responsibilities.matrix(connection)
        names = house_names(connection)
    columns = (
        Message("目录条目", "Entry"),
        Message("提供方", "Provider"),
        Message("使用方", "Users"),
        Message("管理方", "Manager"),
        Message("责任", "Duties"),
    )
    rows = [
        (
            Message(line["name"]["zh"], line["name"]["en"]),
            names.get(line["provider"], line["provider"]),
            "、".join(visit.say(names.get(user, user)) for user in line["users"]) or "—",
            names.get(line["manager"], line["manager"]),
            "；".join(duty for each in line["duties"] for duty in each["duties"]) or "—",
        )
        for line in lines
    ]
    return visit.page(Message("责任清单", "Responsibility list"), Rows(columns, rows))


@router.get("/{demand}")
def get_demand(demand: str, visit: AnyVisit) -> Response:
    """Show a demand, what may meet it, its team, and the forms of its reader."""
    with reading(visit.platform.engine) as connection:
        found = visible_demand(connection, visit.actor, demand)
        team = team_of(connection, demand)
        names = house_names(connection)
    blocks: list[Block] = [
        Facts(
            [
                (Message("提出单位", "From"), names.get(found.requester, found.requester)),
                (Message("状态", "State"), STATES[found.state]),
                (Message("需求说明", "Need"), found.form.need),
                (Message("数据项", "Data items"), "、".join(found.form.data_items)),
                (Message("期望形式", "As what"), dict(WANTED)[found.form.wanted]),
                (Message("要求副本的理由", "Why a copy"), found.form.copy_reason or "—"),
                (Message("对接结果", "Found"), found.found or "—"),
                (Message("理由", "Reason"), found.reason or "—"),
            ]
        ),
        Links([Link(Message("办件全过程", "The case"), f"/pages/cases/{found.case_number}")]),
    ]
    if found.state == "open" and visit.has(Role.AUTHORITY):
        blocks.append(Filled(MATCH, f"{HOME}/{demand}/match"))
    if found.state == "open" and visit.actor.organisation == found.requester:
        blocks.append(Filled(WITHDRAW, f"{HOME}/{demand}/withdrawal"))
    blocks.append(Heading(Message("可用的产品、服务与目录", "What may meet it")))
    columns = (
        Message("类型", "Kind"),
        Message("名称", "Name"),
        Message("单位", "Of"),
        Message("编号", "Identifier"),
    )
    listed = [
        (
            KINDS[one.kind],
            Message(one.name.zh, one.name.en),
            names.get(one.organisation, one.organisation),
            one.id,
        )
        for one in found.candidates
    ]
    blocks.append(Rows(columns, listed))
    if team:
        blocks.append(Heading(Message("专项小组", "Team")))
        people = [(one["person"], one["duty"], "牵头" if one["lead"] else "") for one in team]
        heads = (Message("成员", "Member"), Message("职责", "Duty"), Message("牵头", "Lead"))
        blocks.append(Rows(heads, people))
    return visit.page(found.form.title, *blocks)


def _match(visit: Visit, entered: Entered) -> str:
    demand = str(visit.request.path_params["demand"])
    sharing_of(visit.platform).demands.decide(
        visit.actor, demand, Outcome(entered["outcome"]), entered["found"], entered["reason"]
    )
    return f"{HOME}/{demand}?done=1"


def _withdraw(visit: Visit, _entered: Entered) -> str:
    demand = str(visit.request.path_params["demand"])
    sharing_of(visit.platform).demands.withdraw(visit.actor, demand)
    return f"{HOME}/{demand}?done=1"


posting(router, "/{demand}/match", MATCH, _match, visitors=(Role.AUTHORITY,))
posting(router, "/{demand}/withdrawal", WITHDRAW, _withdraw, visitors=STATERS)
