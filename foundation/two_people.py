"""Decides who may not be the second of two people: the plain half of separation of duties (I8).

Natural persons are compared, whatever account they use. These rules need no registry, so that
every room may ask them; what needs one (organisations, affiliates) is in ``authorization``.
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
        raise refused_to_two(
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
        raise refused_to_two(
            "applicant_cannot_approve",
            "申请人（起草人、作者）不得审批自己的申请，请由另一人办理。",
            "The person who applied, drafted or authored may not approve; another person must.",
        )


def is_older_than(actor: Actor, requested_us: int) -> bool:
    """Tell whether the actor's account and roles existed before the request (UTC microseconds)."""
    return actor.since_us < requested_us


def check_older_than(actor: Actor, requested_us: int) -> None:
    """Refuse a vote from an account or role that came into being after the request."""
    if not is_older_than(actor, requested_us):
        raise refused_to_two(
            "account_younger_than_request",
            "该账号或角色的设立晚于本申请，不得对其表决。",
            "This account or role came into being after the request, so it may not vote on it.",
        )


def is_first_vote(actor: Actor, voters: Collection[str]) -> bool:
    """Tell whether this natural person has not voted on the request before."""
    return actor.person not in voters


def check_first_vote(actor: Actor, voters: Collection[str]) -> None:
    """Refuse a second vote by the same natural person."""
    if not is_first_vote(actor, voters):
        raise refused_to_two(
            "voted_already",
            "同一自然人对同一申请只能表决一次。",
            "A natural person votes once on a request, under whatever account.",
        )


def refused_to_two(code: str, zh: str, en: str, rule: str = RULE) -> Denied:
    """Return the refusal of a second person."""
    return Denied(code, Message(zh, en), field="actor", rule=rule)
