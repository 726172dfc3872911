"""Lists and searches the catalogue, page by page in order of the codes.

A search is a plain containment of words in one folded column: a Chinese word of one or two
characters is found like any other, alike on SQLite and PostgreSQL. Nobody but the department and
the authority sees what was never published.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from catalog.book.recording import folded
from catalog.book.states import EntryState
from catalog.book.store import catalog_entry
from catalog.datasets import Frozen, Grade
from catalog.entries import Bilingual, OpenAttribute, ReturnAttribute, ShareAttribute
from foundation.identity import Actor, Role

WORDS_MAX = 8
STRETCH = 4_000
_DRAFTERS = frozenset({Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD})
_ON_CATALOGUE = (EntryState.PUBLISHED.value, EntryState.CHANGE_SUBMITTED.value)


class Wanted(Frozen):
    """What to list. No state named: what is on the catalogue now."""

    text: str = ""
    provider: str | None = None
    tag: str | None = None
    zone: str | None = None
    state: EntryState | None = None
    grade: Grade | None = None
    share: ShareAttribute | None = None
    open: OpenAttribute | None = None
    returned: ReturnAttribute | None = None


class ListedEntry(Frozen):
    """One line of a list."""

    id: str
    code: str
    name: Bilingual
    provider: str
    state: EntryState
    version: int | None
    zone: str
    grade: str
    share_attribute: str
    open_attribute: str
    return_attribute: str
    tags: tuple[str, ...]
    changed_us: int


class EntryPage(Frozen):
    """A page of a list. ``next`` is the code to ask after for the next page; None at the end."""

    entries: tuple[ListedEntry, ...]
    next: str | None = Field(description="the code to ask after for the next page")


def search(
    connection: Connection, actor: Actor, wanted: Wanted, *, after: str, limit: int
) -> EntryPage:
    """Return entries that this actor may see, in order of their codes, beginning after one."""
    rows = _first_found(connection, actor, wanted, after, limit + 1)
    listed = tuple(
        ListedEntry(
            name=Bilingual(zh=row.name_zh or row.code, en=row.name_en or row.code),
            tags=tuple(tag for tag in row.tags.split("|") if tag),
            **{name: getattr(row, name) for name in _PLAIN},
        )
        for row in rows[:limit]
    )
    return EntryPage(entries=listed, next=listed[-1].code if len(rows) > limit else None)


def _first_found(
    connection: Connection, actor: Actor, wanted: Wanted, after: str, count: int
) -> Sequence[Row[Any]]:
    """Return the first matches by code, in the way that costs the store least (measured)."""
    if connection.dialect.name == "postgresql":
        return by_stretch(connection, actor, wanted, after, count)
    head = catalog_entry
    found = select(head).where(
        head.c.code > after,
        _seen_by(actor),
        _state(wanted),
        *_filters(connection, wanted, head.c),
    )
    return connection.execute(found.order_by(head.c.code).limit(count)).all()


def by_stretch(
    connection: Connection, actor: Actor, wanted: Wanted, after: str, count: int
) -> Sequence[Row[Any]]:
    """Return the first matches by code: out of the next few thousand, else out of all.

    What is frequent fills its page from a short stretch of the index. What is rare does not; then
    the table is read once from end to end, which costs less than all of it by way of the index.
    """
    head = catalog_entry
    there = (head.c.code > after, _seen_by(actor), _state(wanted))
    stretch = select(head).where(*there).order_by(head.c.code).limit(STRETCH).subquery()
    near = select(stretch).where(*_filters(connection, wanted, stretch.c))
    rows = connection.execute(near.order_by(stretch.c.code).limit(count)).all()
    if len(rows) == count:
        return rows
    reached = select(func.count()).select_from(stretch)
    if connection.execute(reached).scalar_one() < STRETCH:
        return rows
    far = select(head).where(*there, *_filters(connection, wanted, head.c))
    in_order = head.c.code.concat("")  # an expression: no index gives its order
    return connection.execute(far.order_by(in_order).limit(count)).all()


_PLAIN = tuple(name for name in ListedEntry.model_fields if name not in {"name", "tags"})


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    head = catalog_entry
    published = head.c.version.is_not(None)
    if actor.has(Role.AUTHORITY):
        return head.c.id.is_not(None)
    if actor.roles & _DRAFTERS:
        return or_(published, head.c.provider == actor.organisation)
    return published


def _state(wanted: Wanted) -> ColumnElement[bool]:
    if wanted.state is not None:
        return catalog_entry.c.state == wanted.state.value
    return catalog_entry.c.state.in_(_ON_CATALOGUE)


def _filters(
    connection: Connection, wanted: Wanted, columns: ReadOnlyColumnCollection[str, Any]
) -> list[ColumnElement[bool]]:
    equal = {
        "provider": wanted.provider,
        "zone": wanted.zone,
        "grade": wanted.grade,
        "share_attribute": wanted.share,
        "open_attribute": wanted.open,
        "return_attribute": wanted.returned,
    }
    found = [columns[name] == str(value) for name, value in equal.items() if value is not None]
    if wanted.tag is not None:
        found.append(_holds(connection, columns.tags, f"|{wanted.tag}|"))
    words = dict.fromkeys(folded(wanted.text).split()[:WORDS_MAX])
    if words:
        found.append(and_(*(_holds(connection, columns.search_text, word) for word in words)))
    return found


def _holds(connection: Connection, column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Tell whether a column holds a word, byte for byte: no pattern, so nothing to escape."""
    if connection.dialect.name == "postgresql":
        return func.strpos(column, word) > 0
    return func.instr(column, word) > 0
