"""Registered information systems of departments, and which entries they feed: no orphan.

目录关联系统、系统关联数据: an entry names the systems its data come from, and a system without an
entry is listed as well as an entry without a system.
"""

from pydantic import Field
from sqlalchemy import Connection, and_, exists, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.book.duties import check_drafts
from catalog.book.store import catalog_entry, catalog_entry_system, catalog_system
from catalog.datasets import Frozen
from catalog.entries import CatalogueEntry, SystemName, Wording
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor

RULE = "目录关联系统、系统关联数据"


class SystemDocument(Frozen):
    """An information system as its department registers it."""

    name: SystemName
    label: Wording
    purpose: Wording


class RegisteredSystem(Frozen):
    """A registered system. A retired one feeds nothing new."""

    name: SystemName
    provider: str
    label: Wording
    purpose: Wording
    registered_us: int
    retired_us: int | None


class Orphans(Frozen):
    """What lacks its other side: published entries without a live system, systems without one."""

    entries: tuple[str, ...] = Field(description="identifiers of entries")
    systems: tuple[str, ...] = Field(description="names of systems")


def register_system(
    writer: Writer, actor: Actor, provider: str, document: SystemDocument
) -> Recorded[RegisteredSystem]:
    """Register an information system of a department."""
    check_drafts(actor, provider)
    event = AuditEvent(
        EntryKind.SYSTEM_REGISTERED, actor, public={"system": document.name, "provider": provider}
    )

    def apply(connection: Connection, pending: PendingEntry) -> RegisteredSystem:
        if system(connection, document.name) is not None:
            raise Conflict(
                "system_exists",
                Message(
                    f"信息系统“{document.name}”已登记。",
                    f"The system {document.name!r} is registered.",
                ),
                field="$.name",
            )
        connection.execute(
            insert(catalog_system).values(
                name=document.name,
                provider=provider,
                label_zh=document.label.zh,
                label_en=document.label.en,
                purpose_zh=document.purpose.zh,
                purpose_en=document.purpose.en,
                registered_by=actor.person,
                registered_us=pending.time_us,
            )
        )
        return _known(connection, document.name)

    return writer.submit(event, apply)


def retire_system(writer: Writer, actor: Actor, name: str) -> Recorded[RegisteredSystem]:
    """Retire a system: entries that only it fed are orphans from now on, and are listed so."""
    event = AuditEvent(EntryKind.SYSTEM_RETIRED, actor, public={"system": name})

    def apply(connection: Connection, pending: PendingEntry) -> RegisteredSystem:
        found = _known(connection, name)
        check_drafts(actor, found.provider)
        if found.retired_us is not None:
            raise Conflict(
                "system_retired",
                Message(f"信息系统“{name}”已停用。", f"The system {name!r} is retired already."),
            )
        connection.execute(
            update(catalog_system)
            .where(catalog_system.c.name == name)
            .values(retired_us=pending.time_us)
        )
        return _known(connection, name)

    return writer.submit(event, apply)


def check_linked(connection: Connection, provider: str, entry: CatalogueEntry) -> None:
    """Refuse an entry that names no registered, live system of its own department."""
    check_linked_to(live_systems(connection, provider), entry)


def check_linked_to(known: frozenset[str], entry: CatalogueEntry) -> None:
    """Refuse an entry that names none of these systems, or one beyond them."""
    if not entry.systems:
        raise InvalidInput(
            "entry_orphan",
            Message(
                "目录条目未关联任何信息系统，不能发布；请先登记系统并在“关联系统”（systems）中注明。",
                "The entry names no information system it is fed from; register the system and "
                "name it in `systems` first.",
            ),
            field="$.systems",
            rule=RULE,
        )
    for number, name in enumerate(entry.systems):
        if name not in known:
            raise InvalidInput(
                "entry_system_unknown",
                Message(
                    f"关联系统第 {number + 1} 项不是本单位已登记且在用的信息系统。",
                    f"Item {number + 1} of `systems` is no registered system in use of this "
                    "department.",
                ),
                field=f"$.systems[{number}]",
                rule=RULE,
            )


def live_systems(connection: Connection, provider: str) -> frozenset[str]:
    """Return the names of a department's systems in use."""
    table = catalog_system
    query = select(table.c.name).where(table.c.provider == provider, table.c.retired_us.is_(None))
    return frozenset(connection.execute(query).scalars())


def system(connection: Connection, name: str) -> RegisteredSystem | None:
    """Return a system by name."""
    found = _listed(connection, catalog_system.c.name == name)
    return found[0] if found else None


def systems(connection: Connection, provider: str | None = None) -> list[RegisteredSystem]:
    """Return all systems, or those of one department, by name."""
    if provider is None:
        return _listed(connection)
    return _listed(connection, catalog_system.c.provider == provider)


def orphans(connection: Connection, provider: str | None = None) -> Orphans:
    """List published entries that no live system feeds, and live systems that feed no entry."""
    entry, link, table = catalog_entry, catalog_entry_system, catalog_system
    fed = (
        select(link.c.system)
        .join(table, table.c.name == link.c.system)
        .where(
            link.c.entry_id == entry.c.id,
            link.c.version == entry.c.version,
            table.c.retired_us.is_(None),
        )
    )
    published = entry.c.state.in_(("published", "change_submitted"))
    lone_entries = select(entry.c.id).where(published, ~exists(fed)).order_by(entry.c.code)
    feeding = (
        select(link.c.system)
        .join(entry, and_(entry.c.id == link.c.entry_id, entry.c.version == link.c.version))
        .where(link.c.system == table.c.name, published)
    )
    lone_systems = (
        select(table.c.name)
        .where(table.c.retired_us.is_(None), ~exists(feeding))
        .order_by(table.c.name)
    )
    if provider is not None:
        lone_entries = lone_entries.where(entry.c.provider == provider)
        lone_systems = lone_systems.where(table.c.provider == provider)
    return Orphans(
        entries=tuple(connection.execute(lone_entries).scalars()),
        systems=tuple(connection.execute(lone_systems).scalars()),
    )


def _listed(connection: Connection, *conditions: object) -> list[RegisteredSystem]:
    query = select(catalog_system).order_by(catalog_system.c.name)
    for condition in conditions:
        query = query.where(condition)  # type: ignore[arg-type]
    return [
        RegisteredSystem(
            name=row.name,
            provider=row.provider,
            label=Wording(zh=row.label_zh, en=row.label_en),
            purpose=Wording(zh=row.purpose_zh, en=row.purpose_en),
            registered_us=row.registered_us,
            retired_us=row.retired_us,
        )
        for row in connection.execute(query)
    ]


def _known(connection: Connection, name: str) -> RegisteredSystem:
    found = system(connection, name)
    if found is None:
        raise NotFound(
            "system_unknown",
            Message(f"没有信息系统“{name}”。", f"There is no system {name!r}."),
            field="$.system",
        )
    return found
