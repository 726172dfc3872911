"""The login desk: what the service needs to know who asks, joined once at the start."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.coalescing import CoalescingLog
from audit.events import AuditEvent
from audit.tags import EntryKind
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from policies.schema.login import LoginRules
from service.answering import Ground
from service.login.bindings import BY_FOUNDING, bind_at_once, ever_bound
from service.login.configuration import read_issuers
from service.login.flow import LoginFlows
from service.login.issuers import OidcIssuers
from service.login.provider import Provider
from service.login.sessions import LoginSessions
from service.tokens import DevelopmentIssuer, TokenIssuer

FLOWS = "login-flows"


@dataclass(frozen=True)
class LoginDesk:
    """Who vouches for tokens, and sessions and rules of logins.

    ``oidc`` and ``flows`` are None where no issuer is configured, which is development alone.
    """

    rules: LoginRules
    sessions: LoginSessions
    issuer: TokenIssuer
    oidc: OidcIssuers | None
    flows: LoginFlows | None
    refusals: CoalescingLog

    def log_refusal(self, issuer: str, code: str, subject_digest: str = "") -> None:
        """Log that a login was refused; a flood of them is counted."""
        public: dict[str, object] = {
            "issuer": issuer,
            "code": code,
            "subject_digest": subject_digest,
        }
        event = AuditEvent(EntryKind.LOGIN_REFUSED, SYSTEM_ACTOR, public)
        self.refusals.record(("login", issuer, code), event, {"route": "login"})


def login_desk(ground: Ground, refusals: CoalescingLog) -> LoginDesk:
    """Join the parts of logging in, and let the founders in by the issuers' names for them."""
    rules = ground.pack.rules(LoginRules)
    sessions = LoginSessions(ground.engine, ground.writer, ground.clock, rules)
    providers = {item.alias: Provider(item, ground.clock) for item in read_issuers(ground.settings)}
    if not providers:
        keys = FileKeyStore(ground.settings.home / "keys")
        built_in = DevelopmentIssuer(keys, ground.clock)
        return LoginDesk(rules, sessions, built_in, None, None, refusals)
    store = ground.opened.store
    oidc = OidcIssuers(providers, ground.engine, ground.writer, store, ground.clock, rules)
    _let_founders_in(ground, oidc, providers)
    key = store.keyed_digest(FLOWS, b"sandgate/login-flows@1")
    origin = ground.settings.platform_origin
    flows = LoginFlows(oidc, key, origin, ground.clock, rules)
    return LoginDesk(rules, sessions, oidc, oidc, flows, refusals)


def _let_founders_in(ground: Ground, oidc: OidcIssuers, providers: Mapping[str, Provider]) -> None:
    """Bind the accounts of the founding as the configuration says, each once and for all."""
    for provider in providers.values():
        for account, subject in sorted(provider.about.founders.items()):
            with reading(ground.engine) as connection:
                bound = ever_bound(connection, account)
            if not bound:
                known = oidc.subject_of(provider, subject)
                bind_at_once(ground.writer, known, account, BY_FOUNDING)
