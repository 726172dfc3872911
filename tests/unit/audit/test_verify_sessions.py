"""The verifier's replay of sessions: an honest log passes, each forbidden step is named."""

from typing import Any

import pytest

from audit.verify.findings import Report
from audit.verify.sessions import KINDS, verify_sessions
from sandbox.lifecycle import TRANSITIONS, SessionState

Written = tuple[str, str, dict[str, Any]]
REVIEW = {"review": "rev_1", "licence": "lic_1", "notebook_digest": "sha256:a"}
SUBMITTED: Written = ("author", "sandbox:review:submitted", REVIEW)
APPROVED: Written = (
    "checker",
    "sandbox:review:approved",
    {**REVIEW, "author": "author", "valid_until_us": 1_000},
)
DEBUG: list[Written] = [
    ("author", "sandbox:session:requested", {"session": "s", "licence": "lic_1", "mode": "debug"}),
    ("author", "sandbox:session:opened", {"session": "s", "slot": "x", "mode": "debug"}),
]
PROMOTED: Written = (
    "author",
    "sandbox:session:promoted",
    {**REVIEW, "session": "s", "slot": "y", "mode": "production", "reviewer": "checker"},
)
ENDED: list[Written] = [
    ("system", "sandbox:session:closed", {"session": "s", "reason": "idle"}),
    ("system", "sandbox:session:destroyed", {"session": "s", "reason": "idle"}),
]
HONEST = [SUBMITTED, APPROVED, *DEBUG, PROMOTED, *ENDED]


def codes(written: list[Written], time_us: int = 5) -> set[str]:
    report = Report()
    entries = [
        {"index": index, "time_us": time_us, "kind": kind, "actor": {"person": person}, "public": p}
        for index, (person, kind, p) in enumerate(written)
    ]
    verify_sessions(entries, report)
    return {finding.code for finding in report.findings}


def test_an_honest_life_passes() -> None:
    assert codes(HONEST) == set()


@pytest.mark.parametrize("missing", [0, 1, 2, 3, 5])  # without the move it is a debug session
def test_no_step_can_be_left_out(missing: int) -> None:
    assert codes([item for place, item in enumerate(HONEST) if place != missing])


def changed(place: int, person: str | None = None, **public: Any) -> list[Written]:
    was = HONEST[place]
    now = (person or was[0], was[1], {**was[2], **public})
    return [*HONEST[:place], now, *HONEST[place + 1 :]]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (changed(1, "author"), "review_not_by_two"),
        (changed(1, notebook_digest="sha256:b"), "review_not_by_two"),
        (changed(4, notebook_digest="sha256:b"), "session_unreviewed"),
        (changed(4, reviewer="author"), "session_unreviewed"),
        (changed(4, review="rev_2"), "session_unreviewed"),
        (changed(2, licence="lic_2"), "session_unreviewed"),
        (changed(3, mode="frozen"), "session_out_of_order"),
        ([*HONEST, ENDED[0]], "session_out_of_order"),
        ([*HONEST, DEBUG[1]], "session_out_of_order"),
        ([*HONEST, *DEBUG], "session_out_of_order"),
    ],
)
def test_each_forbidden_step_is_named(written: list[Written], code: str) -> None:
    assert code in codes(written)


def test_an_approval_does_not_outlive_its_term_or_its_withdrawal() -> None:
    assert codes(HONEST, time_us=1_000) == {"session_unreviewed"}
    withdrawn: Written = ("author", "sandbox:review:withdrawn", REVIEW)
    assert codes([*HONEST[:2], withdrawn, *HONEST[2:]]) == {"session_unreviewed"}


def test_a_run_opens_on_a_review_that_holds() -> None:
    run: list[Written] = [
        (
            "author",
            "sandbox:session:requested",
            {"session": "r", "licence": "lic_1", "mode": "production", "review": "rev_1"},
        ),
        ("author", "sandbox:session:opened", {"session": "r", "slot": "z", "mode": "production"}),
    ]
    assert codes([*HONEST, *run]) == set()
    assert codes(run) == {"session_unreviewed"}


def test_the_verifier_knows_the_steps_of_the_platform_and_no_other() -> None:
    """Each pair of states, walked in the verifier's eyes, is allowed where the table has it."""
    ways: dict[SessionState, list[SessionState]] = {
        SessionState.APPLIED: [],
        SessionState.DEBUG: [SessionState.DEBUG],
        SessionState.PRODUCTION: [SessionState.PRODUCTION],
        SessionState.FROZEN: [SessionState.DEBUG, SessionState.FROZEN],
        SessionState.CLOSED: [SessionState.DEBUG, SessionState.CLOSED],
        SessionState.DESTROYED: [
            SessionState.DEBUG,
            SessionState.CLOSED,
            SessionState.DESTROYED,
        ],
    }
    kinds = set(TRANSITIONS.values())
    assert {kind.value for kind in kinds} <= set(KINDS)
    for source, way in ways.items():
        for kind in kinds:
            walked = [SUBMITTED, APPROVED, DEBUG[0], *_walk(way)]
            allowed = any(
                known == kind and before is source for (before, _), known in TRANSITIONS.items()
            )
            mode = "production" if "promoted" in kind else "debug"
            last: Written = ("author", kind.value, {**PROMOTED[2], "mode": mode})
            assert (codes([*walked, last]) == set()) is allowed, (source, kind)


def _walk(way: list[SessionState]) -> list[Written]:
    before, written = SessionState.APPLIED, []
    for state in way:
        kind = TRANSITIONS[before, state]
        public = {**PROMOTED[2], "mode": state.value}
        written.append(("author", kind.value, public))
        before = state
    return written
