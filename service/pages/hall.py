"""Pages of the data hall: the seats, one's own queue on duty, and the duty record of a day."""

from datetime import date

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.hall.queues import queue
from authorization.hall.records import record_pdf
from authorization.hall.seats import appointments, require_seat, seats, standing_duty
from authorization.organisations import OrganisationKind, organisations, persons
from authorization.sharing.states import visible_share
from catalog.matters.reads import visible_matter
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Role
from service.pages.blocks import Badge, Block, Filled, Heading, Link, Links, Rows, shown_time
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, GovernmentVisit, Visit
from service.pages.names import house_names, person_names
from service.pages.routes import PageRoute
from service.pages.sharing_forms import READ, read_now
from service.sharing_desks import sharing_of

HOME = "/pages/hall"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
REPRESENTATIVE = (Role.HALL_REPRESENTATIVE,)


def _plain(zh: str, en: str, *, danger: bool = False) -> Form:
    return Form(fields=(), title=Message(zh, en), button=Message(zh, en), danger=danger)


_REASON = Field("reason", Message("理由", "Reason"), kind="area")


def _opening(visit: Visit) -> Form:
    """Return the form that opens a seat, for a department that has none."""
    with reading(visit.platform.engine) as connection:
        seated = {one.organisation for one in seats(connection)}
        houses = [
            (one.id, Message(one.name_zh, one.name_en))
            for one in organisations(connection).values()
            if one.kind is OrganisationKind.PROVIDER and one.id not in seated
        ]
    words = Message("设立席位", "Open a seat")
    house = Field("organisation", Message("单位", "Department"), kind="choice", choices=houses)
    return Form(fields=(house,), title=words, button=words)


def _naming(visit: Visit) -> Form:
    """Return the form by which a head names one of the own people."""
    words = Message("推荐首席代表", "Name a chief representative")
    return Form(fields=(_person(visit, "person"),), title=words, button=Message("推荐", "Name"))


def _handing_over(visit: Visit) -> Form:
    """Return the form that hands a matter to another of the department's people."""
    words = Message("移交", "Hand over")
    return Form(fields=(_person(visit, "to"), _REASON), title=words, button=words)


def _agreeing(visit: Visit) -> Form:
    """Return the form that agrees to a request as it stands now, and to no other text of it."""
    with reading(visit.platform.engine) as connection:
        waiting = visible_matter(connection, visit.actor, _at(visit, "matter"))
        share = visible_share(connection, visit.actor, waiting.subject)
    return read_now(APPROVE, share)


def _person(visit: Visit, name: str) -> Field:
    house = visit.actor.organisation
    with reading(visit.platform.engine) as connection:
        people = [
            (one.id, one.name)
            for one in persons(connection)
            if house in one.organisations
            and Role.HALL_REPRESENTATIVE in one.roles
            and one.id != visit.actor.person
        ]
    none = Message(
        "只列出本单位具有首席代表角色的人员；没有时请先在“人员与角色”中授予。",
        "People of your department with the role; where nobody is listed, have it granted first.",
    )
    return Field(name, Message("人员", "Person"), kind="choice", choices=people, help=none)


BEGIN, TAKE = _plain("到岗", "Come on duty"), _plain("接办", "Take it")
CONFIRM = _plain("确认入驻", "Confirm")
END = Form(
    fields=(Field("note", Message("交接说明", "Note"), kind="area", required=False),),
    title=Message("离岗", "Go off duty"),
    button=Message("离岗", "Go off duty"),
)
APPROVE = Form(
    fields=(
        READ,
        Field(
            "conditions",
            Message("使用条件（每行一条，限目录载明）", "Conditions of the entry"),
            kind="area",
            required=False,
        ),
    ),
    title=Message("同意共享", "Agree to share"),
    button=Message("同意", "Agree"),
)
REFUSE = Form(
    fields=(_REASON, Field("legal_basis", Message("法律依据", "Legal basis"), kind="area")),
    title=Message("不同意共享", "Refuse to share"),
    button=Message("不同意", "Refuse"),
    danger=True,
)


