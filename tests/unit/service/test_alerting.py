"""Alerts over a real log, by processes that are killed anywhere: none lost, none twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent, no_effect
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.db import metadata, reading
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.alerts import AlertRules
from service.migrate import import_stores
from service.regulator.alerting import Alerting, alerts
from tests.fakes import SteppedClock
from tests.unit.service.test_alert_windows import CALENDAR

PACK = load_policies()
RULES = PACK.rules(AlertRules)
BURST = RULES.refused_bursts.minimum
ANALYST = Actor("analyst", "operator", frozenset({Role.OPERATOR}))


class Log:
    """A log, and fresh readers of it, as each start of the service makes one."""

    def __init__(self, engine: Engine, writer: GroupCommitWriter, clock: SteppedClock) -> None:
        self.engine = engine
        self.writer = writer
        self.clock = clock

    def started(self) -> Alerting:
        return Alerting(
            self.engine, self.writer, self.clock, RULES, CALENDAR, lambda _c: {}, PACK.digest
        )

    def refuse(self, times: int = 1) -> None:
        for _ in range(times):
            event = AuditEvent(EntryKind.QUESTION_REFUSED, ANALYST, {"code": "x"})
            self.writer.submit(event, no_effect)

    def raised(self) -> list[int]:
        """Return the alerts' triggers, counted in refusals, in the order of the log."""
        with reading(self.engine) as connection:
            refused = [
                entry.index
                for entry in read_entries(connection, kinds=[EntryKind.QUESTION_REFUSED])
            ]
            found = [alert.trigger_index for alert in alerts(connection)]
            logged = read_entries(connection, kinds=[EntryKind.ALERT_RAISED])
        assert len(found) == len(logged)
        return [refused.index(trigger) + 1 for trigger in reversed(found)]


@pytest.fixture
def log(engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path) -> Iterator[Log]:
    import_stores()
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        yield Log(engine, writer, clock)


def test_a_process_killed_after_every_entry_raises_what_one_that_lives_does(log: Log) -> None:
    for _ in range(3 * BURST + 1):
        log.refuse()
        log.started().evaluate()
    assert log.raised() == [BURST, 2 * BURST, 3 * BURST]


def test_a_process_killed_before_it_read_on_loses_nothing(log: Log) -> None:
    log.refuse(BURST + 1)
    assert log.started().evaluate() == 1
    log.refuse(2 * BURST)
    assert log.started().evaluate() == 2
    assert log.started().evaluate() == 0
    assert log.raised() == [BURST, 2 * BURST, 3 * BURST]


def test_what_the_log_told_as_checked_is_not_read_again_and_nothing_after_it_is_skipped(
    log: Log,
) -> None:
    alerting = log.started()
    log.refuse(BURST - 1)
    alerting.evaluate()
    alerting.tell()
    log.refuse()
    again = log.started()
    assert again.status()["unchecked"] == 2  # the entry that told, and the refusal
    assert again.evaluate() == 1
    assert again.status()["unchecked"] == 0
    assert log.raised() == [BURST]


def test_a_burst_spread_over_a_longer_time_is_none(log: Log) -> None:
    step_us = RULES.refused_bursts.window_seconds * MICROSECONDS_PER_SECOND // (BURST - 1) + 1
    alerting = log.started()
    for _ in range(3 * BURST):
        log.refuse()
        log.clock.advance(step_us)
        alerting.evaluate()
    assert log.raised() == []


def test_a_log_that_cannot_be_written_loses_no_alert(log: Log) -> None:
    class Full:
        def submit(self, *_arguments: object) -> None:
            raise OSError("disk full")

    log.refuse(BURST)
    alerting = log.started()
    alerting._writer = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="disk full"):
        alerting.evaluate()
    alerting._writer = log.writer
    assert alerting.evaluate() == 1
    assert log.raised() == [BURST]
