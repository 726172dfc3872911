"""Opens, concludes and takes back matters within the entry of whoever decides something.

Nothing here has an entry of its own: the caller's business entry carries the move and names the
matter, its clock and the digests that counted it. Each call runs inside the writer's savepoint.
"""

import json

from sqlalchemy import Connection, func, insert, select, update

from audit.events import PendingEntry
from catalog.matters.clocks import Clocks
from catalog.matters.matter import NO_CLOCK_US, Due, Matter, MatterState, NewMatter
from catalog.matters.reads import matter
from catalog.matters.store import matter_case, matter_move, matter_table
from foundation.errors import Conflict, Message, NotFound
from foundation.ids import new_id


def open_matter(
    connection: Connection, entry: PendingEntry, clocks: Clocks, asked: NewMatter
) -> Matter:
    """Open a matter, start its clock, and say so in the entry. Raises NotFound, InvalidInput."""
    due = None if asked.deadline is None else clocks.due(asked.deadline, entry.time_us)
    case = _case_of(connection, entry, clocks, asked.case)
    opened = Matter(
        **asked.model_dump(exclude={"deadline", "case", "handler_roles"}),
        handler_roles=tuple(sorted(set(asked.handler_roles))),
        id=new_id("mat"),
        case=case,
        state=MatterState.OPEN,
        due=due,
        opened_us=entry.time_us,
        opened_entry=entry.index,
        started_us=entry.time_us,
    )
    connection.execute(insert(matter_table).values(columns_of(opened)))
    record_move(connection, entry, opened, "opened")
    entry.amend(matter=named(opened))
    return opened


def conclude(
    connection: Connection, entry: PendingEntry, matter_id: str, outcome: str, reason: str = ""
) -> Matter:
    """End an open matter by a decision. Raises Conflict where it is not open.

    The caller has checked that its actor may decide (``require_handler``).
    """
    current = required(connection, matter_id, MatterState.OPEN)
    late = current.is_overdue(entry.time_us)
    missed = current.missed + late
    ended = current.model_copy(
        update={
            "state": MatterState.CONCLUDED,
            "outcome": outcome,
            "reason": reason,
            "concluded_us": entry.time_us,
            "missed": missed,
            "in_time": None if current.due is None else missed == 0,
        }
    )
    return _ended(connection, entry, ended, "concluded")


def withdraw(connection: Connection, entry: PendingEntry, matter_id: str) -> Matter:
    """End a matter that its applicant takes back. Raises Conflict where it is over."""
    current = required(connection, matter_id, MatterState.OPEN, MatterState.WAITING)
    late = current.is_overdue(entry.time_us)
    ended = current.model_copy(
        update={
            "state": MatterState.WITHDRAWN,
            "concluded_us": entry.time_us,
            "missed": current.missed + late,
        }
    )
    return _ended(connection, entry, ended, "withdrawn")


def complete_papers(
    connection: Connection, entry: PendingEntry, clocks: Clocks, matter_id: str
) -> Matter:
    """Take the applicant's completed papers: the clock starts afresh (政务数据共享条例 art. 21)."""
    current = required(connection, matter_id, MatterState.WAITING)
    due = None if current.due is None else clocks.due(current.due.deadline, entry.time_us)
    moved = current.model_copy(
        update={
            "state": MatterState.OPEN,
            "due": due,
            "started_us": entry.time_us,
            "extended_days": 0,
            "reminded": 0,
            "escalated": 0,
        }
    )
    store_moved(connection, entry, moved, "completed")
    entry.amend(matter=named(moved))
    return moved


def required(connection: Connection, matter_id: str, *states: MatterState) -> Matter:
    """Return a matter in one of these states. Raises NotFound, or Conflict ``matter_not_open``."""
    current = matter(connection, matter_id)
    if current is None:
        raise NotFound(
            "matter_unknown", Message("没有该办件。", "There is no such matter."), field="matter"
        )
    if current.state not in states:
        raise Conflict(
            "matter_not_open",
            Message(
                f"办件{current.case}现处于“{current.state}”状态，不能办理此项。",
                f"The matter of case {current.case} is {current.state}; this cannot be done now.",
            ),
            field="matter",
        )
    return current


def store_moved(
    connection: Connection,
    entry: PendingEntry,
    moved: Matter,
    move: str,
    **detail: object,
) -> None:
    """Write a matter as it now stands, and the move that brought it there."""
    values = columns_of(moved)
    connection.execute(update(matter_table).where(matter_table.c.id == moved.id).values(values))
    record_move(connection, entry, moved, move, **detail)


def record_move(
    connection: Connection, entry: PendingEntry, moved: Matter, move: str, **detail: object
) -> None:
    """Add one move to a matter's history."""
    counted = select(func.count()).where(matter_move.c.matter == moved.id)
    number = connection.execute(counted).scalar_one()
    connection.execute(
        insert(matter_move).values(
            matter=moved.id,
            number=number,
            move=move,
            entry=entry.index,
            time_us=entry.time_us,
            due=None if moved.due is None else moved.due.model_dump_json(),
            detail=json.dumps(detail, ensure_ascii=False),
        )
    )


def named(moved: Matter) -> dict[str, object]:
    """Return what an entry's public part says of a matter."""
    about: dict[str, object] = {
        "id": moved.id,
        "case": moved.case,
        "kind": str(moved.kind),
        "state": str(moved.state),
    }
    return about | _due_named(moved.due)


def columns_of(whole: Matter) -> dict[str, object]:
    """Return the row of a matter."""
    due = whole.due
    return whole.model_dump(mode="json", exclude={"title", "due", "missing", "handler_roles"}) | {
        "title": whole.title.model_dump_json(),
        "handler_roles": f",{','.join(sorted(whole.handler_roles))},",
        "due": None if due is None else due.model_dump_json(),
        "due_on": None if due is None else due.on,
        "due_us": NO_CLOCK_US if due is None else due.us,
        "provisional": due is not None and due.provisional and not whole.is_over,
        "missing": json.dumps([item.model_dump() for item in whole.missing], ensure_ascii=False),
    }


def _due_named(due: Due | None) -> dict[str, object]:
    if due is None:
        return {}
    return {
        "deadline": due.deadline,
        "due_on": due.on,
        "due_us": due.us,
        "working_days": due.working_days,
        "provisional": due.provisional,
        "calendar_digest": due.calendar_digest,
        "rules_digest": due.rules_digest,
        "document": due.document,
    }


def _ended(connection: Connection, entry: PendingEntry, ended: Matter, move: str) -> Matter:
    store_moved(connection, entry, ended, move)
    entry.amend(
        matter_concluded={
            "id": ended.id,
            "case": ended.case,
            "kind": str(ended.kind),
            "state": str(ended.state),
            "outcome": ended.outcome,
            "in_time": ended.in_time,
        }
    )
    return ended


def _case_of(connection: Connection, entry: PendingEntry, clocks: Clocks, following: str) -> str:
    if following:
        query = select(matter_case.c.number).where(matter_case.c.number == following)
        if connection.execute(query).first() is None:
            raise NotFound(
                "case_unknown", Message("没有该办件编号。", "There is no such case."), field="case"
            )
        return following
    year = clocks.rules.calendar.civil_day(entry.time_us).year
    last = select(func.max(matter_case.c.serial)).where(matter_case.c.year == year)
    serial = (connection.execute(last).scalar() or 0) + 1
    number = f"C{year}-{serial:06d}"
    connection.execute(
        insert(matter_case).values(number=number, year=year, serial=serial, opened_us=entry.time_us)
    )
    return number
