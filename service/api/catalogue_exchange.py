"""The catalogue in and out: the template, imports of spreadsheets, DCAT-AP, signed packages."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from catalog.exchange import reports
from catalog.exchange.dcat import Published, catalogue, document
from catalog.exchange.importing import Imports
from catalog.exchange.judging import RowState
from catalog.exchange.packing import export_catalogue
from catalog.exchange.published import published_one, published_page
from catalog.exchange.store import Import, StoredRow, imports_of, rows_of
from catalog.exchange.template import FILE_NAME, template_xlsx
from catalog.sheets.refusals import sheet_refused
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Role
from foundation.ids import random_name
from policies.schema.exchange import ExchangeRules
from service import catalogue_node
from service.api.bodies import UploadRoute
from service.api.callers import AnyCaller, CataloguerCaller, OnPlatform, OverseerCaller
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute, serve_once

router = APIRouter(prefix="/catalog", route_class=IdempotentRoute, tags=["catalog"])
uploads = APIRouter(prefix="/catalog", route_class=UploadRoute, tags=["catalog"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV, JSON_LD, ZIP = "text/csv; charset=utf-8", "application/ld+json", "application/zip"
FAULTS_SHOWN = 50
PAGE_MAX = 500
Form = Literal["json", "csv", "xlsx"]
Code = Annotated[str, Query(max_length=100)]


@router.get("/import/template", response_class=Response)
def get_template(_actor: AnyCaller, platform: OnPlatform) -> Response:
    """Fetch the spreadsheet that bureaus fill in: header, code lists, an example."""
    rules = platform.pack.rules(ExchangeRules)
    data = template_xlsx(rules, made_at_us=platform.clock.now_us())
    return _file(data, FILE_NAME, XLSX)


@uploads.post("/imports", status_code=201, response_model=None)
async def post_import(
    request: Request,
    actor: CataloguerCaller,
    platform: OnPlatform,
    file_name: Annotated[str, Query(min_length=1, max_length=200)],
    sheet: Annotated[str | None, Query(min_length=1, max_length=31)] = None,
    provider: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Judge a spreadsheet (the raw body) row by row; nothing of the catalogue changes."""
    path = platform.settings.home / "uploads" / random_name()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    house = provider or actor.organisation

    async def judge() -> Response:
        found, repeated = await run_in_threadpool(
            lambda: catalogue_node.imports_of(platform).judge(
                actor, house, path.read_bytes(), file_name, sheet
            )
        )
        return JSONResponse({**found.as_json(), "repeated": repeated}, status_code=201)

    try:
        return await serve_once(request, await _receive(request, platform, path), judge)
    finally:
        path.unlink(missing_ok=True)


