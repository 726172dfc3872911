"""The monthly security report (月度安全报告): what the log of a month says of every control.

The report is itself an entry of the log, whole, so that it is verified offline like any other and
nobody rewrites it later. A month that is not over is reported up to now, and says so. What the
platform has no record of (incidents, drills) is named and not counted as none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, Recorded, Writer
from audit.reading import LogEntry, entry_at, read_entries
from audit.tags import EntryKind
from audit.view.search import index_at, log_size
from foundation.calendar import WorkingDayCalendar
from foundation.canonical import digest
from foundation.clock import Clock, to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Actor
from policies.load import PolicyPack
from service.figures.controls import STEP_UP, counted_kinds, judged, refusals
from service.figures.spans import month_of

FORMAT = "sandgate/security-report@1"
CODES_MAX = 20
LISTED_MAX = 200
SUMMARY: Mapping[str, tuple[EntryKind, ...]] = {
    "alerts": (EntryKind.ALERT_RAISED,),
    "alerts_acknowledged": (EntryKind.ALERT_ACKNOWLEDGED,),
    "attempts_reported": (EntryKind.ATTEMPT_REPORTED,),
    "logins": (EntryKind.LOGIN_OPENED,),
    "logins_refused": (EntryKind.LOGIN_REFUSED,),
    "releases_delivered": (EntryKind.RELEASE_DELIVERED,),
    "releases_refused": (EntryKind.RELEASE_REFUSED,),
    "recalls": (EntryKind.RELEASE_RECALLED,),
    "role_grants_proposed": (EntryKind.GRANT_PROPOSED,),
    "role_grants_confirmed": (EntryKind.GRANT_CONFIRMED,),
    "purges": (EntryKind.FIELDS_ERASED,),
    "purges_refused": (EntryKind.PURGE_REFUSED,),
    "licences_suspended": (EntryKind.LICENCE_SUSPENDED,),
    "witness_contradictions": (EntryKind.WITNESS_CONTRADICTED,),
    "keys_turned_over": (EntryKind.KEY_ROTATED,),
}
NO_INCIDENTS = Message(
    "平台尚无安全事件和应急演练登记，本报告不能说明是否发生过事件；见证不符、暂停、召回已分别列出。",
    "There is no record of incidents or drills on this platform yet, so this report cannot say "
    "that there were none; contradictions, suspensions and recalls are listed apart.",
)


@dataclass(frozen=True)
class SecurityReports:
    """Makes reports. ``doctor`` tells of each part of the installation whether it stands."""

    engine: Engine
    writer: Writer
    clock: Clock
    pack: PolicyPack
    calendar: WorkingDayCalendar
    origin: str
    doctor: Callable[[], Mapping[str, bool]]
    witnesses: Callable[[], Mapping[str, Any]]

    def make(self, actor: Actor, month: str) -> Recorded[dict[str, Any]]:
        """Write a month's report and log it whole. Raises InvalidInput for a month to come."""
        document = self.document(month)
        public = {"month": month, "document_digest": digest(document), "document": document}
        event = AuditEvent(EntryKind.SECURITY_REPORTED, actor, public)
        return self.writer.submit(event, lambda _connection, _entry: document)

    def document(self, month: str) -> dict[str, Any]:
        """Return what a report of a month would say now, without making one."""
        about, now_us = month_of(month, "month"), self.clock.now_us()
        first_us = self.calendar.starts_us(about.first)
        after_us = self.calendar.starts_us(about.after)
        if first_us > now_us:
            raise InvalidInput(
                "month_not_begun",
                Message("该月尚未开始。", "That month has not begun."),
                field="month",
            )
        doctor, witnesses = self.doctor(), self.witnesses()
        with reading(self.engine) as connection:
            size = log_size(connection)
            first = index_at(connection, first_us, size)
            end = index_at(connection, after_us, size)
            counts = counted_kinds(connection, first, end)
            refused = refusals(connection, first, end)
        return {
            "format": FORMAT,
            "month": month,
            "whole": after_us <= now_us,
            "made_at": to_iso(now_us),
            "log": {"origin": self.origin, "first": first, "end": end, "size": size},
            "policy_digest": self.pack.digest,
            "summary": _summary(counts, refused),
            "refusals": dict(sorted(refused.items(), key=_most_first)[:CODES_MAX]),
            "doctor": dict(doctor),
            "witnesses": dict(witnesses),
            "incidents": {"zh": NO_INCIDENTS.zh, "en": NO_INCIDENTS.en},
            "controls": judged(self.pack, counts, doctor, witnesses),
        }


def reports(connection: Connection) -> list[LogEntry]:
    """Return the reports that were made, newest first."""
    kinds = (EntryKind.SECURITY_REPORTED,)
    return read_entries(connection, kinds=kinds, newest_first=True, limit=LISTED_MAX)


def report_at(connection: Connection, index: int) -> dict[str, Any]:
    """Return the report that an entry holds. Raises NotFound where it holds none."""
    if not 0 <= index < log_size(connection):
        raise _no_report()
    found = entry_at(connection, index)
    if found.kind != EntryKind.SECURITY_REPORTED:
        raise _no_report()
    document: dict[str, Any] = found.public["document"]
    return document


def findings(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the controls of a report that somebody must look at."""
    return [one for one in document["controls"] if one["standing"] in {"finding", "missing"}]


def _summary(counts: Mapping[str, int], refused: Mapping[str, int]) -> dict[str, int]:
    return {
        "entries": sum(counts.values()),
        "refusals": sum(refused.values()),
        "fresh_logins_asked": refused.get(STEP_UP, 0),
        **{
            name: sum(counts.get(str(kind), 0) for kind in kinds) for name, kinds in SUMMARY.items()
        },
    }


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _no_report() -> NotFound:
    return NotFound(
        "security_report_unknown",
        Message("没有该编号的月度安全报告。", "There is no security report of that number."),
        field="index",
    )
