"""Populations, data sets and their versions, from those who supply them."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from catalog.populations import (
    PopulationDeclaration,
    approve_population,
    declare_population,
)
from catalog.registration import register_dataset
from catalog.resources.standing import StandingRules
from catalog.store import current_version, dataset_by_name, datasets
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.ids import random_name
from service.api.bodies import BodyTooLarge, UploadRoute
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform, SupplierCaller
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute, serve_once
from service.quality import measured_on_load

router = APIRouter(prefix="/catalog", route_class=IdempotentRoute, tags=["catalog"])
uploads = APIRouter(prefix="/catalog", route_class=UploadRoute, tags=["catalog"])

KEPT_BACK = {"origin", "system_table"}
"""What of a declaration is for its department and the authority: see ``/resources/{name}``."""
Document = Annotated[dict[str, Any], Body()]


@router.post("/populations", status_code=201)
def post_population(
    body: PopulationDeclaration, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Declare a population; a second person approves it."""
    recorded = declare_population(platform.writer, actor, body)
    return {"name": recorded.value.name, "state": recorded.value.state, "entry": recorded.index}


@router.post("/populations/{name}/approval", status_code=201)
def post_population_approval(
    name: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Approve a population that somebody else declared."""
    recorded = approve_population(platform.writer, actor, name)
    return {"name": recorded.value.name, "state": recorded.value.state, "entry": recorded.index}


@router.post("/datasets", status_code=201)
def post_dataset(body: Document, actor: SupplierCaller, platform: OnPlatform) -> dict[str, object]:
    """Register a data set beneath a published catalogue entry."""
    recorded = register_dataset(platform.writer, actor, body, StandingRules.of(platform.pack))
    return {
        "id": recorded.value.id,
        "name": recorded.value.declaration.name,
        "entry": recorded.index,
    }


@router.get("/datasets")
def get_datasets(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the data sets with their declared facts. No count of rows stands here."""
    with reading(platform.engine) as connection:
        found = [
            {
                **item.declaration.model_dump(mode="json", exclude=KEPT_BACK),
                "provider": item.provider,
                "version": version.manifest_digest
                if (version := current_version(connection, item.id))
                else None,
            }
            for item in datasets(connection)
        ]
    return {"datasets": found}


@router.get("/datasets/{name}/rows")
def get_row_count(name: str, actor: SupplierCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell the exact number of rows: to the source department and the authority only."""
    with reading(platform.engine) as connection:
        dataset = dataset_by_name(connection, name)
        version = current_version(connection, dataset.id) if dataset else None
    own = dataset is not None and (actor.organisation in {dataset.provider, platform.authority})
    if version is None or not own:
        raise NotFound("dataset_unknown", Message("没有该数据集。", "There is no such data set."))
    return {"dataset": name, "number": version.number, "row_count": version.row_count}


@uploads.post("/datasets/{name}/versions", status_code=201, response_model=None)
async def post_version(
    name: str,
    request: Request,
    actor: SupplierCaller,
    platform: OnPlatform,
    file_name: Annotated[str, Query(min_length=1, max_length=200)],
) -> Response:
    """Upload one file (CSV, Parquet or XLSX, as the raw body); publish it as the next version."""
    path = platform.settings.home / "uploads" / random_name()
    path.parent.mkdir(mode=0o700, exist_ok=True)

    async def publish() -> Response:
        version = await run_in_threadpool(platform.publisher.publish, actor, name, path, file_name)
        measured = await run_in_threadpool(measured_on_load, platform, actor, name)
        published = {
            "version": version.id,
            "number": version.number,
            "manifest_digest": version.manifest_digest,
            **({} if measured is None else {"quality": measured}),
        }
        return JSONResponse(published, status_code=201)

    try:
        body_digest = await _receive(request, platform, path)
        return await serve_once(request, body_digest, publish)
    finally:
        path.unlink(missing_ok=True)


async def _receive(request: Request, platform: Platform, path: Path) -> str:
    """Write the body to a file, stop at the largest size a source may have, return its digest."""
    limit = platform.catalog_rules.source_bytes_max
    received, digest = 0, hashlib.sha256()
    with path.open("xb") as file:
        async for chunk in request.stream():
            received += len(chunk)
            if received > limit:
                raise BodyTooLarge(
                    "file_too_large",
                    Message(
                        f"文件超过 {limit} 字节的上限，请拆分后分版本提交。",
                        f"The file is over {limit} bytes; split it.",
                    ),
                    field="$.file",
                    rule="policies/catalog",
                )
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()
