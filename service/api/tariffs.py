"""Tariffs of a licence: read by whoever is near it, made by two persons of the authority."""

from fastapi import APIRouter
from pydantic import Field

from authorization.documents import LicenceDocument
from authorization.licences import Licence, require_licence
from authorization.revenue_terms import Tariff
from catalog.datasets import Frozen
from foundation.db import reading
from foundation.errors import Denied, Message
from foundation.identity import Actor, Role
from policies.schema.revenue import RevenueRules
from revenue.repricing import OUTCOMES_MAX, Declared
from revenue.tariffs.proposals import approve_tariff, propose_tariff, tariff_versions
from revenue.tariffs.versions import tariff_digest, tariff_in_force
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/licences", route_class=IdempotentRoute, tags=["revenue"])
OVERSEERS = (Role.AUTHORITY, Role.REGULATOR, Role.PRICING)


@router.get("/{licence_id}/tariffs")
def get_tariffs(licence_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read every version: the licence's own, later ones, and the digest of the one in force."""
    with reading(platform.engine) as connection:
        licence = require_licence(connection, licence_id)
        document = LicenceDocument.model_validate_json(licence.document)
        _check_reader(actor, licence, document)
        now_us = platform.clock.now_us()
        in_force = tariff_in_force(connection, document, now_us)
        later = tariff_versions(connection, licence_id)
    own = document.product.tariff
    return {
        "embedded": {"digest": tariff_digest(own), "tariff": own.model_dump(mode="json")},
        "versions": [version.as_json() for version in later],
        "in_force": tariff_digest(in_force),
    }


@router.post("/{licence_id}/tariffs", status_code=201)
def post_tariff(
    licence_id: str, body: Tariff, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose a version; another person approves it by its digest."""
    rules = platform.pack.rules(RevenueRules)
    recorded = propose_tariff(platform.writer, actor, licence_id, body, rules)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{licence_id}/tariffs/{digest}/approval", status_code=201)
def post_approval(
    licence_id: str, digest: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Approve a proposed version: it holds from this entry on, not before its first day."""
    rules = platform.pack.rules(RevenueRules)
    recorded = approve_tariff(platform.writer, actor, licence_id, digest, rules)
    return {**recorded.value.as_json(), "entry": recorded.index}


class Repricing(Frozen):
    """Free outcomes, by their log entries, that a product of this licence was made from."""

    source_licence: str = Field(min_length=1, max_length=80)
    outcomes: tuple[int, ...] = Field(min_length=1, max_length=OUTCOMES_MAX)
    reason: str = Field(min_length=1, max_length=1_000)


@router.post("/{licence_id}/repricings", status_code=201)
def post_repricing(
    licence_id: str, body: Repricing, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose to bill a free purpose's outcomes to industry; ``/moves/{move}/approval`` bills."""
    declared = Declared(licence_id, body.source_licence, body.outcomes)
    recorded = platform.money.propose_repricing(actor, declared, body.reason)
    return {**recorded.value.as_json(), "entry": recorded.index}


def _check_reader(actor: Actor, licence: Licence, document: LicenceDocument) -> None:
    """Refuse whoever neither oversees the licence nor sells or pays under it."""
    near = {licence.operator, document.product.biller, document.product.payer}
    if actor.organisation in near or any(actor.has(role) for role in OVERSEERS):
        return
    raise Denied(
        "tariff_not_yours",
        Message(
            "该授权的资费只对监管方、运营机构和付费方开放。",
            "This licence's tariffs are open to its overseers, operator and payer only.",
        ),
        field="licence",
        rule="roles",
    )
