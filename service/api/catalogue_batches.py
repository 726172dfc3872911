"""The road of a batch of entries: papers, sign-off, submission, review of all rows together.

A batch is made by an import; its steps ask the same people as those of one entry.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from catalog.book.batch_steps import (
    assess_batch,
    publish_batch,
    refuse_batch,
    return_batch,
    sign_off_batch,
    submit_batch,
)
from catalog.book.batches import Batch, batches, members, stored_batch
from catalog.book.duties import sees_drafts
from catalog.book.parts import Assessment
from catalog.datasets import Frozen
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Actor
from service.api.callers import (
    AuthorityCaller,
    CataloguerCaller,
    CatalogueReaderCaller,
    HeadCaller,
    OnPlatform,
)
from service.api.catalogue_entries import PublicationBody, ReasonBody, ReturnBody
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/catalog/batches", route_class=IdempotentRoute, tags=["catalogue"])


class AssessmentsBody(Frozen):
    """Both assessments, made of the whole batch."""

    secrecy: Assessment
    personal: Assessment


class BatchDigestBody(Frozen):
    """The digest of the batch that was read."""

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


@router.get("")
def get_batches(
    actor: CatalogueReaderCaller,
    platform: OnPlatform,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> dict[str, object]:
    """List the batches of the caller's department, newest first; to the authority, all."""
    with reading(platform.engine) as connection:
        everybody = sees_drafts(actor, "")
        found = batches(connection, None if everybody else actor.organisation, limit)
    return {"batches": [_told(item) for item in found]}


@router.get("/{batch_id}")
def get_batch(
    batch_id: str, actor: CatalogueReaderCaller, platform: OnPlatform
) -> dict[str, object]:
    """Show a batch and its rows, to its department and the authority."""
    batch = seen_batch(platform, actor, batch_id)
    with reading(platform.engine) as connection:
        rows = members(connection, batch_id)
    return {
        **_told(batch),
        "entries": [
            {
                "id": item.revision.entry_id,
                "code": item.revision.entry.code,
                "name": item.revision.entry.name.model_dump(),
                "state": item.revision.state,
                "digest": item.revision.digest,
            }
            for item in rows
        ],
    }


@router.post("/{batch_id}/assessments", status_code=201)
def post_assessments(
    batch_id: str, body: AssessmentsBody, actor: CataloguerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Enter both assessments of a batch."""
    seen_batch(platform, actor, batch_id)
    recorded = assess_batch(platform.book, actor, batch_id, body.secrecy, body.personal)
    return {**_told(recorded.value), "entry": recorded.index}


@router.post("/{batch_id}/sign-off", status_code=201)
def post_sign_off(
    batch_id: str, body: BatchDigestBody, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Sign a batch off as the head of its department."""
    seen_batch(platform, actor, batch_id)
    recorded = sign_off_batch(platform.book, actor, batch_id, body.digest)
    return {**_told(recorded.value), "entry": recorded.index}


@router.post("/{batch_id}/submission", status_code=201)
def post_submission(
    batch_id: str, actor: CataloguerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Submit a signed batch to the data authority."""
    seen_batch(platform, actor, batch_id)
    recorded = submit_batch(platform.book, actor, batch_id)
    return {**_told(recorded.value), "entry": recorded.index}


@router.post("/{batch_id}/publication", status_code=201)
def post_publication(
    batch_id: str, body: PublicationBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Publish every row of a submitted batch."""
    recorded = publish_batch(platform.book, actor, batch_id, body.digest)
    return {**_told(recorded.value), "entry": recorded.index}


@router.post("/{batch_id}/return", status_code=201)
def post_return(
    batch_id: str, body: ReturnBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Return a submitted batch once, with everything that lacks."""
    recorded = return_batch(platform.book, actor, batch_id, body.missing)
    return {**_told(recorded.value), "entry": recorded.index}


@router.post("/{batch_id}/refusal", status_code=201)
def post_refusal(
    batch_id: str, body: ReasonBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Refuse a submitted batch, with the reason."""
    recorded = refuse_batch(platform.book, actor, batch_id, body.reason)
    return {**_told(recorded.value), "entry": recorded.index}


def seen_batch(platform: Platform, actor: Actor, batch_id: str) -> Batch:
    """Return a batch that this actor may know of. Raises NotFound."""
    with reading(platform.engine) as connection:
        batch = stored_batch(connection, batch_id)
    if not sees_drafts(actor, batch.provider):
        raise NotFound(
            "batch_unknown", Message("没有该批次。", "There is no such batch."), field="$.batch"
        )
    return batch


def _told(batch: Batch) -> dict[str, object]:
    return batch.model_dump(mode="json", exclude={"entry_ids"})
