"""Who sent a page's request: the cookie of a login session, its form token, its recent login.

``visitor_of`` never raises for want of a login: pages send such a browser to ``/login``. A cookie
that comes twice is nobody's: what a neighbouring host tossed in could be either. A form counts
only with the token of its session, from our own origin.
"""

import hmac
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy import Connection

from authorization.organisations import actor_for_account
from foundation.db import reading
from foundation.errors import Denied, Message, NotFound
from foundation.identity import Actor
from service.bootstrap import Platform
from service.errors import language_of
from service.login.bindings import RULE, Subject, binding_of
from service.login.cookies import cookie_name, cookie_values
from service.login.forms import check_own_origin, not_from_here, unguarded_form
from service.login.step_up import check_recent
from service.tokens import LoginProof

HOME = "/pages"
RETURN_PLACES = frozenset({"/pages", "/sessions"})
RETURN_BENEATH = ("/pages/", "/pages?", "/sessions/")
RETURN_CHARACTERS_MAX = 400


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
    proof = session.proof
    try:
        with reading(platform.engine) as connection:
            since_us = _stands_since(connection, proof)
            now_us = platform.clock.now_us()
            actor = actor_for_account(connection, proof.account, language_of(request), now_us)
    except (NotFound, Denied):  # an account or a person that was suspended or removed since
        return None
    actor = replace(platform.as_seen_here(actor), since_us=max(actor.since_us, since_us))
    request.state.actor = actor
    request.state.login = proof
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
        raise not_from_here()


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


def _stands_since(connection: Connection, proof: LoginProof) -> int:
    """Return when a login's subject was bound to its account, 0 in development.

    Raises NotFound where it no longer is.
    """
    if not proof.subject_digest:
        return 0
    binding = binding_of(connection, Subject(proof.issuer, proof.subject_digest))
    if binding is None or binding.account != proof.account:
        raise NotFound("binding_unknown", Message("绑定已结束。", "It ended."), rule=RULE)
    return binding.since_us


__all__ = [
    "HOME",
    "Visitor",
    "check_csrf",
    "check_own_origin",
    "own_path",
    "page_caller",
    "recent_login",
    "unguarded_form",
    "visitor_of",
]
