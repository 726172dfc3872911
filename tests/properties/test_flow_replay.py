"""Whatever truly happens to money, the offline replay of the log finds that it had to follow.

The machine of the flow drives the real tables at random; each run's entries are then replayed by
the verifier's own code, which must have nothing to say.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import settings
from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.verify.evidence import CLOSED, read_evidence
from audit.verify.findings import Report
from audit.verify.flow import verify_flow
from foundation.db import reading
from revenue.export import export_ledger
from revenue.flow.moving import MoneyMoves
from tests.fakes import TickingClock
from tests.properties.test_money_machine import DirectWriter, MoneyMachine
from tests.unit.revenue.settling import RULES

T = TypeVar("T")


class LoggingWriter(DirectWriter):
    """Keeps what the log would say of each entry that was committed."""

    def __init__(self, scene: Any) -> None:
        super().__init__(scene)
        self.entries: dict[int, dict[str, Any]] = {}

    def submit(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        amended: dict[str, Any] = {}

        def effect(connection: Connection, entry: Any) -> T:
            value = apply(connection, entry)
            amended.update(entry.public)
            return value

        recorded = super().submit(event, effect)
        actor = {"person": event.actor.person, "organisation": event.actor.organisation}
        self.entries[recorded.index] = {
            "index": recorded.index,
            "time_us": 1,
            "kind": event.kind.value,
            "actor": actor,
            "public": {**event.public, **amended},
        }
        return recorded


class ReplayedMachine(MoneyMachine):
    """The machine of the flow, whose log is replayed once it stops."""

    def __init__(self) -> None:
        super().__init__()
        self.writer: LoggingWriter = LoggingWriter(self.scene)
        self.moves = MoneyMoves(
            self.scene.engine, self.writer, TickingClock(), RULES, lambda *_: self._answer()
        )

    def teardown(self) -> None:
        with reading(self.scene.engine) as connection:
            files = dict(export_ledger(connection))
        evidence = read_evidence(files, self._log(files), ())
        report = Report()
        verify_flow(evidence, report)
        super().teardown()
        assert report.findings == []

    def _log(self, files: dict[str, bytes]) -> list[dict[str, Any]]:
        closed = read_evidence(files, (), ()).statements.values()
        entries = dict(self.writer.entries)
        for statement in closed:
            index, public = statement["close_index"], {"period": statement["period"]}
            entries[index] = {"index": index, "kind": CLOSED, "public": public, "time_us": 1}
        return [entries[index] for index in sorted(entries)]


def test_one_run_through_every_kind_of_journal_replays() -> None:
    machine = ReplayedMachine()
    machine.begin()
    for _ in range(3):
        machine.use("lic_a", "a")
    machine.close()
    machine.receive(4_000, crash=False)
    for payee in ("civil_affairs", "education", "platform"):
        machine.confirm(payee)
    machine.dispute("education", 0)
    machine.hold(0)
    machine.distribute(crash=False, pick=0)
    machine.pay_out(fails=False, crash=False)
    machine.decide(0, 1_500, crash=False)
    machine.receive(3_000, crash=False)
    machine.refund(1, "unmatched")
    log = machine.writer.entries.values()
    assert {"revenue:dispute:decided", "revenue:pool:distributed"} <= {one["kind"] for one in log}
    machine.teardown()


TestReplay = ReplayedMachine.TestCase
TestReplay.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
