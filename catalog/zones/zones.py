"""Opens, closes and destroys zones; says what a zone's grade lets stand and be given in it.

Closing takes effect with its entry: nothing is answered from a closed zone. Destroying is the act
of a second person; it ends the zone's key and files, and no other zone's.
"""

from collections.abc import Callable
from pathlib import Path

from pydantic import Field
from sqlalchemy import Connection, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import DatasetDeclaration, Frozen, Grade
from catalog.entries import Bilingual
from catalog.store import dataset_table
from catalog.zones.places import remove_zone_home
from catalog.zones.store import (
    PUBLIC,
    REGION_PATTERN,
    ZONE_PATTERN,
    Zone,
    ZoneKind,
    ZoneState,
    zone,
    zone_table,
)
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.keys import KeyStore, zone_key_name
from foundation.two_people import check_another_person, check_natural_person, check_older_than
from policies.schema.zones import ZoneRules

RULE = "policies/zones"
KeeperCheck = Callable[[Connection, str], None]
RegionCheck = Callable[[Connection, str], None]
LicencesCheck = Callable[[Connection, str], None]
Apart = Callable[[Connection, Actor, str], None]
"""Refuses who serves an organisation or an affiliate of it (``authorization.independence``)."""


class ZoneOrder(Frozen):
    """What the authority states of a new zone."""

    id: str = Field(pattern=ZONE_PATTERN)
    kind: ZoneKind
    name: Bilingual
    keeper: str = Field(min_length=1, max_length=64)
    region: str = Field(default="", pattern=REGION_PATTERN)
    grade_max: Grade


def open_zone(
    writer: Writer,
    actor: Actor,
    rules: ZoneRules,
    order: ZoneOrder,
    *,
    check_keeper: KeeperCheck,
    check_region: RegionCheck,
) -> Recorded[Zone]:
    """Open a zone. Raises InvalidInput where its kind may not hold its grade, or lacks a region."""
    _require_authority(actor)
    _check_order(order, rules)
    event = AuditEvent(
        EntryKind.ZONE_OPENED,
        actor,
        public={
            "zone": order.id,
            "zone_kind": str(order.kind),
            "keeper": order.keeper,
            "region": order.region,
            "grade_max": str(order.grade_max),
        },
    )

    def apply(connection: Connection, entry: PendingEntry) -> Zone:
        check_keeper(connection, order.keeper)
        if order.region:
            check_region(connection, order.region)
        if zone(connection, order.id) is not None:
            raise Conflict(
                "zone_exists",
                Message(f"数据区“{order.id}”已存在。", f"The zone {order.id!r} exists already."),
                field="$.id",
            )
        connection.execute(
            insert(zone_table).values(
                id=order.id,
                kind=str(order.kind),
                name_zh=order.name.zh,
                name_en=order.name.en,
                keeper=order.keeper,
                region=order.region,
                grade_max=str(order.grade_max),
                state=str(ZoneState.OPEN),
                opened_by=actor.person,
                opened_us=entry.time_us,
            )
        )
        return require_zone(connection, order.id)

    return writer.submit(event, apply)


def close_zone(writer: Writer, actor: Actor, zone_id: str, reason: str) -> Recorded[Zone]:
    """Close a zone for good: from this entry on nothing of it is granted or answered."""
    _require_authority(actor)
    event = AuditEvent(EntryKind.ZONE_CLOSED, actor, {"zone": zone_id}, {"reason": reason})

    def apply(connection: Connection, entry: PendingEntry) -> Zone:
        found = _not_public(connection, zone_id)
        if found.state is not ZoneState.OPEN:
            raise _wrong_state(found, "closed")
        connection.execute(
            update(zone_table)
            .where(zone_table.c.id == zone_id)
            .values(state=str(ZoneState.CLOSED), closed_by=actor.person, closed_us=entry.time_us)
        )
        return require_zone(connection, zone_id)

    return writer.submit(event, apply)


def destroy_zone(
    writer: Writer,
    keys: KeyStore,
    home: Path,
    actor: Actor,
    zone_id: str,
    *,
    check_licences: LicencesCheck,
    apart: Apart,
) -> Recorded[Zone]:
    """Destroy a closed zone: its key, then its files. Never by the person who closed it (I8).

    ``apart`` refuses whoever serves the zone's keeper, unless that is the authority itself.
    ``check_licences`` refuses while a licence of the zone is not over. The entry names the key;
    the destruction cites it, so that the key holder's journal shows both.
    """
    _require_authority(actor)
    name = zone_key_name(zone_id)
    event = AuditEvent(EntryKind.ZONE_DESTROYED, actor, {"zone": zone_id, "key_name": name})

    def apply(connection: Connection, _entry: PendingEntry) -> Zone:
        found = _not_public(connection, zone_id)
        if found.state is not ZoneState.CLOSED or found.closed_by is None:
            raise _wrong_state(found, "destroyed")
        check_another_person(actor, found.closed_by)
        check_older_than(actor, _closed_us(connection, zone_id))
        if found.keeper != actor.organisation:
            apart(connection, actor, found.keeper)
        check_licences(connection, zone_id)
        connection.execute(
            update(zone_table)
            .where(zone_table.c.id == zone_id)
            .values(state=str(ZoneState.DESTROYED), destroyed_by=actor.person)
        )
        return require_zone(connection, zone_id)

    recorded = writer.submit(event, apply)
    keys.destroy(name, recorded.citation)
    remove_zone_home(home, zone_id)
    return recorded


