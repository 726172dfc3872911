"""The page of what one was told, and of the address one wants to be written to."""

from fastapi import APIRouter
from fastapi.responses import Response

from catalog.notices.outbox import notices_for
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from service.notices.addresses import address_of, forget_address, set_address
from service.pages.blocks import Filled, Heading, Rows, shown_time
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.routes import PageRoute

HOME = "/pages/notices"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
EVERYBODY = tuple(role for role in Role if role is not Role.SYSTEM)
ADDRESS = Form(
    fields=(
        Field("address", Message("电子邮箱", "E-mail address")),
        Field(
            "language",
            Message("通知语言", "Language"),
            kind="choice",
            choices=(("zh", "中文"), ("en", "English")),
        ),
    ),
    title=Message("接收通知的邮箱", "Where notices are sent"),
    button=Message("保存", "Keep"),
)
REMOVAL = Form(
    fields=(),
    title=Message("不再接收邮件", "No more mail"),
    button=Message("删除邮箱", "Forget it"),
)


@router.get("")
def get_notices(visit: AnyVisit) -> Response:
    """Show what the visitor, or their role in their organisation, was told, newest first."""
    with reading(visit.platform.engine) as connection:
        told = notices_for(connection, visit.actor)
        found = address_of(connection, visit.actor.person)
    rows = [
        (
            shown_time(item.time_us),
            Message(item.title.zh, item.title.en),
            Message(item.body.zh, item.body.en),
        )
        for item in told
    ]
    kept = {} if found is None else found.model_dump()
    forms = [Filled(ADDRESS, f"{HOME}/address", kept)]
    if found is not None:
        forms.append(Filled(REMOVAL, f"{HOME}/address-removal"))
    return visit.page(
        Message("通知", "Notices"),
        Rows((Message("时间", "When"), Message("通知", "Notice"), Message("内容", "Text")), rows),
        Heading(Message("邮件通知", "By e-mail")),
        *forms,
    )


def _keep(visit: Visit, entered: Entered) -> str:
    set_address(visit.platform.writer, visit.actor, entered["address"], entered["language"])
    return f"{HOME}?done=1"


def _forget(visit: Visit, _entered: Entered) -> str:
    forget_address(visit.platform.writer, visit.actor)
    return f"{HOME}?done=1"


posting(router, "/address", ADDRESS, _keep, visitors=EVERYBODY)
posting(router, "/address-removal", REMOVAL, _forget, visitors=EVERYBODY)
