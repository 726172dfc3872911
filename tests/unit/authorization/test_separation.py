"""Separation of duties (I8): each rule's refusal, its bool twin, and the vote that may be cast."""

from collections.abc import Callable
from typing import Any

import pytest

from authorization.separation import (
    check_another_person,
    check_first_vote,
    check_independent,
    check_may_vote,
    check_may_write,
    check_natural_person,
    check_not_redeveloping,
    check_older_than,
    check_role,
    is_another_person,
    is_first_vote,
    is_independent,
    is_natural_person,
    is_not_redeveloping,
    is_older_than,
    may_vote,
    may_write,
)
from foundation.errors import Denied
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind, Role

CHECKER = Actor(person="eve", organisation="bureau", roles=frozenset({Role.CHECKER}), since_us=10)
SERVICE = Actor(
    person="robot",
    organisation="bureau",
    roles=frozenset({Role.CHECKER}),
    kind=ActorKind.SERVICE,
)
INSPECTOR = Actor(
    person="ivy", organisation="supervisor", roles=frozenset({Role.REGULATOR, Role.AUTHORITY})
)
VOTE: dict[str, Any] = {
    "author": "adam",
    "group": frozenset({"datawise", "datawise-labs"}),
    "belongs_to": frozenset({"bureau"}),
    "voters": (),
    "requested_us": 11,
}

PAIRS: dict[str, tuple[Callable[..., None], Callable[..., bool], tuple[Any, ...]]] = {
    "service_account_cannot_approve": (check_natural_person, is_natural_person, (SERVICE,)),
    "applicant_cannot_approve": (check_another_person, is_another_person, (CHECKER, "eve")),
    "account_younger_than_request": (check_older_than, is_older_than, (CHECKER, 10)),
    "checker_of_same_organisation": (check_independent, is_independent, ({"a", "b"}, {"b"})),
    "voted_already": (check_first_vote, is_first_vote, (CHECKER, ["eve"])),
    "operator_redevelops_own_product": (
        check_not_redeveloping,
        is_not_redeveloping,
        ("datawise-labs", {"datawise", "datawise-labs"}),
    ),
    "regulator_never_writes": (check_may_write, may_write, (INSPECTOR,)),
}


@pytest.mark.parametrize("code", PAIRS)
def test_each_rule_refuses_with_a_sentence_and_answers_no(code: str) -> None:
    check, answer, arguments = PAIRS[code]
    with pytest.raises(Denied, match=code) as refusal:
        check(*arguments)
    assert refusal.value.message.zh
    assert answer(*arguments) is False


@pytest.mark.parametrize(
    ("actor", "changes", "code"),
    [
        (SERVICE, {}, "service_account_cannot_approve"),
        (CHECKER, {"author": "eve"}, "applicant_cannot_approve"),
        (CHECKER, {"group": {"bureau"}, "belongs_to": ()}, "checker_of_same_organisation"),
        (CHECKER, {"belongs_to": {"bureau", "datawise-labs"}}, "checker_of_same_organisation"),
        (CHECKER, {"requested_us": 10}, "account_younger_than_request"),
        (CHECKER, {"voters": ("eve",)}, "voted_already"),
        (INSPECTOR, {}, "regulator_never_writes"),
        (SYSTEM_ACTOR, {}, "role_missing"),
    ],
)
def test_a_vote_that_breaks_one_rule_is_refused(
    actor: Actor, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Denied, match=code):
        check_may_vote(actor, **{**VOTE, **changes})
    assert not may_vote(actor, **{**VOTE, **changes})


def test_the_platform_itself_is_no_natural_person() -> None:
    assert not is_natural_person(SYSTEM_ACTOR)


def test_a_role_is_needed_and_named() -> None:
    with pytest.raises(Denied, match="finance") as refusal:
        check_role(CHECKER, Role.FINANCE)
    assert refusal.value.code == "role_missing"


def test_an_independent_older_checker_may_vote() -> None:
    check_may_vote(CHECKER, **VOTE)
    assert may_vote(CHECKER, **VOTE)
    assert is_another_person(CHECKER, "adam")
    assert is_not_redeveloping("insurer", {"datawise"})
