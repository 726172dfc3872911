"""One person stops somebody at once; two let them act again. Roles granted for a time end by it.

A suspension is in force with its entry: the next request of that person or house is refused, and
the policy of the next decision knows neither. What still runs is ended by the upkeep within
seconds.
"""

from sqlalchemy import Connection, delete, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.administrators import check_may_suspend
from authorization.organisation_registry import OrganisationKind, require_organisation
from authorization.persons import require_person
from foundation.errors import Conflict, Denied, Message
from foundation.identity import SYSTEM_ACTOR, Actor
from policies.schema.roles import RoleRules

RULE = "policies/roles"


def suspend_person(
    writer: Writer, actor: Actor, person: str, reason: str, rules: RoleRules
) -> Recorded[str]:
    """Stop a person, or a service account, under every account they have; at once.

    Raises InvalidInput where there is none, Denied, or Conflict where they are suspended.
    """

    def apply(connection: Connection, _entry: PendingEntry) -> str:
        found = require_person(connection, person)
        check_may_suspend(actor, found.roles, rules)
        if person == actor.person:
            raise _not_oneself()
        table = store.person
        stopped = connection.execute(
            update(table)
            .where(table.c.id == person, table.c.state == "active")
            .values(state="suspended")
        )
        if stopped.rowcount != 1:
            raise _suspended_before()
        return person

    event = AuditEvent(EntryKind.PERSON_SUSPENDED, actor, {"subject": person}, {"reason": reason})
    return writer.submit(event, apply)


def suspend_organisation(
    writer: Writer, actor: Actor, organisation: str, reason: str, rules: RoleRules
) -> Recorded[str]:
    """Stop everybody who acts for an organisation; at once. The platform's own is never stopped.

    Raises InvalidInput where there is none, Denied, or Conflict where it is suspended.
    """

    def apply(connection: Connection, _entry: PendingEntry) -> str:
        found = require_organisation(connection, organisation, "organisation")
        check_may_suspend(actor, (), rules)
        if organisation == actor.organisation or found.kind is OrganisationKind.PLATFORM:
            raise _not_oneself()
        table = store.organisation
        stopped = connection.execute(
            update(table)
            .where(table.c.id == organisation, table.c.state == "active")
            .values(state="suspended")
        )
        if stopped.rowcount != 1:
            raise _suspended_before()
        return organisation

    event = AuditEvent(
        EntryKind.ORGANISATION_SUSPENDED,
        actor,
        {"organisation": organisation},
        {"reason": reason},
    )
    return writer.submit(event, apply)


def expired_roles(connection: Connection, now_us: int) -> list[tuple[str, str]]:
    """Return person and role of every grant whose time is over and that was not cleared yet."""
    table = store.person_role
    query = select(table.c.person, table.c.role).where(table.c.until_us <= now_us)
    return [(row.person, row.role) for row in connection.execute(query)]


def end_expired_roles(writer: Writer) -> Recorded[int]:
    """Clear the roles whose time is over, so that every policy is made without them."""

    def apply(connection: Connection, entry: PendingEntry) -> int:
        ended = expired_roles(connection, entry.time_us)
        table = store.person_role
        connection.execute(delete(table).where(table.c.until_us <= entry.time_us))
        entry.amend(ended=[f"{person}/{role}" for person, role in ended])
        return len(ended)

    return writer.submit(AuditEvent(EntryKind.ROLES_EXPIRED, SYSTEM_ACTOR), apply)


def _not_oneself() -> Denied:
    return Denied(
        "suspends_itself",
        Message(
            zh="不得暂停本人、本机构或平台自身。",
            en="Nobody suspends themselves, their own organisation or the platform's.",
        ),
        field="actor",
        rule=RULE,
    )


def _suspended_before() -> Conflict:
    return Conflict(
        "suspended_before",
        Message(zh="已处于暂停状态。", en="Suspended already."),
        field="state",
        rule=RULE,
    )