@router.get("")
def get_hall(visit: GovernmentVisit) -> Response:
    """Show the seats, and for a representative the queue of the own seat."""
    now_us = visit.platform.clock.now_us()
    with reading(visit.platform.engine) as connection:
        found = seats(connection)
        names = house_names(connection)
        people = person_names(connection)
        waiting = queue(connection, visit.actor, now_us)
        duty = standing_duty(connection, visit.actor.person)
    blocks: list[Block] = []
    if visit.has(Role.HALL_REPRESENTATIVE):
        mine = [one for one in found if one.organisation == visit.actor.organisation]
        if duty is None and mine:
            blocks.append(Filled(BEGIN, f"{HOME}/seats/{mine[0].id}/duty"))
        blocks.append(Heading(Message("本席位待办", "Our queue")))
        columns = (Message("事项", "What"), Message("期限", "Due"), Message("接办人", "Taken by"))
        rows = [
            (
                Link(
                    Message(one.matter.title.zh, one.matter.title.en),
                    f"{HOME}/queue/{one.matter.id}",
                ),
                Badge(
                    one.matter.due.on if one.matter.due else "—", "bad" if one.overdue else "wait"
                ),
                people.get(one.holder, one.holder) or "—",
            )
            for one in waiting
        ]
        blocks.append(Rows(columns, rows))
        if duty is not None:
            blocks.append(Filled(END, f"{HOME}/duty-end"))
    blocks.append(Heading(Message("席位", "Seats")))
    heads = (
        Message("单位", "Department"),
        Message("首席代表", "Representatives"),
        Message("在岗", "On duty"),
    )
    listed = [
        (
            Link(names.get(one.organisation, one.organisation), f"{HOME}/seats/{one.id}"),
            "、".join(people.get(who, who) for who in one.representatives) or "—",
            "、".join(people.get(who, who) for who in one.on_duty) or "—",
        )
        for one in found
    ]
    blocks.append(Rows(heads, listed))
    if visit.has(Role.AUTHORITY):
        blocks.append(Filled(_opening(visit), f"{HOME}/new"))
    return visit.page(Message("政务数据大厅", "Data hall"), *blocks)


@router.get("/seats/{seat}")
def get_seat(seat: str, visit: GovernmentVisit) -> Response:
    """Show a seat, who was named and confirmed there, and today's duty record."""
    with reading(visit.platform.engine) as connection:
        found = require_seat(connection, seat)
        named = appointments(connection, seat)
        people = person_names(connection)
        names = house_names(connection)
    own = visit.actor.organisation == found.organisation
    blocks: list[Block] = []
    if own or visit.has(Role.AUTHORITY):
        today = visit.platform.clocks.rules.calendar.civil_day(visit.platform.clock.now_us())
        words = Message("打印今日值班记录", "Print today's duty record")
        blocks.append(Links([Link(words, f"{HOME}/seats/{seat}/records/{today.isoformat()}")]))
    if own and visit.has(Role.DEPARTMENT_HEAD):
        blocks.append(Filled(_naming(visit), f"{HOME}/seats/{seat}/naming"))
    waiting = [one for one in named if one["confirmed_us"] is None and one["ended_us"] is None]
    for one in waiting if visit.has(Role.AUTHORITY) else ():
        blocks.append(Heading(_to_confirm(people.get(one["person"], one["person"]))))
        blocks.append(Filled(CONFIRM, f"{HOME}/appointments/{one['id']}/confirmation"))
    columns = (Message("人员", "Person"), Message("推荐", "Named"), Message("确认", "Confirmed"))
    rows = [
        (
            people.get(one["person"], one["person"]),
            shown_time(one["named_us"]),
            "—" if one["confirmed_us"] is None else shown_time(one["confirmed_us"]),
        )
        for one in named
    ]
    blocks.append(Rows(columns, rows))
    return visit.page(names.get(found.organisation, found.organisation), *blocks)


