"""Pages of zones: see them, open one, close one, and end a closed one as a second person."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Connection

from authorization.independence import check_apart
from authorization.organisations import organisations, require_organisation
from catalog.datasets import Grade
from catalog.entries import Bilingual
from catalog.standards.regions import require_region
from catalog.zones.store import PUBLIC, Zone, ZoneKind, ZoneState, zones
from catalog.zones.zones import ZoneOrder, close_zone, destroy_zone, open_zone, require_zone
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from policies.schema.standards import StandardRules
from policies.schema.zones import ZoneRules
from service.api.zones import check_no_licence
from service.pages.blocks import Badge, Block, Cell, Facts, Filled, Link, Links, Rows
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.routes import PageRoute

HOME = "/pages/zones"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
AUTHORITY = (Role.AUTHORITY,)

KINDS: Mapping[ZoneKind, Message] = {
    ZoneKind.PUBLIC: Message("公共数据区", "public data zone"),
    ZoneKind.REGIONAL: Message("地区专区", "regional zone"),
    ZoneKind.ENTERPRISE: Message("企业专区", "enterprise zone"),
}
STATES: Mapping[ZoneState, Badge] = {
    ZoneState.OPEN: Badge(Message("开放", "open"), "good"),
    ZoneState.CLOSED: Badge(Message("已关闭", "closed"), "wait"),
    ZoneState.DESTROYED: Badge(Message("已销毁", "destroyed"), "bad"),
}
MODES = {
    "rows": Message("按行使用最高级别", "Highest grade as rows"),
    "aggregate": Message("聚合使用最高级别", "Highest grade as aggregates"),
    "verify": Message("核验使用最高级别", "Highest grade for verification"),
}
CLOSING = Form(
    fields=(Field("reason", Message("关闭理由", "Why"), kind="area"),),
    title=Message("关闭数据区", "Close this zone"),
    intro=Message(
        "关闭后不再办理授权，也不再答复任何查询，且不能重新开放。",
        "Nothing of it is licensed or answered any more, and it is never opened again.",
    ),
    button=Message("关闭", "Close"),
    danger=True,
)
DESTROYING = Form(
    fields=(),
    title=Message("销毁数据区", "Destroy this zone"),
    intro=Message(
        "销毁其密钥和数据。须由关闭人以外的第二人办理，且区内授权均已终止。",
        "Its key and its data are destroyed: by another person than the one who closed it, once "
        "all licences of it are over.",
    ),
    button=Message("销毁", "Destroy"),
    danger=True,
)


def _opening(visit: Visit) -> Form:
    with reading(visit.platform.engine) as connection:
        known = organisations(connection)
    keepers = [(item.id, Message(item.name_zh, item.name_en)) for item in known.values()]
    return Form(
        fields=(
            Field("id", Message("代号（小写字母、数字）", "Short name (lower-case letters)")),
            Field(
                "kind",
                Message("类别", "Kind"),
                kind="choice",
                choices=[(str(kind), words) for kind, words in KINDS.items()],
            ),
            Field("name_zh", Message("名称", "Name in Chinese")),
            Field("name_en", Message("英文名称", "Name in English"), required=False),
            Field("keeper", Message("管理单位", "Keeper"), kind="choice", choices=keepers),
            Field("region", Message("行政区划代码", "Division code"), required=False),
            Field(
                "grade_max",
                Message("最高数据级别", "Highest grade"),
                kind="choice",
                choices=[(str(grade), str(grade)) for grade in Grade],
            ),
        ),
        title=Message("设立数据区", "Open a zone"),
        button=Message("设立", "Open"),
    )


@router.get("")
def get_zones(visit: AnyVisit) -> Response:
    """List the zones."""
    with reading(visit.platform.engine) as connection:
        found = zones(connection)
    links = [Link(Message("设立数据区", "Open a zone"), f"{HOME}/new", strong=True)]
    return visit.page(
        Message("数据区", "Zones"),
        Links(links if visit.has(*AUTHORITY) else []),
        Rows(
            (
                Message("名称", "Name"),
                Message("类别", "Kind"),
                Message("行政区划", "Division"),
                Message("最高级别", "Highest grade"),
                Message("状态", "State"),
            ),
            [_row(visit, item) for item in found],
        ),
    )


def _open(visit: Visit, entered: Entered) -> str:
    platform = visit.platform
    standards = platform.pack.rules(StandardRules)

    def check_keeper(connection: Connection, keeper: str) -> None:
        require_organisation(connection, keeper, "keeper")

    def check_region(_connection: Connection, region: str) -> None:
        require_region(standards, region)

    name = Bilingual(zh=entered["name_zh"], en=entered["name_en"] or entered["name_zh"])
    order = ZoneOrder(
        id=entered["id"],
        kind=ZoneKind(entered["kind"]),
        name=name,
        keeper=entered["keeper"],
        region=entered["region"],
        grade_max=Grade(entered["grade_max"]),
    )
    open_zone(
        platform.writer,
        visit.actor,
        platform.pack.rules(ZoneRules),
        order,
        check_keeper=check_keeper,
        check_region=check_region,
    )
    return f"{HOME}/{order.id}?done=1"


posting(router, "/new", _opening, _open, visitors=AUTHORITY)


@router.get("/{zone_id}")
def get_zone(zone_id: str, visit: AnyVisit) -> Response:
    """Show one zone, with what its kind may hold and give."""
    with reading(visit.platform.engine) as connection:
        found = require_zone(connection, zone_id)
    controls = visit.platform.pack.rules(ZoneRules).of_kind(found.kind)
    facts: list[tuple[Message, Cell]] = [
        (Message("类别", "Kind"), KINDS[found.kind]),
        (Message("管理单位", "Keeper"), found.keeper or None),
        (Message("行政区划", "Division"), found.region or None),
        (Message("最高级别", "Highest grade"), str(found.grade_max)),
        (Message("状态", "State"), STATES[found.state]),
    ]
    if controls is not None:
        facts += [(words, controls.mode_grade_max(mode)) for mode, words in MODES.items()]
    blocks: list[Block] = [Facts([(name, value) for name, value in facts if value is not None])]
    if visit.has(*AUTHORITY) and found != PUBLIC:
        if found.state is ZoneState.OPEN:
            blocks.append(Filled(CLOSING, f"{HOME}/{found.id}/closure"))
        elif found.state is ZoneState.CLOSED:
            blocks.append(Filled(DESTROYING, f"{HOME}/{found.id}/destruction"))
    return visit.page(_label(found), *blocks)


def _close(visit: Visit, entered: Entered) -> str:
    zone_id = str(visit.request.path_params["zone_id"])
    close_zone(visit.platform.writer, visit.actor, zone_id, entered["reason"])
    return f"{HOME}/{zone_id}?done=1"


def _destroy(visit: Visit, _entered: Entered) -> str:
    platform, zone_id = visit.platform, str(visit.request.path_params["zone_id"])
    destroy_zone(
        platform.writer,
        platform.keys,
        platform.settings.home,
        visit.actor,
        zone_id,
        check_licences=check_no_licence,
        apart=check_apart,
    )
    return f"{HOME}/{zone_id}?done=1"


posting(router, "/{zone_id}/closure", CLOSING, _close, visitors=AUTHORITY)
posting(router, "/{zone_id}/destruction", DESTROYING, _destroy, visitors=AUTHORITY)


def _row(visit: Visit, found: Zone) -> tuple[Cell, ...]:
    return (
        Link(visit.say(_label(found)), f"{HOME}/{found.id}"),
        KINDS[found.kind],
        found.region,
        str(found.grade_max),
        STATES[found.state],
    )


def _label(found: Zone) -> Message:
    return Message(found.name.zh, found.name.en)
