"""Who sent a page's request: the cookie of a login session, its form token, its recent login.

``visitor_of`` never raises for want of a login: pages send such a browser to ``/login``. A cookie
that comes twice is nobody's: what a neighbouring host tossed in could be either. A form counts
only with the token of its session, from our own origin.
"""

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response

from authorization.organisations import actor_for_account
from foundation.db import reading
from foundation.errors import Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor
from service.bootstrap import Platform
from service.errors import language_of
from service.login.step_up import check_recent
from service.tokens import LoginProof

COOKIE = "__Host-sandgate"
COOKIE_OF_DEVELOPMENT = "sandgate-development"
TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field
HOME = "/pages"
RETURN_PLACES = frozenset({"/pages", "/sessions"})
RETURN_BENEATH = ("/pages/", "/pages?", "/sessions/")
FORM_BYTES_MAX = 64 << 10
FORM_FIELDS_MAX = 400
RETURN_CHARACTERS_MAX = 400
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page: the actor, the token their forms bring, and how fresh their login is."""

    actor: Actor
    csrf: str
    authenticated_us: int
    account: str
    login: str
    proof: LoginProof


def visitor_of(request: Request) -> Visitor | None:
    """Return who is logged in by this request's cookie, or None.

    ``request.state.actor`` and ``request.state.login`` are set where somebody is.
    """
    platform: Platform = request.app.state.platform
    values = cookie_values(request, cookie_name(platform))
    session = platform.login.sessions.standing(values[0]) if len(values) == 1 else None
    if session is None:
        return None
    try:
        with reading(platform.engine) as connection:
            actor = actor_for_account(connection, session.proof.account, language_of(request))
    except (NotFound, Denied):  # an account or a person that was suspended or removed since
        return None
    actor = platform.as_seen_here(actor)
    request.state.actor = actor
    request.state.login = session.proof
    proof = session.proof
    return Visitor(actor, session.csrf, proof.authenticated_us, proof.account, session.id, proof)


def page_caller(request: Request) -> Actor | None:
    """Return the actor of a page's request, or None where nobody is logged in."""
    visitor = visitor_of(request)
    return None if visitor is None else visitor.actor


def recent_login(request: Request, act: str) -> None:
    """Insist that who sent this request signed in recently enough for an act of the rules.

    Raises StepUpRequired, which pages answer by sending the reader to ``/login?step_up=1``.
    """
    platform: Platform = request.app.state.platform
    proof: LoginProof = request.state.login
    check_recent(platform.login.rules.act(act), proof, platform.clock.now_us())


def check_csrf(visitor: Visitor, token: str) -> None:
    """Insist on the token of the login that a form was shown to. Raises Denied."""
    if not hmac.compare_digest(token.encode(), visitor.csrf.encode()):
        raise foreign_form()


async def unguarded_form(request: Request) -> dict[str, str]:
    """Return a form's fields, from our own origin, without asking for a session's secret.

    Raises InvalidInput where it is no form, too large, or names a field twice.
    """
    check_own_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise _bad_form()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise _bad_form()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except ValueError as error:
        raise _bad_form() from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\0" in value for value in fields.values()):
        raise _bad_form()
    return fields


def check_own_origin(request: Request) -> None:
    """Refuse what another site's page, or a session's own host, made a browser send."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if site not in {"same-origin", "none"} or (origin is not None and not _same(origin, host)):
        raise foreign_form()


def cookie_name(platform: Platform) -> str:
    """Return the cookie's name: the ``__Host-`` prefix wants HTTPS, which loopback has not."""
    return COOKIE if _is_secure(platform) else COOKIE_OF_DEVELOPMENT


def cookie_values(request: Request, name: str) -> list[str]:
    """Return every value that a request's cookie headers give one name."""
    found = []
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            key, separator, value = pair.strip().partition("=")
            if separator and key == name:
                found.append(value)
    return found


def set_login_cookie(response: Response, platform: Platform, secret: str) -> None:
    """Give a browser its session; the cookie ends with the browser."""
    response.set_cookie(
        cookie_name(platform),
        secret,
        path="/",
        secure=_is_secure(platform),
        httponly=True,
        samesite="lax",
    )


def clear_login_cookie(response: Response, platform: Platform) -> None:
    """Take the session's cookie away."""
    response.delete_cookie(
        cookie_name(platform),
        path="/",
        secure=_is_secure(platform),
        httponly=True,
        samesite="lax",
    )


def own_path(text: str, fallback: str = HOME) -> str:
    """Return where to go after a login: a page of our own, or the fallback for anything else.

    Browsers read two slashes, a backslash or control characters as other sites.
    """
    plain = (
        (text in RETURN_PLACES or text.startswith(RETURN_BENEATH))
        and len(text) <= RETURN_CHARACTERS_MAX
        and text.isascii()
        and text.isprintable()
        and not set(text) & set("\\ \"'<>@")
    )
    parts = urlsplit(text) if plain else None
    return text if parts is not None and not parts.scheme and not parts.netloc else fallback


def _is_secure(platform: Platform) -> bool:
    return platform.settings.platform_origin.startswith("https://")


def _same(origin: str, host: str) -> bool:
    return urlsplit(origin).netloc.lower() == host.lower()


def foreign_form() -> Denied:
    """Say that a form was not one that this login's own pages gave out."""
    return Denied(
        "csrf_invalid",
        Message(
            "该表单不是由本次登录的页面提交的，未予处理。",
            "This form did not come from a page of this login; nothing was done.",
        ),
        field=TOKEN_FIELD,
        rule="login",
        way_out=Message("请重新打开页面后再提交。", "Open the page again and send it from there."),
    )


def _bad_form() -> InvalidInput:
    return InvalidInput(
        "form_invalid",
        Message("表单无法读取。", "The form cannot be read."),
        field="$",
        rule=f"<= {FORM_BYTES_MAX}",
    )
