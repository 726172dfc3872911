"""Who is asking: one natural person or service, the organisation they act for, and their roles."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may act as; the words of ``docs/glossary.md``."""

    AUTHORITY = "authority"  # 数据主管部门
    PROVIDER = "provider"  # 供数单位
    OPERATOR = "operator"  # 运营机构
    DEVELOPER = "developer"  # 数据企业
    CHECKER = "checker"  # 出域审核员
    RELEASE_OFFICER = "release_officer"  # 出域例外审批人
    FINANCE = "finance"  # 财政部门
    PRICING = "pricing"  # 价格主管部门
    REGULATOR = "regulator"  # 监管部门
    DEPARTMENT_HEAD = "department_head"  # 部门负责人: signs off entries and requests
    STEWARD = "steward"  # 数据专员
    HALL_REPRESENTATIVE = "hall_representative"  # 首席代表（政务数据大厅）
    SYSTEM_ADMINISTRATOR = "system_administrator"  # 系统管理员
    SECURITY_ADMINISTRATOR = "security_administrator"  # 安全管理员
    AUDIT_ADMINISTRATOR = "audit_administrator"  # 审计管理员
    SYSTEM = "system"  # the platform's own background work


class ActorKind(StrEnum):
    """Whether a natural person stands behind the request (only such may approve: I8)."""

    PERSON = "person"
    SERVICE = "service"


@dataclass(frozen=True)
class Actor:
    """The caller of one request, as the issuer and the registry of organisations know them.

    ``person`` is keyed to the natural person, whatever account they use. ``since_us`` is when
    the account and its roles came into being: a younger account cannot vote on an older request.
    """

    person: str
    organisation: str
    roles: frozenset[Role]
    kind: ActorKind = ActorKind.PERSON
    since_us: int = 0
    language: str = "zh"

    def has(self, role: Role) -> bool:
        """Tell whether the actor holds a role."""
        return role in self.roles

    @property
    def oversees(self) -> bool:
        """Whether the actor reads everybody's matters, as authority or regulator, not own alone."""
        return self.has(Role.AUTHORITY) or self.has(Role.REGULATOR)

    def as_public(self) -> dict[str, object]:
        """Return the fields that an audit entry's public part names."""
        return {
            "person": self.person,
            "organisation": self.organisation,
            "roles": sorted(self.roles),
            "kind": str(self.kind),
        }


SYSTEM_ACTOR = Actor(
    person="system",
    organisation="platform",
    roles=frozenset({Role.SYSTEM}),
    kind=ActorKind.SERVICE,
)
