"""Registers data sets beneath published entries: by the provider itself, or by the data authority.

Everything is checked again inside the writer's savepoint, so two registrations at once cannot
both hold a name.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Dataset, DatasetDeclaration
from catalog.declarations import check_declaration
from catalog.resources.origins import check_origin, record_origin
from catalog.resources.standing import StandingRules, check_standing, packaged_rules
from catalog.store import (
    PopulationState,
    RegisteredEntry,
    dataset_by_name,
    dataset_table,
    entry_by_code,
    entry_by_id,
    population,
)
from foundation.canonical import digest
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id


def register_dataset(
    writer: Writer, actor: Actor, raw: Mapping[str, Any], rules: StandingRules | None = None
) -> Recorded[Dataset]:
    """Check a declaration and record the data set beneath its catalogue entry, in its zone.

    ``entry`` of the declaration may be the entry's identifier or its catalogue code. ``rules``
    are the platform's; without them the packaged ones hold.
    """
    standing = rules or packaged_rules()
    declaration = check_declaration(raw)
    check_origin(declaration, standing.zones)
    dataset_id = new_id("ds")
    event = AuditEvent(
        EntryKind.DATASET_REGISTERED,
        actor,
        public={
            "dataset": declaration.name,
            "dataset_id": dataset_id,
            "subject": declaration.subject,
            "population": declaration.population,
            "declaration_digest": digest(declaration.model_dump(mode="json")),
        },
    )

    def apply(connection: Connection, pending: PendingEntry) -> Dataset:
        entry = _entry_of(connection, declaration)
        require_provider(actor, entry.provider)
        _check_population(connection, declaration)
        _check_system(declaration, entry)
        zone = entry.entry.zone
        check_standing(connection, declaration, zone, standing)
        if dataset_by_name(connection, declaration.name) is not None:
            raise _taken("dataset_exists", "$.name", declaration.name)
        connection.execute(
            insert(dataset_table).values(
                id=dataset_id,
                name=declaration.name,
                entry_id=entry.id,
                provider=entry.provider,
                population=declaration.population,
                declaration=declaration.model_dump_json(),
                zone=zone,
                created_us=pending.time_us,
            )
        )
        found = Dataset(id=dataset_id, provider=entry.provider, declaration=declaration, zone=zone)
        record_origin(connection, pending, found)
        pending.amend(provider=entry.provider, zone=zone, origin=str(declaration.origin.kind))
        return found

    return writer.submit(event, apply)


def require_provider(actor: Actor, provider: str) -> None:
    """Refuse anyone but the provider's own people and the data authority."""
    own = actor.has(Role.PROVIDER) and actor.organisation == provider
    if not own and not actor.has(Role.AUTHORITY):
        raise Denied(
            "provider_required",
            Message(
                "只有供数单位本单位人员或数据主管部门可以登记其数据。",
                "Only the providing department's own people or the data authority register its "
                "data.",
            ),
        )


def _entry_of(connection: Connection, declaration: DatasetDeclaration) -> RegisteredEntry:
    found = entry_by_id(connection, declaration.entry) or entry_by_code(
        connection, declaration.entry
    )
    if found is None:
        raise NotFound(
            "entry_unknown",
            Message(
                "没有该已发布的目录条目，请先完成目录编制、审签和审核。",
                "No such published entry; draft it, have it signed off and reviewed first.",
            ),
            field="$.entry",
        )
    if not found.is_published:
        raise Conflict(
            "entry_withdrawn",
            Message(
                "该目录条目已下线，不能在其下登记数据集。",
                "The entry was taken off the catalogue; no data set is registered beneath it.",
            ),
            field="$.entry",
        )
    return found


def _check_system(declaration: DatasetDeclaration, entry: RegisteredEntry) -> None:
    """Refuse a data set fed by a system that its entry does not name (目录关联系统)."""
    known = entry.entry.systems
    if known and declaration.system and declaration.system not in known:
        raise InvalidInput(
            "system_not_of_entry",
            Message(
                f"来源系统“{declaration.system}”不在目录条目的关联系统中：{'、'.join(known)}。",
                f"The source system {declaration.system!r} is none of its entry's: "
                f"{', '.join(known)}.",
            ),
            field="$.system",
            rule="目录关联系统、系统关联数据",
            way_out=Message(
                "请填写目录条目关联的系统；系统有变的，请先变更目录条目。",
                "Name one of the entry's systems, or change the entry first.",
            ),
        )


def _check_population(connection: Connection, declaration: DatasetDeclaration) -> None:
    if declaration.population is None:
        return
    found = population(connection, declaration.population)
    if found is None or found.state is not PopulationState.APPROVED:
        raise InvalidInput(
            "population_not_approved",
            Message(
                zh=f"总体“{declaration.population}”尚未声明或未经第二人批准，请先完成声明和批准。",
                en=f"The population {declaration.population!r} is not declared, or not approved "
                "by a second person yet; do both first.",
            ),
            field="$.population",
            rule="I5",
        )


def _taken(code: str, field: str, name: str) -> Conflict:
    return Conflict(
        code,
        Message(f"“{name}”已登记，请换一个名称。", f"{name!r} is registered; choose another name."),
        field=field,
    )
