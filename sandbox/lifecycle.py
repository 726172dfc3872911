"""The life of a session as one table: applied → debug → production → frozen → closed → destroyed.

Each step is a logged entry, and no step goes back: what was frozen can only end, and a session in
production never sees a twin again. Refused ends are steps too: what never opened is closed.
"""

from collections.abc import Mapping
from enum import StrEnum

from audit.tags import EntryKind
from foundation.errors import Conflict, Message

LIFECYCLE_RULE = "session-lifecycle"


class SessionState(StrEnum):
    """Where a session stands."""

    APPLIED = "applied"
    DEBUG = "debug"
    PRODUCTION = "production"
    FROZEN = "frozen"
    CLOSED = "closed"
    DESTROYED = "destroyed"


class SessionMode(StrEnum):
    """What a session's questions are answered from: a synthetic twin, or the data themselves."""

    DEBUG = "debug"
    PRODUCTION = "production"

    @property
    def state(self) -> SessionState:
        """Return the state of a session that is open in this mode."""
        return SessionState(self.value)


TRANSITIONS: Mapping[tuple[SessionState, SessionState], EntryKind] = {
    (SessionState.APPLIED, SessionState.DEBUG): EntryKind.SESSION_OPENED,
    (SessionState.APPLIED, SessionState.PRODUCTION): EntryKind.SESSION_OPENED,
    (SessionState.APPLIED, SessionState.CLOSED): EntryKind.SESSION_REFUSED,
    (SessionState.DEBUG, SessionState.PRODUCTION): EntryKind.SESSION_PROMOTED,
    (SessionState.DEBUG, SessionState.FROZEN): EntryKind.SESSION_FROZEN,
    (SessionState.PRODUCTION, SessionState.FROZEN): EntryKind.SESSION_FROZEN,
    (SessionState.DEBUG, SessionState.CLOSED): EntryKind.SESSION_CLOSED,
    (SessionState.PRODUCTION, SessionState.CLOSED): EntryKind.SESSION_CLOSED,
    (SessionState.FROZEN, SessionState.CLOSED): EntryKind.SESSION_CLOSED,
    (SessionState.CLOSED, SessionState.DESTROYED): EntryKind.SESSION_DESTROYED,
}
"""Every step there is, with the entry that it is logged as."""

ANSWERING = (SessionState.DEBUG, SessionState.PRODUCTION)
"""The states in which a session has a sandbox whose questions are answered."""

LIVE = (SessionState.APPLIED, *ANSWERING, SessionState.FROZEN)
"""The states that hold a sandbox, or are about to."""

STATE_NAMES: Mapping[SessionState, Message] = {
    SessionState.APPLIED: Message("已申请", "applied for"),
    SessionState.DEBUG: Message("调试中", "open for debugging"),
    SessionState.PRODUCTION: Message("生产运行中", "in production"),
    SessionState.FROZEN: Message("已冻结", "frozen"),
    SessionState.CLOSED: Message("已关闭", "closed"),
    SessionState.DESTROYED: Message("已销毁", "destroyed"),
}
MODE_NAMES: Mapping[SessionMode, Message] = {
    SessionMode.DEBUG: Message("调试（合成数据）", "debug (synthetic data)"),
    SessionMode.PRODUCTION: Message("生产（真实数据）", "production (real data)"),
}


def step(source: SessionState, target: SessionState) -> EntryKind:
    """Return the entry that a step is logged as. Raises Conflict where there is no such step."""
    kind = TRANSITIONS.get((source, target))
    if kind is None:
        raise illegal(source, target)
    return kind


def illegal(source: SessionState, target: SessionState) -> Conflict:
    """Return the refusal of a step that the table does not have."""
    was, wanted = STATE_NAMES[source], STATE_NAMES[target]
    return Conflict(
        "session_state",
        Message(
            f"会话状态为“{was.zh}”，不能变为“{wanted.zh}”。",
            f"The session is {was.en}; it cannot become {wanted.en}.",
        ),
        field="state",
        rule=LIFECYCLE_RULE,
        way_out=Message("请重新申请会话。", "Apply for another session."),
    )


def not_open(state: SessionState) -> Conflict:
    """Return the refusal to use a session that is not open."""
    name = STATE_NAMES[state]
    return Conflict(
        "session_not_open",
        Message(
            f"会话{name.zh}，不能使用；请重新开通会话。",
            f"The session is {name.en}; it cannot be used. Open another.",
        ),
        field="session",
        rule=LIFECYCLE_RULE,
    )
