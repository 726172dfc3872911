"""Decides which roles one person may hold together, and who proposes and confirms a change (I8).

The rules are ``policies/roles``: each role names its proposers and its confirmers. A change of a
person asks for all roles they hold or would hold, so that nobody reaches a strong role by way of a
weak change, a second account for instance.
"""

from collections.abc import Collection, Iterable

from authorization.persons import ADMINISTRATORS
from authorization.separation import check_may_write, check_natural_person
from foundation.errors import Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from policies.schema.roles import GrantRule, RoleRules

RULE = "policies/roles"


def check_roles_together(roles: Collection[Role], rules: RoleRules) -> None:
    """Refuse roles that the rules keep apart in one person. Raises InvalidInput."""
    held = set(roles)
    for role in sorted(held & set(rules.alone)):
        if len(held) > 1:
            raise _apart(role, min(held - {role}))
    for one, other in rules.conflicts:
        if {one, other} <= held:
            raise _apart(one, other)


def check_may_propose(
    actor: Actor, roles: Iterable[Role], houses: Collection[str], rules: RoleRules
) -> None:
    """Refuse a proposer who is not entitled to each of these roles.

    Raises Denied, and InvalidInput for a role that nobody can be given. ``houses`` are the
    organisations of the person the change is about: a department's head proposes for the own
    house only.
    """
    check_may_write(actor)
    check_natural_person(actor)
    own = set(houses) == {actor.organisation}
    for role in sorted(set(roles)):
        rule = _rule_of(role, rules)
        wanted = {*rule.proposers, *(rule.own_house if own else ())}
        if not wanted & actor.roles:
            raise _not_entitled(role, rule.proposers, propose=True)


def check_may_confirm(actor: Actor, roles: Iterable[Role], rules: RoleRules) -> None:
    """Refuse a confirmer who is not entitled to each of these roles. Raises Denied."""
    check_may_write(actor)
    check_natural_person(actor)
    for role in sorted(set(roles)):
        rule = _rule_of(role, rules)
        if not set(rule.confirmers) & actor.roles:
            raise _not_entitled(role, rule.confirmers, propose=False)


def check_may_suspend(actor: Actor, held: Collection[Role], rules: RoleRules) -> None:
    """Refuse who may not suspend; the authority suspends administrators, they do not each other.

    Raises Denied.
    """
    check_may_write(actor)
    check_natural_person(actor)
    able = set(rules.suspenders) & actor.roles
    if set(held) & ADMINISTRATORS:
        able &= {Role.AUTHORITY}
    if not able:
        raise Denied(
            "role_missing",
            Message(
                zh="暂停须由安全管理员或数据主管部门办理；暂停管理员须由数据主管部门办理。",
                en="The security administrator or the authority suspends; an administrator is "
                "suspended by the authority.",
            ),
            field="actor",
            rule=RULE,
        )


def _apart(one: Role, other: Role) -> InvalidInput:
    return InvalidInput(
        "roles_kept_apart",
        Message(
            zh=f"角色 {one} 与 {other} 须由不同的人担任。",
            en=f"The roles {one} and {other} are held by different people.",
        ),
        field="$.roles",
        rule=RULE,
        way_out=Message(
            zh="请先免去其中一个角色，或指定另一人。",
            en="End one of the roles first, or name another person.",
        ),
    )


def _rule_of(role: Role, rules: RoleRules) -> GrantRule:
    rule = rules.grant_rule(role)
    if rule is None:
        raise InvalidInput(
            "role_not_granted",
            Message(
                zh=f"角色 {role} 由平台自身使用，不授予任何人。",
                en=f"The role {role} is the platform's own; nobody is given it.",
            ),
            field="$.change.role",
            rule=RULE,
        )
    return rule


def _not_entitled(role: Role, entitled: Collection[Role], *, propose: bool) -> Denied:
    names = ", ".join(sorted(entitled))
    return Denied(
        "not_entitled_to_propose" if propose else "not_entitled_to_confirm",
        Message(
            zh=f"涉及角色 {role} 的变更须由以下角色之一{'提出' if propose else '确认'}：{names}。",
            en=f"A change that touches the role {role} is "
            f"{'proposed' if propose else 'confirmed'} by one of: {names}.",
        ),
        field="actor",
        rule=RULE,
    )
