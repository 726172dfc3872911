"""The one clock: every time in the system is an integer of UTC microseconds read here.

Code never asks the operating system for the time itself; it is handed a ``Clock``.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_DAY = 86_400 * MICROSECONDS_PER_SECOND


class Clock(Protocol):
    """Something that knows the time."""

    def now_us(self) -> int:
        """Return the time in microseconds since 1970-01-01T00:00Z."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_us(self) -> int:
        """Return the machine's time in UTC microseconds."""
        return time.time_ns() // 1_000


def to_iso(time_us: int) -> str:
    """Render UTC microseconds as ISO 8601 with a trailing ``Z`` and six decimals."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_iso(text: str) -> int:
    """Read an ISO 8601 date or time with an offset into UTC microseconds.

    A bare date means its midnight in UTC. Raises ValueError where the text is no such time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return delta // timedelta(microseconds=1)
