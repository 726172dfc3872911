"""One login by an issuer: the way there, and what is believed on the way back.

Authorization code with PKCE (S256), ``state``, ``nonce`` and, where the issuer has it, its name in
the answer (RFC 9207); each issuer has a return address of its own, so that no answer of one is
taken for another's. All three secrets follow from the one flow cookie of the browser that began,
under a key of the key holder: the service remembers only which flows were used up.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import Denied, InvalidInput, Message, NotFound, SandgateError
from policies.schema.login import LoginRules
from service.login.claims import Told, check_id_token, check_logout_token
from service.login.issuers import OidcIssuers
from service.login.jose import BadToken
from service.login.provider import Provider
from service.tokens import LoginProof, base64url

CALLBACK = "/login/callback"
FLOW_BYTES = 32
COOKIE_CHARACTERS_MAX = 3_000
CODE_CHARACTERS_MAX = 4_096
USED_MAX = 100_000
_DECLINED = frozenset({"access_denied", "login_required", "interaction_required"})


@dataclass(frozen=True)
class Flow:
    """What the browser carries to the issuer and back, sealed: nobody but us can write it.

    ``again`` asks for a recent login; ``login`` is the session that asked, empty for none.
    """

    alias: str
    id: str
    begun_us: int
    back: str
    again: bool
    login: str


@dataclass(frozen=True)
class Begun:
    """Where to send the browser, and the cookie it takes along."""

    location: str
    cookie: str


@dataclass(frozen=True)
class Finished:
    """A login that was proved: whose it is, where to go, and the issuer's own session."""

    proof: LoginProof
    flow: Flow
    sid_digest: str


@dataclass(frozen=True)
class Ended:
    """What ended at an issuer: a subject's logins, or one of its sessions; empty for neither."""

    subject_digest: str
    sid_digest: str


