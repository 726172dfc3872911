"""One issuer as it is now: what it publishes of itself, its keys, and its answer to a code.

Metadata and keys are fetched through the one door outwards, limited in size and time, and kept for
an hour; a key that is not known is asked for again at most twice a minute. An issuer that says it
is another one, or sends us to an address that was not configured, is not believed.
"""

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import Message, Unavailable
from foundation.ids import random_name
from service.login.configuration import IssuerConfiguration
from service.login.jose import (
    BadToken,
    Key,
    KeyUnknown,
    Verified,
    client_assertion,
    usable_keys,
    verified,
)
from service.outbound import NotSent, Outbound

WELL_KNOWN = "/.well-known/openid-configuration"
ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 256 << 10
FRESH_SECONDS = 3_600
STALE_SECONDS_MAX = 86_400
REFETCH_SECONDS_MIN = 30
PAUSE_SECONDS = 5
ASSERTION_SECONDS = 60
OK = 200
_LONG_AGO = -PAUSE_SECONDS * MICROSECONDS_PER_SECOND


@dataclass(frozen=True)
class Metadata:
    """What an issuer publishes of itself (OpenID Connect Discovery), as far as it is used."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    names_itself: bool


@dataclass(frozen=True)
class _Kept:
    """Something that was fetched, and when."""

    value: Any
    at_us: int


class Provider:
    """One configured issuer; safe to use from many threads."""

    def __init__(self, about: IssuerConfiguration, clock: Clock) -> None:
        """Fetch nothing yet."""
        self.about = about
        self._clock = clock
        self._outbound = Outbound(
            about.addresses,
            ANSWER_SECONDS_MAX,
            answer_bytes_max=ANSWER_BYTES_MAX,
            authorities=about.authorities,
        )
        self._lock = threading.Lock()
        self._metadata: _Kept | None = None
        self._keys: _Kept | None = None
        self._tried_us = 0
        self._failed_us = -PAUSE_SECONDS * MICROSECONDS_PER_SECOND

    def metadata(self) -> Metadata:
        """Return what the issuer publishes. Raises Unavailable where it cannot be had."""
        with self._lock:
            return self._known_metadata()

    def verified(self, token: str) -> Verified:
        """Check a token's signature with the issuer's keys. Raises BadToken, Unavailable."""
        with self._lock:
            keys = self._known_keys()
        try:
            return verified(token, keys, self.about.algorithms)
        except KeyUnknown:
            with self._lock:
                newer = self._keys_again()
            if newer is None:
                raise
            return verified(token, newer, self.about.algorithms)

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Turn a code into an ID token. Raises BadToken where the issuer says no."""
        endpoint = self.metadata().token_endpoint
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        if self.about.client_key_file is not None:
            fields |= self._assertion(endpoint)
        else:
            pair = f"{quote_plus(self.about.client_id)}:{quote_plus(self.about.client_secret())}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        try:
            answer = self._outbound.post_form(endpoint, fields, headers)
        except NotSent as error:
            raise self._unreachable() from error
        document = _json(answer.body)
        token = document.get("id_token") if isinstance(document, dict) else None
        if answer.status != OK or not isinstance(token, str):
            raise BadToken("the issuer redeemed no code")
        return token

    # --- inside, under the lock

    def _known_metadata(self) -> Metadata:
        kept = self._metadata
        if kept is None or not self._is_younger(kept, FRESH_SECONDS):
            try:
                found = self._metadata_of(self._fetched(f"{self.about.addresses[0]}{WELL_KNOWN}"))
            except (NotSent, BadToken) as error:
                if kept is None or not self._is_younger(kept, STALE_SECONDS_MAX):
                    raise self._unreachable() from error
            else:
                kept = self._metadata = _Kept(found, self._clock.now_us())
        metadata: Metadata = kept.value
        return metadata

    def _known_keys(self) -> tuple[Key, ...]:
        kept = self._keys
        if kept is None or not self._is_younger(kept, FRESH_SECONDS):
            try:
                return self._fetched_keys()
            except (NotSent, BadToken) as error:
                if kept is None or not self._is_younger(kept, STALE_SECONDS_MAX):
                    raise self._unreachable() from error
        keys: tuple[Key, ...] = kept.value
        return keys

    def _keys_again(self) -> tuple[Key, ...] | None:
        """Fetch the keys for one that is not known, unless that was just done."""
        wait_us = REFETCH_SECONDS_MIN * MICROSECONDS_PER_SECOND
        if self._clock.now_us() < self._tried_us + wait_us:
            return None
        try:
            return self._fetched_keys()
        except (NotSent, BadToken):
            return None

    def _fetched_keys(self) -> tuple[Key, ...]:
        self._tried_us = self._clock.now_us()
        keys = usable_keys(self._fetched(self._known_metadata().jwks_uri))
        self._keys = _Kept(keys, self._clock.now_us())
        return keys

    def _fetched(self, url: str) -> object:
        """Fetch a document; one that just failed is not waited for again by everybody."""
        if self._clock.now_us() < self._failed_us + PAUSE_SECONDS * MICROSECONDS_PER_SECOND:
            raise NotSent("it failed just now")
        self._failed_us = self._clock.now_us()
        answer = self._outbound.get(url)
        if answer.status != OK:
            raise NotSent(f"status {answer.status}")
        self._failed_us = _LONG_AGO
        return _json(answer.body)

    def _metadata_of(self, document: object) -> Metadata:
        if not isinstance(document, dict) or document.get("issuer") != self.about.issuer:
            raise BadToken("the issuer says it is another")
        methods = document.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(methods, list) or "S256" not in methods:
            raise BadToken("no PKCE")
        return Metadata(
            self._address(document, "authorization_endpoint"),
            self._address(document, "token_endpoint"),
            self._address(document, "jwks_uri"),
            self._address(document, "end_session_endpoint", needed=False),
            document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _address(self, document: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
        """Return an address of the issuer's, if it lies beneath one that was configured."""
        url = document.get(name)
        if url is None and not needed:
            return ""
        if not isinstance(url, str) or not url.isascii() or not url.isprintable():
            raise BadToken(name)
        beneath = any(url.startswith(f"{item}/") for item in self.about.addresses)
        if not beneath or {"..", "."} & set(urlsplit(url).path.split("/")):
            raise BadToken(name)
        return url

    def _assertion(self, endpoint: str) -> dict[str, str]:
        now = self._clock.now_us() // MICROSECONDS_PER_SECOND
        claims = {
            "iss": self.about.client_id,
            "sub": self.about.client_id,
            "aud": endpoint,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": random_name(),
        }
        algorithm = self.about.client_key_algorithm
        return {
            "client_id": self.about.client_id,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": client_assertion(self.about.client_key(), algorithm, claims),
        }

    def _is_younger(self, kept: _Kept, seconds: int) -> bool:
        return self._clock.now_us() < kept.at_us + seconds * MICROSECONDS_PER_SECOND

    def _unreachable(self) -> Unavailable:
        return Unavailable(
            "issuer_unreachable",
            Message(
                f"认证源“{self.about.name_zh}”暂时无法使用。",
                f"The issuer {self.about.name_en} cannot be used just now.",
            ),
            rule="login",
            way_out=Message(
                "请稍后再试；若持续出现，请联系系统管理员。",
                "Try again later; if it lasts, tell the system administrator.",
            ),
        )


def _json(body: bytes) -> object:
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found
