"""A flood of refusals is counted, not written: each is an entry, or part of one that counts.

The first of a key in a minute are logged each; later ones raise a counter that becomes one entry
when the minute is over, when the next one comes, or when the service stops.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from audit.events import AuditEvent, Writer, no_effect
from audit.tags import EntryKind
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.identity import Actor

WINDOW_US = 60 * MICROSECONDS_PER_SECOND
Key = tuple[str, ...]


@dataclass
class _Window:
    """What one key brought since its minute began; ``about`` is what the count's entry names."""

    actor: Actor
    about: Mapping[str, object]
    opened_us: int
    logged: int = 0
    counted: int = field(default=0)


class CoalescingLog:
    """Writes refusals, or counts them when they come too fast."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        logged_per_minute_max: int,
        *,
        counted_as: EntryKind = EntryKind.REFUSALS_COALESCED,
    ) -> None:
        """Nothing is counted yet; the limit comes from a rule file."""
        self._counted_as = counted_as
        self._writer = writer
        self._clock = clock
        self._logged_per_minute_max = logged_per_minute_max
        self._windows: dict[Key, _Window] = {}
        self._lock = threading.Lock()

    def record(self, key: Key, event: AuditEvent, about: Mapping[str, object]) -> str | None:
        """Log one refusal; return its receipt, or None where it was only counted."""
        logged, overdue = self._admit(key, event.actor, about)
        if overdue is not None:
            self._write_count(key, overdue)
        return self._writer.submit(event, no_effect).receipt if logged else None

    def write_counted(self, *, everything: bool = False) -> None:
        """Write the counts of minutes that are over, or all of them when the service stops."""
        now_us = self._clock.now_us()
        with self._lock:
            over = [
                key
                for key, window in self._windows.items()
                if everything or now_us - window.opened_us >= WINDOW_US
            ]
            due = [(key, self._windows.pop(key)) for key in over]
        for key, window in due:
            self._write_count(key, window)

    def _admit(
        self, key: Key, actor: Actor, about: Mapping[str, object]
    ) -> tuple[bool, _Window | None]:
        """Decide whether this one is logged; return an earlier minute that is owed an entry."""
        now_us = self._clock.now_us()
        with self._lock:
            window = self._windows.get(key)
            overdue = None
            if window is None or now_us - window.opened_us >= WINDOW_US:
                overdue = window
                window = self._windows[key] = _Window(actor, about, now_us)
            if window.logged < self._logged_per_minute_max:
                window.logged += 1
                return True, overdue
            window.counted += 1
            return False, overdue

    def _write_count(self, key: Key, window: _Window) -> None:
        """Write one count; where the log cannot, it is owed still."""
        if not window.counted:
            return
        public = {**window.about, "count": window.counted}
        event = AuditEvent(self._counted_as, window.actor, public)
        try:
            self._writer.submit(event, no_effect)
        except BaseException:
            with self._lock:
                owed = _Window(window.actor, window.about, window.opened_us)
                self._windows.setdefault(key, owed).counted += window.counted
            raise
