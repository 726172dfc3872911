"""The life of a release request, as a table: which move leads where, and under which entry kind.

draft → submitted (automatic checks) → first check → second check → released, returned or refused →
delivered → recalled. Nothing moves otherwise, and no reader learns from a state that one vote is
in: the second check reads as the first.
"""

from collections.abc import Sequence
from enum import StrEnum

from audit.tags import EntryKind
from foundation.errors import Conflict, Message


class ReleaseState(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHECKED = "checked"
    SECOND_CHECK = "second_check"
    APPROVED = "approved"
    RETURNED = "returned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    DELIVERED = "delivered"
    RECALLED = "recalled"


class ReleaseMove(StrEnum):
    """What can happen to a request."""

    EDIT = "edit"
    SUBMIT = "submit"
    PASS_CHECKS = "pass_checks"  # noqa: S105 - a move, not a secret
    FAIL_CHECKS = "fail_checks"
    RETURN_CHECKS = "return_checks"
    RELEASE_UNSEEN = "release_unseen"
    EXCEPT = "except"
    VOTE = "vote"
    AGREE = "agree"
    RETURN = "return"
    REFUSE = "refuse"
    REVISE = "revise"
    WITHDRAW = "withdraw"
    DELIVER = "deliver"
    RECALL = "recall"


_S, _M, _K = ReleaseState, ReleaseMove, EntryKind

RELEASE_TRANSITIONS: dict[tuple[ReleaseState, ReleaseMove], tuple[ReleaseState, EntryKind]] = {
    (_S.DRAFT, _M.EDIT): (_S.DRAFT, _K.RELEASE_EDITED),
    (_S.DRAFT, _M.SUBMIT): (_S.SUBMITTED, _K.RELEASE_SUBMITTED),
    (_S.DRAFT, _M.WITHDRAW): (_S.WITHDRAWN, _K.RELEASE_WITHDRAWN),
    (_S.SUBMITTED, _M.PASS_CHECKS): (_S.CHECKED, _K.RELEASE_CHECKED),
    (_S.SUBMITTED, _M.RELEASE_UNSEEN): (_S.APPROVED, _K.RELEASE_AUTOMATIC),
    (_S.SUBMITTED, _M.RETURN_CHECKS): (_S.RETURNED, _K.RELEASE_RETURNED),
    (_S.SUBMITTED, _M.FAIL_CHECKS): (_S.REFUSED, _K.RELEASE_REFUSED),
    (_S.CHECKED, _M.VOTE): (_S.SECOND_CHECK, _K.RELEASE_VOTED),
    (_S.CHECKED, _M.WITHDRAW): (_S.WITHDRAWN, _K.RELEASE_WITHDRAWN),
    (_S.SECOND_CHECK, _M.VOTE): (_S.SECOND_CHECK, _K.RELEASE_VOTED),
    (_S.SECOND_CHECK, _M.AGREE): (_S.APPROVED, _K.RELEASE_VOTED),
    (_S.SECOND_CHECK, _M.RETURN): (_S.RETURNED, _K.RELEASE_VOTED),
    (_S.SECOND_CHECK, _M.REFUSE): (_S.REFUSED, _K.RELEASE_VOTED),
    (_S.SECOND_CHECK, _M.WITHDRAW): (_S.WITHDRAWN, _K.RELEASE_WITHDRAWN),
    (_S.RETURNED, _M.EXCEPT): (_S.RETURNED, _K.RELEASE_EXCEPTED),
    (_S.RETURNED, _M.PASS_CHECKS): (_S.CHECKED, _K.RELEASE_EXCEPTED),
    (_S.RETURNED, _M.REVISE): (_S.DRAFT, _K.RELEASE_REVISED),
    (_S.RETURNED, _M.WITHDRAW): (_S.WITHDRAWN, _K.RELEASE_WITHDRAWN),
    (_S.APPROVED, _M.DELIVER): (_S.DELIVERED, _K.RELEASE_DELIVERED),
    (_S.DELIVERED, _M.RECALL): (_S.RECALLED, _K.RELEASE_RECALLED),
}

DECIDED = frozenset({_S.APPROVED, _S.RETURNED, _S.REFUSED, _S.DELIVERED, _S.RECALLED})
"""Where the votes of a revision are all in, and show."""
VOTING = frozenset({_S.CHECKED, _S.SECOND_CHECK})

STATE_NAMES: dict[ReleaseState, Message] = {
    _S.DRAFT: Message("草稿", "a draft"),
    _S.SUBMITTED: Message("已提交，待自动检查", "submitted and awaiting automatic checks"),
    _S.CHECKED: Message("待审核（第一审）", "in its first check"),
    _S.SECOND_CHECK: Message("待审核（第二审）", "in its second check"),
    _S.APPROVED: Message("已放行待交付", "released and awaiting delivery"),
    _S.RETURNED: Message("已退回", "returned"),
    _S.REFUSED: Message("已拒绝", "refused"),
    _S.WITHDRAWN: Message("已撤回", "withdrawn"),
    _S.DELIVERED: Message("已交付", "delivered"),
    _S.RECALLED: Message("已召回", "recalled"),
}
MOVE_NAMES: dict[ReleaseMove, Message] = {
    _M.EDIT: Message("修改", "be changed"),
    _M.SUBMIT: Message("提交", "be submitted"),
    _M.PASS_CHECKS: Message("通过自动检查", "pass the checks"),
    _M.FAIL_CHECKS: Message("未通过自动检查", "fail the checks"),
    _M.RETURN_CHECKS: Message("由自动检查退回", "be returned by the checks"),
    _M.RELEASE_UNSEEN: Message("自动放行", "be released without votes"),
    _M.EXCEPT: Message("给予例外", "be given an exception"),
    _M.VOTE: Message("表决", "be voted on"),
    _M.AGREE: Message("一致同意", "be approved"),
    _M.RETURN: Message("退回", "be returned"),
    _M.REFUSE: Message("拒绝", "be refused"),
    _M.REVISE: Message("修订", "be revised"),
    _M.WITHDRAW: Message("撤回", "be withdrawn"),
    _M.DELIVER: Message("交付", "be delivered"),
    _M.RECALL: Message("召回", "be recalled"),
}


def next_state(state: ReleaseState, move: ReleaseMove) -> ReleaseState:
    """Return the state after a move. Raises Conflict where the table has no such move.

    Of a request whose votes are not all in, the refusal says no more than that it is being checked.
    """
    found = RELEASE_TRANSITIONS.get((state, move))
    if found is None:
        is_now, wanted = STATE_NAMES[shown(state)], MOVE_NAMES[move]
        raise Conflict(
            "release_state",
            Message(
                f"出域申请当前状态为“{is_now.zh}”，不能再“{wanted.zh}”。",
                f"The release request is {is_now.en}; it cannot {wanted.en} now.",
            ),
            field="state",
        )
    return found[0]


def shown(state: ReleaseState) -> ReleaseState:
    """Return the state as readers see it, while the votes are blind."""
    return ReleaseState.CHECKED if state is ReleaseState.SECOND_CHECK else state


def outcome(decisions: Sequence[str], votes_min: int) -> ReleaseMove:
    """Return the move that the votes of one revision make, when the newest of them is in.

    Until all are in, each is only a vote. All approve: released. All refuse: refused. Where they
    differ, or one asks for changes, the request goes back to its author with every comment: no
    majority releases what one checker would not.
    """
    if len(decisions) < votes_min:
        return ReleaseMove.VOTE
    if set(decisions) == {"approve"}:
        return ReleaseMove.AGREE
    return ReleaseMove.REFUSE if set(decisions) == {"refuse"} else ReleaseMove.RETURN
