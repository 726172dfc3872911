"""Pages of people and roles: what is proposed and waits for the second person, who holds what.

The same calls as the API: one person proposes, another confirms; who is stopped is stopped at once.
"""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.organisations import organisations, persons
from authorization.persons import Account, Person
from authorization.registry_changes import (
    Change,
    NewPerson,
    PersonRemoved,
    PersonResumed,
    RoleEnded,
    RoleGranted,
    roles_held,
)
from authorization.role_grants import (
    Grant,
    GrantState,
    confirm_change,
    grants,
    propose_change,
    refuse_change,
    require_grant,
    withdraw_change,
)
from authorization.suspensions import suspend_person
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Role
from service.api.callers import ROLE_NAMES_ZH
from service.api.role_grants import IdentityDocument, house_of, rules_of, with_identity
from service.login.visiting import recent_login
from service.pages.blocks import (
    Badge,
    Block,
    Cell,
    Facts,
    Filled,
    Heading,
    Link,
    Links,
    Rows,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import RegistryVisit, Visit
from service.pages.names import house_names, person_names
from service.pages.routes import PageRoute
from service.pages.waiting import whom

HOME = "/pages/people"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)

PROPOSERS = (Role.AUTHORITY, Role.SYSTEM_ADMINISTRATOR, Role.DEPARTMENT_HEAD)
CONFIRMERS = (Role.SECURITY_ADMINISTRATOR, Role.SYSTEM_ADMINISTRATOR)
STOPPERS = (Role.SECURITY_ADMINISTRATOR, Role.AUTHORITY)
STATES: Mapping[str, tuple[Message, str]] = {
    "proposed": (Message("待确认", "Waits for a second person"), "wait"),
    "confirmed": (Message("已生效", "In force"), "good"),
    "refused": (Message("已否决", "Refused"), "bad"),
    "withdrawn": (Message("已撤回", "Taken back"), "plain"),
}
KINDS: Mapping[str, Message] = {
    "person": Message("登记人员", "Register a person"),
    "role": Message("授予角色", "Grant a role"),
    "role_end": Message("免去角色", "End a role"),
    "account": Message("增加账号", "Add an account"),
    "account_end": Message("停用账号", "End an account"),
    "affiliation": Message("加入机构", "Join an organisation"),
    "affiliation_end": Message("离开机构", "Leave an organisation"),
    "person_end": Message("移除人员", "Remove a person"),
    "person_resume": Message("恢复人员", "Let a person act again"),
    "identity": Message("补登身份", "Keep an identity"),
    "organisation_resume": Message("恢复机构", "Let an organisation act again"),
    "relation_end": Message("终止控制关系", "End a relation of control"),
    "service_account": Message("登记服务账号", "Register a service account"),
}
DOCUMENTS = (
    ("resident_id", Message("居民身份证", "Resident identity card")),
    ("passport_chn", Message("中国护照", "Chinese passport")),
    ("permit_hkm", Message("港澳居民来往内地通行证", "Permit of Hong Kong or Macao residents")),
    ("permit_twn", Message("台湾居民来往大陆通行证", "Permit of Taiwan residents")),
)
REASON = Field("reason", Message("理由", "Reason"), kind="area")
CONFIRM = Form(fields=(), button=Message("确认生效", "Confirm"))
REFUSE = Form(fields=(REASON,), button=Message("否决", "Refuse"), danger=True)
WITHDRAW = Form(fields=(), button=Message("撤回", "Take back"))
STOP = Form(fields=(REASON,), button=Message("立即暂停", "Suspend now"), danger=True)
RESUME = Form(fields=(), button=Message("提出恢复", "Propose to let them act again"))
REMOVE = Form(fields=(), button=Message("提出移除", "Propose to remove"), danger=True)


def role_name(role: Role) -> Message:
    """Return a role in words."""
    return Message(ROLE_NAMES_ZH[role], role.value.replace("_", " ").capitalize())


def _role_choices() -> tuple[tuple[str, Message], ...]:
    return tuple((str(role), role_name(role)) for role in Role if role is not Role.SYSTEM)


