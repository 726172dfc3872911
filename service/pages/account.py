"""The page of one's own account: who the platform takes one for, and since when."""

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.organisations import person_by_id
from foundation.db import reading
from foundation.errors import Message
from service.pages.blocks import Facts, Link, Links, shown_time
from service.pages.frame import AnyVisit
from service.pages.names import house_names
from service.pages.people import role_name
from service.pages.routes import PageRoute

HOME = "/pages/account"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)


@router.get("")
def get_account(visit: AnyVisit) -> Response:
    """Show one's name, organisation, roles and login, and what follows from them."""
    actor = visit.actor
    with reading(visit.platform.engine) as connection:
        found = person_by_id(connection, actor.person)
        houses = house_names(connection)
    between = "、" if visit.language == "zh" else ", "
    roles = between.join(visit.say(role_name(role)) for role in sorted(actor.roles))
    rules = visit.platform.login.rules
    idle, absolute = rules.idle_seconds_max // 60, rules.absolute_seconds_max // 3600
    signed_in_us = visit.visitor.authenticated_us or None
    return visit.page(
        Message("我的账号", "My account"),
        Facts(
            [
                (Message("姓名", "Name"), found.name if found else actor.person),
                (Message("单位", "Organisation"), houses.get(actor.organisation)),
                (Message("角色", "Roles"), roles or None),
                (Message("登录账号", "Account"), visit.visitor.account),
                (
                    Message("角色起始", "Registered since"),
                    shown_time(actor.since_us or None),
                ),
                (Message("本次登录", "Signed in"), shown_time(signed_in_us)),
                (
                    Message("登录有效时间", "A login stands"),
                    Message(
                        f"{idle} 分钟无操作或满 {absolute} 小时后须重新登录",
                        f"until {idle} minutes without use, {absolute} hours at most",
                    ),
                ),
            ]
        ),
        Links(
            [
                Link(Message("我的待办", "My tasks"), "/pages", strong=True),
                Link(Message("设置通知邮箱", "Where notices are sent"), "/pages/notices"),
                Link(Message("重新登录", "Sign in again"), f"/login?step_up=1&return={HOME}"),
            ]
        ),
        intro=Message(
            "角色由系统管理员等提出、另一人确认；如有出入，请联系本单位负责人。",
            "Roles are proposed by one person and confirmed by another; if they are wrong, ask the "
            "head of your organisation.",
        ),
    )
