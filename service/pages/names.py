"""What people, organisations and licences are called on pages: no reader meets an identifier."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from authorization.documents import LicenceDocument
from authorization.licences import Licence, LicenceState, licences_in
from authorization.organisations import organisations
from authorization.store import person
from catalog.book.store import catalog_entry
from catalog.store import datasets
from catalog.zones.store import zones
from foundation.errors import Message
from service.pages.blocks import Badge

LICENCE_STATES = {
    LicenceState.DRAFTED: Badge(Message("待签发", "Draft"), "wait"),
    LicenceState.ACTIVE: Badge(Message("生效", "In force"), "good"),
    LicenceState.SUSPENDED: Badge(Message("已暂停", "Suspended"), "bad"),
    LicenceState.ENDED: Badge(Message("已终止", "Ended"), "plain"),
    LicenceState.EXPIRED: Badge(Message("已到期", "Expired"), "plain"),
}


def person_names(connection: Connection) -> dict[str, str]:
    """Return what each registered person is called."""
    return {row.id: row.name for row in connection.execute(select(person.c.id, person.c.name))}


def house_names(connection: Connection) -> dict[str, Message]:
    """Return what each organisation is called, in both languages."""
    return {one.id: Message(one.name_zh, one.name_en) for one in organisations(connection).values()}


def licence_title(licence: Licence) -> Message:
    """Return what a licence is for: the name of its scenario."""
    scenario = LicenceDocument.model_validate_json(licence.document).scenario
    return Message(scenario.name_zh, scenario.name_en)


def licence_titles(
    connection: Connection, states: Iterable[LicenceState] = tuple(LicenceState)
) -> dict[str, Message]:
    """Return the titles of the licences that stand in these states."""
    return {one.id: licence_title(one) for one in licences_in(connection, states)}


def zone_names(connection: Connection) -> dict[str, Message]:
    """Return what each zone is called."""
    return {one.id: Message(one.name.zh, one.name.en) for one in zones(connection)}


def entry_titles(connection: Connection, entries: Collection[str]) -> dict[str, Message]:
    """Return what these entries of the catalogue are called."""
    table = catalog_entry.c
    query = select(table.id, table.name_zh, table.name_en).where(table.id.in_(sorted(entries)))
    return {
        row.id: Message(row.name_zh, row.name_en or row.name_zh)
        for row in connection.execute(query)
    }


def dataset_titles(connection: Connection) -> dict[str, Message]:
    """Return what the data sets are called."""
    return {
        one.declaration.name: Message(one.declaration.label_zh, one.declaration.label_en)
        for one in datasets(connection)
    }
