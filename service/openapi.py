"""The contract of the API, OpenAPI 3.1: every answer that can come is written down, refusals too.

A refusal is the same problem document everywhere (RFC 9457), so it is documented once and named by
every operation. Which operations want a bearer token is read from their signatures. An address
that is known under another method says which methods it takes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import compile_path

PROBLEM = "application/problem+json"
CALLER_MODULES = frozenset({"service.api.callers", "service.api.delegated"})
NOT_CALLERS = frozenset({"platform_of"})
_REFUSALS: Mapping[int, str] = {
    400: "The request cannot be read. 请求无法解析。",
    401: "No valid token, or a more recent login is wanted. 未登录，或须重新登录。",
    403: "Denied by a role, a policy or a separation of duties. 无权办理。",
    404: "No such thing, or none this caller may know of. 没有此项。",
    405: "The address takes other methods, named in Allow. 不接受该方法。",
    409: "The thing's state forbids the move. 当前状态不允许。",
    413: "The body is too large. 请求体过大。",
    415: "The body is of another media type. 媒体类型不符。",
    422: "A field breaks its form or a rule. 字段不符合要求。",
    429: "Too many requests; wait a while. 请求过于频繁。",
    503: "A part the promise rests on is missing: nothing was done. 暂不可用，未办理。",
}
_CSV, _PDF, _ZIP = "text/csv", "application/pdf", "application/zip"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_JSON, _TEXT, _JSON_LD = "application/json", "text/plain", "application/ld+json"
_RELEASED = (
    *(_CSV, _XLSX, _JSON, _ZIP, "application/vnd.apache.parquet", "application/octet-stream"),
    *("image/png", "image/svg+xml", "text/markdown", _TEXT),
)
FILES: Mapping[str, tuple[str, ...]] = {
    "GET /catalog/import/template": (_XLSX,),
    "GET /catalog/imports/{import_id}/report": (_JSON, _CSV, _XLSX),
    "GET /catalog/imports/{import_id}/refused": (_CSV, _XLSX),
    "GET /catalog/export/dcat": (_JSON_LD,),
    "GET /catalog/export/dcat/entry": (_JSON_LD,),
    "POST /catalog/exports": (_ZIP, "application/jsonl", "application/octet-stream"),
    "POST /sharing/requests/{share_id}/copies": (_CSV, _XLSX, "application/vnd.apache.parquet"),
    "GET /journals/exports/{form}": (_TEXT,),
    "GET /settlement-files/{file_id}/{form}": (_CSV, "application/xml"),
    "GET /releases/{release_id}/preview": _RELEASED,
    "POST /releases/{release_id}/copies": (_ZIP,),
    "POST /products/{licence_id}/fetches": _RELEASED,
    "GET /periods/{period_id}/statements/{payee}/{form}": (_PDF, _XLSX, _JSON, _ZIP),
    "GET /periods/{period_id}/bills/{licence}/{form}": (_PDF, _XLSX, _JSON),
    "GET /journals/{journal}/voucher/{form}": (_PDF, _XLSX, _JSON),
    "GET /log/key": (_TEXT,),
    "GET /log/checkpoint": (_TEXT,),
    "GET /log/entries/{index}/receipt": (_TEXT,),
    "GET /log/kept": (_ZIP,),
    "POST /log/bundles": (_ZIP,),
    "GET /regulator/odometer/{population}/picture": ("image/svg+xml",),
    "POST /regulator/exports": (_ZIP,),
    "POST /cases/{case_id}/export": (_ZIP,),
}
"""The operations whose answer is a file, and the media types it may have."""
_SENTENCES = {
    "type": "object",
    "required": ["zh", "en"],
    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
}
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457 problem details, with what would be accepted instead.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "field", "rule", "way_out"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": ["string", "null"]},
        "rule": {"type": ["string", "null"]},
        "way_out": {"type": ["object", "null"]},
        "messages": _SENTENCES,
        "place": {"type": "integer"},
        "retry_seconds": {"type": "integer"},
    },
}


def refusals() -> dict[int | str, dict[str, Any]]:
    """Return the answers that any operation may give besides its own."""
    body = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {code: {"description": text, "content": body} for code, text in _REFUSALS.items()}


@dataclass(frozen=True)
class Operation:
    """One route under its whole address: what it matches, takes and asks of its caller."""

    route: APIRoute
    address: str
    pattern: re.Pattern[str]
    methods: frozenset[str]


def document(app: FastAPI, routers: Iterable[tuple[str, APIRouter]]) -> None:
    """Let an application describe itself by this contract. ``routers`` are those it includes."""
    operations = tuple(described_operations(routers))
    app.state.operations = operations

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes
            )
            _complete(made, operations)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def methods_of(request: Request, but: object = None) -> list[str]:
    """Return the methods that the routes (but one) of the address of a request take.

    Of routes that match, those with the fewest parameters are the address's own: what is documented
    at ``/runs/subscriptions`` is not what is documented at ``/runs/{run_id}``.
    """
    operations: Iterable[Operation] = getattr(request.app.state, "operations", ())
    path = request.url.path
    found = [item for item in operations if item.route is not but and item.pattern.fullmatch(path)]
    fewest = min((item.pattern.groups for item in found), default=0)
    own = (item.methods for item in found if item.pattern.groups == fewest)
    return sorted(frozenset().union(*own))


def described_operations(routers: Iterable[tuple[str, APIRouter]]) -> Iterator[Operation]:
    """Yield every route of these routers that the API's document describes, and those of pages."""
    for prefix, router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                address = f"{prefix}{route.path_format}"
                pattern = compile_path(f"{prefix}{route.path}")[0]
                yield Operation(route, address, pattern, frozenset(route.methods or ()))


def wants_caller(dependant: Dependant) -> bool:
    """Tell whether a signature asks who calls."""
    return any(
        getattr(item.call, "__module__", "") in CALLER_MODULES
        and getattr(item.call, "__name__", "") not in NOT_CALLERS
        for item in dependant.dependencies
    )


def _complete(made: dict[str, Any], operations: Iterable[Operation]) -> None:
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for item in operations:
        for method in item.methods:
            described = made["paths"].get(item.address, {}).get(method.lower())
            if described is not None:
                _complete_one(described, method, item)


def _complete_one(described: dict[str, Any], method: str, item: Operation) -> None:
    if wants_caller(item.route.dependant):
        described["security"] = [{"bearer": []}]
    files = FILES.get(f"{method} {item.address.removeprefix('/api/v1')}", ())
    for status, answer in described["responses"].items():
        if files and status.startswith("2"):
            answer["content"] = {media_type: {} for media_type in files}
