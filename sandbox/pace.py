"""How often one session may do a thing in a minute, and how often the log hears that it may not."""

import threading
from collections import deque

from foundation.clock import MICROSECONDS_PER_SECOND, Clock

MINUTE_US = 60 * MICROSECONDS_PER_SECOND


class Pace:
    """Counts what one session does; any thread may ask."""

    def __init__(self, clock: Clock, per_minute_max: int) -> None:
        """Nothing was done yet."""
        self._clock = clock
        self._per_minute_max = per_minute_max
        self._begun_us: deque[int] = deque()
        self._told_us: dict[str, int] = {}
        self._lock = threading.Lock()

    def too_many(self) -> bool:
        """Tell whether one more within this minute is too many; where it is not, it is counted."""
        now_us = self._clock.now_us()
        with self._lock:
            while self._begun_us and self._begun_us[0] <= now_us - MINUTE_US:
                self._begun_us.popleft()
            if len(self._begun_us) >= self._per_minute_max:
                return True
            self._begun_us.append(now_us)
            return False

    def is_first_of_a_minute(self, code: str) -> bool:
        """Tell whether a refusal of this code is the first in a minute: the others are not told."""
        now_us = self._clock.now_us()
        with self._lock:
            if now_us - self._told_us.get(code, -MINUTE_US) < MINUTE_US:
                return False
            self._told_us[code] = now_us
            return True
