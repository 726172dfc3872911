"""What waits for a person beside the matters with a clock: changes of people, licences, releases.

A list of ways to the pages that decide; it grants nothing and hides nothing that those show.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

from authorization.licences import LicenceState, licences_in
from authorization.registry_changes import NewPerson
from authorization.role_grants import Grant, GrantState, grants
from disclosure.release.requests import requests_in
from disclosure.release.states import VOTING
from disclosure.release.voting import may_be_asked
from foundation.errors import Message
from foundation.identity import Role
from service.api.role_grants import house_of
from service.pages.blocks import Cell, Link, shown_time
from service.pages.frame import Visit
from service.pages.names import house_names, licence_title, person_names

GRANTS_SHOWN = 50
CONFIRMERS = (Role.SECURITY_ADMINISTRATOR, Role.SYSTEM_ADMINISTRATOR)


def whom(change: Grant, people: dict[str, str]) -> str:
    """Return the name of the person whom a change is about, also before they are registered."""
    if isinstance(change.change, NewPerson):
        return change.change.person.name
    return people.get(change.subject, change.subject)


def waiting_beside(visit: Visit, connection: Connection) -> list[tuple[Cell, ...]]:
    """Return rows (what, from whom, since when) of what waits for the visitor without a clock."""
    return [
        *_changes(visit, connection),
        *_licences(visit, connection),
        *_releases(visit, connection),
    ]


def _changes(visit: Visit, connection: Connection) -> Iterator[tuple[Cell, ...]]:
    if not visit.has(*CONFIRMERS):
        return
    people = person_names(connection)
    for one in grants(connection, house=house_of(visit.actor), limit=GRANTS_SHOWN):
        if one.state is GrantState.PROPOSED and one.proposed_by != visit.actor.person:
            name = whom(one, people)
            words = Message(f"确认人员或角色变更：{name}", f"Confirm a change: {name}")
            yield (
                Link(words, f"/pages/people/changes/{one.id}", strong=True),
                people.get(one.proposed_by, one.proposed_by),
                shown_time(one.proposed_us),
            )


def _licences(visit: Visit, connection: Connection) -> Iterator[tuple[Cell, ...]]:
    if not visit.has(Role.AUTHORITY):
        return
    people = person_names(connection)
    for one in licences_in(connection, (LicenceState.DRAFTED,)):
        if one.drafted_by != visit.actor.person:
            title = licence_title(one)
            yield (
                Link(
                    Message(f"签发授权：{title.zh}", f"Bring a licence into force: {title.en}"),
                    f"/pages/licences/{one.id}",
                    strong=True,
                ),
                people.get(one.drafted_by, one.drafted_by),
                shown_time(one.drafted_us),
            )


def _releases(visit: Visit, connection: Connection) -> Iterator[tuple[Cell, ...]]:
    houses = house_names(connection)
    for one in requests_in(connection, VOTING):
        if may_be_asked(connection, visit.actor, one):
            yield (
                Link(
                    Message(f"出域审核：{one.title_zh}", f"Check a release: {one.title_en}"),
                    f"/pages/releases/{one.id}",
                    strong=True,
                ),
                houses.get(one.organisation, one.organisation),
                shown_time(one.submitted_us),
            )
