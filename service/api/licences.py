"""Agreements and licences: drafted by one person of the authority, activated by another."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import Field

from authorization.agreements import Agreement, create_agreement
from authorization.documents import LicenceDocument
from authorization.licences import (
    draft_licence,
    new_licence_id,
    require_licence,
)
from authorization.revocation import Shut
from catalog.datasets import Frozen
from foundation.db import reading
from policies.schema.licences import LicenceRules
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform, OverseerCaller
from service.api.delegated import ActivatingCaller, SuspendingCaller
from service.idempotency import IdempotentRoute

router = APIRouter(route_class=IdempotentRoute, tags=["licences"])


class Reason(Frozen):
    """Why a licence is suspended, resumed or ended."""

    reason: str = Field(min_length=1, max_length=1_000)


Signature = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9a-f]{128}$",
        description="the authority's own signature over the licence, in hexadecimal",
    ),
]


@router.post("/agreements", status_code=201)
def post_agreement(
    body: Agreement, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Record a signed operating agreement."""
    recorded = create_agreement(platform.writer, actor, body, platform.pack.rules(LicenceRules))
    return {"number": recorded.value.number, "entry": recorded.index}


@router.post("/licences", status_code=201)
def post_licence(
    body: Annotated[dict[str, Any], Body()], actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Draft a licence. The platform gives its id; a second person activates it."""
    raw = {**body, "id": body.get("id") or new_licence_id(), "authority": platform.authority}
    document = LicenceDocument.model_validate(raw)
    recorded = draft_licence(platform.writer, actor, document, platform.licence_rules)
    return {
        "id": recorded.value.id,
        "state": recorded.value.state,
        "document_digest": recorded.value.digest,
        "entry": recorded.index,
    }


@router.get("/licences/{licence_id}/extracts")
def get_extract_building(
    licence_id: str, _actor: OverseerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Say how far the build of a licence's extracts is; nothing is building where it is null."""
    with reading(platform.engine) as connection:
        require_licence(connection, licence_id)
    found = platform.activation.keeper.progress(licence_id)
    if found is None:
        return {"licence": licence_id, "building": None}
    told = {"dataset": found.dataset, "rows": found.rows_read, "rows_total": found.rows_total}
    return {"licence": licence_id, "building": told}


@router.post("/licences/{licence_id}/extracts", status_code=201)
def post_extract_rebuild(
    licence_id: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Build a licence's extracts anew from the newest versions, then end the old ones."""
    return {"licence": licence_id, "extracts": platform.activation.rebuild(licence_id, actor)}


@router.post("/licences/{licence_id}/activate", status_code=201)
def post_activation(
    licence_id: str,
    actor: ActivatingCaller,
    platform: OnPlatform,
    signature: Signature = None,
) -> dict[str, object]:
    """Activate under the authority's signature: policy, extract, budget, tariff follow from it."""
    given = None if signature is None else bytes.fromhex(signature)
    recorded, extracts = platform.activation.activate(licence_id, actor, given)
    return {
        "id": licence_id,
        "state": recorded.value.state,
        "extracts": extracts,
        "entry": recorded.index,
    }


@router.get("/licences/{licence_id}")
def get_licence(licence_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read a licence: its parties, the authority and the regulator may."""
    with reading(platform.engine) as connection:
        found = require_licence(connection, licence_id)
    platform.readers.check_licence_reader(actor, found)
    document = LicenceDocument.model_validate_json(found.document)
    return {
        "state": found.state,
        "open": platform.board.is_open(licence_id),
        "document": document.model_dump(mode="json"),
        "document_digest": found.digest,
        "signature": None if found.signature is None else found.signature.hex(),
    }


@router.post("/licences/{licence_id}/suspend", status_code=200)
def post_suspension(
    licence_id: str, body: Reason, actor: SuspendingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Suspend now: sessions go dark, workers stop, questions and releases are refused."""
    return _shut(platform.revocation.suspend(actor, licence_id, body.reason))


@router.post("/licences/{licence_id}/end", status_code=200)
def post_end(
    licence_id: str, body: Reason, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """End for good; the keys of its extracts are destroyed."""
    shut = _shut(platform.revocation.end(actor, licence_id, body.reason))
    return {**shut, "destroyed": platform.activation.destroy(licence_id, actor)}


@router.post("/licences/{licence_id}/resume", status_code=200)
def post_resumption(
    licence_id: str, body: Reason, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Lift a suspension; releases that were approved meanwhile are delivered."""
    recorded = platform.revocation.resume(actor, licence_id, body.reason)
    platform.activation.reload()
    platform.desk.resume()
    return {"id": licence_id, "state": recorded.value.state, "entry": recorded.index}


@router.get("/licences/{licence_id}/received")
def get_received(licence_id: str, actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List everything that was ever given out under a licence; the listing is logged."""
    return {"licence": licence_id, "received": platform.received.list(licence_id, actor)}


def _shut(shut: Shut) -> dict[str, object]:
    recorded = shut.recorded
    return {
        "id": shut.closure.licence,
        "state": "suspended" if recorded is None else recorded.value.state,
        "effective_us": shut.closure.time_us,
        "entry": None if recorded is None else recorded.index,
        "logged": recorded is not None,
    }