@router.get("")
def get_people(visit: RegistryVisit) -> Response:
    """Show what waits for a second person, what was decided lately, and who is registered."""
    house = house_of(visit.actor)
    with reading(visit.platform.engine) as connection:
        changes = grants(connection, house=house, limit=50)
        people = [one for one in persons(connection) if not house or house in one.organisations]
        names = house_names(connection)
        called = person_names(connection)
    links = [
        Link(Message("登记人员", "Register a person"), f"{HOME}/new", strong=True),
        Link(Message("授予角色", "Grant a role"), f"{HOME}/role"),
    ]
    return visit.page(
        Message("人员与角色", "People and roles"),
        *([Links(links)] if visit.has(*PROPOSERS) else []),
        Heading(Message("变更", "Changes")),
        Rows(
            (Message("变更", "Change"), Message("对象", "Whom"), Message("提出时间", "Proposed"),
             Message("状态", "State")),
            [_change_row(one, called) for one in changes],
        ),
        Heading(Message("已登记人员", "Registered people")),
        Rows(
            (Message("姓名", "Name"), Message("机构", "Organisation"), Message("角色", "Roles")),
            [_person_row(visit, one, names) for one in people],
        ),
        intro=Message(
            "人员、账号和角色的变更须由一人提出、另一人确认。",
            "Each change of people, accounts or roles takes two: one proposes, another confirms.",
        ),
    )  # fmt: skip


def _change_row(one: Grant, called: dict[str, str]) -> list[Cell]:
    words, tone = STATES[str(one.state)]
    link = Link(KINDS[one.change.kind], f"{HOME}/changes/{one.id}")
    return [link, whom(one, called), shown_time(one.proposed_us), Badge(words, tone)]


def _person_row(visit: Visit, one: Person, names: Mapping[str, Message]) -> list[Cell]:
    houses = "、".join(visit.say(names.get(house, house)) for house in one.organisations)
    roles = "、".join(visit.say(role_name(role)) for role in one.roles)
    return [Link(one.name, f"{HOME}/persons/{one.id}"), houses, roles]


@router.get("/changes/{grant_id}")
def get_change(grant_id: str, visit: RegistryVisit) -> Response:
    """Show one change with what the visitor may do about it."""
    with reading(visit.platform.engine) as connection:
        one = require_grant(connection, grant_id)
        names = house_names(connection)
        called = person_names(connection)
        house = house_of(visit.actor)
    if house and one.proposed_for != house:
        raise _not_here()
    words, tone = STATES[str(one.state)]
    facts: list[tuple[Message, Cell]] = [
        (Message("状态", "State"), Badge(words, tone)),
        (Message("对象", "Whom"), whom(one, called)),
        *_told(visit, one.change, names),
        (Message("提出人", "Proposed by"), called.get(one.proposed_by, one.proposed_by)),
        (Message("提出时间", "Proposed"), shown_time(one.proposed_us)),
    ]
    if one.decided_by is not None and one.decided_us is not None:
        facts.append((Message("办理人", "Decided by"), called.get(one.decided_by, one.decided_by)))
        facts.append((Message("办理时间", "Decided"), shown_time(one.decided_us)))
    blocks: list[Block] = [Facts(facts)]
    here = f"{HOME}/changes/{one.id}"
    if one.state is GrantState.PROPOSED and visit.actor.person == one.proposed_by:
        blocks.append(Filled(WITHDRAW, f"{here}/withdraw"))
    elif one.state is GrantState.PROPOSED and visit.has(*CONFIRMERS):
        blocks += [Filled(CONFIRM, f"{here}/confirm"), Filled(REFUSE, f"{here}/refuse")]
    return visit.page(KINDS[one.change.kind], *blocks)


