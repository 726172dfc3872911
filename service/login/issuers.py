"""Bearer tokens of OIDC issuers (RFC 9068), and who somebody is whom an issuer vouched for.

A token or a login counts only for an account that its subject is bound to, read anew each time;
that a signature held is remembered for as long as the token lasts, and never longer.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from audit.events import Writer
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.db import reading
from foundation.errors import Denied, Message
from foundation.keys import KeyStore
from policies.schema.login import LoginRules
from service.login.bindings import (
    BY_IDENTITY,
    Binding,
    Subject,
    bind_at_once,
    binding_of,
    check_identity,
    only_account_of,
    person_of_identity,
    recognise,
)
from service.login.claims import Claims, Expected, Told, check_access_token
from service.login.identities import identity_digest, subject_digest
from service.login.jose import BadToken, unverified_issuer
from service.login.provider import Provider
from service.tokens import LoginProof, bad_token

REMEMBERED_MAX = 4_096


@dataclass(frozen=True)
class _Checked:
    """A token whose signature and claims held."""

    subject: Subject
    told: Told


class OidcIssuers:
    """Every configured issuer; the platform's ``TokenIssuer`` wherever any is."""

    development = False

    def __init__(
        self,
        providers: Mapping[str, Provider],
        engine: Engine,
        writer: Writer,
        keys: KeyStore,
        clock: Clock,
        rules: LoginRules,
    ) -> None:
        """Know the issuers by alias."""
        self.providers = providers
        self._by_name = {item.about.issuer: item for item in providers.values()}
        self._engine = engine
        self._writer = writer
        self._keys = keys
        self._clock = clock
        self._rules = rules
        self._checked: OrderedDict[bytes, _Checked] = OrderedDict()
        self._lock = threading.Lock()

    def account_of(self, token: str) -> str:
        """Return the account that a valid access token acts for. Raises Unauthenticated."""
        return self.proof_of(token).account

    def proof_of(self, token: str) -> LoginProof:
        """Return what an access token proves. Raises Unauthenticated, Unavailable."""
        try:
            checked = self._remembered(token)
        except BadToken as error:
            raise bad_token() from error
        with reading(self._engine) as connection:
            binding = binding_of(connection, checked.subject)
        if binding is None:
            raise bad_token()
        return _proof(binding, checked.subject, checked.told)

    def expected(self, provider: Provider, audience: str) -> Expected:
        """Return what a token of an issuer must say now."""
        now = self._clock.now_us() // MICROSECONDS_PER_SECOND
        return Expected(provider.about.issuer, audience, now, self._rules.clock_skew_seconds_max)

    def subject_of(self, provider: Provider, subject: str) -> Subject:
        """Return an issuer's subject by its keyed digest."""
        issuer = provider.about.issuer
        return Subject(issuer, subject_digest(self._keys, issuer, subject))

    def recognised(self, provider: Provider, told: Told, claims: Claims) -> LoginProof:
        """Return whose login this is. Raises Denied where nobody, or another person, is known."""
        about = provider.about
        subject = self.subject_of(provider, told.subject)
        identity = self._identity(provider, claims)
        with reading(self._engine) as connection:
            binding = binding_of(connection, subject)
            person = person_of_identity(connection, identity) if identity else None
            if binding is None:
                if person is None:
                    raise _unknown(subject)
                account = only_account_of(connection, person)
        if binding is None:
            bind_at_once(self._writer, subject, account, BY_IDENTITY)
        with reading(self._engine) as connection:
            binding = binding_of(connection, subject)
            if binding is None:
                raise _unknown(subject)
            new = check_identity(connection, binding, identity, required=about.identity_required)
        if new:
            recognise(self._writer, about.issuer, binding, identity)
        return _proof(binding, subject, told)

    def _identity(self, provider: Provider, claims: Claims) -> str:
        """Return the keyed digest of the verified identity number; empty where none came."""
        name = provider.about.identity_claim
        number = claims.get(name) if name else None
        if number is None:
            return ""
        return identity_digest(self._keys, provider.about.identity_kind, str(number))

    def _remembered(self, token: str) -> _Checked:
        """Check a token, or recall that it held; a bad one is never remembered."""
        name = hashlib.sha256(token.encode()).digest()
        now = self._clock.now_us() // MICROSECONDS_PER_SECOND
        with self._lock:
            known = self._checked.get(name)
        if known is not None and now < known.told.expires:
            return known
        checked = self._check(token)
        with self._lock:
            self._checked[name] = checked
            while len(self._checked) > REMEMBERED_MAX:
                self._checked.popitem(last=False)
        return checked

    def _check(self, token: str) -> _Checked:
        provider = self._by_name.get(unverified_issuer(token))
        if provider is None or not provider.about.audience:
            raise BadToken("issuer")
        found = provider.verified(token)
        expected = self.expected(provider, provider.about.audience)
        told, scopes = check_access_token(found, expected)
        if provider.about.api_scope not in scopes:
            raise BadToken("scope")
        return _Checked(self.subject_of(provider, told.subject), told)


def _proof(binding: Binding, subject: Subject, told: Told) -> LoginProof:
    return LoginProof(
        account=binding.account,
        issuer=subject.issuer,
        authenticated_us=told.authenticated_us,
        acr=told.acr,
        subject_digest=subject.digest,
        since_us=binding.since_us,
    )


class UnknownLogin(Denied):
    """Nobody here is whom an issuer vouched for; ``subject_digest`` is their registration code."""

    subject_digest = ""


def _unknown(subject: Subject) -> Denied:
    refusal = UnknownLogin(
        "login_unknown",
        Message(
            f"您的登录尚未与平台账号绑定。登记代码：{subject.digest}",
            f"Your login has no account here yet. Registration code: {subject.digest}",
        ),
        rule="login-bindings",
        way_out=Message(
            "请把登记代码告知本单位联系人，由安全管理员为您绑定账号。",
            "Give the code to your organisation's contact: the security administrator binds it.",
        ),
    )
    refusal.subject_digest = subject.digest
    return refusal
