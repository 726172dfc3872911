"""Where submissions wait for the writer, and how they are gathered into batches.

A lone caller never waits for company. Where several callers take turns, the writer gives those
of the last batch a moment to come back, so that one sync serves them all.
"""

import threading

from audit.batch import Waiting
from foundation.errors import Message, Unavailable

BATCH_ITEMS_MAX = 256
GATHER_SECONDS_MAX = 0.002


class Intake:
    """A queue with one reader that takes many items at once."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self._changed = threading.Condition()
        self._waiting: list[Waiting] = []
        self._wanted = 1
        self._last = 0
        self._closed = False

    def put(self, item: Waiting) -> None:
        """Hand in an item. Raises Unavailable once closed."""
        with self._changed:
            if self._closed:
                raise closed_error()
            self._waiting.append(item)
            if len(self._waiting) >= self._wanted:
                self._changed.notify()

    def take(self) -> list[Waiting]:
        """Wait for the next batch; an empty one means closed and finished."""
        with self._changed:
            callers = self._last + len(self._waiting)
            self._wait_for(1, None)
            self._wait_for(min(callers, BATCH_ITEMS_MAX), GATHER_SECONDS_MAX)
            batch = self._waiting[:BATCH_ITEMS_MAX]
            del self._waiting[:BATCH_ITEMS_MAX]
            self._last = len(batch)
            return batch

    def close(self) -> None:
        """Accept nothing more; what waits is still served."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _wait_for(self, wanted: int, timeout_seconds: float | None) -> None:
        self._wanted = wanted
        self._changed.wait_for(
            lambda: self._closed or len(self._waiting) >= wanted, timeout_seconds
        )


def closed_error() -> Unavailable:
    """Say that the log takes no more entries."""
    return Unavailable(
        "log_closed",
        Message(
            zh="审计日志已关闭，操作未执行。",
            en="The audit log is closed; nothing was done.",
        ),
    )
