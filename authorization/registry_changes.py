"""What may be changed about people, houses and ties; and which roles and houses a change touches.

By these the rules say who proposes a change and who confirms it (``administrators``). What each
does stands in ``registry_effects``.
"""

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection, select

from authorization import store
from authorization.persons import Account, Person, organisations_of
from authorization.service_accounts import ServiceAccount
from catalog.datasets import Frozen
from foundation.identity import Role

Id = Annotated[str, Field(min_length=1, max_length=64)]
Time = Annotated[str, Field(max_length=40)]


class NewPerson(Frozen):
    """Register a person; ``until`` (ISO 8601) is when the roles end, never where it is empty."""

    kind: Literal["person"]
    person: Person
    until: Time = ""


class RoleGranted(Frozen):
    """Give a person a role, for good or until a time (ISO 8601)."""

    kind: Literal["role"]
    person: Id
    role: Role
    until: Time = ""


class RoleEnded(Frozen):
    """Take a role away."""

    kind: Literal["role_end"]
    person: Id
    role: Role


class AccountGiven(Frozen):
    """Give a person another login, for one of their organisations."""

    kind: Literal["account"]
    person: Id
    account: Account


class AccountEnded(Frozen):
    """End a login."""

    kind: Literal["account_end"]
    person: Id
    account: str = Field(min_length=1, max_length=200)


class AffiliationMade(Frozen):
    """Have a person belong to an organisation."""

    kind: Literal["affiliation"]
    person: Id
    organisation: Id


class AffiliationEnded(Frozen):
    """Have a person leave an organisation, with their accounts there."""

    kind: Literal["affiliation_end"]
    person: Id
    organisation: Id


class PersonRemoved(Frozen):
    """End all roles, accounts and affiliations of a person; their record stays."""

    kind: Literal["person_end"]
    person: Id


class PersonResumed(Frozen):
    """Let a suspended person act again."""

    kind: Literal["person_resume"]
    person: Id


class IdentityKept(Frozen):
    """Keep the identity of a person who was registered without one; once, and for good."""

    kind: Literal["identity"]
    person: Id
    identity: str = Field(default="", max_length=100)


class OrganisationResumed(Frozen):
    """Let the people of a suspended organisation act again."""

    kind: Literal["organisation_resume"]
    organisation: Id


class RelationEnded(Frozen):
    """End a relation of control; it counts on for the rules' cooling-off."""

    kind: Literal["relation_end"]
    relation: Id


class ServiceAccountMade(Frozen):
    """Register a service account: of one organisation, for a closed list of scopes."""

    kind: Literal["service_account"]
    service_account: ServiceAccount


Change = Annotated[
    NewPerson
    | RoleGranted
    | RoleEnded
    | AccountGiven
    | AccountEnded
    | AffiliationMade
    | AffiliationEnded
    | PersonRemoved
    | PersonResumed
    | IdentityKept
    | OrganisationResumed
    | RelationEnded
    | ServiceAccountMade,
    Field(discriminator="kind"),
]
ENDINGS = (RoleEnded, AccountEnded, AffiliationEnded, PersonRemoved)
_OF_HOUSES = frozenset({Role.AUTHORITY})
"""A change that touches no person's roles is the authority's to propose."""


def subject_of(change: Change) -> str:
    """Return whom or what a change is about: a person, organisation, relation or account."""
    match change:
        case NewPerson():
            return change.person.id
        case OrganisationResumed():
            return change.organisation
        case RelationEnded():
            return change.relation
        case ServiceAccountMade():
            return change.service_account.id
        case _:
            return change.person


def roles_touched(connection: Connection, change: Change) -> frozenset[Role]:
    """Return every role the subject holds or would hold: whoever decides is entitled to all."""
    match change:
        case NewPerson():
            return frozenset(change.person.roles)
        case OrganisationResumed() | RelationEnded():
            return _OF_HOUSES
        case ServiceAccountMade():
            return frozenset(change.service_account.roles)
        case RoleGranted():
            return frozenset({change.role, *roles_held(connection, change.person)})
        case RoleEnded():
            return frozenset({change.role})
        case _:
            return roles_held(connection, change.person) or _OF_HOUSES


def houses_touched(connection: Connection, change: Change) -> frozenset[str]:
    """Return the organisations of the person that a change is about."""
    match change:
        case NewPerson():
            return frozenset(change.person.organisations)
        case OrganisationResumed():
            return frozenset({change.organisation})
        case ServiceAccountMade():
            return frozenset({change.service_account.organisation})
        case AffiliationMade():
            return frozenset({change.organisation, *organisations_of(connection, change.person)})
        case RelationEnded():
            table = store.control_relation
            query = select(table.c.organisation).where(table.c.id == change.relation)
            return frozenset(connection.execute(query).scalars())
        case _:
            return organisations_of(connection, change.person)


def roles_held(connection: Connection, person: str) -> frozenset[Role]:
    """Return the roles that a person holds, ended ones that were not cleared yet among them."""
    table = store.person_role
    rows = connection.execute(select(table.c.role).where(table.c.person == person))
    return frozenset(Role(role) for role in rows.scalars())
