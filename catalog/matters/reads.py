"""Reads matters: one by id, lists by who and what, what is overdue, and an actor's inbox."""

import json
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from catalog.entries import Bilingual
from catalog.matters.matter import Due, Matter, MatterState, MissingPaper
from catalog.matters.store import matter_move, matter_table
from foundation.errors import Message, NotFound
from foundation.identity import Actor, Role

LIST_MAX = 500
LISTED = 100
LIVE = (str(MatterState.OPEN), str(MatterState.WAITING))


def matter(connection: Connection, matter_id: str) -> Matter | None:
    """Return a matter, or None."""
    query = select(matter_table).where(matter_table.c.id == matter_id)
    row = connection.execute(query).first()
    return None if row is None else matter_of(row)


def visible_matter(connection: Connection, actor: Actor, matter_id: str) -> Matter:
    """Return a matter to its parties and overseers. Raises NotFound; to others there is none."""
    found = matter(connection, matter_id)
    if found is not None and (
        actor.oversees or actor.organisation in {found.applicant, found.handler}
    ):
        return found
    raise NotFound(
        "matter_unknown", Message("没有该办件。", "There is no such matter."), field="matter_id"
    )


def matters(
    connection: Connection,
    *,
    handler: str | None = None,
    applicant: str | None = None,
    subject: str | None = None,
    case: str | None = None,
    state: MatterState | None = None,
    kind: str | None = None,
    limit: int = LISTED,
    after: int = -1,
) -> list[Matter]:
    """List matters by the log entry that opened them, oldest first, beginning after one."""
    table = matter_table
    wanted = {"handler": handler, "applicant": applicant, "subject": subject, "case": case}
    wanted |= {"state": state and str(state), "kind": kind}
    query = select(table).where(table.c.opened_entry > after)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    return _read(connection, query.order_by(table.c.opened_entry, table.c.id), limit)


def overdue(
    connection: Connection, now_us: int, *, handler: str | None = None, limit: int = LIST_MAX
) -> list[Matter]:
    """List open matters whose time is over, the longest owed first."""
    table = matter_table
    query = select(table).where(table.c.state == str(MatterState.OPEN), table.c.due_us <= now_us)
    if handler is not None:
        query = query.where(table.c.handler == handler)
    return _read(connection, query.order_by(table.c.due_us, table.c.id), limit)


def inbox(connection: Connection, actor: Actor, *, limit: int = LIST_MAX) -> list[Matter]:
    """List what this actor's organisation and roles must decide now, the most urgent first."""
    table = matter_table
    mine = [table.c.handler_roles.contains(f",{role},", autoescape=True) for role in actor.roles]
    if not mine:
        return []
    query = select(table).where(
        table.c.handler == actor.organisation,
        table.c.state == str(MatterState.OPEN),
        table.c.applicant_person != actor.person,
        or_(*mine),
    )
    return _read(connection, query.order_by(table.c.due_us, table.c.opened_entry), limit)


def moves_of(connection: Connection, matter_id: str) -> list[dict[str, Any]]:
    """Return each move of a matter in order: what, when, the entry, and the due date then."""
    table = matter_move
    query = select(table).where(table.c.matter == matter_id).order_by(table.c.number)
    return [
        {
            "move": row.move,
            "entry": row.entry,
            "time_us": row.time_us,
            "due": None if row.due is None else json.loads(row.due),
            "detail": json.loads(row.detail),
        }
        for row in connection.execute(query)
    ]


def matter_of(row: Row[Any]) -> Matter:
    """Rebuild a matter from its row."""
    fields = dict(row._mapping)  # noqa: SLF001 - the row's own columns
    for name in ("due_us", "due_on", "provisional"):
        del fields[name]
    roles = tuple(Role(name) for name in fields["handler_roles"].split(",") if name)
    missing = tuple(MissingPaper.model_validate(item) for item in json.loads(fields["missing"]))
    due = None if fields["due"] is None else Due.model_validate_json(fields["due"])
    title = Bilingual.model_validate_json(fields["title"])
    parts = {"handler_roles": roles, "missing": missing, "due": due, "title": title}
    return Matter.model_validate(fields | parts)


def _read(connection: Connection, query: Select[Any], limit: int) -> list[Matter]:
    bounded = query.limit(max(0, min(limit, LIST_MAX)))
    return [matter_of(row) for row in connection.execute(bounded)]
