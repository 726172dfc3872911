"""Service accounts and relations of control: the programs and the ties of an organisation.

A credential is shown in the one answer that made it, and never again.
"""

from fastapi import APIRouter
from pydantic import Field

from authorization.affiliates import RelationDeclared, declare_relation, relations
from authorization.service_accounts import end_credential, issue_credential, service_accounts
from catalog.datasets import Frozen
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Role
from service.api.callers import HouseCaller, OnPlatform, OverseerCaller, RegistryReaderCaller
from service.api.role_grants import IdentityDocument, house_of, rules_of
from service.idempotency import IdempotentRoute
from service.login.identities import identity_digest
from service.past_approvals import approvals_to_review

router = APIRouter(route_class=IdempotentRoute, tags=["people and roles"])


class CredentialRequest(Frozen):
    """For how many calendar days a new secret lasts."""

    days: int = Field(ge=1, le=3_660)


class Ending(Frozen):
    """Why a credential ends."""

    reason: str = Field(min_length=1, max_length=1_000)


class RelationRequest(Frozen):
    """A relation of control; a natural person who controls is named by an identity document."""

    relation: RelationDeclared
    identity: IdentityDocument | None = None


@router.get("/service-accounts")
def get_service_accounts(actor: HouseCaller, platform: OnPlatform) -> dict[str, object]:
    """List service accounts: those of the caller's house; all to authority and administrator."""
    all_of_them = actor.has(Role.AUTHORITY) or actor.has(Role.SYSTEM_ADMINISTRATOR)
    with reading(platform.engine) as connection:
        found = service_accounts(connection, "" if all_of_them else actor.organisation)
    return {"service_accounts": found}


@router.post("/service-accounts/{account_id}/credentials", status_code=201)
def post_credential(
    account_id: str, body: CredentialRequest, actor: HouseCaller, platform: OnPlatform
) -> dict[str, object]:
    """Make a new secret; older ones end after a short overlap. The answer alone shows it."""
    rules = rules_of(platform)
    recorded = issue_credential(platform.writer, actor, account_id, body.days, rules)
    issued = recorded.value
    return {
        "credential": issued.id,
        "token": issued.token,
        "expires": to_iso(issued.expires_us),
        "entry": recorded.index,
    }


@router.post("/service-accounts/credentials/{credential_id}/end", status_code=201)
def post_credential_end(
    credential_id: str, body: Ending, actor: HouseCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a secret now."""
    recorded = end_credential(platform.writer, actor, credential_id, body.reason)
    return {"service_account": recorded.value, "entry": recorded.index}


@router.get("/control-relations")
def get_relations(actor: RegistryReaderCaller, platform: OnPlatform) -> dict[str, object]:
    """List who controls whom, as declared."""
    with reading(platform.engine) as connection:
        found = relations(connection, house_of(actor))
    return {"relations": [one.as_json() for one in found]}


@router.post("/control-relations", status_code=201)
def post_relation(
    body: RelationRequest, actor: HouseCaller, platform: OnPlatform
) -> dict[str, object]:
    """Declare a relation, by the house itself or the authority; it counts at once."""
    declared = body.relation
    if declared.controller_identity and body.identity is None:
        raise InvalidInput(
            "identity_given_as_digest",
            Message(
                zh="请提供证件类型与号码，摘要由平台计算。",
                en="Give the document's kind and number; the digest is made here.",
            ),
            field="$.identity",
        )
    if body.identity is not None:
        digest = identity_digest(platform.keys, body.identity.kind, body.identity.number)
        declared = declared.model_copy(update={"controller_identity": digest})
    rules = rules_of(platform)
    recorded = declare_relation(platform.writer, actor, declared, rules, platform.pack.digest)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.get("/control-relations/reviews")
def get_reviews(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List past approvals that today's knowledge of houses would refuse."""
    with reading(platform.engine) as connection:
        found = approvals_to_review(connection)
    return {"approvals": [one.as_json() for one in found]}
