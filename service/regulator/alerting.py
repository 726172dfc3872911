"""Alerts, raised from the log alone: read once in order, and told up to where it was read.

Each alert is an entry and a row, together. Where this process stops, the next goes on from the
place that the log last told, and raises nothing twice; so silence up to a place means that nothing
reached a rule there, and says nothing about what comes after it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.view.search import index_at, log_size
from foundation.calendar import WorkingDayCalendar
from foundation.canonical import canonical_bytes, digest
from foundation.clock import MICROSECONDS_PER_SECOND, Clock, to_iso
from foundation.db import reading
from foundation.errors import Conflict, Message, NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from policies.schema.alerts import AlertRules
from service.regulator.alert_checks import CHECK_WORDS, Checks
from service.regulator.alert_rules import rules_in_force
from service.regulator.alert_store import KEY_CHARACTERS_MAX, alert, alert_acknowledgement
from service.regulator.alert_windows import ActiveRule, Signal, Windows

BATCH = 1_000
BATCHES_MAX = 5
_OWN_KINDS = (EntryKind.ALERT_RAISED, EntryKind.ALERTS_EVALUATED)
_TOLD = "read_end"
CapsNow = Callable[[Connection], Mapping[str, int]]


@dataclass(frozen=True)
class Alert:
    """An alert as it was raised, and who acknowledged it, if anybody did."""

    id: str
    rule: str
    check: str
    about: Mapping[str, Any]
    figure: int
    minimum: int
    window_seconds: int
    evidence: tuple[int, ...]
    trigger_index: int
    entry_index: int
    raised_us: int
    acknowledged_by: str | None
    acknowledged_us: int | None

    def as_json(self, language: str) -> dict[str, object]:
        """Return the alert for a reader."""
        words = next(text for name, text in CHECK_WORDS.items() if name == self.check)
        return {
            "id": self.id,
            "rule": self.rule,
            "check": self.check,
            "sentence": words.in_language(language),
            "about": dict(self.about),
            "figure": self.figure,
            "minimum": self.minimum,
            "window_seconds": self.window_seconds,
            "evidence": list(self.evidence),
            "trigger_index": self.trigger_index,
            "entry": self.entry_index,
            "raised": to_iso(self.raised_us),
            "acknowledged_by": self.acknowledged_by,
            "acknowledged": None if self.acknowledged_us is None else to_iso(self.acknowledged_us),
        }


class Alerting:
    """Reads the log on behalf of every rule; one thread evaluates, any may ask how far."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        clock: Clock,
        rules: AlertRules,
        calendar: WorkingDayCalendar,
        caps_now: CapsNow,
        policy_digest: str,
    ) -> None:
        """Join log, rules and calendar. Nothing is read before the first ``evaluate``."""
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._rules = rules
        self._caps_now = caps_now
        self._policy_digest = policy_digest
        self._caps: Mapping[str, int] = {}
        self._checks = Checks(rules, calendar, self._cap)
        self._windows: Windows | None = None
        self._in_force: tuple[ActiveRule, ...] = ()
        self._read_end = 0
        self._told_us = clock.now_us()
        self._told_end = 0
        self._raised_since_told = 0

    def evaluate(self) -> int:
        """Read what the log gained, raise what reached a rule; return how many alerts.

        What fails leaves nothing skipped: the next call begins again where the log was told last.
        """
        raised = 0
        try:
            for _ in range(BATCHES_MAX):
                found = self._evaluate_batch()
                if found is None:
                    break
                raised += found
            self._tell_if_due()
        except BaseException:
            self._windows = None
            raise
        return raised

    def tell(self) -> None:
        """Log up to where the rules were checked, if any entry of others was read since."""
        if self._windows is None or not self._read_more():
            return
        public: dict[str, object] = {
            _TOLD: self._read_end,
            "rules": len(self._in_force),
            "rules_digest": _rules_digest(self._in_force),
            "raised": self._raised_since_told,
            "policy_digest": self._policy_digest,
        }
        event = AuditEvent(EntryKind.ALERTS_EVALUATED, SYSTEM_ACTOR, public)
        self._writer.submit(event, no_effect)
        self._told_us, self._told_end = self._clock.now_us(), self._read_end
        self._raised_since_told = 0

    def status(self) -> dict[str, object]:
        """Tell how far the log was checked, how long it is, and which years lack a calendar."""
        with reading(self._engine) as connection:
            size = log_size(connection)
            read_end = self._read_end if self._windows is not None else told_end(connection)
            rules = rules_in_force(connection, self._rules)
        return {
            "checked_up_to": read_end,
            "log_size": size,
            "unchecked": size - read_end,
            "rules": len(rules),
            "calendar_missing_years": sorted(self._checks.uncovered_years),
        }

    def _cap(self, level: str) -> int | None:
        return self._caps.get(level)

    def _evaluate_batch(self) -> int | None:
        """Read one batch; None where nothing was left to read."""
        with reading(self._engine) as connection:
            in_force = rules_in_force(connection, self._rules)
            self._caps = self._caps_now(connection)
            if self._windows is None or in_force != self._in_force:
                self._begin(connection, in_force)
            entries = read_entries(connection, first=self._read_end, limit=BATCH)
        if not entries:
            return None
        assert self._windows is not None  # noqa: S101 - _begin made it
        raised = 0
        for entry in entries:
            for signal in self._windows.feed(entry):
                raised += self._raise(signal)
            self._read_end = entry.index + 1
        self._windows.forget_before(entries[-1].time_us)
        self._raised_since_told += raised
        return raised

    def _begin(self, connection: Connection, in_force: tuple[ActiveRule, ...]) -> None:
        """Count again what the windows hold at the place where reading goes on."""
        if self._windows is None:
            self._read_end = self._told_end = told_end(connection)
        table = alert.c
        last = select(table.rule, table.key, func.max(table.trigger_index))
        raised = {
            (rule, key): index
            for rule, key, index in connection.execute(last.group_by(table.rule, table.key))
        }
        windows = Windows(self._checks, in_force, raised)
        size = log_size(connection)
        if 0 < self._read_end <= size:
            newest = read_entries(connection, first=self._read_end - 1, limit=1)[0]
            first = index_at(connection, newest.time_us - windows.longest_us, size)
            while first < self._read_end:
                page = read_entries(connection, first=first, end=self._read_end, limit=BATCH)
                for entry in page:
                    windows.feed(entry)
                first = page[-1].index + 1
        self._windows, self._in_force = windows, in_force

    def _raise(self, signal: Signal) -> int:
        """Write one alert; one that is there already is not written again."""
        alert_id = new_id("alt")
        rule = signal.rule
        public: dict[str, object] = {
            **signal.about,
            "alert": alert_id,
            "alert_rule": rule.id,
            "check": rule.check,
            "figure": signal.figure,
            "minimum": rule.minimum,
            "window_seconds": rule.window_seconds,
            "evidence": list(signal.evidence),
            "trigger_index": signal.trigger.index,
            _TOLD: signal.trigger.index,
            "policy_digest": self._policy_digest,
        }

        def apply(connection: Connection, entry: PendingEntry) -> None:
            key = signal.key[:KEY_CHARACTERS_MAX]
            _check_new(connection, rule.id, key, signal.trigger.index)
            connection.execute(
                insert(alert).values(
                    id=alert_id,
                    rule=rule.id,
                    check_name=rule.check,
                    key=key,
                    trigger_index=signal.trigger.index,
                    about=canonical_bytes(dict(signal.about)).decode(),
                    figure=signal.figure,
                    minimum=rule.minimum,
                    window_seconds=rule.window_seconds,
                    evidence=json.dumps(signal.evidence),
                    entry_index=entry.index,
                    raised_us=entry.time_us,
                )
            )

        try:
            self._writer.submit(AuditEvent(EntryKind.ALERT_RAISED, SYSTEM_ACTOR, public), apply)
        except SandgateError as known:
            if known.code != _KNOWN:
                raise
            return 0
        return 1

    def _tell_if_due(self) -> None:
        due_us = self._rules.evaluated_every_seconds * MICROSECONDS_PER_SECOND
        if self._clock.now_us() - self._told_us >= due_us:
            self.tell()

    def _read_more(self) -> bool:
        """Tell whether an entry that is not of the alerts themselves was read since the last."""
        if self._read_end <= self._told_end:
            return False
        with reading(self._engine) as connection:
            own = read_entries(
                connection, first=self._told_end, end=self._read_end, kinds=_OWN_KINDS
            )
        return len(own) < self._read_end - self._told_end


