"""Counts the bytes a session sends to the screen, and says when its person's day is spent.

What a cell shows, the operator has: the budget is per person, licence and day (UTC), shared by all
sessions of that person under that licence.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from foundation.clock import MICROSECONDS_PER_DAY, Clock


@dataclass(frozen=True)
class EgressAccount:
    """Whose bytes they are."""

    person: str
    licence: str


class EgressBudget:
    """Bytes out today, per account and per slot."""

    def __init__(self, clock: Clock, bytes_per_day_max: int) -> None:
        """Start the day with nothing spent."""
        self._clock = clock
        self._bytes_per_day_max = bytes_per_day_max
        self._spent: dict[tuple[EgressAccount, int], int] = {}
        self._by_slot: dict[str, int] = {}
        self._lock = threading.Lock()

    def meter(self, slot: str, account: EgressAccount) -> Callable[[int], bool]:
        """Return a function that counts bytes for a slot and answers whether they were within."""

        def count(byte_count: int) -> bool:
            return self._count(slot, account, byte_count)

        return count

    def carry_over(self, account: EgressAccount, byte_count: int, time_us: int) -> None:
        """Add what an account spent by then, before this process started."""
        with self._lock:
            key = (account, time_us // MICROSECONDS_PER_DAY)
            self._spent[key] = self._spent.get(key, 0) + byte_count

    def slot_bytes(self, slot: str) -> int:
        """Return what one slot has sent."""
        return self._by_slot.get(slot, 0)

    def remaining_bytes(self, account: EgressAccount) -> int:
        """Return what the account may still send today; never negative."""
        return max(0, self._bytes_per_day_max - self._spent.get((account, self._today()), 0))

    def _count(self, slot: str, account: EgressAccount, byte_count: int) -> bool:
        with self._lock:
            key = (account, self._today())
            self._spent[key] = self._spent.get(key, 0) + byte_count
            self._by_slot[slot] = self._by_slot.get(slot, 0) + byte_count
            return self._spent[key] <= self._bytes_per_day_max

    def _today(self) -> int:
        return self._clock.now_us() // MICROSECONDS_PER_DAY
