"""The fixed slot in which an answer about people leaves: how long it took tells nothing (I14)."""

import time
from dataclasses import dataclass

from foundation.clock import MICROSECONDS_PER_SECOND, Clock

LEFT_US_MIN = 1_000


@dataclass(frozen=True)
class Slot:
    """A slot that began at ``started_us`` and is ``length_us`` long; others follow it at once."""

    clock: Clock
    started_us: int
    length_us: int

    @classmethod
    def beginning_now(cls, clock: Clock, length_us: int) -> "Slot":
        """Begin a slot at this moment."""
        return cls(clock, clock.now_us(), length_us)

    @property
    def taken_us(self) -> int:
        """How long ago the slot began."""
        return max(self.clock.now_us() - self.started_us, 0)

    @property
    def is_over(self) -> bool:
        """Tell whether the slot has ended."""
        return self.taken_us >= self.length_us

    @property
    def seconds_left(self) -> float:
        """What may still be spent inside the slot; a millisecond at least."""
        return max(self.length_us - self.taken_us, LEFT_US_MIN) / MICROSECONDS_PER_SECOND

    def wait(self) -> None:
        """Wait for the end of the slot, or of the one running now where this is over."""
        time.sleep((self.length_us - self.taken_us % self.length_us) / MICROSECONDS_PER_SECOND)