@router.get("/imports")
def get_imports(
    actor: CataloguerCaller,
    platform: OnPlatform,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> dict[str, object]:
    """List the imports of one's department, newest first; the authority sees all."""
    provider = None if actor.has(Role.AUTHORITY) else actor.organisation
    with reading(platform.engine) as connection:
        found = imports_of(connection, provider, limit, before)
    return {"imports": [one.as_json() for one in found]}


@router.get("/imports/{import_id}")
def get_import(import_id: str, actor: CataloguerCaller, platform: OnPlatform) -> dict[str, object]:
    """Read what was made of an import, with its first refused rows."""
    found = catalogue_node.imports_of(platform).of(actor, import_id)
    with reading(platform.engine) as connection:
        refused = []
        for row in rows_of(connection, import_id, states=frozenset({RowState.REFUSED})):
            refused.append({"row": row.number, "faults": list(row.faults)})
            if len(refused) == FAULTS_SHOWN:
                break
    return {**found.as_json(), "refused": refused}


@router.get("/imports/{import_id}/report", response_class=Response)
def get_report(
    import_id: str, actor: CataloguerCaller, platform: OnPlatform, form: Form = "json"
) -> Response:
    """Fetch the whole report: each row, and each fault with column, rule and way out."""
    found, rows = _import_rows(platform, catalogue_node.imports_of(platform), actor, import_id)
    name = f"目录导入报告-{found.id}.{form}"
    if form == "json":
        return _file(reports.report_json(found, rows).encode(), name, "application/json")
    if form == "csv":
        return _file(reports.report_csv(rows), name, CSV)
    return _file(reports.report_xlsx(found, rows), name, XLSX)


@router.get("/imports/{import_id}/refused", response_class=Response)
def get_refused_rows(
    import_id: str,
    actor: CataloguerCaller,
    platform: OnPlatform,
    form: Literal["csv", "xlsx"] = "xlsx",
) -> Response:
    """Fetch the refused rows alone, as they came, to correct and submit again."""
    imports = catalogue_node.imports_of(platform)
    found, rows = _import_rows(platform, imports, actor, import_id, refused=True)
    name = f"目录导入退回行-{found.id}.{form}"
    if form == "csv":
        return _file(reports.refused_csv(found, rows), name, CSV)
    return _file(reports.refused_xlsx(found, rows), name, XLSX)


@router.post("/imports/{import_id}/taking", status_code=201)
def post_taking(import_id: str, actor: CataloguerCaller, platform: OnPlatform) -> dict[str, object]:
    """Take the good rows: drafts of new entries, proposed changes of published ones."""
    return catalogue_node.imports_of(platform).take(actor, import_id).as_json()


@router.get("/export/dcat", response_class=StreamingResponse)
def get_dcat(
    _actor: AnyCaller,
    platform: OnPlatform,
    after: Code = "",
    limit: Annotated[int | None, Query(ge=1, le=PAGE_MAX)] = None,
) -> Response:
    """Read the published catalogue as DCAT-AP JSON-LD: whole, or a page of entries by code."""
    node = catalogue_node.node_of(platform)
    if limit is not None:
        with reading(platform.engine) as connection:
            page = published_page(connection, after, limit)
        headers = {"x-next-after": quote(page[-1].entry.code, safe="")} if page else {}
        return Response("".join(catalogue(page, node)), media_type=JSON_LD, headers=headers)

    return StreamingResponse(catalogue(_paged(platform), node), media_type=JSON_LD)


@router.get("/export/dcat/entry", response_class=Response)
def get_dcat_entry(_actor: AnyCaller, platform: OnPlatform, code: Code) -> Response:
    """Read one published entry as DCAT-AP JSON-LD."""
    with reading(platform.engine) as connection:
        found = published_one(connection, code)
    if found is None:
        raise NotFound(
            "entry_unknown", Message("没有该目录条目。", "There is no such entry."), field="code"
        )
    return Response(document(found, catalogue_node.node_of(platform)), media_type=JSON_LD)


@router.post("/exports", status_code=201, response_class=Response)
def post_export(actor: OverseerCaller, platform: OnPlatform) -> Response:
    """Make a signed package of the published catalogue, for an upper node."""
    package = export_catalogue(
        platform.engine,
        platform.writer,
        actor,
        catalogue_node.node_of(platform),
        at_us=platform.clock.now_us(),
    )
    response = _file(package.data, f"catalogue-{package.export}.zip", ZIP)
    response.status_code = 201
    response.headers["x-log-entry"] = str(package.index)
    return response


def _paged(platform: Platform) -> Iterator[Published]:
    """Give every published entry; each page is read anew, since a stream may last long."""
    after: str | None = ""
    while after is not None:
        with reading(platform.engine) as connection:
            page = published_page(connection, after, PAGE_MAX)
        yield from page
        after = page[-1].entry.code if page else None


def _import_rows(
    platform: Platform,
    imports: Imports,
    actor: CataloguerCaller,
    import_id: str,
    *,
    refused: bool = False,
) -> tuple[Import, list[StoredRow]]:
    found = imports.of(actor, import_id)
    states = frozenset({RowState.REFUSED}) if refused else None
    with reading(platform.engine) as connection:
        return found, list(rows_of(connection, import_id, states=states))


async def _receive(request: Request, platform: Platform, path: Path) -> str:
    """Write the body to a file, stop at the largest size a spreadsheet may have."""
    limit = platform.pack.rules(ExchangeRules).sheets.file_bytes_max
    received, digest = 0, hashlib.sha256()
    with path.open("xb") as file:
        async for chunk in request.stream():
            received += len(chunk)
            if received > limit:
                raise sheet_refused("file_bytes")
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def _file(data: bytes, name: str, media_type: str) -> Response:
    """Answer with a file to save: never shown as a page, whatever is in it."""
    return Response(
        data,
        media_type=media_type,
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "x-content-type-options": "nosniff",
        },
    )