def _told(visit: Visit, change: Change, names: Mapping[str, Message]) -> list[tuple[Message, Cell]]:
    match change:
        case NewPerson():
            person = change.person
            roles = "、".join(visit.say(role_name(role)) for role in person.roles)
            houses = "、".join(visit.say(names.get(house, house)) for house in person.organisations)
            accounts = "、".join(account.name for account in person.accounts)
            return [
                (Message("姓名", "Name"), person.name),
                (Message("机构", "Organisation"), houses),
                (Message("角色", "Roles"), roles),
                (Message("账号", "Accounts"), accounts),
                (Message("截止", "Until"), change.until or None),
            ]
        case RoleGranted():
            until = change.until or None
            return [
                (Message("角色", "Role"), role_name(change.role)),
                (Message("截止", "Until"), until),
            ]
        case RoleEnded():
            return [(Message("角色", "Role"), role_name(change.role))]
        case _:
            return []


@router.get("/persons/{person_id}")
def get_person(person_id: str, visit: RegistryVisit) -> Response:
    """Show one person with their roles, and what may be proposed about them."""
    house = house_of(visit.actor)
    with reading(visit.platform.engine) as connection:
        people = {one.id: one for one in persons(connection)}
        names = house_names(connection)
        one = people.get(person_id)
        if one is None or (house and house not in one.organisations):
            raise _not_here()
    blocks: list[Block] = [
        Facts(
            [
                (Message("机构", "Organisation"),
                 "、".join(visit.say(names.get(name, name)) for name in one.organisations)),
                (Message("角色", "Roles"),
                 "、".join(visit.say(role_name(role)) for role in one.roles)),
                (Message("账号", "Accounts"), "、".join(item.name for item in one.accounts)),
            ]
        )
    ]  # fmt: skip
    here = f"{HOME}/persons/{one.id}"
    if visit.has(*PROPOSERS):
        blocks += [
            Filled(_ending(visit, one.id), f"{here}/role-end"),
            Filled(RESUME, f"{here}/resume"),
            Filled(REMOVE, f"{here}/remove"),
        ]
    if visit.has(*STOPPERS):
        blocks.append(Filled(STOP, f"{here}/suspension"))
    return visit.page(one.name, *blocks)


def _not_here() -> NotFound:
    return NotFound("record_unknown", Message("没有这条记录。", "There is no such record."))


def _new_person(visit: Visit) -> Form:
    with reading(visit.platform.engine) as connection:
        houses = tuple(organisations(connection).values())
    choices = tuple((one.id, Message(one.name_zh, one.name_en)) for one in houses)
    return Form(
        fields=(
            Field("name", Message("姓名", "Name")),
            Field("id", Message("人员代号", "Short name"), help=Message(
                "小写字母开头，仅用字母、数字、-、_。", "Small letters, digits, - and _.")),
            Field("organisation", Message("所在机构", "Organisation"), kind="choice",
                  choices=choices),
            Field("role", Message("角色", "Role"), kind="choice", choices=_role_choices()),
            Field("account", Message("登录账号", "Account"), help=Message(
                "统一身份认证中的账号名。", "The account's name at the identity provider.")),
            Field("document", Message("证件类型", "Identity document"), kind="choice",
                  choices=DOCUMENTS),
            Field("number", Message("证件号码", "Its number"), help=Message(
                "仅保存加密摘要，用以确认一人一登记。",
                "Only a keyed digest is kept: one person, one record.")),
            Field("until", Message("角色截止日期", "Role ends on"), kind="date", required=False),
        ),
        title=Message("登记人员", "Register a person"),
        button=Message("提出登记", "Propose"),
    )  # fmt: skip


def _register(visit: Visit, entered: Entered) -> str:
    house = entered["organisation"]
    person = Person(
        id=entered["id"],
        name=entered["name"],
        organisations=(house,),
        roles=(Role(entered["role"]),),
        accounts=(Account(name=entered["account"], organisation=house),),
    )
    document = IdentityDocument(kind=entered["document"], number=entered["number"])
    change = NewPerson(kind="person", person=person, until=entered["until"])
    return _proposed(visit, with_identity(visit.platform, change, document))


