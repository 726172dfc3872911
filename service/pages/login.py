"""Logging in and out with a browser: the only pages that set or take the login cookie.

Whoever arrives here without a login learns which issuers there are and nothing else. In
development there is one more way in: a token of the built-in issuer.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from authorization.organisations import actor_for_account
from foundation.db import reading
from foundation.errors import Message, NotFound, SandgateError, Unauthenticated
from service.api.bodies import Handler
from service.api.callers import OnPlatform
from service.bootstrap import Platform
from service.errors import log_denial
from service.login.cookies import (
    clear_flow_cookie,
    clear_login_cookie,
    cookie_values,
    flow_cookie_name,
    set_flow_cookie,
    set_login_cookie,
)
from service.login.flow import LoginFlows, no_flow
from service.login.forms import TOKEN_FIELD, foreign_form, unguarded_form
from service.login.provider import Provider
from service.login.visiting import check_csrf, own_path, visitor_of
from service.pages.frame import reader_language, rendered, show_problem
from service.pages.routes import PageRoute
from service.tokens import DevelopmentIssuer, LoginProof

SEE_OTHER = 303
ADDRESS_CHARACTERS_MAX = 8_192
PLAIN_HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
TITLE = Message("登录", "Sign in")
AGAIN = Message(
    "这项操作要求您重新登录，以确认是您本人。",
    "What you were about to do needs you to sign in again, so that it is known to be you.",
)


class LoginRoute(PageRoute):
    """A page whose address holds what an issuer sends back, which is longer than ours ever are."""

    def get_route_handler(self) -> Handler:
        """Limit the address as a whole; answer with a page whatever is refused."""
        handler = APIRoute.get_route_handler(self)

        async def login_handler(request: Request) -> Response:
            try:
                if len(request.url.query) > ADDRESS_CHARACTERS_MAX:
                    raise NotFound("address_invalid", Message("地址过长。", "Address too long."))
                return await handler(request)
            except SandgateError as error:
                log_denial(error, request)
                return await run_in_threadpool(show_problem, request, error)

        return login_handler


router = APIRouter(route_class=LoginRoute, include_in_schema=False)
Fields = Annotated[dict[str, str], Depends(unguarded_form)]
Told = Annotated[dict[str, str], Depends(foreign_form)]


@router.get("/login")
def get_login(request: Request, platform: OnPlatform) -> Response:
    """Show the ways to sign in; with ``step_up``, for something that wants a recent login."""
    given = request.query_params
    again = given.get("step_up") == "1"
    asked = urlencode(
        {"return": own_path(given.get("return", "")), "step_up": "1" if again else ""}
    )
    left = given.get("left", "")
    return rendered(
        "login.html",
        reader_language(request),
        title=TITLE,
        intro=AGAIN if again else "",
        visitor=None,
        groups=(),
        here="/login",
        done="",
        back=own_path(given.get("return", "")),
        development=isinstance(platform.issuer, DevelopmentIssuer),
        issuers=[
            (Message(item.about.name_zh, item.about.name_en), f"/login/start/{alias}?{asked}")
            for alias, item in _providers(platform).items()
        ],
        left=_way_out_of_issuer(platform, left) if left else "",
    )


@router.get("/login/start/{alias}")
def get_start(alias: str, request: Request, platform: OnPlatform) -> Response:
    """Send the browser to an issuer, with a cookie by which it is known when it comes back."""
    flows = _flows(platform)
    given = request.query_params
    visitor = visitor_of(request)
    begun = flows.start(
        alias,
        own_path(given.get("return", "")),
        again=given.get("step_up") == "1",
        login="" if visitor is None else visitor.login,
    )
    response = RedirectResponse(begun.location, status_code=SEE_OTHER, headers=PLAIN_HEADERS)
    set_flow_cookie(response, platform, begun.cookie)
    return response


@router.get("/login/callback/{alias}")
def get_callback(alias: str, request: Request, platform: OnPlatform) -> Response:
    """Take an issuer's answer: sign in whoever it vouched for, under a new secret."""
    pairs = request.query_params.multi_items()
    cookies = cookie_values(request, flow_cookie_name(platform))
    try:
        if len(dict(pairs)) != len(pairs) or len(cookies) != 1:
            raise no_flow()
        found = _flows(platform).finish(alias, cookies[0], dict(pairs))
        response = signed_in(request, platform, found.proof, found.flow.back, found.sid_digest)
    except SandgateError as refusal:
        if not isinstance(refusal, NotFound):
            platform.login.log_refusal(alias, refusal.code, getattr(refusal, "subject_digest", ""))
        raise
    clear_flow_cookie(response, platform)
    return response


