"""Separation of duties (I8): who may not do what, because of what else they are or did.

Each rule has two forms: ``x`` answers yes or no, ``check_x`` raises Denied with a sentence. People
are compared as natural persons, whatever account they use; organisations with their affiliates.
Casbin cannot express these rules, so they stand here as code.
"""

from collections.abc import Collection

from foundation.errors import Denied, Message
from foundation.identity import Actor, ActorKind, Role

RULE = "separation-of-duties"


def is_natural_person(actor: Actor) -> bool:
    """Tell whether a natural person stands behind the request."""
    return actor.kind is ActorKind.PERSON and not actor.has(Role.SYSTEM)


def check_natural_person(actor: Actor) -> None:
    """Refuse a service account: such accounts never approve."""
    if not is_natural_person(actor):
        raise _denied(
            "service_account_cannot_approve",
            "服务账号不得审批或表决，请由自然人办理。",
            "A service account may not approve or vote; a natural person must.",
        )


def is_another_person(actor: Actor, applicant: str) -> bool:
    """Tell whether the actor is someone other than the applicant."""
    return actor.person != applicant


def check_another_person(actor: Actor, applicant: str) -> None:
    """Refuse approval by the person who applied, drafted or authored."""
    if not is_another_person(actor, applicant):
        raise _denied(
            "applicant_cannot_approve",
            "申请人（起草人、作者）不得审批自己的申请，请由另一人办理。",
            "The person who applied, drafted or authored may not approve; another person must.",
        )


def is_older_than(actor: Actor, requested_us: int) -> bool:
    """Tell whether the actor's account and roles existed before the request."""
    return actor.since_us < requested_us


def check_older_than(actor: Actor, requested_us: int) -> None:
    """Refuse a vote from an account or role that came into being after the request."""
    if not is_older_than(actor, requested_us):
        raise _denied(
            "account_younger_than_request",
            "该账号或角色的设立晚于本申请，不得对其表决。",
            "This account or role came into being after the request, so it may not vote on it.",
        )


def is_independent(belongs_to: Collection[str], group: Collection[str]) -> bool:
    """Tell whether none of a person's organisations is in the group of the requester."""
    return not set(belongs_to) & set(group)


def check_independent(belongs_to: Collection[str], group: Collection[str]) -> None:
    """Refuse approval by anyone of the requesting organisation or one of its affiliates."""
    if not is_independent(belongs_to, group):
        raise _denied(
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
        raise _denied(
            "checker_of_the_buyer",
            "审核员与该产品的付费单位或其关联机构存在隶属关系，须由其他机构的人员审核。",
            "The checker belongs to the organisation that pays for this product, or an affiliate.",
        )


def is_first_vote(actor: Actor, voters: Collection[str]) -> bool:
    """Tell whether this natural person has not voted on the request before."""
    return actor.person not in voters


def check_first_vote(actor: Actor, voters: Collection[str]) -> None:
    """Refuse a second vote by the same natural person."""
    if not is_first_vote(actor, voters):
        raise _denied(
            "voted_already",
            "同一自然人对同一申请只能表决一次。",
            "A natural person votes once on a request, under whatever account.",
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
        raise _denied(
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
        raise _denied(
            "regulator_never_writes",
            "监管人员只读，不得变更业务记录。",
            "A regulator reads and never changes business records.",
        )


def check_role(actor: Actor, *roles: Role) -> None:
    """Refuse a write by someone who is a regulator or holds none of the roles."""
    check_may_write(actor)
    if not any(actor.has(role) for role in roles):
        names = ", ".join(str(role) for role in roles)
        raise _denied(
            "role_missing",
            f"此操作需要以下角色之一：{names}。",
            f"This needs one of the roles: {names}.",
            rule="roles",
        )


def _denied(code: str, zh: str, en: str, rule: str = RULE) -> Denied:
    return Denied(code, Message(zh, en), field="actor", rule=rule)
