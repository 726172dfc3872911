"""Whether a login is recent enough for what is about to be done (step-up, RFC 9470).

The rules name acts and routes; ``auth_time`` is the issuer's word for when the person last proved
who they are. A login without one is never recent.
"""

from fastapi import Request

from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message, Unauthenticated
from policies.schema.login import LoginRules, StepUp
from service.tokens import LoginProof

API_PREFIX = "/api/v1"


class StepUpRequired(Unauthenticated):
    """The login stands, but is too old for this act; the issuer is to ask the person again."""

    def __init__(self, rule: StepUp) -> None:
        """Name the act and how old a login may be for it, in seconds."""
        seconds = rule.max_age_seconds
        super().__init__(
            "step_up_required",
            Message(
                f"“{rule.name_zh}”要求在 {seconds} 秒内重新登录过。",
                f"This ({rule.name_en}) needs a login no older than {seconds} seconds.",
            ),
            field="Authorization",
            rule=f"policies/login {rule.act}",
            way_out=Message(
                "请在统一身份认证处重新登录后再试。",
                "Sign in at the issuer again, then repeat this.",
            ),
        )
        self.act = rule.act
        self.max_age_seconds = seconds
        self.challenge = (
            'Bearer error="insufficient_user_authentication", '
            'error_description="A more recent login is required", '
            f'max_age="{seconds}"'
        )


def check_recent(rule: StepUp, proof: LoginProof, now_us: int) -> None:
    """Raise StepUpRequired where a login is older than an act allows."""
    age_us = now_us - proof.authenticated_us
    if not proof.authenticated_us or age_us > rule.max_age_seconds * MICROSECONDS_PER_SECOND:
        raise StepUpRequired(rule)


def check_route(rules: LoginRules, request: Request, proof: LoginProof, now_us: int) -> None:
    """Raise StepUpRequired where the route of a request does an act that wants a newer login."""
    if request.method != "POST":
        return
    path = str(getattr(request.scope.get("route"), "path", ""))
    rule = rules.of_route(f"POST {path.removeprefix(API_PREFIX)}")
    if rule is not None:
        check_recent(rule, proof, now_us)
