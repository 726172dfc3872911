"""Who exists: organisations with their affiliates, and natural persons with roles and accounts.

A person is one row however many accounts they use, so that separation of duties compares people.
An actor is as young as the youngest of their account, affiliation and roles.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import Field
from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.separation import check_role
from catalog.credit_codes import CREDIT_ALPHABET, credit_check
from catalog.datasets import Frozen
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor, ActorKind, Role

CODE_PATTERN = r"^[a-z][a-z0-9_-]{1,62}$"
CREDIT_CODE_RULE = "GB 32100-2015"
_CREDIT_CODE = re.compile(f"[{CREDIT_ALPHABET}]{{18}}")


class OrganisationKind(StrEnum):
    """What an organisation is in authorised operation; the words of ``docs/glossary.md``."""

    AUTHORITY = "authority"  # 数据主管部门
    PROVIDER = "provider"  # 供数单位
    OPERATOR = "operator"  # 运营机构
    DEVELOPER = "developer"  # 数据企业
    REGULATOR = "regulator"  # 监管部门
    FINANCE = "finance"  # 财政部门
    PRICING = "pricing"  # 价格主管部门
    PLATFORM = "platform"  # 平台


DEPARTMENTS = frozenset(
    {
        OrganisationKind.AUTHORITY,
        OrganisationKind.PROVIDER,
        OrganisationKind.REGULATOR,
        OrganisationKind.FINANCE,
        OrganisationKind.PRICING,
    }
)


class Organisation(Frozen):
    """One organisation. ``affiliates`` are those under common control with it (关联机构)."""

    id: str = Field(pattern=CODE_PATTERN)
    kind: OrganisationKind
    name_zh: str = Field(min_length=1, max_length=200)
    name_en: str = Field(min_length=1, max_length=200)
    credit_code: str | None = None
    affiliates: tuple[str, ...] = ()


class Account(Frozen):
    """One login of a person, acting for one organisation."""

    name: str = Field(min_length=1, max_length=200)
    organisation: str


class Person(Frozen):
    """One natural person (or service) with every organisation they belong to."""

    id: str = Field(pattern=CODE_PATTERN)
    name: str = Field(min_length=1, max_length=200)
    kind: ActorKind = ActorKind.PERSON
    organisations: tuple[str, ...] = Field(min_length=1)
    roles: tuple[Role, ...] = Field(min_length=1)
    accounts: tuple[Account, ...] = ()


def check_credit_code(code: str) -> None:
    """Refuse a unified social credit code whose form or check character is wrong (GB 32100)."""
    if not _CREDIT_CODE.fullmatch(code) or credit_check(code[:-1]) != code[-1]:
        raise InvalidInput(
            "credit_code_invalid",
            Message(
                zh="统一社会信用代码须为 18 位且校验码正确。",
                en="A unified social credit code has 18 characters and a valid check character.",
            ),
            field="$.credit_code",
            rule=CREDIT_CODE_RULE,
        )


def create_organisation(
    writer: Writer, actor: Actor, organisation: Organisation
) -> Recorded[Organisation]:
    """Register an organisation. The authority does this, or the system when it is first set up."""
    check_role(actor, Role.AUTHORITY, Role.SYSTEM)
    if organisation.credit_code is not None:
        check_credit_code(organisation.credit_code)

    def apply(connection: Connection, entry: PendingEntry) -> Organisation:
        if organisation_by_id(connection, organisation.id) is not None:
            raise _taken("id", organisation.id)
        code = organisation.credit_code
        if code is not None and _credit_code_known(connection, code):
            raise _taken("credit_code", code)
        for affiliate in organisation.affiliates:
            require_organisation(connection, affiliate, "affiliates")
        row = organisation.model_dump(mode="json", exclude={"affiliates"})
        connection.execute(insert(store.organisation).values(**row, created_us=entry.time_us))
        _insert_affiliates(connection, organisation)
        return organisation

    public = {"organisation": organisation.id, "organisation_kind": str(organisation.kind)}
    return writer.submit(AuditEvent(EntryKind.ORGANISATION_CREATED, actor, public), apply)


def create_person(writer: Writer, actor: Actor, person: Person) -> Recorded[Person]:
    """Register a person with roles, organisations and accounts; all date from this entry."""
    check_role(actor, Role.AUTHORITY, Role.SYSTEM)
    _check_person(person)

    def apply(connection: Connection, entry: PendingEntry) -> Person:
        if person_by_id(connection, person.id) is not None:
            raise _taken("id", person.id)
        for name in person.organisations:
            require_organisation(connection, name, "organisations")
        for account in person.accounts:
            if _account_known(connection, account.name):
                raise _taken("accounts", account.name)
        _insert_person(connection, person, entry.time_us)
        return person

    public: dict[str, object] = {
        "subject": person.id,
        "subject_kind": str(person.kind),
        "organisations": sorted(person.organisations),
        "granted_roles": sorted(person.roles),
    }
    event = AuditEvent(EntryKind.PERSON_CREATED, actor, public, {"name": person.name})
    return writer.submit(event, apply)


def organisation_by_id(connection: Connection, organisation: str) -> Organisation | None:
    """Return an organisation, or None."""
    return organisations(connection, [organisation]).get(organisation)


def require_organisation(connection: Connection, organisation: str, field: str) -> Organisation:
    """Return an organisation. Raises InvalidInput naming the field where there is none."""
    found = organisation_by_id(connection, organisation)
    if found is None:
        raise InvalidInput(
            "organisation_unknown",
            Message(
                zh=f"字段 {field} 所指的机构尚未登记，请先登记该机构。",
                en=f"The organisation named in {field} is not registered; register it first.",
            ),
            field=f"$.{field}",
            rule="organisation-registry",
        )
    return found


def organisations(
    connection: Connection, only: Iterable[str] | None = None
) -> Mapping[str, Organisation]:
    """Return all organisations, or those named, by identifier."""
    query = select(store.organisation)
    if only is not None:
        query = query.where(store.organisation.c.id.in_(list(only)))
    pairs = _affiliate_pairs(connection)
    found = {}
    for row in connection.execute(query).mappings():
        known = {name: row[name] for name in ("id", "kind", "name_zh", "name_en", "credit_code")}
        affiliates = tuple(sorted(_neighbours(row["id"], pairs)))
        found[row["id"]] = Organisation.model_validate({**known, "affiliates": affiliates})
    return found


def group_of(connection: Connection, organisation: str) -> frozenset[str]:
    """Return an organisation with all its affiliates, and theirs, in either direction."""
    pairs = _affiliate_pairs(connection)
    group = {organisation}
    edge = {organisation}
    while edge:
        edge = {near for name in edge for near in _neighbours(name, pairs)} - group
        group |= edge
    return frozenset(group)


def organisations_of(connection: Connection, person: str) -> frozenset[str]:
    """Return every organisation that a person belongs to."""
    rows = connection.execute(
        select(store.affiliation.c.organisation).where(store.affiliation.c.person == person)
    )
    return frozenset(rows.scalars())


def person_by_id(connection: Connection, person: str) -> Person | None:
    """Return a person with roles, organisations and accounts, or None."""
    row = connection.execute(select(store.person).where(store.person.c.id == person)).first()
    if row is None:
        return None
    roles = select(store.person_role.c.role).where(store.person_role.c.person == person)
    accounts = select(store.person_account.c.name, store.person_account.c.organisation).where(
        store.person_account.c.person == person
    )
    return Person(
        id=row.id,
        name=row.name,
        kind=ActorKind(row.kind),
        organisations=tuple(sorted(organisations_of(connection, person))),
        roles=tuple(sorted(Role(role) for role in connection.execute(roles).scalars())),
        accounts=tuple(
            Account(name=found.name, organisation=found.organisation)
            for found in connection.execute(accounts)
        ),
    )


def actor_for_account(connection: Connection, account: str, language: str = "zh") -> Actor:
    """Return the actor behind an account, as the registry knows them now.

    Raises NotFound where there is none; roles come from here, never from the token alone.
    """
    query = (
        select(store.person_account, store.person.c.kind)
        .join(store.person, store.person.c.id == store.person_account.c.person)
        .where(store.person_account.c.name == account)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "account_unknown",
            Message(zh="没有这样的账号。", en="There is no such account."),
            rule="organisation-registry",
        )
    roles = _roles_since(connection, row.person)
    return Actor(
        person=row.person,
        organisation=row.organisation,
        roles=frozenset(roles),
        kind=ActorKind(row.kind),
        since_us=max([row.since_us, *roles.values()]),
        language=language,
    )


def actor_for_person(
    connection: Connection, person: str, organisation: str, language: str = "zh"
) -> Actor:
    """Return a person acting for one of their organisations, as the registry knows them now.

    For doors where a standing assignment, not a token, says who asks. Raises NotFound where the
    person does not, or no longer, belong to the organisation.
    """
    membership = store.affiliation
    query = (
        select(membership.c.since_us, store.person.c.kind)
        .join(store.person, store.person.c.id == membership.c.person)
        .where(membership.c.person == person, membership.c.organisation == organisation)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "person_unknown",
            Message(zh="该机构没有这名人员。", en="The organisation has no such person."),
            rule="organisation-registry",
        )
    roles = _roles_since(connection, person)
    return Actor(
        person=person,
        organisation=organisation,
        roles=frozenset(roles),
        kind=ActorKind(row.kind),
        since_us=max([row.since_us, *roles.values()]),
        language=language,
    )


def _roles_since(connection: Connection, person: str) -> dict[Role, int]:
    query = select(store.person_role).where(store.person_role.c.person == person)
    return {Role(row.role): row.since_us for row in connection.execute(query)}


def _check_person(person: Person) -> None:
    if Role.SYSTEM in person.roles:
        raise InvalidInput(
            "role_reserved",
            Message(
                zh="“system”角色仅供平台自身使用，不得授予任何人。",
                en="The role 'system' is the platform's own and is granted to nobody.",
            ),
            field="$.roles",
            rule="roles",
        )
    if Role.REGULATOR in person.roles and len(set(person.roles)) > 1:
        raise InvalidInput(
            "regulator_holds_other_role",
            Message(
                zh="监管人员只读，不得兼任其他角色。",
                en="A regulator reads only, and holds no other role.",
            ),
            field="$.roles",
            rule="separation-of-duties",
        )
    for account in person.accounts:
        if account.organisation not in person.organisations:
            raise InvalidInput(
                "account_outside_organisations",
                Message(
                    zh="账号所属机构须为该人员所在机构之一。",
                    en="An account acts for one of the organisations its person belongs to.",
                ),
                field="$.accounts",
                rule="organisation-registry",
            )


def _insert_person(connection: Connection, person: Person, time_us: int) -> None:
    connection.execute(
        insert(store.person).values(
            id=person.id, kind=str(person.kind), name=person.name, created_us=time_us
        )
    )
    for role in sorted(set(person.roles)):
        connection.execute(
            insert(store.person_role).values(person=person.id, role=str(role), since_us=time_us)
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


def _insert_affiliates(connection: Connection, organisation: Organisation) -> None:
    for affiliate in sorted(set(organisation.affiliates) - {organisation.id}):
        connection.execute(
            insert(store.organisation_affiliate).values(
                organisation=organisation.id, affiliate=affiliate
            )
        )


def _affiliate_pairs(connection: Connection) -> list[tuple[str, str]]:
    table = store.organisation_affiliate
    rows = connection.execute(select(table.c.organisation, table.c.affiliate))
    return [(row.organisation, row.affiliate) for row in rows]


def _neighbours(organisation: str, pairs: Iterable[tuple[str, str]]) -> set[str]:
    return {
        other for pair in pairs if organisation in pair for other in pair if other != organisation
    }


def _credit_code_known(connection: Connection, code: str) -> bool:
    query = select(store.organisation.c.id).where(store.organisation.c.credit_code == code)
    return connection.execute(query).first() is not None


def _account_known(connection: Connection, name: str) -> bool:
    query = select(store.person_account.c.name).where(store.person_account.c.name == name)
    return connection.execute(query).first() is not None


def _taken(field: str, value: str) -> Conflict:
    return Conflict(
        "already_registered",
        Message(
            zh=f"字段 {field} 的值“{value}”已被登记。",
            en=f"The value {value!r} of {field} is already registered.",
        ),
        field=f"$.{field}",
        rule="organisation-registry",
    )
