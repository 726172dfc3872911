"""Which private fields are past their term, which of them a case holds, and what comes due next.

A field's term begins with its entry's own time. Nothing here changes anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, not_, or_, select

from audit.cases.files import Case, cases
from audit.cases.scope import covered
from audit.retention.classes import ANY_KIND, Classes, RecordClass
from audit.store import entry, entry_private


@dataclass(frozen=True)
class Due:
    """One class of record now; ``next_due`` is the first day on which more falls due."""

    record_class: RecordClass
    kept: int
    due: int
    held: int
    overdue: int
    next_due: date | None

    def as_json(self) -> dict[str, object]:
        """Return the line of the list."""
        found = self.record_class
        return {
            "record_class": found.name,
            "label_zh": found.label_zh,
            "label_en": found.label_en,
            "minimum_months": found.minimum_months,
            "maximum_months": found.maximum_months,
            "purged": found.purged,
            "fields_kept": self.kept,
            "fields_due": self.due,
            "fields_due_and_held": self.held,
            "fields_overdue": self.overdue,
            "next_due": None if self.next_due is None else self.next_due.isoformat(),
        }


def due_list(connection: Connection, classes: Classes, now_us: int) -> list[Due]:
    """Return what is due of every class, in the order of the rule file."""
    open_cases = cases(connection)
    return [_due(connection, classes, item, now_us, open_cases) for item in classes]


def fields_before(
    classes: Classes, record_class: RecordClass, before_us: int
) -> Select[tuple[int, str, str]]:
    """Return the query of a class's fields (index, name, key) whose entries are older."""
    return (
        select(entry_private.c.idx, entry_private.c.field, entry_private.c.key_name)
        .join(entry, entry.c.idx == entry_private.c.idx)
        .where(of_class(classes, record_class), entry.c.time_us < before_us)
    )


def holding(
    connection: Connection, query: Select[Any], open_cases: Sequence[Case]
) -> tuple[int, list[str]]:
    """Return how many rows of a query the open cases hold, and which cases do."""
    found = [
        case.id for case in open_cases if _count(connection, query.where(covered(case.scopes)))
    ]
    scopes = [scope for case in open_cases for scope in case.scopes]
    return _count(connection, query.where(covered(scopes))), found


def unheld(query: Select[Any], open_cases: Sequence[Case]) -> Select[Any]:
    """Leave out what any open case holds."""
    return query.where(not_(covered([scope for case in open_cases for scope in case.scopes])))


def of_class(classes: Classes, record_class: RecordClass) -> ColumnElement[bool]:
    """Return the condition that a private field belongs to a class."""
    parts = [_names(classes, record_class, *text.split("/")) for text in record_class.fields]
    return or_(false(), *parts)


def _names(
    classes: Classes, record_class: RecordClass, kind: str, field: str
) -> ColumnElement[bool]:
    named = entry_private.c.field == field
    if kind != ANY_KIND:
        return and_(named, entry.c.kind == kind)
    others = [
        text.split("/")[0]
        for item in classes
        for text in item.fields
        if item is not record_class and text.endswith(f"/{field}")
    ]
    return and_(named, entry.c.kind.not_in(others)) if others else named


def _due(
    connection: Connection,
    classes: Classes,
    item: RecordClass,
    now_us: int,
    open_cases: Sequence[Case],
) -> Due:
    limit_us = item.due_before_us(now_us)
    due = fields_before(classes, item, limit_us)
    overdue_us = item.overdue_before_us(now_us)
    kept, oldest_us = connection.execute(
        select(func.count(), func.min(entry.c.time_us).filter(entry.c.time_us >= limit_us))
        .select_from(entry_private)
        .join(entry, entry.c.idx == entry_private.c.idx)
        .where(of_class(classes, item))
    ).one()
    return Due(
        record_class=item,
        kept=kept,
        due=_count(connection, due),
        held=holding(connection, due, open_cases)[0],
        overdue=0
        if overdue_us is None
        else _count(connection, fields_before(classes, item, overdue_us)),
        next_due=None if oldest_us is None else item.due_from(oldest_us),
    )


def _count(connection: Connection, query: Select[Any]) -> int:
    counted = select(func.count()).select_from(query.subquery())
    found: int = connection.execute(counted).scalar_one()
    return found