def finish_destroyed(connection: Connection, keys: KeyStore, home: Path) -> list[str]:
    """Destroy again what a crash left of destroyed zones; call at start. Returns their names."""
    query = select(zone_table.c.id).where(zone_table.c.state == str(ZoneState.DESTROYED))
    found = list(connection.execute(query.order_by(zone_table.c.id)).scalars())
    for zone_id in found:
        keys.destroy(zone_key_name(zone_id))
        remove_zone_home(home, zone_id)
    return found


def check_stands_in(
    connection: Connection, zone_id: str, declaration: DatasetDeclaration, rules: ZoneRules
) -> Zone:
    """Return the zone that a data set is to stand in. Raises where the zone forbids its grade."""
    found = require_zone(connection, zone_id)
    if found.state is not ZoneState.OPEN:
        raise _wrong_state(found, "used")
    for place, column in enumerate(declaration.columns):
        if column.grade > found.grade_max:
            raise _too_high(found, f"$.columns[{place}].grade", f"列“{column.name}”", column.name)
    controls = rules.of_kind(found.kind)
    if controls is None or (declaration.important and not controls.important_allowed):
        raise _too_high(found, "$.important", "重要数据", "important data")
    return found


def check_entry_may_move(connection: Connection, entry_id: str, before: str, after: str) -> None:
    """Refuse to move a catalogue entry to another zone once data stand beneath it.

    Data never change their zone: a licence of one zone could else reach what another holds.
    """
    query = select(dataset_table.c.id).where(dataset_table.c.entry_id == entry_id).limit(1)
    if before != after and connection.execute(query).first() is not None:
        raise Conflict(
            "entry_zone_fixed",
            Message(
                "该目录条目下已有数据，不得改到其他数据区。",
                "Data stand beneath this entry, so it does not move to another zone.",
            ),
            field="$.zone",
            rule=RULE,
            way_out=Message(
                "请在新的数据区另行编目，并重新登记数据。",
                "Catalogue it anew in the other zone and register the data there.",
            ),
        )


def require_zone(connection: Connection, zone_id: str) -> Zone:
    """Return a zone. Raises NotFound."""
    found = zone(connection, zone_id)
    if found is None:
        raise NotFound(
            "zone_unknown",
            Message(f"没有数据区“{zone_id}”。", f"There is no zone {zone_id!r}."),
            field="$.zone",
        )
    return found


def _check_order(order: ZoneOrder, rules: ZoneRules) -> None:
    controls = rules.of_kind(order.kind)
    if controls is None or order.grade_max > controls.grade_max:
        raise InvalidInput(
            "zone_grade_too_high",
            Message(
                "该类数据区不得存放这一级别的数据。",
                "A zone of this kind may not hold data of this grade.",
            ),
            field="$.grade_max",
            rule=rules.document,
        )
    if controls.region_required and not order.region:
        raise InvalidInput(
            "zone_region_missing",
            Message("地区专区须写明行政区划代码。", "A regional zone names its division code."),
            field="$.region",
            rule=rules.document,
        )


def _closed_us(connection: Connection, zone_id: str) -> int:
    query = select(zone_table.c.closed_us).where(zone_table.c.id == zone_id)
    return int(connection.execute(query).scalar_one())


def _not_public(connection: Connection, zone_id: str) -> Zone:
    found = require_zone(connection, zone_id)
    if found == PUBLIC:
        raise Conflict(
            "zone_public_stays",
            Message("公共数据区不得关闭或销毁。", "The public zone is not closed or destroyed."),
            field="zone",
            rule=RULE,
        )
    return found


def _require_authority(actor: Actor) -> None:
    check_natural_person(actor)
    if not actor.has(Role.AUTHORITY):
        raise Denied(
            "authority_required",
            Message(
                "数据区由数据主管部门的工作人员设立和管理。",
                "Zones are opened and ended by people of the data authority.",
            ),
            rule=RULE,
        )


def _wrong_state(found: Zone, wanted: str) -> Conflict:
    words = {ZoneState.OPEN: "开放", ZoneState.CLOSED: "关闭", ZoneState.DESTROYED: "已销毁"}
    return Conflict(
        "zone_state",
        Message(
            f"数据区“{found.id}”当前状态为“{words[found.state]}”，不能进行此操作。",
            f"The zone {found.id!r} is {found.state}, so it cannot be {wanted}.",
        ),
        field="zone",
        rule=RULE,
    )


def _too_high(found: Zone, field: str, what_zh: str, what_en: str) -> InvalidInput:
    return InvalidInput(
        "zone_forbids_grade",
        Message(
            f"数据区“{found.id}”最高只存放 {found.grade_max} 级数据，{what_zh}不得登记在此。",
            f"The zone {found.id!r} holds data up to {found.grade_max}; {what_en} may not stand "
            "there.",
        ),
        field=field,
        rule=RULE,
        way_out=Message("请改登记在允许该级别的数据区。", "Register it in a zone that allows it."),
    )
