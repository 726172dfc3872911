"""The life of a release request, as a table: which move leads where, and under which entry kind."""

from enum import StrEnum

from audit.tags import EntryKind
from foundation.errors import Conflict, Message


class ReleaseState(StrEnum):
    """Where a request stands."""

    SUBMITTED = "submitted"
    CHECKED = "checked"
    APPROVED_ONCE = "approved_once"
    APPROVED = "approved"
    REFUSED = "refused"
    DELIVERED = "delivered"


class ReleaseMove(StrEnum):
    """What can happen to a request."""

    PASS_CHECKS = "pass_checks"  # noqa: S105 - a move, not a secret
    FAIL_CHECKS = "fail_checks"
    APPROVE = "approve"
    REFUSE = "refuse"
    DELIVER = "deliver"


RELEASE_TRANSITIONS: dict[tuple[ReleaseState, ReleaseMove], tuple[ReleaseState, EntryKind]] = {
    (ReleaseState.SUBMITTED, ReleaseMove.PASS_CHECKS): (
        ReleaseState.CHECKED,
        EntryKind.RELEASE_CHECKED,
    ),
    (ReleaseState.SUBMITTED, ReleaseMove.FAIL_CHECKS): (
        ReleaseState.REFUSED,
        EntryKind.RELEASE_REFUSED,
    ),
    (ReleaseState.CHECKED, ReleaseMove.APPROVE): (
        ReleaseState.APPROVED_ONCE,
        EntryKind.RELEASE_VOTED,
    ),
    (ReleaseState.CHECKED, ReleaseMove.REFUSE): (ReleaseState.REFUSED, EntryKind.RELEASE_VOTED),
    (ReleaseState.APPROVED_ONCE, ReleaseMove.APPROVE): (
        ReleaseState.APPROVED,
        EntryKind.RELEASE_VOTED,
    ),
    (ReleaseState.APPROVED_ONCE, ReleaseMove.REFUSE): (
        ReleaseState.REFUSED,
        EntryKind.RELEASE_VOTED,
    ),
    (ReleaseState.APPROVED, ReleaseMove.DELIVER): (
        ReleaseState.DELIVERED,
        EntryKind.RELEASE_DELIVERED,
    ),
}


def next_state(state: ReleaseState, move: ReleaseMove) -> ReleaseState:
    """Return the state after a move. Raises Conflict where the table has no such move."""
    found = RELEASE_TRANSITIONS.get((state, move))
    if found is None:
        raise Conflict(
            "release_state",
            Message(
                f"出域申请当前状态为“{state}”，不能执行“{move}”。",
                f"The release request is {state}; it cannot {move.replace('_', ' ')} now.",
            ),
            field="state",
        )
    return found[0]
