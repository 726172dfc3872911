"""What a confirmed change of people, houses and ties writes; what it gives dates from its entry."""

from collections.abc import Collection
from functools import singledispatch

from sqlalchemy import Connection, delete, insert, update

from authorization import store
from authorization.persons import insert_person, organisations_of
from authorization.registry_changes import (
    AccountEnded,
    AccountGiven,
    AffiliationEnded,
    AffiliationMade,
    IdentityKept,
    NewPerson,
    OrganisationResumed,
    PersonRemoved,
    PersonResumed,
    RelationEnded,
    RoleEnded,
    RoleGranted,
    ServiceAccountMade,
    roles_held,
)
from authorization.registry_checks import until_of
from authorization.service_accounts import insert_service_account
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.identity import Role
from policies.schema.roles import RoleRules


@singledispatch
def apply_change(change: object, connection: Connection, now_us: int, rules: RoleRules) -> None:
    """Write a confirmed change; whatever it gives dates from ``now_us`` (UTC microseconds)."""
    del connection, now_us, rules
    raise TypeError(f"no such change: {type(change).__name__}")


@apply_change.register
def _(change: NewPerson, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del rules
    insert_person(connection, change.person, now_us, until_of(change.until, now_us))


@apply_change.register
def _(change: RoleGranted, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del rules
    connection.execute(
        insert(store.person_role).values(
            person=change.person,
            role=str(change.role),
            since_us=now_us,
            until_us=until_of(change.until, now_us),
        )
    )


@apply_change.register
def _(change: RoleEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    _end_roles(connection, change.person, (change.role,))


@apply_change.register
def _(change: AccountGiven, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del rules
    row = {**change.account.model_dump(), "person": change.person, "since_us": now_us}
    connection.execute(insert(store.person_account).values(**row))


@apply_change.register
def _(change: AccountEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del rules
    _end_accounts(connection, change.person, now_us, name=change.account)


@apply_change.register
def _(change: AffiliationMade, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del rules
    _join(connection, change.person, change.organisation, now_us)


@apply_change.register
def _(change: AffiliationEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    _leave(connection, change.person, (change.organisation,), now_us, _cooled_us(now_us, rules))


@apply_change.register
def _(change: PersonRemoved, connection: Connection, now_us: int, rules: RoleRules) -> None:
    _end_roles(connection, change.person, roles_held(connection, change.person))
    houses = organisations_of(connection, change.person)
    _leave(connection, change.person, houses, now_us, _cooled_us(now_us, rules))
    _set_person(connection, change.person, state="removed")


@apply_change.register
def _(change: PersonResumed, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    _set_person(connection, change.person, state="active")


@apply_change.register
def _(change: IdentityKept, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    _set_person(connection, change.person, identity_digest=change.identity)


@apply_change.register
def _(change: OrganisationResumed, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    table = store.organisation
    connection.execute(
        update(table).where(table.c.id == change.organisation).values(state="active")
    )


@apply_change.register
def _(change: RelationEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    table = store.control_relation
    connection.execute(
        update(table)
        .where(table.c.id == change.relation)
        .values(ended_us=now_us, counts_until_us=_cooled_us(now_us, rules))
    )


@apply_change.register
def _(change: ServiceAccountMade, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del rules
    insert_service_account(connection, change.service_account, now_us)


def _cooled_us(now_us: int, rules: RoleRules) -> int:
    return now_us + rules.cooling_days * MICROSECONDS_PER_DAY


def _end_roles(connection: Connection, person: str, roles: Collection[Role]) -> None:
    table = store.person_role
    names = [str(role) for role in roles]
    connection.execute(delete(table).where(table.c.person == person, table.c.role.in_(names)))


def _end_accounts(
    connection: Connection, person: str, now_us: int, *, name: str = "", house: str = ""
) -> None:
    table = store.person_account
    chosen = table.c.name == name if name else table.c.organisation == house
    connection.execute(
        update(table)
        .where(table.c.person == person, chosen, table.c.ended_us.is_(None))
        .values(ended_us=now_us)
    )


def _join(connection: Connection, person: str, organisation: str, now_us: int) -> None:
    table = store.affiliation
    same = (table.c.person == person) & (table.c.organisation == organisation)
    values = {"since_us": now_us, "ended_us": None, "counts_until_us": None}
    if connection.execute(update(table).where(same).values(**values)).rowcount == 0:
        connection.execute(
            insert(table).values(person=person, organisation=organisation, since_us=now_us)
        )


def _leave(
    connection: Connection, person: str, houses: Collection[str], now_us: int, cooled_us: int
) -> None:
    table = store.affiliation
    for house in houses:
        _end_accounts(connection, person, now_us, house=house)
        connection.execute(
            update(table)
            .where(table.c.person == person, table.c.organisation == house)
            .values(ended_us=now_us, counts_until_us=cooled_us)
        )


def _set_person(connection: Connection, person: str, **values: str) -> None:
    connection.execute(update(store.person).where(store.person.c.id == person).values(**values))
