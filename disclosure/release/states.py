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


STATE_NAMES: dict[ReleaseState, Message] = {
    ReleaseState.SUBMITTED: Message("已提交", "submitted"),
    ReleaseState.CHECKED: Message("待审核", "checked and awaiting votes"),
    ReleaseState.APPROVED_ONCE: Message("已有一票同意", "approved by one checker"),
    ReleaseState.APPROVED: Message("已批准待放行", "approved and awaiting delivery"),
    ReleaseState.REFUSED: Message("已拒绝", "refused"),
    ReleaseState.DELIVERED: Message("已放行", "delivered"),
}
MOVE_NAMES: dict[ReleaseMove, Message] = {
    ReleaseMove.PASS_CHECKS: Message("通过自动检查", "pass the checks"),
    ReleaseMove.FAIL_CHECKS: Message("未通过自动检查", "fail the checks"),
    ReleaseMove.APPROVE: Message("同意", "be approved"),
    ReleaseMove.REFUSE: Message("拒绝", "be refused"),
    ReleaseMove.DELIVER: Message("放行", "be delivered"),
}


def next_state(state: ReleaseState, move: ReleaseMove) -> ReleaseState:
    """Return the state after a move. Raises Conflict where the table has no such move."""
    found = RELEASE_TRANSITIONS.get((state, move))
    if found is None:
        is_now, wanted = STATE_NAMES[state], MOVE_NAMES[move]
        raise Conflict(
            "release_state",
            Message(
                f"出域申请当前状态为“{is_now.zh}”，不能再“{wanted.zh}”。",
                f"The release request is {is_now.en}; it cannot {wanted.en} now.",
            ),
            field="state",
        )
    return found[0]
