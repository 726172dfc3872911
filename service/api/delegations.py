"""Delegations over HTTP: proposed by one officer, confirmed by another, ended at once."""

from fastapi import APIRouter
from pydantic import Field

from audit.events import Recorded
from authorization.authority_tree import place_authority, tree
from authorization.delegations import (
    Delegation,
    DelegationDocument,
    confirm_delegation,
    delegations,
    end_delegation,
    propose_delegation,
)
from catalog.datasets import Frozen
from foundation.db import reading
from policies.schema.access import AccessRules
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform
from service.api.delegated import OfficerCaller
from service.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute, tags=["delegations"])


class Placing(Frozen):
    """Which authority stands beneath which."""

    authority: str = Field(min_length=1, max_length=64)
    superior: str = Field(min_length=1, max_length=64)


class Ending(Frozen):
    """Why a delegation or restriction ends."""

    reason: str = Field(min_length=1, max_length=1_000)


@router.post("/authorities", status_code=201)
def post_authority(
    body: Placing, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Put an authority beneath another; once, and never in a circle."""
    rules = platform.pack.rules(AccessRules)
    recorded = place_authority(platform.writer, actor, body.authority, body.superior, rules)
    return {"authority": body.authority, "superior": body.superior, "entry": recorded.index}


@router.get("/delegations")
def get_delegations(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List delegations and the tree: all to authority and regulator, to others their own."""
    with reading(platform.engine) as connection:
        found = delegations(connection)
        superior = tree(connection)
    if not actor.oversees:
        own = actor.organisation
        found = tuple(one for one in found if own in (one.delegator, one.delegate))
        superior = {low: high for low, high in superior.items() if own in (low, high)}
    return {
        "delegations": [one.as_json() for one in found],
        "superiors": dict(sorted(superior.items())),
    }


@router.post("/delegations", status_code=201)
def post_delegation(
    body: DelegationDocument, actor: OfficerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose to lend a power, or restrict one at once; from the caller's own authority."""
    rules = platform.pack.rules(AccessRules)
    return _shown(propose_delegation(platform.writer, actor, body, rules))


@router.post("/delegations/{delegation_id}/confirm", status_code=201)
def post_confirmation(
    delegation_id: str, actor: OfficerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Bring a proposal into force; never by its proposer."""
    return _shown(confirm_delegation(platform.writer, actor, delegation_id))


@router.post("/delegations/{delegation_id}/end")
def post_ending(
    delegation_id: str, body: Ending, actor: OfficerCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a delegation and all that rests on it, or lift a restriction; now."""
    return _shown(end_delegation(platform.writer, actor, delegation_id, body.reason))


def _shown(recorded: Recorded[Delegation]) -> dict[str, object]:
    return {**recorded.value.as_json(), "entry": recorded.index}
