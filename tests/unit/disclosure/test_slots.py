"""A slot ends when it was to end, however long the work in it took."""

import time

import pytest

from disclosure.slots import LEFT_US_MIN, Slot
from foundation.clock import MICROSECONDS_PER_SECOND, SystemClock
from tests.fakes import START_US, SteppedClock

LENGTH_US = 100_000


@pytest.mark.parametrize(
    ("taken_us", "is_over", "left_us"),
    [
        (0, False, LENGTH_US),
        (LENGTH_US - 1, False, LEFT_US_MIN),
        (LENGTH_US, True, LEFT_US_MIN),
        (3 * LENGTH_US, True, LEFT_US_MIN),
        (-1, False, LENGTH_US),  # a clock set back makes no slot longer
    ],
)
def test_a_slot_knows_what_is_left_of_it(taken_us: int, is_over: bool, left_us: int) -> None:
    slot = Slot(SteppedClock(START_US + taken_us), START_US, LENGTH_US)
    assert slot.is_over is is_over
    assert slot.seconds_left == left_us / MICROSECONDS_PER_SECOND


@pytest.mark.parametrize("work_seconds", [0.0, 0.03, 0.12])
def test_whatever_the_work_took_it_ends_with_a_whole_slot(work_seconds: float) -> None:
    slot = Slot.beginning_now(SystemClock(), LENGTH_US)
    time.sleep(work_seconds)
    slots = 1 + slot.taken_us // LENGTH_US
    slot.wait()
    assert slots * LENGTH_US <= slot.taken_us < (slots + 1) * LENGTH_US
