"""Who may call an endpoint, as a parameter of its signature.

``AnyCaller`` is anyone the registry knows; ``AuthorityCaller`` and the others must hold that role.
A regulator reads everything that is theirs to read and changes nothing.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from audit.events import AuditEvent, no_effect
from audit.tags import EntryKind
from authorization.organisations import actor_for_account
from foundation.db import reading
from foundation.errors import Denied, Message, NotFound, Unauthenticated
from foundation.identity import Actor, Role
from service.bootstrap import Platform
from service.errors import language_of

BEARER = "Bearer "


def platform_of(request: Request) -> Platform:
    """Return the platform that serves this application."""
    platform: Platform = request.app.state.platform
    return platform


def any_caller(request: Request) -> Actor:
    """Return the actor behind the bearer token. Raises Unauthenticated."""
    platform = platform_of(request)
    header = request.headers.get("authorization", "")
    token = header.removeprefix(BEARER) if header.startswith(BEARER) else ""
    account = platform.issuer.account_of(token)
    try:
        with reading(platform.engine) as connection:
            return actor_for_account(connection, account, language_of(request))
    except NotFound as error:
        raise Unauthenticated(
            "account_unknown",
            Message("令牌所指账号尚未登记。", "The token's account is not registered."),
            field="Authorization",
        ) from error


def _caller_with(*roles: Role) -> Callable[[Request], Actor]:
    def dependency(request: Request) -> Actor:
        actor = any_caller(request)
        if not any(actor.has(role) for role in roles):
            _refuse(request, actor, roles)
        return actor

    return dependency


def _refuse(request: Request, actor: Actor, roles: tuple[Role, ...]) -> None:
    """Log the refusal, then raise it: an attempt beyond one's role is evidence too."""
    names = "、".join(role.value for role in roles)
    public = {"route": f"{request.method} {request.url.path}"[:200], "code": "role_missing"}
    writer = platform_of(request).writer
    writer.submit(AuditEvent(EntryKind.REQUEST_REFUSED, actor, public), no_effect)
    raise Denied(
        "role_missing",
        Message(
            f"此操作需要以下角色之一：{names}。",
            f"This needs one of the roles: {', '.join(role.value for role in roles)}.",
        ),
        field="Authorization",
        rule="roles",
    )


OnPlatform = Annotated[Platform, Depends(platform_of)]
AnyCaller = Annotated[Actor, Depends(any_caller)]
AuthorityCaller = Annotated[Actor, Depends(_caller_with(Role.AUTHORITY))]
SupplierCaller = Annotated[Actor, Depends(_caller_with(Role.PROVIDER, Role.AUTHORITY))]
OperatorCaller = Annotated[Actor, Depends(_caller_with(Role.OPERATOR))]
DeveloperCaller = Annotated[Actor, Depends(_caller_with(Role.DEVELOPER))]
CheckerCaller = Annotated[Actor, Depends(_caller_with(Role.CHECKER))]
RegulatorCaller = Annotated[Actor, Depends(_caller_with(Role.REGULATOR))]
OverseerCaller = Annotated[Actor, Depends(_caller_with(Role.REGULATOR, Role.AUTHORITY))]
