"""Separation of duties (I8): who may not do what, because of what else they are or did.

Each rule has two forms: ``x`` answers yes or no, ``check_x`` raises Denied with a sentence. People
are compared as natural persons, whatever account they use; organisations with their affiliates.
Casbin cannot express these rules, so they stand here as code.
"""

from collections.abc import Collection

from foundation.errors import Denied
from foundation.identity import Actor, Role
from foundation.two_people import (
    RULE,
    check_another_person,
    check_first_vote,
    check_natural_person,
    check_older_than,
    is_another_person,
    is_first_vote,
    is_natural_person,
    is_older_than,
    refused_to_two,
)

__all__ = [
    "RULE",
    "check_another_person",
    "check_first_vote",
    "check_independent",
    "check_may_vote",
    "check_may_write",
    "check_natural_person",
    "check_not_buying",
    "check_not_redeveloping",
    "check_older_than",
    "check_role",
    "is_another_person",
    "is_first_vote",
    "is_independent",
    "is_natural_person",
    "is_not_buying",
    "is_not_redeveloping",
    "is_older_than",
    "may_vote",
    "may_write",
]


def is_independent(belongs_to: Collection[str], group: Collection[str]) -> bool:
    """Tell whether none of a person's organisations is in the group of the requester."""
    return not set(belongs_to) & set(group)


def check_independent(belongs_to: Collection[str], group: Collection[str]) -> None:
    """Refuse approval by anyone of the requesting organisation or one of its affiliates."""
    if not is_independent(belongs_to, group):
        raise refused_to_two(
            "checker_of_same_organisation",
            "审核（批准）人员与申请机构或其关联机构存在隶属关系，须由其他机构的人员办理。",
            "Whoever checks or approves belongs to the requesting organisation or an affiliate.",
        )


def is_not_buying(belongs_to: Collection[str], buyer_group: Collection[str]) -> bool:
    """Tell whether none of a person's organisations buys the product, or is its affiliate."""
    return not set(belongs_to) & set(buyer_group)


def check_not_buying(belongs_to: Collection[str], buyer_group: Collection[str]) -> None:
    """Refuse a checker of the product's payer, who would judge it, and read it without a bill."""
    if not is_not_buying(belongs_to, buyer_group):
        raise refused_to_two(
            "checker_of_the_buyer",
            "审核员与该产品的付费单位或其关联机构存在隶属关系，须由其他机构的人员审核。",
            "The checker belongs to the organisation that pays for this product, or an affiliate.",
        )


def may_vote(
    actor: Actor,
    *,
    author: str,
    group: Collection[str],
    belongs_to: Collection[str],
    voters: Collection[str],
    requested_us: int,
) -> bool:
    """Tell whether the actor may vote on a release request (see ``check_may_vote``)."""
    try:
        check_may_vote(
            actor,
            author=author,
            group=group,
            belongs_to=belongs_to,
            voters=voters,
            requested_us=requested_us,
        )
    except Denied:
        return False
    return True


def check_may_vote(
    actor: Actor,
    *,
    author: str,
    group: Collection[str],
    belongs_to: Collection[str],
    voters: Collection[str],
    requested_us: int,
) -> None:
    """Refuse anyone but an independent, older, natural checker who did not author or vote yet.

    ``group`` is the requesting organisation with its affiliates; ``belongs_to`` every
    organisation of the voter; ``voters`` the natural persons who voted before.
    """
    check_role(actor, Role.CHECKER)
    check_natural_person(actor)
    check_another_person(actor, author)
    check_independent({actor.organisation, *belongs_to}, group)
    check_older_than(actor, requested_us)
    check_first_vote(actor, voters)


def is_not_redeveloping(buyer: str, operator_group: Collection[str]) -> bool:
    """Tell whether the buyer of a product is neither its operator nor an affiliate."""
    return buyer not in operator_group


def check_not_redeveloping(buyer: str, operator_group: Collection[str]) -> None:
    """Refuse an operator that would re-develop its own product (发改数据规〔2025〕27号 art. 6)."""
    if not is_not_redeveloping(buyer, operator_group):
        raise refused_to_two(
            "operator_redevelops_own_product",
            "运营机构及其关联机构不得直接或间接再开发自己交付的数据产品。",
            "An operator, or an affiliate of it, may not re-develop a product it delivered.",
            rule="发改数据规〔2025〕27号 第六条",
        )


def may_write(actor: Actor) -> bool:
    """Tell whether the actor may change business records at all."""
    return not actor.has(Role.REGULATOR)


def check_may_write(actor: Actor) -> None:
    """Refuse any write by a regulator, whatever other role they hold."""
    if not may_write(actor):
        raise refused_to_two(
            "regulator_never_writes",
            "监管人员只读，不得变更业务记录。",
            "A regulator reads and never changes business records.",
        )


def check_role(actor: Actor, *roles: Role) -> None:
    """Refuse a write by someone who is a regulator or holds none of the roles."""
    check_may_write(actor)
    if not any(actor.has(role) for role in roles):
        names = ", ".join(str(role) for role in roles)
        raise refused_to_two(
            "role_missing",
            f"此操作需要以下角色之一：{names}。",
            f"This needs one of the roles: {names}.",
            rule="roles",
        )
