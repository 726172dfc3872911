"""Who exists: natural persons and services with their roles, houses and accounts; and who asks.

A person is one row however many accounts they use, and one identity (keyed digest) is one row, so
that separation of duties compares people. An actor is as young as the youngest of their account,
affiliation and roles. Whoever is suspended, or whose house is, is nobody's actor.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, RowMapping, Select, Table, and_, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.groups import log_time_us
from authorization.organisation_registry import CODE_PATTERN, RULE, require_organisation, taken
from authorization.separation import check_role
from catalog.datasets import Frozen
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind, Role

IDENTITY_PATTERN = r"^[0-9a-f]{64}$"
ADMINISTRATORS = frozenset(
    {Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR}
)


class Account(Frozen):
    """One login of a person, acting for one organisation."""

    name: str = Field(min_length=1, max_length=200)
    organisation: str


class Person(Frozen):
    """One natural person (or service) with every organisation they belong to.

    ``identity`` is the keyed digest of who they are; no two persons share one.
    """

    id: str = Field(pattern=CODE_PATTERN)
    name: str = Field(min_length=1, max_length=200)
    kind: ActorKind = ActorKind.PERSON
    identity: str | None = Field(default=None, pattern=IDENTITY_PATTERN)
    organisations: tuple[str, ...] = Field(min_length=1, max_length=20)
    roles: tuple[Role, ...] = Field(min_length=1, max_length=len(Role))
    accounts: tuple[Account, ...] = Field(default=(), max_length=20)


def create_person(writer: Writer, actor: Actor, person: Person) -> Recorded[Person]:
    """Register a person at founding; later ones are proposed and confirmed (``role_grants``).

    Raises Denied for anyone but the system: no person registers people alone.
    """
    check_role(actor, Role.SYSTEM)
    check_person(person)

    def apply(connection: Connection, entry: PendingEntry) -> Person:
        check_person_fits(connection, person)
        insert_person(connection, person, entry.time_us)
        return person

    return writer.submit(AuditEvent(EntryKind.PERSON_CREATED, actor, *_of_entry(person)), apply)


def _of_entry(person: Person) -> tuple[dict[str, object], dict[str, str]]:
    public: dict[str, object] = {
        "subject": person.id,
        "subject_kind": str(person.kind),
        "organisations": sorted(person.organisations),
        "granted_roles": sorted(person.roles),
    }
    return public, {"name": person.name}


def organisations_of(connection: Connection, person: str) -> frozenset[str]:
    """Return every organisation that a person belongs to now."""
    table = store.affiliation
    rows = connection.execute(
        select(table.c.organisation).where(table.c.person == person, table.c.ended_us.is_(None))
    )
    return frozenset(rows.scalars())


def person_by_id(connection: Connection, person: str) -> Person | None:
    """Return a person with roles, organisations and accounts, or None (also where removed)."""
    table = store.person
    row = connection.execute(
        select(table).where(table.c.id == person, table.c.state != "removed")
    ).first()
    if row is None:
        return None
    roles = select(store.person_role.c.role).where(store.person_role.c.person == person)
    accounts = select(store.person_account.c.name, store.person_account.c.organisation).where(
        store.person_account.c.person == person, store.person_account.c.ended_us.is_(None)
    )
    return Person.model_construct(
        id=row.id,
        name=row.name,
        kind=ActorKind(row.kind),
        identity=row.identity_digest,
        organisations=tuple(sorted(organisations_of(connection, person))),
        roles=tuple(sorted(Role(role) for role in connection.execute(roles).scalars())),
        accounts=tuple(
            Account(name=found.name, organisation=found.organisation)
            for found in connection.execute(accounts)
        ),
    )


def require_person(connection: Connection, person: str, field: str = "person") -> Person:
    """Return a person. Raises InvalidInput naming the field where there is none."""
    found = person_by_id(connection, person)
    if found is None:
        raise InvalidInput(
            "person_not_registered",
            Message(zh="没有登记这名人员。", en="There is no such registered person."),
            field=f"$.{field}",
            rule=RULE,
        )
    return found


def persons(connection: Connection) -> list[Person]:
    """Return everybody who is registered and not removed, by identifier."""
    table = store.person
    names = select(table.c.id).where(table.c.state != "removed").order_by(table.c.id)
    found = (person_by_id(connection, name) for name in connection.execute(names).scalars())
    return [one for one in found if one is not None]


def actor_for_account(
    connection: Connection, account: str, language: str = "zh", now_us: int | None = None
) -> Actor:
    """Return the actor behind an account, as the registry knows them now.

    ``now_us`` (UTC microseconds; the log's own time where it is not given) is what the ends of
    roles are held against. Raises NotFound where there is none, Denied where person or house is
    suspended; roles come from here, never from the token alone.
    """
    table, joined = store.person_account, store.affiliation
    query = (
        _standing(table, joined)
        .join(
            joined,
            and_(joined.c.person == table.c.person, joined.c.organisation == table.c.organisation),
        )
        .where(table.c.name == account, table.c.ended_us.is_(None), joined.c.ended_us.is_(None))
    )
    row = connection.execute(query).mappings().first()
    if row is None or row["state"] == "removed":
        raise NotFound(
            "account_unknown",
            Message(zh="没有这样的账号。", en="There is no such account."),
            rule=RULE,
        )
    return _actor(connection, row, language, now_us)


def actor_for_person(
    connection: Connection,
    person: str,
    organisation: str,
    language: str = "zh",
    now_us: int | None = None,
) -> Actor:
    """Return a person acting for one of their organisations, as the registry knows them now.

    For doors where a standing assignment, not a token, says who asks. Raises NotFound where the
    person does not, or no longer, belong to the organisation; Denied where either is suspended.
    """
    joined = store.affiliation
    query = _standing(joined, joined).where(
        joined.c.person == person,
        joined.c.organisation == organisation,
        joined.c.ended_us.is_(None),
    )
    row = connection.execute(query).mappings().first()
    if row is None or row["state"] == "removed":
        raise NotFound(
            "person_unknown",
            Message(zh="该机构没有这名人员。", en="The organisation has no such person."),
            rule=RULE,
        )
    return _actor(connection, row, language, now_us)


def _standing(table: Table, joined: Table) -> Select[Any]:
    """Select who a table's rows name, for which house, and how both stand in the registry."""
    return (
        select(
            table.c.person,
            table.c.organisation,
            table.c.since_us,
            joined.c.since_us.label("joined_us"),
            store.person.c.kind,
            store.person.c.state,
            store.organisation.c.state.label("house_state"),
        )
        .join(store.person, store.person.c.id == table.c.person)
        .join(store.organisation, store.organisation.c.id == table.c.organisation)
    )


def check_person(person: Person) -> None:
    """Refuse what no person may be, whatever the rules say. Raises InvalidInput."""
    if Role.SYSTEM in person.roles or person.id == SYSTEM_ACTOR.person:
        raise _invalid(
            "role_reserved",
            "roles",
            "“system”角色仅供平台自身使用，不得授予任何人。",
            "The role 'system' is the platform's own and is granted to nobody.",
            "roles",
        )
    check_apart_roles(person.roles)
    if person.kind is ActorKind.SERVICE and person.identity is not None:
        raise _invalid(
            "service_has_no_identity",
            "identity",
            "服务账号没有自然人身份。",
            "A service account has no natural person's identity.",
        )
    for account in person.accounts:
        if account.organisation not in person.organisations:
            raise _invalid(
                "account_outside_organisations",
                "accounts",
                "账号所属机构须为该人员所在机构之一。",
                "An account acts for one of the organisations its person belongs to.",
            )


def check_apart_roles(roles: Iterable[Role]) -> None:
    """Refuse a regulator, or one of the three administrators, with any other role (等保 三员)."""
    held = set(roles)
    if Role.REGULATOR in held and len(held) > 1:
        raise _invalid(
            "regulator_holds_other_role",
            "roles",
            "监管人员只读，不得兼任其他角色。",
            "A regulator reads only, and holds no other role.",
            "separation-of-duties",
        )
    if held & ADMINISTRATORS and len(held) > 1:
        raise _invalid(
            "administrator_holds_other_role",
            "roles",
            "系统、安全、审计管理员（三员）须分设，不得互兼，也不得兼任业务角色。",
            "System, security and audit administrator are three people, and hold no other role.",
            "GB/T 22239-2019",
        )


def check_person_fits(connection: Connection, person: Person) -> None:
    """Refuse a person whose name, account or identity is registered, or whose house is not."""
    table = store.person
    if connection.execute(select(table.c.id).where(table.c.id == person.id)).first() is not None:
        raise taken("id", person.id)
    if person.identity is not None:
        check_identity_free(connection, person.identity)
    for name in person.organisations:
        require_organisation(connection, name, "organisations")
    for account in person.accounts:
        check_account_free(connection, account.name)


def check_identity_free(connection: Connection, identity: str) -> None:
    """Refuse to register one natural person twice; nothing says who the other is."""
    query = select(store.person.c.id).where(store.person.c.identity_digest == identity)
    if connection.execute(query).first() is not None:
        raise Conflict(
            "identity_registered",
            Message(
                zh="该自然人已登记。一人只登记一次，请为其已有登记增加角色或账号。",
                en="This natural person is registered already; add roles or accounts to that one.",
            ),
            field="$.identity",
            rule="one-person-one-identity",
        )


def check_account_free(connection: Connection, name: str) -> None:
    """Refuse an account name that anyone has, or ever had."""
    query = select(store.person_account.c.name).where(store.person_account.c.name == name)
    if connection.execute(query).first() is not None:
        raise taken("accounts", name)


def insert_person(
    connection: Connection, person: Person, time_us: int, until_us: int | None = None
) -> None:
    """Write a person, as part of an ``apply``; everything dates from ``time_us``."""
    connection.execute(
        insert(store.person).values(
            id=person.id,
            kind=str(person.kind),
            name=person.name,
            identity_digest=person.identity,
            created_us=time_us,
        )
    )
    for role in sorted(set(person.roles)):
        connection.execute(
            insert(store.person_role).values(
                person=person.id, role=str(role), since_us=time_us, until_us=until_us
            )
        )
    for name in sorted(set(person.organisations)):
        connection.execute(
            insert(store.affiliation).values(person=person.id, organisation=name, since_us=time_us)
        )
    for account in person.accounts:
        connection.execute(
            insert(store.person_account).values(
                **account.model_dump(), person=person.id, since_us=time_us
            )
        )


def _actor(connection: Connection, row: RowMapping, language: str, now_us: int | None) -> Actor:
    if row["state"] == "suspended" or row["house_state"] == "suspended":
        raise Denied(
            "person_suspended",
            Message(
                zh="该人员或其所在机构已被暂停，请联系安全管理员。",
                en="This person or their organisation is suspended; ask the security "
                "administrator.",
            ),
            field="Authorization",
            rule=RULE,
        )
    roles = _roles_since(connection, row["person"], now_us)
    return Actor(
        person=row["person"],
        organisation=row["organisation"],
        roles=frozenset(roles),
        kind=ActorKind(row["kind"]),
        since_us=max([row["since_us"], row["joined_us"], *roles.values()]),
        language=language,
    )


def _roles_since(connection: Connection, person: str, now_us: int | None) -> dict[Role, int]:
    now_us = log_time_us(connection) if now_us is None else now_us
    query = select(store.person_role).where(store.person_role.c.person == person)
    return {
        Role(row.role): row.since_us
        for row in connection.execute(query)
        if row.until_us is None or row.until_us > now_us
    }


def _invalid(code: str, field: str, zh: str, en: str, rule: str = RULE) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=rule)
