"""How many slots to keep warm: as many as would have made every recent opening warm, no more.

Each opening takes one slot, and refilling one takes a known time, one after the other. So the
openings of the last half hour are replayed through that queue: the most refills that were ever
outstanding at once is the stock with which no one would have met an empty pool.
"""

from collections import deque

from foundation.clock import MICROSECONDS_PER_SECOND

WINDOW_US = 1_800 * MICROSECONDS_PER_SECOND
OPENINGS_MAX = 4_096
"""Older ones are forgotten first; more than any host opens in half an hour."""


class Demand:
    """The openings of the last half hour. Not safe for use by several threads at once."""

    def __init__(self) -> None:
        """Nobody came yet."""
        self._openings_us: deque[int] = deque(maxlen=OPENINGS_MAX)

    def opened(self, now_us: int) -> None:
        """Remember that somebody opened a session now; times must not fall."""
        self._openings_us.append(now_us)

    def stock(self, now_us: int, refill_us: int) -> int:
        """Return how many warm slots recent openings would have needed; 0 where none were."""
        while self._openings_us and now_us - self._openings_us[0] > WINDOW_US:
            self._openings_us.popleft()
        owed_us = most_us = last_us = 0
        for opened_us in self._openings_us:
            owed_us = max(0, owed_us - (opened_us - last_us)) + refill_us
            most_us, last_us = max(most_us, owed_us), opened_us
        return -(-most_us // refill_us)
