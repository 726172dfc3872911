"""The moves that have their own entry: the complete notice of missing papers, and extensions.

The notice is given once and names all that lacks (一次性告知, 政务数据共享条例 art. 21); a second
one on the same matter is refused. An extension is asked by the handler before the time is over and
takes effect only with the consent of another person, of the data authority.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.matters.clocks import Clocks
from catalog.matters.matter import Matter, MatterState, MissingPaper, require_handler
from catalog.matters.opening import named, required, store_moved
from catalog.matters.telling import extended, extension_wanted, papers_wanted
from catalog.notices.outbox import enqueue
from foundation.errors import Conflict, Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.two_people import check_another_person, check_natural_person, check_older_than

PAPERS_MAX = 50
REASON_CHARACTERS_MAX = 400
Apart = Callable[[Connection, Actor, str], None]
"""Refuses who serves an organisation or an affiliate of it (``authorization.independence``)."""


def ask_for_papers(
    writer: Writer,
    _clocks: Clocks,
    actor: Actor,
    matter_id: str,
    missing: Sequence[MissingPaper],
) -> Recorded[Matter]:
    """Return incomplete papers once, with the whole list; the clock stands still until then.

    Raises Conflict ``notice_given_before`` for a second notice on the same matter.
    """
    listed = json.dumps([item.model_dump() for item in missing], ensure_ascii=False)
    event = AuditEvent(
        EntryKind.MATTER_PAPERS_ASKED, actor, {"papers": len(missing)}, {"comment": listed}
    )
    return writer.submit(
        event, lambda connection, entry: papers_asked(connection, entry, actor, matter_id, missing)
    )


def papers_asked(
    connection: Connection,
    entry: PendingEntry,
    actor: Actor,
    matter_id: str,
    missing: Sequence[MissingPaper],
) -> Matter:
    """Give the complete notice within the entry of whoever returns the papers.

    Raises InvalidInput for a list without a paper, Conflict ``notice_given_before`` for a second.
    """
    if not 1 <= len(missing) <= PAPERS_MAX:
        raise InvalidInput(
            "papers_unnamed",
            Message(
                f"请一次性列明全部缺少的材料（1至{PAPERS_MAX}项）。",
                f"Name everything that lacks, at once (1 to {PAPERS_MAX} papers).",
            ),
            field="$.missing",
            rule="政务数据共享条例 第二十一条",
        )
    current = required(connection, matter_id, MatterState.OPEN, MatterState.WAITING)
    require_handler(actor, current)
    if current.noticed_us is not None:
        raise _noticed_before(current)
    late = current.is_overdue(entry.time_us)
    moved = current.model_copy(
        update={
            "state": MatterState.WAITING,
            "missing": tuple(missing),
            "noticed_us": entry.time_us,
            "missed": current.missed + late,
            **_NO_EXTENSION_ASKED,
        }
    )
    store_moved(connection, entry, moved, "papers_asked", papers=len(missing))
    entry.amend(matter=named(moved))
    enqueue(connection, entry, papers_wanted(moved))
    return moved


def extend(
    writer: Writer, clocks: Clocks, actor: Actor, matter_id: str, days: int, reason: str
) -> Recorded[Matter]:
    """Ask for further working days; nothing changes before ``decide_extension`` consents."""
    _check_reason(reason)
    event = AuditEvent(EntryKind.MATTER_EXTENSION_ASKED, actor, {"days": days}, {"reason": reason})

    def apply(connection: Connection, entry: PendingEntry) -> Matter:
        current = _running(required(connection, matter_id, MatterState.OPEN), entry.time_us)
        require_handler(actor, current)
        if current.extension_asked:
            raise Conflict(
                "extension_asked_before",
                Message("延期申请正在等待同意。", "An extension waits for consent already."),
            )
        assert current.due is not None  # _running  # noqa: S101
        clocks.extended(current.due, days)  # refused here, not when consent is given
        moved = current.model_copy(
            update={
                "extension_asked": days,
                "extension_asked_by": actor.person,
                "extension_asked_us": entry.time_us,
                "extension_reason": reason,
            }
        )
        store_moved(connection, entry, moved, "extension_asked", days=days)
        entry.amend(matter=named(moved))
        enqueue(connection, entry, extension_wanted(moved, clocks.authority))
        return moved

    return writer.submit(event, apply)


def decide_extension(
    writer: Writer,
    clocks: Clocks,
    actor: Actor,
    matter_id: str,
    apart: Apart,
    *,
    consent: bool,
    reason: str,
) -> Recorded[Matter]:
    """Consent to an extension, or refuse it: the authority, and never the person who asked.

    ``apart`` refuses whoever serves the handler, which would have the time.
    """
    _check_reason(reason)
    kind = EntryKind.MATTER_EXTENDED if consent else EntryKind.MATTER_EXTENSION_REFUSED
    event = AuditEvent(kind, actor, {}, {"reason": reason})

    def apply(connection: Connection, entry: PendingEntry) -> Matter:
        current = required(connection, matter_id, MatterState.OPEN)
        days = current.extension_asked
        if not days:
            raise Conflict(
                "extension_not_asked",
                Message("该办件没有待同意的延期申请。", "No extension of this matter is asked."),
            )
        _check_consenting(clocks, actor, current)
        if current.handler != clocks.authority:
            apart(connection, actor, current.handler)
        update: dict[str, Any] = dict(_NO_EXTENSION_ASKED)
        if consent:
            _running(current, entry.time_us)
            assert current.due is not None  # _running  # noqa: S101
            update["due"] = clocks.extended(current.due, days)
            update["extended_days"] = current.extended_days + days
            update["reminded"] = 0
        moved = current.model_copy(update=update)
        move = "extended" if consent else "extension_refused"
        store_moved(connection, entry, moved, move, days=days)
        entry.amend(matter=named(moved), days=days)
        if consent and moved.due is not None:
            enqueue(connection, entry, extended(moved, moved.due, days))
        return moved

    return writer.submit(event, apply)


_NO_EXTENSION_ASKED: dict[str, Any] = {
    "extension_asked": 0,
    "extension_asked_by": None,
    "extension_asked_us": None,
    "extension_reason": "",
}


def _check_consenting(clocks: Clocks, actor: Actor, current: Matter) -> None:
    """Refuse consent of anyone but another, older person of the authority (I8)."""
    if not actor.has(Role.AUTHORITY) or actor.organisation != clocks.authority:
        raise Denied(
            "extension_consent_denied",
            Message(
                "延期须经数据主管部门同意。", "An extension needs the data authority's consent."
            ),
            rule="政务数据共享条例 第二十一条",
        )
    check_natural_person(actor)
    check_another_person(actor, current.applicant_person)
    check_another_person(actor, current.extension_asked_by or "")
    check_older_than(actor, current.extension_asked_us or 0)


def _running(current: Matter, now_us: int) -> Matter:
    """Return a matter whose clock still runs. Raises Conflict."""
    if current.due is None or now_us >= current.due.us:
        raise Conflict(
            "clock_not_running",
            Message(
                "该办件没有法定期限，或期限已过，不能再延期。",
                "The matter has no legal clock, or its time is over: it cannot be extended now.",
            ),
            rule=None if current.due is None else current.due.document,
        )
    return current


def _check_reason(reason: str) -> None:
    if not 1 <= len(reason) <= REASON_CHARACTERS_MAX:
        raise InvalidInput(
            "reason_missing",
            Message(
                f"请说明理由（1至{REASON_CHARACTERS_MAX}字）。",
                f"Say why, in 1 to {REASON_CHARACTERS_MAX} characters.",
            ),
            field="$.reason",
        )


def _noticed_before(current: Matter) -> Conflict:
    return Conflict(
        "notice_given_before",
        Message(
            f"办件{current.case}已作过一次性告知，不得再次要求补正。请依现有材料作出决定。",
            f"The complete notice on case {current.case} was given before; decide on the papers "
            "as they are.",
        ),
        field="matter",
        rule="政务数据共享条例 第二十一条",
        way_out=Message("依现有材料同意或不同意。", "Approve or refuse on the papers at hand."),
    )
