"""Logging in and out with a browser: the only pages that set or take the login cookie.

Whoever arrives here without a login learns which issuers there are and nothing else. In
development there is one more way in: a token of the built-in issuer.
"""

from typing import Annotated

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
from service.login.visiting import (
    TOKEN_FIELD,
    check_csrf,
    clear_login_cookie,
    own_path,
    set_login_cookie,
    unguarded_form,
    visitor_of,
)
from service.pages.frame import reader_language, rendered, show_problem
from service.pages.routes import PageRoute
from service.tokens import DevelopmentIssuer, LoginProof

SEE_OTHER = 303
ADDRESS_CHARACTERS_MAX = 8_192
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


@router.get("/login")
def get_login(request: Request, platform: OnPlatform) -> Response:
    """Show the ways to sign in; with ``step_up``, for something that wants a recent login."""
    given = request.query_params
    back = own_path(given.get("return", ""))
    return rendered(
        "login.html",
        reader_language(request),
        title=TITLE,
        intro=AGAIN if given.get("step_up") == "1" else "",
        visitor=None,
        items=(),
        here="/login",
        done="",
        back=back,
        development=isinstance(platform.issuer, DevelopmentIssuer),
    )


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
    """End this login here."""
    visitor = visitor_of(request)
    if visitor is not None:
        check_csrf(visitor, fields.get(TOKEN_FIELD, ""))
        platform.login.sessions.end(visitor.actor, visitor.login, "logout")
    response = RedirectResponse("/login", status_code=SEE_OTHER)
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
    response = RedirectResponse(back, status_code=SEE_OTHER)
    set_login_cookie(response, platform, opened.secret)
    return response
