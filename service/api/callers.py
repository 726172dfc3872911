"""Who may call an endpoint, as a parameter of its signature.

``AnyCaller`` is anyone the registry knows; ``AuthorityCaller`` and the others must hold that role.
A regulator reads everything that is theirs to read and changes nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from authorization.organisations import actor_for_account
from authorization.service_accounts import caller_of, check_scope, is_service_token
from foundation.db import reading
from foundation.errors import Denied, Message, NotFound, Unauthenticated
from foundation.identity import Actor, Role
from policies.schema.roles import RoleRules
from revenue.flow.moves import keeps_books
from service.bootstrap import Platform
from service.errors import language_of
from service.login.step_up import API_PREFIX, check_route
from service.tokens import LoginProof, bearer_of

SERVICE_ISSUER = "service_accounts"
_ROLES_OF: dict[object, tuple[Role, ...]] = {}

ROLE_NAMES_ZH = {
    Role.AUTHORITY: "数据主管部门",
    Role.PROVIDER: "供数单位",
    Role.OPERATOR: "运营机构",
    Role.DEVELOPER: "数据企业",
    Role.CHECKER: "出域审核员",
    Role.RELEASE_OFFICER: "出域例外审批人",
    Role.FINANCE: "财政部门",
    Role.PRICING: "价格主管部门",
    Role.REGULATOR: "监管部门",
    Role.DEPARTMENT_HEAD: "部门负责人",
    Role.STEWARD: "数据专员",
    Role.HALL_REPRESENTATIVE: "首席代表",
    Role.SYSTEM_ADMINISTRATOR: "系统管理员",
    Role.SECURITY_ADMINISTRATOR: "安全管理员",
    Role.AUDIT_ADMINISTRATOR: "审计管理员",
    Role.SYSTEM: "平台",
}


def platform_of(request: Request) -> Platform:
    """Return the platform that serves this application."""
    platform: Platform = request.app.state.platform
    return platform


def any_caller(request: Request) -> Actor:
    """Return the actor behind the bearer token. Raises Unauthenticated, StepUpRequired."""
    actor = known_caller(request)
    check_fresh(request)
    return actor


def check_fresh(request: Request) -> None:
    """Insist on a recent login where the route asks for one; once the role is known to be right.

    Raises StepUpRequired.
    """
    platform = platform_of(request)
    proof: LoginProof = request.state.login
    check_route(platform.login.rules, request, proof, platform.clock.now_us())


def known_caller(request: Request) -> Actor:
    """Return the actor behind the bearer token, however old their login. Raises Unauthenticated."""
    platform = platform_of(request)
    token = bearer_of(request.headers)
    if is_service_token(token):
        return _service_caller(platform, request, token)
    proof = platform.issuer.proof_of(token)
    request.state.login = proof
    now_us = platform.clock.now_us()
    try:
        with reading(platform.engine) as connection:
            known = actor_for_account(connection, proof.account, language_of(request), now_us)
            actor = platform.as_seen_here(known)
    except NotFound as error:
        raise Unauthenticated(
            "account_unknown",
            Message("令牌所指账号尚未登记。", "The token's account is not registered."),
            field="Authorization",
        ) from error
    request.state.actor = actor  # so that a refusal of theirs is logged (service.errors)
    if proof.scopes is not None:
        check_scope(actor, proof.scopes, *_endpoint(request), platform.pack.rules(RoleRules))
    return replace(actor, since_us=max(actor.since_us, proof.since_us))


def _service_caller(platform: Platform, request: Request, token: str) -> Actor:
    """Return the program behind its own token, at an endpoint of its scopes. Raises Denied."""
    with reading(platform.engine) as connection:
        found = caller_of(connection, token, platform.clock.now_us(), language_of(request))
    actor = platform.as_seen_here(found.actor)
    request.state.actor = actor
    request.state.login = LoginProof(account=actor.person, issuer=SERVICE_ISSUER)
    check_scope(actor, found.scopes, *_endpoint(request), platform.pack.rules(RoleRules))
    return actor


def _endpoint(request: Request) -> tuple[str, str]:
    """Return method and path template of the endpoint that was matched, as the rules name it."""
    path = str(getattr(request.scope.get("route"), "path", ""))
    return request.method, path.removeprefix(API_PREFIX)


def _caller_with(*roles: Role) -> Callable[[Request], Actor]:
    def dependency(request: Request) -> Actor:
        actor = known_caller(request)
        if not any(actor.has(role) for role in roles):
            raise role_missing(roles)
        check_fresh(request)
        return actor

    _ROLES_OF[dependency] = roles
    return dependency


def roles_of(dependency: object) -> tuple[Role, ...]:
    """Return the roles of which a caller of an endpoint must hold one; none: anyone known."""
    return _ROLES_OF.get(dependency, ())


def role_missing(roles: tuple[Role, ...]) -> Denied:
    """Return the refusal of who holds none of the roles that a way in needs."""
    names = "、".join(f"{ROLE_NAMES_ZH[role]}（{role}）" for role in roles)
    return Denied(
        "role_missing",
        Message(
            f"此操作需要以下角色之一：{names}。",
            f"This needs one of the roles: {', '.join(roles)}.",
        ),
        field="Authorization",
        rule="roles",
    )


def reads_books(platform: Platform, actor: Actor) -> bool:
    """Tell whether a caller reads the whole ledger: authority, regulator or a finance office."""
    with reading(platform.engine) as connection:
        return actor.has(Role.REGULATOR) or keeps_books(connection, actor)


def _ledger_reader(request: Request) -> Actor:
    actor = any_caller(request)
    if not reads_books(platform_of(request), actor):
        raise role_missing((Role.AUTHORITY, Role.FINANCE, Role.REGULATOR))
    return actor


def _keeper(request: Request) -> Actor:
    """Return a caller of the authority, or one who has the role of finance in its own house."""
    actor = known_caller(request)
    with reading(platform_of(request).engine) as connection:
        if not keeps_books(connection, actor):
            raise role_missing((Role.AUTHORITY, Role.FINANCE))
    check_fresh(request)
    return actor


def _money_mover(request: Request) -> Actor:
    """Return who keeps the books, or an operator: for its own bank only, as each move checks."""
    actor = any_caller(request)
    return actor if actor.has(Role.OPERATOR) else _keeper(request)


_ROLES_OF |= {
    _ledger_reader: (Role.AUTHORITY, Role.FINANCE, Role.REGULATOR),
    _keeper: (Role.AUTHORITY, Role.FINANCE),
    _money_mover: (Role.AUTHORITY, Role.FINANCE, Role.OPERATOR),
}
OnPlatform = Annotated[Platform, Depends(platform_of)]
AnyCaller = Annotated[Actor, Depends(any_caller)]
AuthorityCaller = Annotated[Actor, Depends(_caller_with(Role.AUTHORITY))]
SupplierCaller = Annotated[Actor, Depends(_caller_with(Role.PROVIDER, Role.AUTHORITY))]
CataloguerCaller = Annotated[
    Actor, Depends(_caller_with(Role.PROVIDER, Role.STEWARD, Role.AUTHORITY))
]
DataKeeperCaller = Annotated[
    Actor, Depends(_caller_with(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD))
]
DataReaderCaller = Annotated[
    Actor,
    Depends(_caller_with(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY)),
]
DepartmentCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE),
        )
    ),
]
DemandingCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE),
            *(Role.OPERATOR, Role.DEVELOPER),
        )
    ),
]
RepresentativeCaller = Annotated[Actor, Depends(_caller_with(Role.HALL_REPRESENTATIVE))]
SeatKeeperCaller = Annotated[
    Actor,
    Depends(_caller_with(Role.HALL_REPRESENTATIVE, Role.DEPARTMENT_HEAD, Role.AUTHORITY)),
]
SealingCaller = Annotated[
    Actor,
    Depends(_caller_with(Role.PROVIDER, Role.HALL_REPRESENTATIVE, Role.DEPARTMENT_HEAD)),
]
ProvidingCaller = Annotated[Actor, Depends(_caller_with(Role.PROVIDER, Role.HALL_REPRESENTATIVE))]
CatalogueReaderCaller = Annotated[
    Actor,
    Depends(
        _caller_with(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY),
    ),
]
RaisingCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.HALL_REPRESENTATIVE),
            *(Role.OPERATOR, Role.DEVELOPER, Role.AUTHORITY, Role.FINANCE, Role.PRICING),
            *(Role.CHECKER, Role.RELEASE_OFFICER),
        )
    ),
]
"""Whoever uses or keeps data may say that they are wrong; a regulator reads only."""
HeadCaller = Annotated[Actor, Depends(_caller_with(Role.DEPARTMENT_HEAD))]
OperatorCaller = Annotated[Actor, Depends(_caller_with(Role.OPERATOR))]
DeveloperCaller = Annotated[Actor, Depends(_caller_with(Role.DEVELOPER))]
PricingCaller = Annotated[Actor, Depends(_caller_with(Role.PRICING))]
HolderCaller = Annotated[Actor, Depends(_caller_with(Role.OPERATOR, Role.AUTHORITY))]
ProposingCaller = Annotated[
    Actor,
    Depends(_caller_with(Role.AUTHORITY, Role.SYSTEM_ADMINISTRATOR, Role.DEPARTMENT_HEAD)),
]
ConfirmingCaller = Annotated[
    Actor, Depends(_caller_with(Role.SECURITY_ADMINISTRATOR, Role.SYSTEM_ADMINISTRATOR))
]
StoppingCaller = Annotated[
    Actor, Depends(_caller_with(Role.SECURITY_ADMINISTRATOR, Role.AUTHORITY))
]
RegistryReaderCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.AUTHORITY, Role.REGULATOR, Role.DEPARTMENT_HEAD),
            *(Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR),
        )
    ),
]
HouseCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.AUTHORITY, Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD),
            *(Role.OPERATOR, Role.DEVELOPER, Role.SYSTEM_ADMINISTRATOR),
        )
    ),
]
"""Anyone who may speak for their own organisation about its ties and its programs."""
BinderCaller = Annotated[Actor, Depends(_caller_with(Role.SECURITY_ADMINISTRATOR))]
SecondBinderCaller = Annotated[
    Actor, Depends(_caller_with(Role.AUTHORITY, Role.SYSTEM_ADMINISTRATOR))
]
BindingReaderCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.AUTHORITY, Role.REGULATOR, Role.SYSTEM_ADMINISTRATOR),
            *(Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR),
        )
    ),
]
CheckerCaller = Annotated[Actor, Depends(_caller_with(Role.CHECKER))]
ReleaseReaderCaller = Annotated[Actor, Depends(_caller_with(Role.CHECKER, Role.RELEASE_OFFICER))]
CommentingCaller = Annotated[
    Actor, Depends(_caller_with(Role.OPERATOR, Role.CHECKER, Role.RELEASE_OFFICER))
]
OfficerCaller = Annotated[Actor, Depends(_caller_with(Role.RELEASE_OFFICER))]
RegulatorCaller = Annotated[Actor, Depends(_caller_with(Role.REGULATOR))]
ExplainingCaller = Annotated[
    Actor, Depends(_caller_with(Role.REGULATOR, Role.AUTHORITY, Role.OPERATOR))
]
OverseerCaller = Annotated[Actor, Depends(_caller_with(Role.REGULATOR, Role.AUTHORITY))]
LedgerCaller = Annotated[Actor, Depends(_ledger_reader)]
KeeperCaller = Annotated[Actor, Depends(_keeper)]
MoneyCaller = Annotated[Actor, Depends(_money_mover)]
PartyCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.PROVIDER, Role.OPERATOR, Role.DEVELOPER),
            *(Role.AUTHORITY, Role.FINANCE, Role.CHECKER),
        )
    ),
]
"""Anyone who may be a payee or payer: of these, each acts for its own organisation only."""

HandlerCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD),
            *(Role.HALL_REPRESENTATIVE, Role.AUTHORITY),
        )
    ),
]
"""Anyone who may have a matter to decide; which of them, each matter says itself."""
GovernmentCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE),
            *(Role.AUTHORITY, Role.REGULATOR, Role.FINANCE, Role.PRICING),
        )
    ),
]
"""Anyone inside government: whom a notice of overdue matters is for."""
SubscriberCaller = Annotated[
    Actor,
    Depends(
        _caller_with(
            *(Role.AUTHORITY, Role.PROVIDER, Role.DEPARTMENT_HEAD),
            *(Role.OPERATOR, Role.DEVELOPER),
        )
    ),
]
"""Anyone who may have their organisation's notices pushed."""
PersonalCaller = Annotated[
    Actor, Depends(_caller_with(*(role for role in Role if role is not Role.SYSTEM)))
]
"""Any person with a role at all, for what is about themselves alone."""
