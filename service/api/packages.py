"""Packages of sessions over HTTP: what is installed, what was asked for, what was decided."""

from functools import partial

from fastapi import APIRouter

from foundation.errors import Message, Unavailable
from sandbox.notebooks import environment_digest
from sandbox.packages import PackageAsked, PackageDecided, PackageDesk, installed_packages
from service.api.bodies import StrictRoute
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform
from service.api.gateway import InAnyMode
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/packages", route_class=IdempotentRoute, tags=["packages"])
in_session = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["gateway"])


@router.get("")
def get_packages(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List what is installed in sessions, with the digest that results name."""
    return _environment(platform)


@router.get("/requests")
def get_requests(actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List requests for packages: one's own organisation's; authority and regulator see all."""
    found = _desk(platform).requests(None if actor.oversees else actor.organisation)
    return {"requests": [item.as_json() for item in found]}


@router.post("/requests/{request_id}/decision", status_code=201)
def post_decision(
    request_id: str, body: PackageDecided, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Approve or refuse a package; an administrator then builds the environment."""
    return _desk(platform).decide(actor, request_id, body).as_json()


@in_session.get("/environment")
def get_environment(_scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """List what is installed here, with the digest that results name."""
    return _environment(platform)


@in_session.post("/packages", status_code=201)
def post_package(body: PackageAsked, scope: InAnyMode, platform: OnPlatform) -> dict[str, object]:
    """Ask for a package that is missing."""
    return _desk(platform).request(scope.actor, scope.licence, body).as_json()


def _desk(platform: Platform) -> PackageDesk:
    environment = platform.settings.session_environment.resolve()
    return PackageDesk(platform.engine, platform.writer, partial(installed_packages, environment))


def _environment(platform: Platform) -> dict[str, object]:
    environment = platform.settings.session_environment.resolve()
    try:
        digest = environment_digest(environment)
    except Unavailable as error:
        raise Unavailable(
            "environment_missing",
            Message("会话环境未安装。", "The session environment is not installed."),
            way_out=error.way_out,
        ) from error
    packages = [
        {"package": item.name, "version": item.version} for item in installed_packages(environment)
    ]
    return {"environment_digest": digest, "packages": packages}
