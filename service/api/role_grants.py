"""Changes of people, roles, accounts and ties: proposed by one, confirmed by another.

Whoever is to be stopped is stopped by one person, at once; nothing else changes by one hand. An
identity document is digested here and goes no further.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from audit.events import Recorded
from authorization.organisations import persons
from authorization.registry_changes import Change, IdentityKept, NewPerson
from authorization.role_grants import (
    Grant,
    GrantState,
    confirm_change,
    grants,
    propose_change,
    refuse_change,
    withdraw_change,
)
from authorization.suspensions import suspend_organisation, suspend_person
from catalog.datasets import Frozen
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor, Role
from policies.schema.roles import RoleRules
from service.api.callers import (
    ConfirmingCaller,
    OnPlatform,
    ProposingCaller,
    RegistryReaderCaller,
    StoppingCaller,
)
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute
from service.login.identities import identity_digest

router = APIRouter(route_class=IdempotentRoute, tags=["people and roles"])

READS_ALL = frozenset(
    {
        Role.AUTHORITY,
        Role.REGULATOR,
        Role.SYSTEM_ADMINISTRATOR,
        Role.SECURITY_ADMINISTRATOR,
        Role.AUDIT_ADMINISTRATOR,
    }
)


class IdentityDocument(Frozen):
    """A document that names one natural person; only its keyed digest is kept."""

    kind: str = Field(min_length=2, max_length=40)
    number: str = Field(min_length=4, max_length=60)


class Proposal(Frozen):
    """A change, with the identity document where it registers a person or keeps their identity."""

    change: Change
    identity: IdentityDocument | None = None


class Reason(Frozen):
    """Why."""

    reason: str = Field(min_length=1, max_length=1_000)


@router.post("/role-grants", status_code=201)
def post_grant(body: Proposal, actor: ProposingCaller, platform: OnPlatform) -> dict[str, object]:
    """Propose a change of people, roles, accounts, affiliations or ties; it gives nothing yet."""
    change = with_identity(platform, body.change, body.identity)
    return _shown(propose_change(platform.writer, actor, change, rules_of(platform)))


@router.post("/role-grants/{grant_id}/confirm", status_code=201)
def post_confirmation(
    grant_id: str, actor: ConfirmingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Bring a change into force; never by its proposer or by the person it is about."""
    rules = rules_of(platform)
    recorded = confirm_change(platform.writer, actor, grant_id, rules, platform.pack.digest)
    platform.activation.reload()  # licences in force know their people by name
    return _shown(recorded)


@router.post("/role-grants/{grant_id}/refuse", status_code=201)
def post_refusal(
    grant_id: str, body: Reason, actor: ConfirmingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Refuse a change for good, with a reason."""
    rules = rules_of(platform)
    return _shown(refuse_change(platform.writer, actor, grant_id, body.reason, rules))


@router.post("/role-grants/{grant_id}/withdraw", status_code=201)
def post_withdrawal(
    grant_id: str, actor: ProposingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take a proposal back."""
    return _shown(withdraw_change(platform.writer, actor, grant_id))


@router.get("/role-grants")
def get_grants(
    actor: RegistryReaderCaller,
    platform: OnPlatform,
    state: GrantState | None = None,
    after: Annotated[str, Query(max_length=64)] = "",
) -> dict[str, object]:
    """List changes, newest first: a department's head sees those of their own house."""
    with reading(platform.engine) as connection:
        found = grants(connection, state, house=house_of(actor), after=after)
    return {"grants": [one.as_json() for one in found]}


@router.get("/persons")
def get_persons(actor: RegistryReaderCaller, platform: OnPlatform) -> dict[str, object]:
    """List who is registered, with roles, organisations and accounts."""
    house = house_of(actor)
    with reading(platform.engine) as connection:
        found = [one for one in persons(connection) if not house or house in one.organisations]
    shown = [one.model_dump(mode="json", exclude={"identity"}) for one in found]
    return {"persons": shown}


@router.post("/persons/{person_id}/suspension", status_code=201)
def post_person_suspension(
    person_id: str, body: Reason, actor: StoppingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Stop a person or service account under every account; at once."""
    recorded = suspend_person(platform.writer, actor, person_id, body.reason, rules_of(platform))
    platform.activation.reload()
    return {"person": recorded.value, "state": "suspended", "entry": recorded.index}


@router.post("/organisations/{organisation_id}/suspension", status_code=201)
def post_organisation_suspension(
    organisation_id: str, body: Reason, actor: StoppingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Stop everybody who acts for an organisation; at once."""
    rules = rules_of(platform)
    recorded = suspend_organisation(platform.writer, actor, organisation_id, body.reason, rules)
    platform.activation.reload()
    return {"organisation": recorded.value, "state": "suspended", "entry": recorded.index}


def rules_of(platform: Platform) -> RoleRules:
    """Return the rules of roles in force."""
    return platform.pack.rules(RoleRules)


def house_of(actor: Actor) -> str:
    """Return the one house whose people a reader may see; empty where they may see all."""
    return "" if READS_ALL & actor.roles else actor.organisation


def with_identity(platform: Platform, change: Change, document: IdentityDocument | None) -> Change:
    """Put the digest of an identity document in its place; nobody brings a digest themselves."""
    given = change.person.identity if isinstance(change, NewPerson) else None
    if isinstance(change, IdentityKept):
        given = change.identity or None
    if given is not None:
        raise InvalidInput(
            "identity_given_as_digest",
            Message(
                zh="请提供证件类型与号码，摘要由平台计算。",
                en="Give the document's kind and number; the digest is made here.",
            ),
            field="$.change.identity",
            rule="one-person-one-identity",
        )
    if document is None:
        return change
    digest = identity_digest(platform.keys, document.kind, document.number)
    match change:
        case NewPerson():
            person = change.person.model_copy(update={"identity": digest})
            return change.model_copy(update={"person": person})
        case IdentityKept():
            return change.model_copy(update={"identity": digest})
        case _:
            raise InvalidInput(
                "identity_not_wanted",
                Message(zh="此变更不需要身份证件。", en="This change needs no identity."),
                field="$.identity",
            )


def _shown(recorded: Recorded[Grant]) -> dict[str, object]:
    return {**recorded.value.as_json(), "entry": recorded.index}
