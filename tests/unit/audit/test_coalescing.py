"""A flood of refusals is counted, and the count is never lost."""

from collections.abc import Callable
from typing import Any

import pytest

from audit.coalescing import WINDOW_US, CoalescingLog
from audit.events import AuditEvent, Recorded
from audit.tags import EntryKind
from foundation.identity import SYSTEM_ACTOR
from tests.fakes import SteppedClock


class Kept:
    """A writer that keeps what it is given, or refuses."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.broken = False

    def submit(self, event: AuditEvent, _apply: Callable[..., Any]) -> Recorded[Any]:
        if self.broken:
            raise OSError("full disk")
        self.events.append(event)
        return Recorded(len(self.events), 0, b"", "receipt", None)

    def counts(self) -> list[object]:
        found = [event for event in self.events if event.kind is EntryKind.REFUSALS_COALESCED]
        return [event.public["count"] for event in found]


REFUSAL = AuditEvent(EntryKind.REQUEST_REFUSED, SYSTEM_ACTOR)


def test_past_the_limit_refusals_are_counted_and_the_next_minute_writes_the_count(
    clock: SteppedClock,
) -> None:
    kept = Kept()
    log = CoalescingLog(kept, clock, 2)
    receipts = [log.record(("a",), REFUSAL, {}) for _ in range(5)]
    assert receipts == ["receipt", "receipt", None, None, None]
    log.write_counted()
    assert kept.counts() == []
    clock.advance(WINDOW_US)
    log.record(("a",), REFUSAL, {})
    assert kept.counts() == [3]


def test_each_key_has_a_limit_of_its_own(clock: SteppedClock) -> None:
    log = CoalescingLog(Kept(), clock, 1)
    assert [log.record((key,), REFUSAL, {}) for key in "aabb"] == ["receipt", None] * 2


def test_a_count_that_could_not_be_written_is_owed_still(clock: SteppedClock) -> None:
    kept = Kept()
    log = CoalescingLog(kept, clock, 1)
    for _ in range(4):
        log.record(("a",), REFUSAL, {})
    kept.broken = True
    with pytest.raises(OSError, match="full disk"):
        log.write_counted(everything=True)
    kept.broken = False
    log.write_counted(everything=True)
    assert kept.counts() == [3]