class LoginFlows:
    """Begins and finishes logins."""

    def __init__(
        self, issuers: OidcIssuers, key: bytes, origin: str, clock: Clock, rules: LoginRules
    ) -> None:
        """Seal flows with a key that every process of this platform has."""
        self._issuers = issuers
        self._key = key
        self._origin = origin
        self._clock = clock
        self._rules = rules
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self, alias: str, back: str, *, again: bool, login: str = "") -> Begun:
        """Begin a login by an issuer. Raises NotFound, Unavailable."""
        provider = self._provider(alias)
        metadata = provider.metadata()
        flow = Flow(
            alias=alias,
            id=secrets.token_urlsafe(FLOW_BYTES),
            begun_us=self._clock.now_us(),
            back=back,
            again=again,
            login=login,
        )
        challenge = hashlib.sha256(self._secret(flow, "verifier").encode()).digest()
        max_age = self._recent_seconds if again else self._rules.absolute_seconds_max
        asked = {
            "response_type": "code",
            "client_id": provider.about.client_id,
            "redirect_uri": self._redirect_uri(alias),
            "scope": " ".join(provider.about.scopes),
            "state": self._secret(flow, "state"),
            "nonce": self._secret(flow, "nonce"),
            "code_challenge": base64url(challenge),
            "code_challenge_method": "S256",
            "max_age": str(max_age),
        }
        if again:
            asked["prompt"] = "login"
            if provider.about.acr_values:
                asked["acr_values"] = " ".join(provider.about.acr_values)
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        location = f"{metadata.authorization_endpoint}{separator}{urlencode(asked)}"
        return Begun(location, self._sealed(flow))

    def finish(self, alias: str, cookie: str, query: Mapping[str, str]) -> Finished:
        """Believe an issuer's answer, or not. Raises Denied, NotFound, Unavailable."""
        provider = self._provider(alias)
        flow = self._opened(cookie)
        if flow is None or flow.alias != alias:
            raise no_flow()
        state = query.get("state", "")
        if not hmac.compare_digest(state.encode(), self._secret(flow, "state").encode()):
            raise no_flow()
        self._check_issuer(provider, query)
        self._use_up(flow)
        if "error" in query:
            raise _declined() if query["error"] in _DECLINED else _refused()
        code = query.get("code", "")
        if not 1 <= len(code) <= CODE_CHARACTERS_MAX:
            raise _refused()
        try:
            return self._believed(provider, flow, code)
        except BadToken as error:
            raise _refused() from error

    def ended_there(self, alias: str, token: str) -> tuple[str, Ended]:
        """Believe an issuer's word that somebody signed out there. Raises InvalidInput."""
        provider = self._provider(alias)
        issuer = provider.about.issuer
        try:
            found = provider.verified(token)
            expected = self._issuers.expected(provider, provider.about.client_id)
            subject, session = check_logout_token(found, expected)
        except BadToken as error:
            raise _no_logout() from error
        digest = self._issuers.subject_of(provider, subject).digest if subject else ""
        return issuer, Ended(digest, sid_digest(issuer, session))

    def _believed(self, provider: Provider, flow: Flow, code: str) -> Finished:
        verifier = self._secret(flow, "verifier")
        token = provider.redeem(code, verifier, self._redirect_uri(flow.alias))
        found = provider.verified(token)
        client = provider.about.client_id
        expected = self._issuers.expected(provider, client)
        told = check_id_token(found, expected, client, self._secret(flow, "nonce"))
        if flow.again:
            self._check_recent(provider, flow, told)
        proof = self._issuers.recognised(provider, told, found.claims)
        return Finished(proof, flow, sid_digest(provider.about.issuer, told.session))

    def _check_recent(self, provider: Provider, flow: Flow, told: Told) -> None:
        """Insist that the issuer asked the person again, and as strongly as was configured."""
        skew_us = self._rules.clock_skew_seconds_max * MICROSECONDS_PER_SECOND
        wanted = provider.about.acr_values
        if told.authenticated_us < flow.begun_us - skew_us or (wanted and told.acr not in wanted):
            raise BadToken("not a recent login")

    def _check_issuer(self, provider: Provider, query: Mapping[str, str]) -> None:
        """Insist on the issuer's own name in the answer, where it says it gives it (RFC 9207)."""
        named = query.get("iss")
        if named is None and not provider.metadata().names_itself:
            return
        if named != provider.about.issuer:
            raise _refused()

    def _use_up(self, flow: Flow) -> None:
        """Let a flow be answered once. Raises Denied for a second time, or for one too old."""
        now_us = self._clock.now_us()
        until_us = flow.begun_us + self._rules.flow_seconds_max * MICROSECONDS_PER_SECOND
        with self._lock:
            if len(self._used) >= USED_MAX:
                self._used = {name: end for name, end in self._used.items() if end > now_us}
            if until_us <= now_us or flow.id in self._used or len(self._used) >= USED_MAX:
                raise no_flow()
            self._used[flow.id] = until_us

    def _provider(self, alias: str) -> Provider:
        found = self._issuers.providers.get(alias)
        if found is None:
            raise NotFound("issuer_unknown", Message("没有这个认证源。", "No such issuer."))
        return found

    def _redirect_uri(self, alias: str) -> str:
        return f"{self._origin}{CALLBACK}/{alias}"

    @property
    def _recent_seconds(self) -> int:
        return min(item.max_age_seconds for item in self._rules.step_up)

    def _secret(self, flow: Flow, purpose: str) -> str:
        """Derive one of a flow's secrets: unguessable without the key, and unlike the others."""
        name = f"sandgate/login-flow@1\0{purpose}\0{flow.alias}\0{flow.id}"
        return base64url(hmac.digest(self._key, name.encode(), hashlib.sha256))

    def _sealed(self, flow: Flow) -> str:
        body = base64url(json.dumps(asdict(flow), sort_keys=True).encode())
        return f"{body}.{self._seal(body)}"

    def _seal(self, body: str) -> str:
        data = f"sandgate/login-cookie@1\0{body}".encode()
        return base64url(hmac.digest(self._key, data, hashlib.sha256))

    def _opened(self, cookie: str) -> Flow | None:
        body, _, seal = cookie.partition(".")
        if len(cookie) > COOKIE_CHARACTERS_MAX or not cookie.isascii():
            return None
        if not hmac.compare_digest(seal.encode(), self._seal(body).encode()):
            return None
        document = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return Flow(**document)


def sid_digest(issuer: str, session: str) -> str:
    """Return the digest of an issuer's own session; empty where it named none."""
    return hashlib.sha256(f"{issuer}\0{session}".encode()).hexdigest() if session else ""


def no_flow() -> SandgateError:
    """Say that an answer fits no login that this browser began."""
    return Denied(
        "login_flow_unknown",
        Message(
            "此次登录不是由本浏览器发起，或已使用、已过期。",
            "This login was not begun in this browser, was used before, or took too long.",
        ),
        rule="login",
        way_out=Message("请从登录页重新开始。", "Begin again from the sign-in page."),
    )


def _refused() -> SandgateError:
    return Denied(
        "login_refused",
        Message(
            "认证源的回答不可采信，未予登录。",
            "The issuer's answer could not be believed; nobody was signed in.",
        ),
        rule="login",
        way_out=Message("请从登录页重新开始。", "Begin again from the sign-in page."),
    )


def _declined() -> SandgateError:
    return Denied(
        "login_declined",
        Message("登录已取消。", "Signing in was cancelled."),
        rule="login",
        way_out=Message("请从登录页重新开始。", "Begin again from the sign-in page."),
    )


def _no_logout() -> InvalidInput:
    return InvalidInput(
        "logout_token_invalid",
        Message("退出令牌无效。", "The logout token is not valid."),
        field="logout_token",
        rule="OpenID Connect Back-Channel Logout 1.0",
    )
