"""Counts what a session sends to the screen, and says when its person's day is spent.

What a cell shows, the operator has: the budget is per person, licence and day (UTC), shared by all
sessions of that person under that licence, in bytes and in values. Nothing is shown that was not
set aside in the log before: after a crash at most one part of a day is counted too much.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer, no_effect
from audit.tags import EntryKind
from foundation.clock import MICROSECONDS_PER_DAY, Clock
from foundation.db import reading
from foundation.errors import Denied, Message, SandgateError
from foundation.identity import SYSTEM_ACTOR
from policies.schema.screen import EgressRules
from sandbox.screen_store import sandbox_egress


@dataclass(frozen=True)
class EgressAccount:
    """Whose bytes they are."""

    person: str
    licence: str


@dataclass
class _Day:
    """What one account spent in one day, and what the log has set aside for it."""

    day: int
    bytes: int = 0
    values: int = 0
    reserved_bytes: int = 0
    reserved_values: int = 0
    loaded: bool = False
    told: bool = False

    @property
    def covered(self) -> bool:
        """Whether all that was spent was set aside before."""
        return self.bytes <= self.reserved_bytes and self.values <= self.reserved_values


class EgressBudget:
    """Bytes and values out today, per account and per slot; any thread may count."""

    def __init__(self, clock: Clock, rules: EgressRules, engine: Engine, writer: Writer) -> None:
        """Know nothing yet: an account's day is read from the store when it is first used."""
        self._clock = clock
        self._rules = rules
        self._engine = engine
        self._writer = writer
        self._days: dict[EgressAccount, _Day] = {}
        self._by_slot: dict[str, int] = {}
        self._lock = threading.Lock()
        self._reserving = threading.Lock()

    def meter(self, slot: str, account: EgressAccount) -> "EgressMeter":
        """Return what counts for one slot."""
        return EgressMeter(self, slot, account)

    def slot_bytes(self, slot: str) -> int:
        """Return what one slot has sent."""
        return self._by_slot.get(slot, 0)

    def remaining(self, account: EgressAccount) -> tuple[int, int]:
        """Return the bytes and values that an account may still see today; never negative."""
        self._load(account)
        with self._lock:
            day = self._day(account)
            left = self._rules.bytes_per_day_max - day.bytes
            return max(0, left), max(0, self._rules.values_per_day_max - day.values)

    def check_open(self, account: EgressAccount) -> None:
        """Raise Denied where an account has nothing left today."""
        if min(self.remaining(account)) <= 0:
            raise Denied(
                "egress_budget_spent",
                Message(
                    "您在该授权下当日的屏幕输出额度已用尽。",
                    "Your screen budget of today under this licence is spent.",
                ),
                field="licence",
                rule="policies/screen",
                way_out=Message(
                    "请等到次日（UTC）零时后再开通；结果文件请走出域审核。",
                    "Open a session after midnight (UTC); results leave by the release desk.",
                ),
            )

    def count(self, slot: str, account: EgressAccount, byte_count: int, values: int) -> bool | None:
        """Count for a slot. True: shown; False: the day is spent; None: set more aside first."""
        with self._lock:
            day = self._day(account)
            day.bytes += byte_count
            day.values += values
            self._by_slot[slot] = self._by_slot.get(slot, 0) + byte_count
            if not self._within(day):
                return False
            return True if day.loaded and day.covered else None

    def cover(self, account: EgressAccount) -> bool:
        """Set aside, in the log, what was counted and a part of the day more; False: it is spent.

        Blocks until it is durable. Raises Unavailable where the log cannot be written.
        """
        self._load(account)
        with self._reserving:
            with self._lock:
                day = self._day(account)
                if not self._within(day):
                    return False
                if day.covered:
                    return True
                wanted = self._wanted(day)
            self._reserve(account, day.day, *wanted)
            with self._lock:
                day.reserved_bytes, day.reserved_values = wanted
                return self._within(day)

    def tell_spent(self, account: EgressAccount, session: str) -> None:
        """Log, once a day and account, that the budget is spent: an alert follows from it."""
        with self._lock:
            day = self._day(account)
            if day.told:
                return
            day.told = True
            public: dict[str, object] = {
                "person": account.person,
                "licence": account.licence,
                "session": session,
                "day": _date_of(day.day).isoformat(),
                "bytes": day.bytes,
                "values": day.values,
            }
        event = AuditEvent(EntryKind.EGRESS_SPENT, SYSTEM_ACTOR, public)
        try:
            self._writer.submit(event, no_effect)
        except SandgateError:
            day.told = False  # whoever shows something next tells it
            raise

    def _within(self, day: _Day) -> bool:
        few_bytes = day.bytes <= self._rules.bytes_per_day_max
        return few_bytes and day.values <= self._rules.values_per_day_max

    def _wanted(self, day: _Day) -> tuple[int, int]:
        steps = self._rules.steps_per_day
        wanted_bytes = day.bytes + self._rules.bytes_per_day_max // steps
        wanted_values = day.values + self._rules.values_per_day_max // steps
        return (
            max(day.reserved_bytes, min(wanted_bytes, self._rules.bytes_per_day_max)),
            max(day.reserved_values, min(wanted_values, self._rules.values_per_day_max)),
        )

    def _day(self, account: EgressAccount) -> _Day:
        today = self._clock.now_us() // MICROSECONDS_PER_DAY
        day = self._days.get(account)
        if day is None or day.day != today:
            day = self._days[account] = _Day(today)
        return day

    def _load(self, account: EgressAccount) -> None:
        """Count what an earlier process set aside today as spent."""
        with self._lock:
            day = self._day(account)
            if day.loaded:
                return
        query = select(sandbox_egress).where(*_key(account, day.day))
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        with self._lock:
            if not day.loaded and row is not None:
                day.bytes += row.reserved_bytes
                day.values += row.reserved_values
                day.reserved_bytes = row.reserved_bytes
                day.reserved_values = row.reserved_values
            day.loaded = True

    def _reserve(self, account: EgressAccount, day: int, byte_count: int, values: int) -> None:
        def apply(connection: Connection, _entry: PendingEntry) -> None:
            amounts = {"reserved_bytes": byte_count, "reserved_values": values}
            changed = connection.execute(
                update(sandbox_egress).where(*_key(account, day)).values(amounts)
            )
            if changed.rowcount == 0:
                key = {"person": account.person, "licence": account.licence, "day": day}
                connection.execute(insert(sandbox_egress).values(key | amounts))

        public = {
            "person": account.person,
            "licence": account.licence,
            "day": _date_of(day).isoformat(),
            "bytes": byte_count,
            "values": values,
        }
        self._writer.submit(AuditEvent(EntryKind.EGRESS_RESERVED, SYSTEM_ACTOR, public), apply)


@dataclass(frozen=True)
class EgressMeter:
    """Counts for one slot of one account."""

    budget: EgressBudget
    slot: str
    account: EgressAccount

    def count(self, byte_count: int, values: int) -> bool | None:
        """Count; see ``EgressBudget.count``. Never blocks."""
        return self.budget.count(self.slot, self.account, byte_count, values)

    def cover(self) -> bool:
        """Set more aside; blocks. An unwritable log counts as spent: nothing is shown."""
        try:
            return self.budget.cover(self.account)
        except SandgateError:
            return False


def _key(account: EgressAccount, day: int) -> tuple[ColumnElement[bool], ...]:
    table = sandbox_egress.c
    return (table.person == account.person, table.licence == account.licence, table.day == day)


def _date_of(day: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
