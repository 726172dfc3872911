"""What a change of people, houses and ties must fit: when proposed, and when it takes effect."""

from collections.abc import Iterable
from functools import singledispatch

from sqlalchemy import Connection, select

from authorization import store
from authorization.administrators import check_roles_together
from authorization.organisation_registry import organisations, require_organisation
from authorization.persons import (
    check_account_free,
    check_identity_free,
    check_person,
    check_person_fits,
    organisations_of,
    require_person,
)
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
from authorization.service_accounts import check_service_account
from foundation.clock import from_iso
from foundation.errors import InvalidInput, Message
from foundation.identity import ActorKind, Role
from policies.schema.roles import RoleRules

RULE = "organisation-registry"


@singledispatch
def check_change(change: object, connection: Connection, now_us: int, rules: RoleRules) -> None:
    """Refuse a change that does not fit what is registered now. Raises InvalidInput, Conflict."""
    del connection, now_us, rules
    raise TypeError(f"no such change: {type(change).__name__}")


@check_change.register
def _(change: NewPerson, connection: Connection, now_us: int, rules: RoleRules) -> None:
    person = change.person
    check_person(person)
    _demand(person.kind is ActorKind.PERSON, "service_by_its_own_change", "person")
    _demand(person.identity is not None, "identity_required", "person.identity")
    check_roles_together(person.roles, rules)
    check_person_fits(connection, person)
    _check_houses(connection, person.roles, person.organisations, rules)
    until_of(change.until, now_us)


@check_change.register
def _(change: RoleGranted, connection: Connection, now_us: int, rules: RoleRules) -> None:
    found = require_person(connection, change.person)
    _demand(change.role is not Role.SYSTEM, "role_reserved", "role")
    if found.kind is ActorKind.SERVICE:
        _demand(change.role in rules.service_roles, "service_role_kept_apart", "role")
    held = roles_held(connection, change.person)
    _demand(change.role not in held, "role_held", "role")
    check_roles_together({*held, change.role}, rules)
    _check_houses(connection, {change.role}, found.organisations, rules)
    until_of(change.until, now_us)