def _grant_form(visit: Visit) -> Form:
    with reading(visit.platform.engine) as connection:
        people = persons(connection)
    return Form(
        fields=(
            Field("person", Message("人员", "Person"), kind="choice",
                  choices=tuple((one.id, one.name) for one in people)),
            Field("role", Message("角色", "Role"), kind="choice", choices=_role_choices()),
            Field("until", Message("截止日期", "Until"), kind="date", required=False),
        ),
        title=Message("授予角色", "Grant a role"),
        button=Message("提出授予", "Propose"),
    )  # fmt: skip


def _grant_role(visit: Visit, entered: Entered) -> str:
    change = RoleGranted(
        kind="role",
        person=entered["person"],
        role=Role(entered["role"]),
        until=entered["until"],
    )
    return _proposed(visit, change)


def _ending(visit: Visit, person: str = "") -> Form:
    person = person or visit.request.path_params["person_id"]
    with reading(visit.platform.engine) as connection:
        held = sorted(roles_held(connection, person))
    choices = tuple((str(role), role_name(role)) for role in held)
    return Form(
        fields=(Field("role", Message("角色", "Role"), kind="choice", choices=choices),),
        button=Message("提出免去角色", "Propose to end this role"),
    )


def _end_role(visit: Visit, entered: Entered) -> str:
    person = visit.request.path_params["person_id"]
    return _proposed(visit, RoleEnded(kind="role_end", person=person, role=Role(entered["role"])))


def _resume(visit: Visit, _entered: Entered) -> str:
    person = visit.request.path_params["person_id"]
    return _proposed(visit, PersonResumed(kind="person_resume", person=person))


def _remove(visit: Visit, _entered: Entered) -> str:
    person = visit.request.path_params["person_id"]
    return _proposed(visit, PersonRemoved(kind="person_end", person=person))


def _proposed(visit: Visit, change: Change) -> str:
    platform = visit.platform
    recorded = propose_change(platform.writer, visit.actor, change, rules_of(platform))
    return f"{HOME}/changes/{recorded.value.id}?done=1"


def _confirm(visit: Visit, _entered: Entered) -> str:
    recent_login(visit.request, "role_grant")
    platform, grant = visit.platform, visit.request.path_params["grant_id"]
    rules = rules_of(platform)
    confirm_change(platform.writer, visit.actor, grant, rules, platform.pack.digest)
    platform.activation.reload()
    return f"{HOME}/changes/{grant}?done=1"


def _refuse(visit: Visit, entered: Entered) -> str:
    platform, grant = visit.platform, visit.request.path_params["grant_id"]
    reason = entered["reason"]
    refuse_change(platform.writer, visit.actor, grant, reason, rules_of(platform))
    return f"{HOME}/changes/{grant}?done=1"


def _withdraw(visit: Visit, _entered: Entered) -> str:
    grant = visit.request.path_params["grant_id"]
    withdraw_change(visit.platform.writer, visit.actor, grant)
    return f"{HOME}/changes/{grant}?done=1"


def _suspend(visit: Visit, entered: Entered) -> str:
    platform, person = visit.platform, visit.request.path_params["person_id"]
    reason = entered["reason"]
    suspend_person(platform.writer, visit.actor, person, reason, rules_of(platform))
    platform.activation.reload()
    return f"{HOME}?done=1"


posting(router, "/new", _new_person, _register, visitors=PROPOSERS)
posting(router, "/role", _grant_form, _grant_role, visitors=PROPOSERS)
posting(router, "/persons/{person_id}/role-end", _ending, _end_role, visitors=PROPOSERS)
posting(router, "/persons/{person_id}/resume", RESUME, _resume, visitors=PROPOSERS)
posting(router, "/persons/{person_id}/remove", REMOVE, _remove, visitors=PROPOSERS)
posting(router, "/persons/{person_id}/suspension", STOP, _suspend, visitors=STOPPERS)
posting(router, "/changes/{grant_id}/confirm", CONFIRM, _confirm, visitors=CONFIRMERS)
posting(router, "/changes/{grant_id}/refuse", REFUSE, _refuse, visitors=CONFIRMERS)
posting(router, "/changes/{grant_id}/withdraw", WITHDRAW, _withdraw, visitors=PROPOSERS)
