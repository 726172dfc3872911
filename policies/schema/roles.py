"""The rules of who may hold which role, who proposes it and who confirms it.

Two natural persons stand behind each grant. The three administrators (三员, GB/T 22239-2019) are
kept apart from each other and from all business; a service account holds a closed list of scopes.
"""

from typing import Self

from pydantic import Field, model_validator

from foundation.identity import Role
from policies.schema import RuleFile, Rules


class GrantRule(Rules):
    """Who proposes and who confirms a change to the people who hold these roles.

    A proposer of ``own_house`` proposes for people of their own organisation only.
    """

    roles: tuple[Role, ...] = Field(min_length=1)
    proposers: tuple[Role, ...] = Field(min_length=1)
    own_house: tuple[Role, ...] = ()
    confirmers: tuple[Role, ...] = Field(min_length=1)


class Scope(Rules):
    """What a service account may call: endpoints as ``METHOD /path``, as in the API's page."""

    name: str = Field(pattern=r"^[a-z][a-z_.]{2,59}$")
    label_zh: str = Field(min_length=1, max_length=100)
    label_en: str = Field(min_length=1, max_length=100)
    endpoints: tuple[str, ...] = Field(min_length=1)


class RoleRules(RuleFile):
    """Everything about roles that a version of the rules may change.

    Days are calendar days; ``control_share_ppm`` is the share, in parts of a million, from which
    one organisation counts as controlled by another. ``houses`` names, by the kind of an
    organisation, the roles that its people may be given; a kind that is not there has none.
    """

    alone: tuple[Role, ...]
    conflicts: tuple[tuple[Role, Role], ...]
    houses: dict[str, tuple[Role, ...]]
    grants: tuple[GrantRule, ...] = Field(min_length=1)
    suspenders: tuple[Role, ...] = Field(min_length=1)
    proposal_days_max: int = Field(ge=1, le=366)
    cooling_days: int = Field(ge=1, le=3_660)
    control_share_ppm: int = Field(ge=1, le=1_000_000)
    service_roles: tuple[Role, ...]
    service_days_max: int = Field(ge=1, le=3_660)
    rotation_overlap_days_max: int = Field(ge=0, le=90)
    scopes: tuple[Scope, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        named = [role for rule in self.grants for role in rule.roles]
        missing = set(Role) - {Role.SYSTEM} - set(named)
        if missing or len(named) != len(set(named)) or Role.SYSTEM in named:
            raise ValueError("each role but the system's has exactly one grant rule")
        readers = {Role.REGULATOR, Role.AUDIT_ADMINISTRATOR, Role.SYSTEM}
        for rule in self.grants:
            if readers & {*rule.proposers, *rule.own_house, *rule.confirmers}:
                raise ValueError("regulator and audit administrator read, and grant nothing")
        three = {Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR}
        if not {Role.REGULATOR, *three} <= set(self.alone):
            raise ValueError("regulator and the three administrators hold no other role")
        if readers & set(self.suspenders):
            raise ValueError("who only reads suspends nobody")
        if _DECIDING & set(self.service_roles):
            raise ValueError("a service account holds no role that approves or administers")
        return self

    def grant_rule(self, role: Role) -> GrantRule | None:
        """Return the rule of one role; None for the system's own, which nobody is given."""
        return next((rule for rule in self.grants if role in rule.roles), None)

    def scope(self, name: str) -> Scope | None:
        """Return a scope by name, or None."""
        return next((scope for scope in self.scopes if scope.name == name), None)


_DECIDING = frozenset(
    {
        Role.AUTHORITY,
        Role.CHECKER,
        Role.RELEASE_OFFICER,
        Role.FINANCE,
        Role.PRICING,
        Role.REGULATOR,
        Role.DEPARTMENT_HEAD,
        Role.HALL_REPRESENTATIVE,
        Role.SYSTEM_ADMINISTRATOR,
        Role.SECURITY_ADMINISTRATOR,
        Role.AUDIT_ADMINISTRATOR,
        Role.SYSTEM,
    }
)
