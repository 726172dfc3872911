"""The built-in development issuer: bearer tokens signed by a key in the service's own home.

It stands where an OIDC issuer will stand; production refuses to start with it (I10). A token names
an account only: person, organisation, roles and age come from the registry at each request.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from foundation.canonical import canonical_bytes
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import Message, Unauthenticated
from foundation.ids import new_id
from foundation.keys import KeyStore, signature_holds

ISSUER_KEY = "development-issuer"
DEVELOPMENT = "development"
TOKEN_SECONDS_MAX = 12 * 3600
BEARER = "Bearer "
_PREFIX = "sgdev1"


@dataclass(frozen=True)
class IssuedToken:
    """A token's text, its id for the log, and when it ends."""

    text: str
    id: str
    expires_us: int


@dataclass(frozen=True)
class LoginProof:
    """What a token or a login session proves: for which account, by whom, and how fresh it is.

    ``authenticated_us`` is when the issuer last saw the person prove who they are, 0 where it does
    not say; ``since_us`` when the account was bound to the issuer's subject. ``scopes`` is None
    where the token names none and so limits nothing.
    """

    account: str
    issuer: str
    authenticated_us: int = 0
    acr: str = ""
    subject_digest: str = ""
    since_us: int = 0
    scopes: frozenset[str] | None = None


class TokenIssuer(Protocol):
    """Turns a bearer token into the account behind it."""

    @property
    def development(self) -> bool:
        """Whether this issuer is for development only."""
        ...

    def account_of(self, token: str) -> str:
        """Return the account a valid token names. Raises Unauthenticated."""
        ...

    def proof_of(self, token: str) -> LoginProof:
        """Return all that a valid token proves. Raises Unauthenticated."""
        ...


class DevelopmentIssuer:
    """Issues and checks tokens with one local key."""

    development = True

    def __init__(self, keys: KeyStore, clock: Clock) -> None:
        """Make the issuer's key where there is none."""
        self._public_key = keys.ensure_signing_key(ISSUER_KEY)
        self._keys = keys
        self._clock = clock

    def issue(self, account: str, seconds: int = TOKEN_SECONDS_MAX) -> IssuedToken:
        """Sign a token for an account, for at most twelve hours."""
        issued_us = self._clock.now_us()
        expires_us = issued_us + min(seconds, TOKEN_SECONDS_MAX) * MICROSECONDS_PER_SECOND
        token_id = new_id("token")
        claims = {
            "account": account,
            "expires_us": expires_us,
            "id": token_id,
            "issued_us": issued_us,
        }
        payload = canonical_bytes(claims)
        signature = self._keys.sign(ISSUER_KEY, payload)
        text = ".".join((_PREFIX, base64url(payload), base64url(signature)))
        return IssuedToken(text, token_id, expires_us)

    def account_of(self, token: str) -> str:
        """Return the account a valid, unexpired token names. Raises Unauthenticated."""
        return self.proof_of(token).account

    def proof_of(self, token: str) -> LoginProof:
        """Return account and age of a valid, unexpired token. Raises Unauthenticated."""
        try:
            prefix, payload_text, signature_text = token.split(".")
            payload = _decode(payload_text)
            genuine = prefix == _PREFIX and self._signed(payload, _decode(signature_text))
            claims = json.loads(payload) if genuine else {}
        except (ValueError, binascii.Error) as error:
            raise bad_token() from error
        if claims.get("expires_us", 0) <= self._clock.now_us():
            raise bad_token()
        issued_us = int(claims.get("issued_us", 0))  # whoever asked for it was there at the time
        return LoginProof(str(claims["account"]), DEVELOPMENT, issued_us)

    def _signed(self, payload: bytes, signature: bytes) -> bool:
        return signature_holds(self._public_key, signature, payload)


def bearer_of(headers: Mapping[str, str]) -> str:
    """Return the token of an ``Authorization`` header (RFC 6750), empty where there is none."""
    header = headers.get("authorization", "")
    return header.removeprefix(BEARER) if header.startswith(BEARER) else ""


def base64url(data: bytes) -> str:
    """Write bytes in the letters of an address, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def bad_token() -> Unauthenticated:
    """Say that a token is none of ours, or none any more; never why."""
    return Unauthenticated(
        "token_invalid",
        Message(
            "访问令牌缺失、无效或已过期。请重新获取令牌，并放在 Authorization: Bearer 头中。",
            "The access token is missing, invalid or expired. Get a new one and send it as "
            "Authorization: Bearer.",
        ),
        field="Authorization",
    )
