"""Zones (公共数据区, 地区专区, 企业专区): opened, closed and, by a second person, destroyed."""

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from authorization.documents import LicenceDocument
from authorization.independence import check_apart
from authorization.licences import LicenceState, licences_in
from authorization.organisations import require_organisation
from catalog.datasets import Frozen
from catalog.standards.regions import require_region
from catalog.zones.store import Zone, zones
from catalog.zones.zones import ZoneOrder, close_zone, destroy_zone, open_zone, require_zone
from foundation.db import reading
from foundation.errors import Conflict, Message
from policies.schema.standards import StandardRules
from policies.schema.zones import ZoneControls, ZoneRules
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/zones", route_class=IdempotentRoute, tags=["zones"])
STANDING = (LicenceState.DRAFTED, LicenceState.ACTIVE, LicenceState.SUSPENDED)


class ZoneClosing(Frozen):
    """Why a zone is closed for good."""

    reason: str = Field(min_length=1, max_length=1_000)


@router.get("")
def get_zones(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the zones with what each kind of zone may hold and give."""
    rules = platform.pack.rules(ZoneRules)
    with reading(platform.engine) as connection:
        found = zones(connection)
    return {"zones": [_shown(item, rules.of_kind(item.kind)) for item in found]}


@router.get("/{zone_id}")
def get_zone(zone_id: str, _actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Show one zone."""
    with reading(platform.engine) as connection:
        found = require_zone(connection, zone_id)
    return _shown(found, platform.pack.rules(ZoneRules).of_kind(found.kind))


@router.post("", status_code=201)
def post_zone(body: ZoneOrder, actor: AuthorityCaller, platform: OnPlatform) -> dict[str, object]:
    """Open a zone; its keeper is a registered organisation, its region a known division."""
    standards = platform.pack.rules(StandardRules)

    def check_keeper(connection: Connection, keeper: str) -> None:
        require_organisation(connection, keeper, "keeper")

    def check_region(_connection: Connection, region: str) -> None:
        require_region(standards, region)

    recorded = open_zone(
        platform.writer,
        actor,
        platform.pack.rules(ZoneRules),
        body,
        check_keeper=check_keeper,
        check_region=check_region,
    )
    return {"zone": recorded.value.id, "state": recorded.value.state, "entry": recorded.index}


@router.post("/{zone_id}/closure", status_code=201)
def post_zone_closure(
    zone_id: str, body: ZoneClosing, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Close a zone for good: from this entry on nothing of it is granted or answered."""
    recorded = close_zone(platform.writer, actor, zone_id, body.reason)
    return {"zone": zone_id, "state": recorded.value.state, "entry": recorded.index}


@router.post("/{zone_id}/destruction", status_code=201)
def post_zone_destruction(
    zone_id: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Destroy a closed zone's key and files; never by the person who closed it."""
    recorded = destroy_zone(
        platform.writer,
        platform.keys,
        platform.settings.home,
        actor,
        zone_id,
        check_licences=check_no_licence,
        apart=check_apart,
    )
    return {
        "zone": zone_id,
        "state": recorded.value.state,
        "entry": recorded.index,
        "receipt": recorded.receipt,
    }


def check_no_licence(connection: Connection, zone_id: str) -> None:
    """Refuse to destroy a zone while a licence of it is not over."""
    left = [
        found.id
        for found in licences_in(connection, STANDING)
        if LicenceDocument.model_validate_json(found.document).zone == zone_id
    ]
    if left:
        raise Conflict(
            "zone_has_licences",
            Message(
                f"该数据区尚有 {len(left)} 项授权未终止。",
                f"{len(left)} licences of this zone are not over yet.",
            ),
            field="zone",
            rule="policies/zones",
            way_out=Message("请先终止这些授权。", "End them first."),
        )


def _shown(zone: Zone, controls: ZoneControls | None) -> dict[str, object]:
    return {
        **zone.model_dump(mode="json", exclude={"closed_by"}),
        "controls": None if controls is None else controls.model_dump(mode="json"),
    }
