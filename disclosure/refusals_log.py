"""Every refused question is an entry; a flood of them is counted instead, and the count is one.

The first refusals of a person in a minute are logged each; later ones raise a counter that is
written as one entry when the minute is over or the service stops.
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

    scope: QuestionScope
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
        public = {
            **scope.as_public(),
            "question": question,
            "code": refusal.code,
            "rule": refusal.rule,
        }
        event = AuditEvent(EntryKind.QUESTION_REFUSED, scope.actor, public, {"sql": sql})
        return self._write(scope, event)

    def record_attempt(
        self, scope: QuestionScope, label: str, code: str, *, stopped: bool
    ) -> str | None:
        """Log what a session says it tried of its sandbox: its own word, counted like refusals."""
        public = {**scope.as_public(), "code": code, "stopped": stopped, "told_by": "session"}
        event = AuditEvent(EntryKind.ATTEMPT_REPORTED, scope.actor, public, {"label": label})
        return self._write(scope, event)

    def write_counted(self, *, everything: bool = False) -> None:
        """Write the counts of minutes that are over, or all of them when the service stops."""
        now_us = self._clock.now_us()
        with self._lock:
            over = [
                key
                for key, window in self._windows.items()
                if everything or now_us - window.opened_us >= WINDOW_US
            ]
            due = [self._windows.pop(key) for key in over]
        for window in due:
            self._write_count(window)

    def _write(self, scope: QuestionScope, event: AuditEvent) -> str | None:
        logged, overdue = self._admit(scope)
        if overdue is not None:
            self._write_count(overdue)
        return self._writer.submit(event, no_effect).receipt if logged else None

    def _admit(self, scope: QuestionScope) -> tuple[bool, _Window | None]:
        """Decide whether this refusal is logged; return an earlier minute that is owed an entry."""
        now_us = self._clock.now_us()
        key = (scope.licence, scope.actor.person)
        with self._lock:
            window = self._windows.get(key)
            overdue = None
            if window is None or now_us - window.opened_us >= WINDOW_US:
                overdue = window
                window = self._windows[key] = _Window(scope, now_us)
            if window.logged < self._logged_per_minute_max:
                window.logged += 1
                return True, overdue
            window.counted += 1
            return False, overdue

    def _write_count(self, window: _Window) -> None:
        """Write one count; where the log cannot, it is owed still."""
        if not window.counted:
            return
        scope = window.scope
        public = {**scope.as_public(), "count": window.counted}
        event = AuditEvent(EntryKind.REFUSALS_COALESCED, scope.actor, public)
        try:
            self._writer.submit(event, no_effect)
        except BaseException:
            with self._lock:
                key = (scope.licence, scope.actor.person)
                self._windows.setdefault(
                    key, _Window(scope, window.opened_us)
                ).counted += window.counted
            raise
