"""Data resources: their origin, the consent of sources, evidence, readings and lowered grades."""

from typing import Annotated

from fastapi import APIRouter, Query

from authorization.independence import check_apart, check_apart_from_person
from catalog.datasets import Dataset
from catalog.resources.consents import (
    ConsentGiven,
    ConsentWithdrawn,
    attach_consent,
    consents,
    withdraw_consent,
    without_consent,
)
from catalog.resources.evidence import Evidence, add_evidence, evidence_of
from catalog.resources.grading import (
    RegradingProposal,
    confirm_regrading,
    propose_regrading,
    regradings,
)
from catalog.store import dataset_by_name, datasets
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Actor
from service.api.callers import (
    AnyCaller,
    AuthorityCaller,
    OnPlatform,
    ProvidingCaller,
    SupplierCaller,
)
from service.idempotency import IdempotentRoute
from service.quality import measured_on_load

router = APIRouter(route_class=IdempotentRoute, tags=["resources"])


@router.get("/resources")
def get_resources(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the resources: zone, origin, system, ingestion, and whether a consent is awaited."""
    with reading(platform.engine) as connection:
        barred = without_consent(connection)
        found = [_shown(item, barred) for item in datasets(connection)]
    return {"resources": found}


@router.get("/resources/{name}")
def get_resource(name: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Show a resource; its contract and consents only to those concerned."""
    with reading(platform.engine) as connection:
        found = dataset_by_name(connection, name)
        if found is None:
            raise _unknown()
        shown = _shown(found, without_consent(connection))
        told = evidence_of(connection, name)
        shown["evidence"] = None if told is None else told.model_dump(mode="json")
        if _is_concerned(actor, found, platform.authority):
            shown["origin"] = found.declaration.origin.model_dump(mode="json")
            shown["consents"] = [
                item.model_dump(mode="json") for item in consents(connection, name)
            ]
    return shown


@router.post("/resources/{name}/consents", status_code=201)
def post_consent(
    name: str, body: ConsentGiven, actor: ProvidingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Attach the consent of the source that shared the data: by its own people only."""
    recorded = attach_consent(platform.writer, actor, name, body, check_apart)
    return {"consent": recorded.value.id, "state": recorded.value.state, "entry": recorded.index}


@router.post("/resources/{name}/consents/withdrawal", status_code=201)
def post_consent_withdrawal(
    name: str, body: ConsentWithdrawn, actor: ProvidingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take the consent back: nothing is answered from now on, and licences are suspended."""
    recorded = withdraw_consent(platform.writer, actor, name, body)
    suspended = platform.revocation.suspend_without_consent()
    return {
        "consent": recorded.value.id,
        "state": recorded.value.state,
        "entry": recorded.index,
        "licences_suspended": len(suspended),
    }


@router.post("/resources/{name}/evidence", status_code=201)
def post_evidence(
    name: str, body: Evidence, actor: SupplierCaller, platform: OnPlatform
) -> dict[str, object]:
    """Record the registration code and the digest of the evidence deposited."""
    recorded = add_evidence(platform.writer, actor, name, body)
    return {"dataset": name, "entry": recorded.index}


@router.post("/resources/{name}/readings", status_code=201)
def post_reading(name: str, actor: SupplierCaller, platform: OnPlatform) -> dict[str, object]:
    """Read the declared table of the declared system into the next version."""
    version = platform.publisher.read_table(actor, name)
    measured = measured_on_load(platform, actor, name)
    return {
        "version": version.id,
        "number": version.number,
        "manifest_digest": version.manifest_digest,
        **({} if measured is None else {"quality": measured}),
    }


@router.get("/regradings")
def get_regradings(
    _actor: SupplierCaller,
    platform: OnPlatform,
    dataset: Annotated[str, Query(min_length=1, max_length=63)],
) -> dict[str, object]:
    """List the lower grades proposed for a derived data set."""
    with reading(platform.engine) as connection:
        found = regradings(connection, dataset)
    return {"regradings": [item.model_dump(mode="json") for item in found]}


@router.post("/regradings", status_code=201)
def post_regrading(
    body: RegradingProposal, actor: SupplierCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose a lower grade for columns of a derived data set, with its basis."""
    recorded = propose_regrading(platform.writer, actor, body)
    return {"regrading": recorded.value.id, "confirmed": False, "entry": recorded.index}


@router.post("/regradings/{regrading_id}/confirmation", status_code=201)
def post_regrading_confirmation(
    regrading_id: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Confirm a lower grade that somebody else proposed."""
    recorded = confirm_regrading(platform.writer, actor, regrading_id, check_apart_from_person)
    return {"regrading": regrading_id, "confirmed": True, "entry": recorded.index}


def _shown(found: Dataset, barred: frozenset[str]) -> dict[str, object]:
    declaration = found.declaration
    return {
        "dataset": declaration.name,
        "provider": found.provider,
        "zone": found.zone,
        "origin": {"kind": declaration.origin.kind, "source": declaration.origin.source},
        "system": declaration.system,
        "ingestion": declaration.ingestion,
        "derived_from": list(declaration.derived_from),
        "important": declaration.important,
        "region_column": declaration.region_column,
        "awaits_consent": declaration.name in barred,
    }


def _is_concerned(actor: Actor, found: Dataset, authority: str) -> bool:
    return actor.organisation in {
        found.provider,
        authority,
        found.declaration.origin.source or found.provider,
    }


def _unknown() -> NotFound:
    return NotFound("dataset_unknown", Message("没有该数据集。", "There is no such data set."))
