"""Every refused question is an entry; a flood of them is counted instead, and the count is one.

The first refusals of a person in a minute are logged each; later ones raise a counter that is
written as one entry when the minute is over or the next question comes.
"""

import threading
from dataclasses import dataclass

from audit.events import AuditEvent, Writer, no_effect
from audit.tags import EntryKind
from disclosure.scope import QuestionScope
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import SandgateError

WINDOW_US = 60 * MICROSECONDS_PER_SECOND


@dataclass
class _Window:
    """One person's refusals since the window opened."""

    opened_us: int
    logged: int = 0
    counted: int = 0


class RefusalsLog:
    """Writes refusals, or counts them when they come too fast."""

    def __init__(self, writer: Writer, clock: Clock, logged_per_minute_max: int) -> None:
        """Nothing is counted yet; the limit comes from a rule file."""
        self._writer = writer
        self._clock = clock
        self._logged_per_minute_max = logged_per_minute_max
        self._windows: dict[tuple[str, str], _Window] = {}
        self._lock = threading.Lock()

    def record(
        self, scope: QuestionScope, question: str, sql: str, refusal: SandgateError
    ) -> str | None:
        """Log one refusal; return its receipt, or None where it was only counted."""
        logged, overdue = self._admit(scope)
        if overdue:
            self._write_count(scope, overdue)
        if not logged:
            return None
        public = {
            **scope.as_public(),
            "question": question,
            "code": refusal.code,
            "rule": refusal.rule,
        }
        event = AuditEvent(EntryKind.QUESTION_REFUSED, scope.actor, public, {"sql": sql})
        return self._writer.submit(event, no_effect).receipt

    def flush(self, scope: QuestionScope) -> None:
        """Write what is still only counted for a person, for example when a session ends."""
        with self._lock:
            window = self._windows.pop((scope.licence, scope.actor.person), None)
        if window is not None and window.counted:
            self._write_count(scope, window.counted)

    def _admit(self, scope: QuestionScope) -> tuple[bool, int]:
        """Decide whether this refusal is logged, and how many earlier ones are owed an entry."""
        now_us = self._clock.now_us()
        key = (scope.licence, scope.actor.person)
        with self._lock:
            window = self._windows.get(key)
            overdue = 0
            if window is None or now_us - window.opened_us >= WINDOW_US:
                overdue = window.counted if window is not None else 0
                window = self._windows[key] = _Window(now_us)
            if window.logged < self._logged_per_minute_max:
                window.logged += 1
                return True, overdue
            window.counted += 1
            return False, overdue

    def _write_count(self, scope: QuestionScope, count: int) -> None:
        public = {**scope.as_public(), "count": count}
        event = AuditEvent(EntryKind.REFUSALS_COALESCED, scope.actor, public)
        self._writer.submit(event, no_effect)