@router.post("/login/back-channel/{alias}")
def post_back_channel(alias: str, platform: OnPlatform, told: Told) -> Response:
    """End what an issuer says has ended there (OpenID Connect Back-Channel Logout)."""
    flows = _flows(platform)
    issuer, ended = flows.ended_there(alias, told.get("logout_token", ""))
    platform.login.sessions.end_of_issuer(
        issuer, subject_digest=ended.subject_digest, sid_digest=ended.sid_digest
    )
    return Response(status_code=200, headers=PLAIN_HEADERS)


@router.post("/login/development")
def post_development_login(request: Request, platform: OnPlatform, fields: Fields) -> Response:
    """Sign in with a token of the development issuer. No such door in production."""
    if not isinstance(platform.issuer, DevelopmentIssuer):
        raise NotFound(
            "no_development_issuer",
            Message("本平台不签发开发令牌。", "This service issues no development tokens."),
        )
    proof = platform.issuer.proof_of(fields.get("token", "").strip())
    return signed_in(request, platform, proof, own_path(fields.get("return", "")))


@router.post("/logout")
def post_logout(request: Request, platform: OnPlatform, fields: Fields) -> Response:
    """End this login here, and show the way to end it at its issuer."""
    visitor = visitor_of(request)
    issuer = ""
    if visitor is not None:
        check_csrf(visitor, fields.get(TOKEN_FIELD, ""))
        platform.login.sessions.end(visitor.actor, visitor.login, "logout")
        issuer = visitor.proof.issuer
    left = [name for name, one in _providers(platform).items() if one.about.issuer == issuer]
    response = RedirectResponse(
        f"/login?left={left[0]}" if left else "/login", status_code=SEE_OTHER
    )
    clear_login_cookie(response, platform)
    return response


def signed_in(
    request: Request, platform: Platform, proof: LoginProof, back: str, sid_digest: str = ""
) -> Response:
    """Open a login session for a proof, under a new secret, and go back. Raises Unauthenticated."""
    try:
        with reading(platform.engine) as connection:
            actor = actor_for_account(connection, proof.account)
    except NotFound as error:
        raise Unauthenticated(
            "account_unknown",
            Message("令牌所指账号尚未登记。", "The token's account is not registered."),
            field="token",
        ) from error
    before = visitor_of(request)
    opened = platform.login.sessions.open(
        platform.as_seen_here(actor),
        proof,
        sid_digest=sid_digest,
        replaces="" if before is None else before.login,
    )
    response = RedirectResponse(back, status_code=SEE_OTHER, headers=PLAIN_HEADERS)
    set_login_cookie(response, platform, opened.secret)
    return response


def _providers(platform: Platform) -> Mapping[str, Provider]:
    return {} if platform.login.oidc is None else platform.login.oidc.providers


def _flows(platform: Platform) -> LoginFlows:
    if platform.login.flows is None:
        raise NotFound("issuer_unknown", Message("没有配置认证源。", "No issuer is configured."))
    return platform.login.flows


def _way_out_of_issuer(platform: Platform, alias: str) -> str:
    """Return where an issuer lets people sign out of it; empty where it has no such place."""
    provider = _providers(platform).get(alias)
    try:
        place = "" if provider is None else provider.metadata().end_session_endpoint
    except SandgateError:
        return ""
    if provider is None or not place:
        return ""
    back = f"{platform.settings.platform_origin}/login"
    asked = {"client_id": provider.about.client_id, "post_logout_redirect_uri": back}
    return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"
