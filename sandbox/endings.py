"""When a session will end by itself, and the one warning before each end.

A session that somebody works in ends unused or too old; a reviewed one only too old.
"""

from dataclasses import dataclass

from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message
from policies.schema.sessions import SessionRules
from sandbox.sessions import Session

_MINUTE_SECONDS = 60


@dataclass(frozen=True)
class Endings:
    """When a session ends whatever happens, and when it ends if nobody uses it; UTC microseconds.

    ``warning`` says so once one of them is near.
    """

    ends_us: int
    idle_ends_us: int | None
    warning: Message | None


def endings(
    session: Session,
    used_us: int | None,
    now_us: int,
    *,
    idle_seconds_max: int,
    wall_seconds_max: int,
    rules: SessionRules,
) -> Endings | None:
    """Return a session's ends as they stand now; None where it is not open."""
    if not session.answering or session.opened_us is None:
        return None
    ends_us = session.opened_us + wall_seconds_max * MICROSECONDS_PER_SECOND
    idle_us = None
    if session.review is None:
        last_us = session.opened_us if used_us is None else used_us
        idle_us = last_us + idle_seconds_max * MICROSECONDS_PER_SECOND
    wall_left = _seconds(ends_us - now_us)
    if wall_left <= rules.wall_warning_seconds:
        warning = _wall(_minutes(wall_left))
    elif idle_us is not None and _seconds(idle_us - now_us) <= rules.idle_warning_seconds:
        warning = _idle(_minutes(_seconds(idle_us - now_us)))
    else:
        warning = None
    return Endings(ends_us, idle_us, warning)


def _wall(minutes: int) -> Message:
    return Message(
        f"本会话约 {minutes} 分钟后达到最长时限并销毁，请尽快提交结果、保存代码。",
        f"This session reaches its time limit in about {minutes} min and is destroyed: submit "
        "results and save your code.",
    )


def _idle(minutes: int) -> Message:
    return Message(
        f"本会话已长时间未使用，约 {minutes} 分钟后自动结束；继续操作即可保留。",
        f"This session has not been used for long and ends in about {minutes} min; any use "
        "keeps it.",
    )


def _seconds(span_us: int) -> int:
    return max(0, -(-span_us // MICROSECONDS_PER_SECOND))


def _minutes(seconds: int) -> int:
    return -(-seconds // _MINUTE_SECONDS)
