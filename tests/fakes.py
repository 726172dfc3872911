"""The one fake of the suite: a clock with state, in two tempers."""

START_US = 1_795_000_000_000_000  # 2026-11-18T11:06:40Z


class SteppedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_us: int = START_US) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def advance(self, microseconds: int) -> None:
        self._now_us += microseconds


class TickingClock(SteppedClock):
    """A clock that moves by one microsecond at each look, so that no two entries are equal."""

    def now_us(self) -> int:
        self._now_us += 1
        return self._now_us
