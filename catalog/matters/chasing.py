"""What becomes of a matter that nobody decides: it is called to mind, listed, and raised higher.

Each step has its own entry and its notice in the same transaction, and none of them decides the
matter. A provisional due date is fixed by an entry as soon as its year's list is in force; a date
that is not provisional is never counted again.
"""

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.matters.clocks import Clocks
from catalog.matters.matter import Due, Matter, MatterState
from catalog.matters.opening import named, required, store_moved
from catalog.matters.reads import matter_of
from catalog.matters.store import matter_table
from catalog.matters.telling import escalation, reminder, settled
from catalog.notices.outbox import enqueue
from foundation.clock import MICROSECONDS_PER_DAY, Clock
from foundation.db import reading
from foundation.errors import Conflict, Message
from foundation.identity import SYSTEM_ACTOR, Role
from policies.schema.notices import NoticeRules

ROUND_MAX = 200


@dataclass(frozen=True)
class Chase:
    """Calls open matters to mind and raises those that are overdue.

    ``authority`` is the organisation id of the data authority.
    """

    engine: Engine
    writer: Writer
    clock: Clock
    clocks: Clocks
    rules: NoticeRules
    authority: str

    def run_once(self) -> int:
        """Take every step that is due now; return how many were taken."""
        now_us = self.clock.now_us()
        with reading(self.engine) as connection:
            near = self._near(connection, now_us)
            provisional = self._provisional(connection)
        steps = 0
        for found in provisional:
            if found.due is not None and self._settled(found, found.due) is not None:
                with suppress(Conflict):  # decided meanwhile
                    self.settle(found.id)
                    steps += 1
        for found in near:
            with suppress(Conflict):
                steps += self._step(found, now_us)
        return steps

    def settle(self, matter_id: str) -> Recorded[Matter]:
        """Fix a provisional due date by the list that is now in force."""

        def apply(connection: Connection, entry: PendingEntry) -> Matter:
            current = required(connection, matter_id, MatterState.OPEN)
            due = None if current.due is None else self._settled(current, current.due)
            if due is None or current.due is None:
                raise _moved_on()
            moved = current.model_copy(update={"due": due, "reminded": 0})
            store_moved(connection, entry, moved, "settled", was=current.due.on)
            entry.amend(matter=named(moved), was=current.due.on)
            enqueue(connection, entry, settled(moved, current.due.on, due.on))
            return moved

        return self.writer.submit(AuditEvent(EntryKind.MATTER_SETTLED, SYSTEM_ACTOR), apply)

    def _step(self, found: Matter, now_us: int) -> int:
        reminded, escalated = self._reached(found, now_us)
        if escalated > found.escalated:
            self._raise_higher(found.id)
            return 1
        if reminded > found.reminded:
            self._remind(found.id)
            return 1
        return 0

    def _remind(self, matter_id: str) -> None:
        def apply(connection: Connection, entry: PendingEntry) -> Matter:
            current = required(connection, matter_id, MatterState.OPEN)
            step, _ = self._reached(current, entry.time_us)
            if step <= current.reminded or current.due is None:
                raise _moved_on()
            moved = current.model_copy(update={"reminded": step})
            store_moved(connection, entry, moved, "reminded", step=step)
            entry.amend(matter=named(moved), step=step)
            enqueue(connection, entry, reminder(moved, current.due))
            return moved

        self.writer.submit(AuditEvent(EntryKind.MATTER_REMINDED, SYSTEM_ACTOR), apply)

    def _raise_higher(self, matter_id: str) -> None:
        def apply(connection: Connection, entry: PendingEntry) -> Matter:
            current = required(connection, matter_id, MatterState.OPEN)
            _, reached = self._reached(current, entry.time_us)
            step = current.escalated + 1
            if step > reached or current.due is None:
                raise _moved_on()
            to = Role(self.rules.escalations[step - 1].to)
            house = self.authority if to is Role.AUTHORITY else current.handler
            moved = current.model_copy(
                update={"escalated": step, "reminded": len(self.rules.remind_days_before)}
            )
            store_moved(connection, entry, moved, "escalated", step=step, to=str(to))
            entry.amend(matter=named(moved), step=step, to=str(to))
            enqueue(connection, entry, escalation(moved, current.due, house, to))
            return moved

        self.writer.submit(AuditEvent(EntryKind.MATTER_ESCALATED, SYSTEM_ACTOR), apply)

    def _reached(self, found: Matter, now_us: int) -> tuple[int, int]:
        """Return how many reminders and escalations a matter should have had by now."""
        if found.due is None or found.state is not MatterState.OPEN:
            return 0, 0
        left_us = found.due.us - now_us
        before = self.rules.remind_days_before
        reminded = sum(left_us <= days * MICROSECONDS_PER_DAY for days in before)
        after = (step.after_days for step in self.rules.escalations)
        escalated = sum(-left_us >= days * MICROSECONDS_PER_DAY for days in after)
        return (len(before) if left_us <= 0 else reminded), escalated

    def _near(self, connection: Connection, now_us: int) -> list[Matter]:
        """Read the matters that may owe a step, the most urgent first."""
        table = matter_table
        horizon_us = now_us + self.rules.remind_days_before[0] * MICROSECONDS_PER_DAY
        steps, raised = len(self.rules.remind_days_before), len(self.rules.escalations)
        query = (
            select(table)
            .where(table.c.state == str(MatterState.OPEN), table.c.due_us <= horizon_us)
            .where((table.c.reminded < steps) | (table.c.escalated < raised))
            .order_by(table.c.due_us)
        )
        found = (matter_of(row) for row in connection.execute(query))
        owing = [item for item in found if self._owes(item, now_us)]
        return owing[:ROUND_MAX]

    def _owes(self, found: Matter, now_us: int) -> bool:
        reminded, escalated = self._reached(found, now_us)
        return reminded > found.reminded or escalated > found.escalated

    def _provisional(self, connection: Connection) -> list[Matter]:
        table = matter_table
        query = select(table).where(
            table.c.provisional.is_(True), table.c.state == str(MatterState.OPEN)
        )
        return [matter_of(row) for row in connection.execute(query.limit(ROUND_MAX))]

    def _settled(self, found: Matter, due: Due) -> Due | None:
        if not due.provisional:
            return None
        return self.clocks.settled(due, self.clocks.rules.calendar.civil_day(found.started_us))


def _moved_on() -> Conflict:
    return Conflict(
        "matter_moved_on", Message("办件已有变化。", "The matter has moved on meanwhile.")
    )
