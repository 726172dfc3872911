"""How long a login stands, and which acts want one that is recent (step-up, RFC 9470).

A route that stands under no act wants no more than a login that stands; one that is named here is
judged in one place (``service.login.step_up``), for bearer tokens and for pages alike.
"""

from typing import Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

ACT_PATTERN = r"^[a-z][a-z_]{2,40}$"


class StepUp(Rules):
    """One kind of act: how old the login may be, and the routes by which it is done.

    ``max_age_seconds`` counts from the moment the issuer last saw the person prove who they are
    (``auth_time``). ``pages`` are the plain pages' own routes for the same act.
    """

    act: str = Field(pattern=ACT_PATTERN)
    name_zh: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1, max_length=80)
    max_age_seconds: int = Field(ge=30, le=3_600)
    routes: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


class LoginRules(RuleFile):
    """Limits of a login session in seconds, and the acts that want a recent login."""

    idle_seconds_max: int = Field(ge=60, le=14_400)
    absolute_seconds_max: int = Field(ge=300, le=86_400)
    flow_seconds_max: int = Field(ge=60, le=1_800)
    clock_skew_seconds_max: int = Field(ge=0, le=300)
    sessions_per_account_max: int = Field(ge=1, le=100)
    step_up: tuple[StepUp, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        acts = [item.act for item in self.step_up]
        routes = [route for item in self.step_up for route in (*item.routes, *item.pages)]
        if len(set(acts)) < len(acts) or len(set(routes)) < len(routes):
            raise ValueError("an act or a route stands twice")
        if self.idle_seconds_max > self.absolute_seconds_max:
            raise ValueError("a login cannot idle for longer than it may stand")
        return self

    def act(self, name: str) -> StepUp:
        """Return the rule of one act. Raises KeyError where there is none: a fault of the code."""
        return {item.act: item for item in self.step_up}[name]

    def of_route(self, route: str) -> StepUp | None:
        """Return the act that a route (``POST /path/{name}``, without prefix) does, or None."""
        for item in self.step_up:
            if route in item.routes or route in item.pages:
                return item
        return None
