"""What a token must say before it is believed (OpenID Connect Core 3.1.3.7, RFC 9068, logout).

Signatures are checked before (``service.login.jose``). Times are whole seconds since 1970, with a
little room for clocks that differ; a claim of another type than the standard's counts as absent.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.clock import MICROSECONDS_PER_SECOND
from service.login.jose import BadToken, Verified

SUBJECT_CHARACTERS_MAX = 255
ACCESS_TYPES = frozenset({"at+jwt", "application/at+jwt"})
LOGOUT_TYPES = frozenset({"logout+jwt", "application/logout+jwt", "jwt", ""})
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_SECONDS_MAX = 300

Claims = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """Who must have issued a token, for whom, and when it is now (seconds; with room for skew)."""

    issuer: str
    audience: str
    now: int
    skew: int


@dataclass(frozen=True)
class Told:
    """What an issuer said of somebody: its name for them, and when and how they signed in.

    ``authenticated_us`` is 0 where it does not say when.
    """

    subject: str
    authenticated_us: int
    acr: str
    session: str
    expires: int


def check_id_token(found: Verified, expected: Expected, client_id: str, nonce: str) -> Told:
    """Check the claims of an ID token that answers a code. Raises BadToken."""
    claims = found.claims
    if str(found.header.get("typ", "JWT")).lower() in ACCESS_TYPES:
        raise BadToken("type")
    _check_common(claims, expected)
    audiences = _audiences(claims)
    party = claims.get("azp")
    if party is not None and party != client_id:
        raise BadToken("authorised party")
    if len(audiences) > 1 and party is None:
        raise BadToken("authorised party")
    if not hmac.compare_digest(_text(claims, "nonce").encode(), nonce.encode()):
        raise BadToken("nonce")
    return _told(claims, expected)


def check_access_token(found: Verified, expected: Expected) -> tuple[Told, frozenset[str]]:
    """Check the claims of an access token for our API (RFC 9068); return its scopes too."""
    claims = found.claims
    if str(found.header.get("typ", "")).lower() not in ACCESS_TYPES:
        raise BadToken("type")
    _check_common(claims, expected)
    if not _text(claims, "client_id") or not _text(claims, "jti"):
        raise BadToken("client")
    return _told(claims, expected), frozenset(_text(claims, "scope").split())


def check_logout_token(found: Verified, expected: Expected) -> tuple[str, str]:
    """Check a back-channel logout token; return whose subject and which session ends."""
    claims = found.claims
    if str(found.header.get("typ", "")).lower() not in LOGOUT_TYPES or "nonce" in claims:
        raise BadToken("type")
    _check_common(claims, expected)
    if expected.now - int(claims["iat"]) > LOGOUT_SECONDS_MAX + expected.skew:
        raise BadToken("age")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise BadToken("event")
    subject, session = _text(claims, "sub"), _text(claims, "sid")
    if not subject and not session:
        raise BadToken("subject")
    return subject, session


def _check_common(claims: Claims, expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise BadToken("issuer")
    if expected.audience not in _audiences(claims):
        raise BadToken("audience")
    expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
    if expires is None or expires <= expected.now - expected.skew:
        raise BadToken("expired")
    if issued is None or issued > expected.now + expected.skew:
        raise BadToken("issued")
    before = _seconds(claims, "nbf")
    if before is not None and before > expected.now + expected.skew:
        raise BadToken("not yet")


def _told(claims: Claims, expected: Expected) -> Told:
    subject = _text(claims, "sub")
    if not 1 <= len(subject) <= SUBJECT_CHARACTERS_MAX or not subject.isprintable():
        raise BadToken("subject")
    authenticated = _seconds(claims, "auth_time") or 0
    if authenticated > expected.now + expected.skew:
        raise BadToken("authenticated")
    return Told(
        subject,
        max(0, min(authenticated, expected.now)) * MICROSECONDS_PER_SECOND,
        _text(claims, "acr"),
        _text(claims, "sid"),
        _seconds(claims, "exp") or 0,
    )


def _audiences(claims: Claims) -> list[str]:
    found = claims.get("aud")
    audiences = [found] if isinstance(found, str) else found
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        raise BadToken("audience")
    return audiences


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _seconds(claims: Claims, name: str) -> int | None:
    """Return a time; a fraction of a second is cut off. None where there is none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return int(value)
    except (OverflowError, ValueError):  # infinity and no number at all
        return None
