"""Each decision explained: the line, where it comes from, the nearest reason and the way out."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from authorization.compile import compile_licence
from authorization.enforcer import PolicySnapshot
from authorization.explanations import REASONS, WAYS_OUT, Cause, Explained, Wish, explain
from authorization.licences import Move
from authorization.lines import Action, Links
from authorization.revocation import Closure, SuspensionBoard
from foundation.identity import Actor, Role
from tests.licensing import (
    LICENCE_ID,
    NOVEMBER_2026_US,
    PACK,
    PEOPLE,
    RULES,
    actor,
    declarations,
    licence_document,
)

DATASETS = declarations()
COMPILED = compile_licence(licence_document(), RULES)


def snapshot(**changes: str) -> PolicySnapshot:
    """Return the city's policy, with fields of its permissions changed."""
    domain = f"lic:{LICENCE_ID}"
    members = frozenset(
        (f"person:{person.id}", held, domain)
        for person in PEOPLE.values()
        for held in (
            *(f"org:{name}" for name in person.organisations),
            *(f"role:{role}" for role in person.roles),
        )
    )
    lines = [line._replace(**changes) if line.eft == "allow" else line for line in COMPILED.lines]
    links = COMPILED.links.joined(Links(members=members))
    return PolicySnapshot(PACK.access_model, lines, links, {COMPILED.id: COMPILED})


def ask(
    board: SuspensionBoard,
    *columns: str,
    policy: PolicySnapshot | None = None,
    by: Actor | None = None,
    dataset: str | None = "colleges",
    action: Action = Action.QUERY_ROWS,
) -> Explained:
    return explain(
        policy or snapshot(),
        board,
        by or actor("analyst"),
        Wish(LICENCE_ID, action, dataset, columns),
        DATASETS.get(dataset or ""),
        NOVEMBER_2026_US,
    )


def causes(found: Explained) -> Mapping[str | None, Cause]:
    return {step.column: step.cause for step in found.steps}


def test_a_stranger_is_told_nothing_of_the_lines(board: SuspensionBoard) -> None:
    for by in (actor("rival"), actor("inspector")):
        found = ask(board, "state", by=by)
        assert found.denial is not None
        assert found.denial.code == "licence_not_usable"
        assert found.steps == ()
        assert not found.allowed


def test_a_shut_licence_explains_itself_before_any_line(board: SuspensionBoard) -> None:
    board.close(Closure("closure_x", LICENCE_ID, Move.SUSPEND, "r", "signer", 1))
    found = ask(board, "state")
    assert found.denial is not None
    assert found.denial.code == "licence_not_in_force"
    assert found.denial.way_out is not None


def test_what_is_not_granted_and_what_does_not_exist_read_alike(board: SuspensionBoard) -> None:
    unknown = ask(board, "state", "debt", dataset="nowhere")
    policy = snapshot(act="query.dp")
    hidden = replace(
        ask(board, "state", "debt", dataset="colleges", policy=policy),
    )
    assert (
        causes(unknown) == causes(hidden) == dict.fromkeys((None, "debt", "state"), Cause.NO_LINE)
    )
    assert not unknown.allowed
    assert causes(ask(board, "salary"))["salary"] is Cause.NO_LINE
    assert causes(ask(board, "debt"))["debt"] is Cause.NO_LINE


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"exp": "2026-01-02T00:00:00.000000Z"}, Cause.EXPIRED),
        ({"nbf": "2027-01-01T00:00:00.000000Z"}, Cause.NOT_YET),
        ({"purpose": "public_welfare"}, Cause.WRONG_PURPOSE),
        ({"sub": "role:checker"}, Cause.NOT_MEMBER),
        ({"grade": "L1"}, Cause.GRADE_TOO_HIGH),
    ],
)
def test_a_near_miss_is_named(
    board: SuspensionBoard, changes: dict[str, str], cause: Cause
) -> None:
    found = ask(board, "title", policy=snapshot(**changes))  # title is of grade L2
    (step,) = [step for step in found.steps if step.column == "title"]
    assert step.cause is cause
    assert step.source == "$.grants[1]"
    assert step.way_out is not None
    assert not found.allowed
    assert found.obligations == ()


def test_a_member_of_the_payer_learns_which_line_forbids_it(board: SuspensionBoard) -> None:
    double = actor("double")
    found = ask(board, "state", by=double)
    assert set(causes(found).values()) == {Cause.DENIED}
    assert {step.source for step in found.steps} == {"$.product.payer"}
    both = replace(double, roles=double.roles | {Role.REGULATOR})
    assert not ask(board, "state", by=both).allowed


def test_a_permit_names_its_grant_and_its_obligations(board: SuspensionBoard) -> None:
    found = ask(board, "state", "title")
    assert found.allowed
    assert {step.source for step in found.steps} == {"$.grants[1]"}
    assert {type(one).__name__ for one in found.obligations} == {
        "MaskObligation",
        "FilterObligation",
    }
    private = ask(board, "income", dataset="households", action=Action.QUERY_DP)
    assert private.allowed
    assert {step.source for step in private.steps} == {"$.grants[0]"}
    opening = ask(board, dataset=None, action=Action.SESSION_OPEN)
    assert opening.allowed
    assert [step.source for step in opening.steps] == ["$.scenario"]


def test_every_cause_has_words_and_every_refusal_a_way_out() -> None:
    assert set(REASONS) == set(Cause)
    assert set(WAYS_OUT) == set(Cause) - {Cause.ALLOWED}
    for message in (*REASONS.values(), *WAYS_OUT.values()):
        assert message.zh
        assert message.en