@check_change.register
def _(change: RoleEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    _demand(change.role in roles_held(connection, change.person), "role_not_held", "role")


@check_change.register
def _(change: AccountGiven, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    found = require_person(connection, change.person)
    _demand(found.kind is ActorKind.PERSON, "service_by_its_own_change", "person")
    house = change.account.organisation
    _demand(house in found.organisations, "account_outside_organisations", "account.organisation")
    check_account_free(connection, change.account.name)


@check_change.register
def _(change: AccountEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    found = require_person(connection, change.person)
    names = {account.name for account in found.accounts}
    _demand(change.account in names, "account_not_held", "account")


@check_change.register
def _(change: AffiliationMade, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    require_organisation(connection, change.organisation, "organisation")
    found = require_person(connection, change.person)
    _demand(found.kind is ActorKind.PERSON, "service_of_one_house", "person")
    _demand(change.organisation not in found.organisations, "affiliation_exists", "organisation")


@check_change.register
def _(change: AffiliationEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    belongs = change.organisation in organisations_of(connection, change.person)
    _demand(belongs, "affiliation_missing", "organisation")


@check_change.register
def _(change: IdentityKept, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    found = require_person(connection, change.person)
    _demand(found.kind is ActorKind.PERSON, "service_by_its_own_change", "person")
    _demand(found.identity is None, "identity_kept_before", "identity")
    _demand(bool(change.identity), "identity_required", "identity")
    check_identity_free(connection, change.identity)


@check_change.register
def _(change: OrganisationResumed, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    require_organisation(connection, change.organisation, "organisation")


@check_change.register
def _(change: RelationEnded, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    _demand(_relation_stands(connection, change.relation), "relation_unknown", "relation")


@check_change.register
def _(change: ServiceAccountMade, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us
    made = change.service_account
    check_service_account(connection, made, rules)
    _check_houses(connection, made.roles, (made.organisation,), rules)


@check_change.register
def _(change: PersonRemoved, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    require_person(connection, change.person)


@check_change.register
def _(change: PersonResumed, connection: Connection, now_us: int, rules: RoleRules) -> None:
    del now_us, rules
    stopped = _state_of(connection, change.person) in {"suspended", "removed"}
    _demand(stopped, "person_not_suspended", "person")


def until_of(text: str, now_us: int) -> int | None:
    """Return when a role ends (UTC microseconds), or None. Raises InvalidInput."""
    if not text:
        return None
    try:
        until_us = from_iso(text)
    except (ValueError, OverflowError) as error:
        raise _refusal("role_term", "until") from error
    _demand(until_us > now_us, "role_term", "until")
    return until_us


def _state_of(connection: Connection, person: str) -> str | None:
    query = select(store.person.c.state).where(store.person.c.id == person)
    return connection.execute(query).scalar()


def _relation_stands(connection: Connection, relation: str) -> bool:
    table = store.control_relation
    query = select(table.c.id).where(table.c.id == relation, table.c.ended_us.is_(None))
    return connection.execute(query).first() is not None


_SENTENCES = {
    "role_not_held": ("该人员不具有此角色。", "The person does not hold this role."),
    "role_held": ("该人员已具有此角色。", "The person holds this role already."),
    "role_reserved": ("“system”角色不得授予任何人。", "The role 'system' is granted to nobody."),
    "role_term": (
        "角色的截止时间须为晚于现在的有效时间。",
        "A role ends at a time such as 2027-01-01, after now.",
    ),
    "service_role_kept_apart": (
        "服务账号不得担任审批、审核或管理角色。",
        "A service account holds no role that approves, checks or administers.",
    ),
    "service_by_its_own_change": (
        "服务账号须以“service_account”变更登记。",
        "A service account is registered by a change of kind service_account.",
    ),
    "service_of_one_house": (
        "服务账号只属于一个机构。",
        "A service account belongs to one organisation.",
    ),
    "account_not_held": ("该人员没有此账号。", "The person has no such account."),
    "account_outside_organisations": (
        "账号所属机构须为该人员所在机构之一。",
        "An account acts for one of the organisations its person belongs to.",
    ),
    "affiliation_exists": ("该人员已属于该机构。", "The person belongs to it already."),
    "affiliation_missing": ("该人员不属于该机构。", "The person does not belong to it."),
    "identity_kept_before": ("该人员的身份已登记。", "The person's identity is kept already."),
    "identity_required": (
        "登记自然人须提供身份证件，用以确认一人一登记。",
        "A natural person is registered with an identity document: one person, one record.",
    ),
    "person_not_suspended": (
        "该人员未被暂停或移除。",
        "There is no such person who is suspended or removed.",
    ),
    "relation_unknown": ("没有这项有效的控制关系。", "There is no such standing relation."),
}


def _demand(condition: bool, code: str, field: str) -> None:
    if not condition:
        raise _refusal(code, field)


def _refusal(code: str, field: str) -> InvalidInput:
    zh, en = _SENTENCES[code]
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=RULE)


def _check_houses(
    connection: Connection, roles: Iterable[Role], houses: Iterable[str], rules: RoleRules
) -> None:
    """Refuse a role that none of a person's houses may have, by its kind."""
    kinds = {str(house.kind) for house in organisations(connection, houses).values()}
    allowed = {role for kind in kinds for role in rules.houses.get(kind, ())}
    for role in sorted(set(roles) - allowed):
        raise InvalidInput(
            "role_not_of_house",
            Message(
                zh=f"角色 {role} 不授予该类机构（{'、'.join(sorted(kinds))}）的人员。",
                en=f"The role {role} is not given to people of such a house "
                f"({', '.join(sorted(kinds))}).",
            ),
            field="$.change.role",
            rule="policies/roles",
            way_out=Message(
                zh="请由职责相符的机构提出其人员，或更正机构类别。",
                en="Name a person of a house whose duty it is, or have the house's kind corrected.",
            ),
        )