@router.get("/seats/{seat}/records/{day}")
def get_record(seat: str, day: str, visit: AnyVisit) -> Response:
    """Print the duty record of a day."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError as error:
        raise InvalidInput(
            "day_invalid", Message("日期无效。", "That is no date."), field="day"
        ) from error
    recorded = sharing_of(visit.platform).records.print_record(visit.actor, seat, wanted)
    return Response(record_pdf(recorded.value), media_type="application/pdf")


@router.get("/queue/{matter}")
def get_waiting(matter: str, visit: AnyVisit) -> Response:
    """Show a matter of the queue, and the forms to take, decide or hand it over."""
    with reading(visit.platform.engine) as connection:
        found = queue(connection, visit.actor, visit.platform.clock.now_us())
    mine = [one for one in found if one.matter.id == matter]
    if not mine:
        words = Message("该办件已办结，或不在本席位。", "This matter is over, or not at this seat.")
        return visit.page(Message("办件", "Matter"), intro=words)
    one = mine[0]
    path = f"{HOME}/queue/{matter}"
    about = Link(Message("查看申请", "See the request"), f"/pages/cases/{one.matter.case}")
    blocks: list[Block] = [Links([about])]
    if one.holder != visit.actor.person:
        blocks.append(Filled(TAKE, f"{path}/taking"))
    elif str(one.matter.kind) == "share_request":
        blocks += [
            Filled(_agreeing(visit), f"{path}/approval"),
            Filled(REFUSE, f"{path}/refusal"),
        ]
    if one.holder == visit.actor.person:
        blocks.append(Filled(_handing_over(visit), f"{path}/hand-over"))
    return visit.page(Message(one.matter.title.zh, one.matter.title.en), *blocks)


def _to_confirm(name: str) -> Message:
    return Message(f"待确认：{name}", f"To confirm: {name}")


def _at(visit: Visit, name: str) -> str:
    return str(visit.request.path_params[name])


def _open(visit: Visit, entered: Entered) -> str:
    seat = sharing_of(visit.platform).seats.open(visit.actor, entered["organisation"]).value
    return f"{HOME}/seats/{seat.id}?done=1"


def _name(visit: Visit, entered: Entered) -> str:
    seat = _at(visit, "seat")
    sharing_of(visit.platform).seats.name(visit.actor, seat, entered["person"])
    return f"{HOME}/seats/{seat}?done=1"


def _confirm(visit: Visit, _entered: Entered) -> str:
    sharing_of(visit.platform).seats.confirm(visit.actor, _at(visit, "appointment"))
    return f"{HOME}?done=1"


def _begin(visit: Visit, _entered: Entered) -> str:
    sharing_of(visit.platform).seats.begin_duty(visit.actor, _at(visit, "seat"))
    return f"{HOME}?done=1"


def _end(visit: Visit, entered: Entered) -> str:
    sharing_of(visit.platform).seats.end_duty(visit.actor, entered["note"])
    return f"{HOME}?done=1"


def _take(visit: Visit, _entered: Entered) -> str:
    matter = _at(visit, "matter")
    sharing_of(visit.platform).queues.take(visit.actor, matter)
    return f"{HOME}/queue/{matter}?done=1"


def _approve(visit: Visit, entered: Entered) -> str:
    lines = [line.strip() for line in entered["conditions"].splitlines() if line.strip()]
    sharing_of(visit.platform).queues.decide(
        visit.actor,
        _at(visit, "matter"),
        approve=True,
        conditions=lines,
        read_digest=entered[READ.name],
    )
    return f"{HOME}?done=1"


def _refuse(visit: Visit, entered: Entered) -> str:
    sharing_of(visit.platform).queues.decide(
        visit.actor,
        _at(visit, "matter"),
        approve=False,
        reason=entered["reason"],
        legal_basis=entered["legal_basis"],
    )
    return f"{HOME}?done=1"


def _hand_over(visit: Visit, entered: Entered) -> str:
    queues = sharing_of(visit.platform).queues
    queues.hand_over(visit.actor, _at(visit, "matter"), entered["to"], entered["reason"])
    return f"{HOME}?done=1"


posting(router, "/new", _opening, _open, visitors=(Role.AUTHORITY,))
posting(router, "/seats/{seat}/naming", _naming, _name, visitors=(Role.DEPARTMENT_HEAD,))
_CONFIRMATION = "/appointments/{appointment}/confirmation"
posting(router, _CONFIRMATION, CONFIRM, _confirm, visitors=(Role.AUTHORITY,))
posting(router, "/seats/{seat}/duty", BEGIN, _begin, visitors=REPRESENTATIVE)
posting(router, "/duty-end", END, _end, visitors=REPRESENTATIVE)
posting(router, "/queue/{matter}/taking", TAKE, _take, visitors=REPRESENTATIVE)
posting(router, "/queue/{matter}/approval", _agreeing, _approve, visitors=REPRESENTATIVE)
posting(router, "/queue/{matter}/refusal", REFUSE, _refuse, visitors=REPRESENTATIVE)
posting(router, "/queue/{matter}/hand-over", _handing_over, _hand_over, visitors=REPRESENTATIVE)
