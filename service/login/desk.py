"""The login desk: what the service needs to know who asks, joined once at the start."""

from dataclasses import dataclass

from policies.schema.login import LoginRules
from service.answering import Ground
from service.login.sessions import LoginSessions


@dataclass(frozen=True)
class LoginDesk:
    """Sessions and rules of logins."""

    rules: LoginRules
    sessions: LoginSessions


def login_desk(ground: Ground) -> LoginDesk:
    """Join the parts of logging in."""
    rules = ground.pack.rules(LoginRules)
    sessions = LoginSessions(ground.engine, ground.writer, ground.clock, rules)
    return LoginDesk(rules, sessions)
