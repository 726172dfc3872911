"""The duty record (值班记录) of a seat's day: who was there, what was taken, handed over, decided.

As JSON and as a paper that says the same; the log holds the digest of what was printed.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.hall.queues import handlings
from authorization.hall.seats import Seat, duties, require_seat
from authorization.organisations import organisation_by_id, person_by_id
from authorization.separation import check_natural_person
from authorization.sharing.parts import SharingParts
from catalog.matters.matter import MatterState
from catalog.matters.reads import matter, matters
from foundation.canonical import digest
from foundation.clock import from_iso, to_iso
from foundation.errors import Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.paper import Paper

FORMAT = "sandgate/duty-record@1"
MOVE_NAMES: Mapping[str, str] = MappingProxyType(
    {"taken": "接办", "handed_over": "移交", "decided": "办结"}
)
OUTCOME_NAMES: Mapping[str, str] = MappingProxyType({"approved": "同意", "refused": "不同意"})
QUEUE_MAX = 500
_HOUR_MINUTE = slice(11, 16)


class Records(SharingParts):
    """Writes duty records."""

    def print_record(self, actor: Actor, seat_id: str, day: date) -> Recorded[dict[str, Any]]:
        """Write the record of a day that has begun, for the seat's department or the authority."""
        check_natural_person(actor)
        about = {"seat": seat_id, "day": day.isoformat()}
        event = AuditEvent(EntryKind.HALL_RECORD_PRINTED, actor, about)

        def apply(connection: Connection, entry: PendingEntry) -> dict[str, Any]:
            seat = require_seat(connection, seat_id)
            _check_reader(actor, seat, self.authority)
            if day > self.today(entry):
                raise _not_yet()
            document = self._document(connection, seat, day, entry.time_us)
            entry.amend(document_digest=digest(document))
            return document

        return self.writer.submit(event, apply)

    def _document(
        self, connection: Connection, seat: Seat, day: date, now_us: int
    ) -> dict[str, Any]:
        first_us = self.clocks.rules.calendar.starts_us(day)
        after_us = self.after_us(day)
        spans = [
            span
            for span in duties(connection, seat.id)
            if span.begun_us < after_us and (span.ended_us is None or span.ended_us >= first_us)
        ]
        waiting = matters(
            connection, handler=seat.organisation, state=MatterState.OPEN, limit=QUEUE_MAX
        )
        house = organisation_by_id(connection, seat.organisation)
        return {
            "format": FORMAT,
            "seat": seat.id,
            "organisation": seat.organisation,
            "organisation_name": seat.organisation if house is None else house.name_zh,
            "day": day.isoformat(),
            "duty": [
                {
                    "person": span.person,
                    "name": _name(connection, span.person),
                    "begun": self._local(span.begun_us),
                    "ended": None if span.ended_us is None else self._local(span.ended_us),
                    "note": span.note,
                }
                for span in spans
            ],
            "handled": [
                self._line(connection, one)
                for one in handlings(connection, seat.id, first_us, after_us)
            ],
            "waiting": len(waiting),
            "overdue": sum(one.is_overdue(now_us) for one in waiting),
            "printed_at": self._local(now_us),
        }

    def _line(self, connection: Connection, handled: Mapping[str, Any]) -> dict[str, Any]:
        found = matter(connection, handled["matter"])
        due = None if found is None or found.due is None else found.due.on
        return {
            "at": self._local(handled["made_us"]),
            "case": "" if found is None else found.case,
            "matter": handled["matter"],
            "title": "" if found is None else found.title.zh,
            "move": handled["move"],
            "person": handled["person"],
            "name": _name(connection, handled["person"]),
            "holder": handled["holder"],
            "outcome": handled["outcome"],
            "due_on": due,
            "in_time": None if found is None else found.in_time,
        }

    def _local(self, time_us: int) -> str:
        """Return a time in the jurisdiction's own civil time, with its offset."""
        minutes = self.clocks.rules.calendar.utc_offset_minutes
        shifted = to_iso(time_us + minutes * 60_000_000).removesuffix("Z")
        sign, rest = ("-", -minutes) if minutes < 0 else ("+", minutes)
        return f"{shifted}{sign}{rest // 60:02d}:{rest % 60:02d}"


def record_pdf(document: Mapping[str, Any]) -> bytes:
    """Return the paper of a duty record: in Chinese, on any number of pages."""
    made_us = from_iso(document["printed_at"])
    paper = Paper(
        "政务数据大厅值班记录",
        made_at_us=made_us,
        subtitle=f"{document['organisation_name']} · {document['day']}",
        footer=digest(dict(document)),
    )
    paper.facts(
        [
            ("席位单位", document["organisation_name"]),
            ("日期", document["day"]),
            ("待办件数", str(document["waiting"])),
            ("超期件数", str(document["overdue"])),
            ("打印时间", _minute(document["printed_at"])),
        ]
    )
    paper.heading("一、到岗离岗", 2)
    paper.table(
        ["首席代表", "到岗", "离岗", "交接说明"],
        [
            [
                one["name"],
                _minute(one["begun"]),
                _minute(one["ended"]) if one["ended"] else "在岗",
                one["note"],
            ]
            for one in document["duty"]
        ],
        widths=[2, 2, 2, 4],
    )
    paper.heading("二、办件", 2)
    paper.table(
        ["时间", "办件编号", "事项", "办理", "办理人", "结果", "期限", "按期"],
        [_printed(one) for one in document["handled"]],
        widths=[1.4, 2.2, 4, 1.2, 1.8, 1.3, 1.9, 1],
    )
    paper.paragraph("本记录由平台依审计日志生成，页脚为其内容摘要。", small=True)
    return paper.pdf()


def _printed(one: Mapping[str, Any]) -> list[str]:
    return [
        one["at"][_HOUR_MINUTE],
        one["case"],
        one["title"],
        MOVE_NAMES.get(one["move"], one["move"]),
        one["name"],
        OUTCOME_NAMES.get(one["outcome"], one["outcome"]),
        one["due_on"] or "",
        {True: "是", False: "否", None: ""}[one["in_time"]],
    ]


def _minute(text: str) -> str:
    return text[:16].replace("T", " ")


def _name(connection: Connection, person: str) -> str:
    found = person_by_id(connection, person)
    return person if found is None else found.name


def _check_reader(actor: Actor, seat: Seat, authority: str) -> None:
    overseer = actor.organisation == authority and actor.has(Role.AUTHORITY)
    if not overseer and actor.organisation != seat.organisation:
        raise Denied(
            "duty_record_not_yours",
            Message(
                "值班记录由本部门和主管部门打印。",
                "A duty record is printed by its department and the authority.",
            ),
            field="seat",
            rule="政务数据大厅",
        )


def _not_yet() -> InvalidInput:
    return InvalidInput(
        "duty_day_not_begun",
        Message("该日尚未开始。", "That day has not begun."),
        field="$.day",
    )
