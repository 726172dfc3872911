"""Each route of the API shows in its signature who may call it; the public ones are named here."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

import service.api
import service.pages
from service.api import session_status, sessions
from service.api.bodies import StrictRoute, UploadRoute
from service.api.callers import any_caller, platform_of
from service.api.gateway import any_session_scope, session_scope
from service.app import IN_SESSION
from service.app import ROUTERS as PREFIXED

PUBLIC = {
    ("GET", "/health"),
    ("GET", "/log/key"),
    ("GET", "/log/checkpoint"),
    ("GET", "/log/witnesses"),
    ("GET", "/sessions/{session_id}"),  # the page: its link holds a one-time ticket
    ("GET", "/sessions/{session_id}/status"),  # its line of facts: the page holds the secret
    ("GET", "/"),  # leads to the first page
    ("GET", "/login"),
    ("GET", "/login/start/{alias}"),
    ("GET", "/login/callback/{alias}"),  # its state and PKCE verifier are the proof
    ("POST", "/login/back-channel/{alias}"),  # the issuer's signed logout token is the proof
    ("POST", "/login/development"),  # the token is in the form
    ("POST", "/logout"),  # the form token of the login it ends
    ("GET", "/pages/style.css"),
    ("POST", "/pages/language"),  # which language a browser reads
}
CALLERS = {"service.api.callers", "service.api.delegated", "service.pages.frame"}
READS_NOTHING = {("GET", "/health"), ("GET", "/")}
ROUTERS = tuple(router for _, router in PREFIXED)


def routes(*routers: APIRouter) -> Iterator[tuple[str, APIRoute]]:
    for router in routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            assert route.methods
            for method in sorted(route.methods):
                yield method, route


def callers_of(dependant: Dependant) -> list[str]:
    """Name the dependencies that say who calls: of the API's callers, or of a page's visitors."""
    return [
        getattr(item.call, "__qualname__", "")
        for item in dependant.dependencies
        if getattr(item.call, "__module__", "") in CALLERS and item.call is not platform_of
    ]


def is_public(method: str, route: APIRoute) -> bool:
    pages = any(route is page for page in (*sessions.pages.routes, *session_status.pages.routes))
    return (method, route.path) in PUBLIC and (pages or not route.path.startswith("/sessions"))


def test_every_route_has_exactly_one_caller_or_is_named_public() -> None:
    found = list(routes(*ROUTERS))
    assert len(found) >= 35
    for method, route in found:
        wanted = 0 if is_public(method, route) else 1
        assert len(callers_of(route.dependant)) == wanted, f"{method} {route.path}"


def test_every_route_that_moves_something_names_a_role() -> None:
    for method, route in routes(*ROUTERS):
        if method != "GET" and (method, route.path) not in PUBLIC:
            named = [item.call for item in route.dependant.dependencies]
            assert any_caller not in named, f"{method} {route.path} lets anyone write"


def test_every_gateway_route_knows_its_session() -> None:
    for method, route in routes(*IN_SESSION):
        named = [item.call for item in route.dependant.dependencies]
        assert {session_scope, any_session_scope} & set(named), f"{method} {route.path}"


def test_every_route_reads_strictly() -> None:
    for method, route in routes(*ROUTERS, *IN_SESSION):
        if (method, route.path) not in READS_NOTHING:
            assert isinstance(route, StrictRoute | UploadRoute), f"{method} {route.path}"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_nothing_is_changed_in_place_or_deleted(method: str) -> None:
    assert not [route.path for found, route in routes(*ROUTERS) if found == method]


def test_every_router_there_is_stands_in_the_one_list() -> None:
    modules = [
        importlib.import_module(f"{package.__name__}.{path.stem}")
        for package in (service.api, service.pages)
        for path in Path(str(package.__file__)).parent.glob("*.py")
    ]
    there = [value for module in modules for value in vars(module).values()]
    listed = {id(router) for router in (*ROUTERS, *IN_SESSION)}
    assert {id(value) for value in there if isinstance(value, APIRouter)} == listed
