"""The contract of the API, OpenAPI 3.1: every answer that can come is written down, refusals too.

A refusal is the same problem document everywhere (RFC 9457), so it is documented once and named by
every operation. Which operations want a bearer token is read from their signatures. An address
that is known under another method says which methods it takes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import Match

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
    429: "Too many requests for now. 请求过于频繁。",
    503: "A part the promise rests on is missing: nothing was done. 暂不可用，未办理。",
}
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


def document(app: FastAPI) -> None:
    """Let an application describe itself by this contract."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes
            )
            _complete(made, app)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def methods_of(request: Request, but: object = None) -> list[str]:
    """Return the methods that some route (but one) takes at the address of a request."""
    return sorted(
        {
            method
            for route in api_routes(request.app)
            if route is not but and route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        }
    )


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Return the routes of an application that an operation stands for."""
    return (route for route in app.routes if isinstance(route, APIRoute))


def wants_caller(dependant: Dependant) -> bool:
    """Tell whether a signature asks who calls."""
    return any(
        getattr(item.call, "__module__", "") in CALLER_MODULES
        and getattr(item.call, "__name__", "") not in NOT_CALLERS
        for item in dependant.dependencies
    )


def _complete(made: dict[str, Any], app: FastAPI) -> None:
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for route in api_routes(app):
        operations = made["paths"].get(route.path_format, {})
        for method in route.methods or ():
            if method.lower() in operations and wants_caller(route.dependant):
                operations[method.lower()]["security"] = [{"bearer": []}]