def told_end(connection: Connection) -> int:
    """Return the place up to which the log says that it was checked."""
    newest = read_entries(connection, kinds=_OWN_KINDS, newest_first=True, limit=1)
    return int(newest[0].public[_TOLD]) if newest else 0


def alerts(
    connection: Connection, *, open_only: bool = False, before: int | None = None, limit: int = 50
) -> list[Alert]:
    """Return alerts, newest first, below the entry ``before``."""
    table, seen = alert, alert_acknowledgement
    query = select(
        table, seen.c.person.label("seen_by"), seen.c.acknowledged_us.label("seen_us")
    ).join(seen, seen.c.alert == table.c.id, isouter=True)
    if open_only:
        query = query.where(seen.c.alert.is_(None))
    if before is not None:
        query = query.where(table.c.entry_index < before)
    rows = connection.execute(query.order_by(table.c.entry_index.desc()).limit(limit))
    return [_alert(row) for row in rows]


def acknowledge(writer: Writer, actor: Actor, alert_id: str, note: str) -> Recorded[None]:
    """Record that a person looked at an alert. Raises NotFound, or Conflict the second time."""

    def apply(connection: Connection, entry: PendingEntry) -> None:
        if connection.execute(select(alert.c.id).where(alert.c.id == alert_id)).first() is None:
            raise NotFound(
                "alert_unknown", Message("没有这条预警。", "There is no such alert."), field="alert"
            )
        seen = select(alert_acknowledgement).where(alert_acknowledgement.c.alert == alert_id)
        if connection.execute(seen).first() is not None:
            raise Conflict(
                "alert_acknowledged",
                Message("该预警已有人确认。", "Somebody acknowledged this alert already."),
                field="alert",
            )
        connection.execute(
            insert(alert_acknowledgement).values(
                alert=alert_id,
                person=actor.person,
                organisation=actor.organisation,
                entry_index=entry.index,
                acknowledged_us=entry.time_us,
            )
        )

    event = AuditEvent(EntryKind.ALERT_ACKNOWLEDGED, actor, {"alert": alert_id}, {"note": note})
    return writer.submit(event, apply)


_KNOWN = "alert_raised"


def _check_new(connection: Connection, rule: str, key: str, trigger_index: int) -> None:
    same = select(alert.c.id).where(
        alert.c.rule == rule, alert.c.key == key, alert.c.trigger_index == trigger_index
    )
    if connection.execute(same).first() is not None:
        raise Conflict(_KNOWN, Message("该预警已发出。", "This alert was raised already."))


def _rules_digest(in_force: tuple[ActiveRule, ...]) -> str:
    return digest(
        [
            [one.id, one.check, one.minimum, one.window_seconds, dict(one.about), one.since_index]
            for one in in_force
        ]
    )


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id,
        rule=row.rule,
        check=row.check_name,
        about=json.loads(row.about),
        figure=row.figure,
        minimum=row.minimum,
        window_seconds=row.window_seconds,
        evidence=tuple(json.loads(row.evidence)),
        trigger_index=row.trigger_index,
        entry_index=row.entry_index,
        raised_us=row.raised_us,
        acknowledged_by=row.seen_by,
        acknowledged_us=row.seen_us,
    )
