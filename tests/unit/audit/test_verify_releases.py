"""The verifier's replay of releases: an honest log passes, each forbidden step is named."""

from typing import Any

import pytest

from audit.verify.findings import Report, Verdict
from audit.verify.releases import MOVES, VOTED, verify_releases
from disclosure.release.states import RELEASE_TRANSITIONS

Written = tuple[str, str, dict[str, Any]]
OF = {"release": "rel_1", "licence": "lic_1", "revision": 1}


def voted(person: str, *votes: tuple[int, str, str], state: str | None = None) -> Written:
    told = [{"entry": entry, "person": who, "decision": what} for entry, who, what in votes]
    return (person, "voted", {**OF, **({"state": state, "votes": told} if state else {})})


HONEST: list[Written] = [
    ("author", "drafted", OF),
    ("author", "submitted", OF),
    ("system", "checked", OF),
    voted("one"),
    voted("two", (3, "one", "approve"), (4, "two", "approve"), state="approved"),
    ("system", "delivered", OF),
    ("author", "handed", OF),
    ("founder", "recalled", OF),
]
KINDS = {"handed": "release:copy:handed", "excepted": "release:check:excepted"}
HOUSES = {"author": "operator", "colleague": "operator"}


def codes(written: list[Written], kind: str = "person") -> set[str]:
    report = Report()
    entries = [
        {
            "index": index,
            "kind": KINDS.get(move, f"release:request:{move}"),
            "actor": {
                "person": person,
                "organisation": HOUSES.get(person, "review"),
                "kind": kind,
            },
            "public": public,
        }
        for index, (person, move, public) in enumerate(written)
    ]
    verify_releases(entries, report)
    return {item.code for item in report.findings if item.verdict is Verdict.TAMPERED}


def replaced(place: int, *written: Written) -> list[Written]:
    return [*HONEST[:place], *written, *HONEST[place + 1 :]]


def test_an_honest_life_passes() -> None:
    assert codes(HONEST) == set()


@pytest.mark.parametrize("missing", range(6))
def test_no_step_can_be_left_out(missing: int) -> None:
    if missing == 0:
        return  # a request may be submitted in one step
    assert codes([item for place, item in enumerate(HONEST) if place != missing])


@pytest.mark.parametrize(
    ("place", "changed", "code"),
    [
        (4, voted("one", (3, "one", "approve"), (4, "one", "approve"), state="approved"),
         "voted_twice"),
        (3, voted("author"), "decided_not_independently"),
        (3, voted("colleague"), "decided_not_independently"),
        (3, voted("three"), "votes_differ"),
        (4, voted("two", (3, "one", "refuse"), (4, "two", "approve"), state="approved"),
         "outcome_differs"),
        (4, voted("two", (4, "two", "approve"), state="approved"), "votes_differ"),
        (3, voted("one", (3, "one", "approve"), state="approved"), "outcome_differs"),
        (1, ("colleague", "submitted", OF), "release_not_by_its_author"),
        (3, ("one", "voted", {**OF, "revision": 2}), "release_out_of_order"),
        (6, ("author", "delivered", OF), "release_out_of_order"),
    ],
)  # fmt: skip
def test_what_is_forbidden_is_named(place: int, changed: Written, code: str) -> None:
    assert code in codes(replaced(place, changed))


def test_a_service_account_decides_nothing() -> None:
    assert "decided_not_independently" in codes(HONEST, kind="service")


def test_nothing_is_handed_over_after_a_recall() -> None:
    assert codes([*HONEST, ("author", "handed", OF)]) == {"release_out_of_order"}


def test_the_officer_who_excepted_does_not_vote() -> None:
    excepted = ("one", "excepted", {**OF, "state": "checked", "check": "title"})
    written = replaced(2, ("system", "returned", OF), excepted)
    assert codes(written) >= {"voted_twice"}


def test_votes_of_an_earlier_revision_do_not_count() -> None:
    second = {**OF, "revision": 2}
    ending = [(3, "one", "approve"), (4, "two", "return")]
    written: list[Written] = [
        *HONEST[:4],
        voted("two", *ending, state="returned"),
        ("author", "revised", second),
        ("author", "submitted", second),
        ("system", "checked", second),
    ]
    closing = [{"entry": 8, "person": "one", "decision": "approve"}]
    once = ("one", "voted", {**second, "state": "approved", "votes": closing})
    assert codes(written) == set()
    assert codes([*written, once]) == {"outcome_differs"}


def test_the_table_is_the_desks_own() -> None:
    """Every move of the desk's table that is no vote, exception or refusal stands in this one."""
    ours = {
        (old.value.replace("second_check", "checked"), kind.value)
        for (old, _), (_, kind) in RELEASE_TRANSITIONS.items()
        if kind.value in MOVES and kind.value != VOTED
    }
    theirs = {(old, kind) for kind, (states, _) in MOVES.items() for old in states}
    assert ours <= theirs
    extra = {kind for _, kind in theirs - ours}
    assert extra <= {"release:request:submitted", "release:copy:handed", "revenue:product:fetched"}
