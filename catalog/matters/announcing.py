"""The overdue list and its notice inside government (通报): who owes what, since which day.

A notice is a dated document of its own entry, kept as it was given: what is decided the day after
changes nothing in it. It names departments and cases, and no person.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.entries import Bilingual
from catalog.matters.clocks import Clocks
from catalog.matters.matter import Matter
from catalog.matters.reads import overdue
from catalog.notices.outbox import Notice, Recipient, enqueue, overdue_announcement
from foundation.canonical import digest
from foundation.clock import MICROSECONDS_PER_DAY, Clock
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.ids import new_id
from policies.schema.notices import NoticeRules

LIST_MAX = 100


@dataclass(frozen=True)
class Announcer:
    """Gives the overdue list to all departments, every so many days and when asked to."""

    engine: Engine
    writer: Writer
    clock: Clock
    clocks: Clocks
    rules: NoticeRules

    def run_once(self) -> None:
        """Announce where the last time is long enough ago and something is overdue."""
        now_us = self.clock.now_us()
        with reading(self.engine) as connection:
            last = announcements(connection, limit=1)
            owing = overdue(connection, now_us, limit=1)
        every_us = self.rules.announce_every_days * MICROSECONDS_PER_DAY
        if owing and (not last or now_us - last[0]["time_us"] >= every_us):
            self.announce(SYSTEM_ACTOR)

    def announce(self, actor: Actor) -> Recorded[dict[str, Any]]:
        """Write the list as it is now, and tell every department that stands on it."""
        announcement = new_id("ann")

        def apply(connection: Connection, entry: PendingEntry) -> dict[str, Any]:
            owing = overdue(connection, entry.time_us, limit=self.rules.announced_max)
            document = self._document(owing, entry.time_us)
            connection.execute(
                insert(overdue_announcement).values(
                    id=announcement,
                    entry=entry.index,
                    time_us=entry.time_us,
                    document=json.dumps(document, ensure_ascii=False, sort_keys=True),
                )
            )
            entry.amend(
                matters=len(owing), departments=document["departments"], list=digest(document)
            )
            if owing:
                enqueue(connection, entry, _told(announcement, document))
            return {"id": announcement, **document}

        event = AuditEvent(
            EntryKind.OVERDUE_ANNOUNCED, actor, public={"announcement": announcement}
        )
        return self.writer.submit(event, apply)

    def _document(self, owing: Sequence[Matter], now_us: int) -> dict[str, Any]:
        today = self.clocks.rules.calendar.civil_day(now_us)
        counted = Counter(item.handler for item in owing)
        return {
            "on": today.isoformat(),
            "departments": {name: counted[name] for name in sorted(counted)},
            "matters": [_line(item) for item in owing],
        }


def announcements(connection: Connection, *, limit: int = LIST_MAX) -> list[dict[str, Any]]:
    """Return the notices given so far, newest first."""
    table = overdue_announcement
    query = select(table).order_by(table.c.entry.desc()).limit(min(limit, LIST_MAX))
    return [
        {"id": row.id, "entry": row.entry, "time_us": row.time_us, **json.loads(row.document)}
        for row in connection.execute(query)
    ]


def _line(item: Matter) -> dict[str, Any]:
    return {
        "case": item.case,
        "kind": str(item.kind),
        "handler": item.handler,
        "due_on": None if item.due is None else item.due.on,
        "document": None if item.due is None else item.due.document,
    }


def _told(announcement: str, document: dict[str, Any]) -> Notice:
    departments = document["departments"]
    count = sum(departments.values())
    return Notice(
        kind="matter.announced",
        subject=announcement,
        to=tuple(
            Recipient(
                organisation=name, roles=(Role.DEPARTMENT_HEAD, Role.PROVIDER, Role.AUTHORITY)
            )
            for name in departments
        ),
        title=Bilingual(
            zh=f"逾期办件通报（{document['on']}）：{count}件",
            en=f"Notice of overdue matters ({document['on']}): {count}",
        ),
        body=Bilingual(
            zh="贵单位有逾期未办结的办件，请登录平台查看逾期清单并尽快办理。",
            en="Your department is on the overdue list; please see the platform and decide.",
        ),
        data={"on": document["on"], "departments": departments},
    )
