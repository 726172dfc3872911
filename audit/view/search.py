"""Finding entries by what they name, a page at a time, in the order of the log and in bounded work.

A page says how far it has read: where it stops before the log's end, its cursor goes on from
there, so that an empty page is never taken for an empty log. Every entry found is read back from
its hashed body; the index that found it is a convenience and no authority.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Select, func, literal, select, union_all
from sqlalchemy.sql.selectable import Exists, Subquery

from audit.reading import LogEntry, read_entries
from audit.store import entry, entry_subject
from audit.tags import EntryKind
from audit.view.terms import Terms
from foundation.errors import InvalidInput, Message, NotFound

PAGE_ENTRIES_MAX = 200
WINDOW = 2_000
"""How many entries that name one thing are looked through at once for all the others."""
WINDOWS_MAX = 16
COMPARED_MAX = 40_000
"""Things that more entries name than this are equally frequent when the rarest is chosen."""
COUNTED_MAX = 10_000
"""Beyond this a count says ``at least``."""

Visible = Callable[[LogEntry], bool]


@dataclass(frozen=True)
class Span:
    """Indexes of the log from ``first`` to before ``end``."""

    first: int
    end: int


@dataclass(frozen=True)
class Page:
    """One page: entries newest first, and the part of the log that was read for it.

    ``next_before`` is the cursor of the next page; None once the span was read to its beginning.
    """

    entries: tuple[LogEntry, ...]
    read: Span
    next_before: int | None


def search(
    connection: Connection,
    terms: Terms,
    *,
    before: int | None = None,
    limit: int = 50,
    visible: Visible | None = None,
    leading: str | None = None,
    window: int = WINDOW,
) -> Page:
    """Return the newest entries that name all the terms, below the cursor ``before``.

    ``visible`` decides over each entry read; what it hides counts as not found, and how far a page
    read is told by what it shows, or by whole windows: never by a hidden entry's own place (unless
    that is the lowest of a window). ``leading`` names
    the term whose entries are looked through, so that how far a page read tells of these alone;
    without it the rarest leads. ``window`` is how many candidates are looked through at once.
    Raises NotFound for an accounting period that the log does not open, and InvalidInput for a
    term that is none.
    """
    if not 1 <= limit <= PAGE_ENTRIES_MAX:
        raise _limit_invalid()
    span = span_of(connection, terms)
    end = span.end if before is None else max(span.first, min(before, span.end))
    looking = _Looking(connection, terms, leading, window)
    found: list[LogEntry] = []
    low = end
    for _ in range(WINDOWS_MAX):
        if low <= span.first or len(found) >= limit:
            break
        wanted = limit - len(found)
        if visible is None:
            low, indexes = looking.window(Span(span.first, low), wanted)
            found += looking.entries(indexes)
            continue
        low, indexes = looking.window(Span(span.first, low), window)
        shown = list(islice(filter(visible, looking.each(indexes)), wanted))
        found += shown
        low = shown[-1].index if len(shown) == wanted else low
    return Page(tuple(found), Span(low, end), low if low > span.first else None)


def count(connection: Connection, terms: Terms) -> tuple[int, bool]:
    """Return how many entries name all the terms, and whether that is all of them.

    The count stops at ``COUNTED_MAX``, or where the work of so many windows is done.
    """
    span = span_of(connection, terms)
    looking = _Looking(connection, terms)
    found, low = 0, span.end
    for _ in range(WINDOWS_MAX):
        if low <= span.first or found >= COUNTED_MAX:
            break
        low, indexes = looking.window(Span(span.first, low), WINDOW)
        found += len(indexes)
    return min(found, COUNTED_MAX), low <= span.first and found <= COUNTED_MAX


def span_of(connection: Connection, terms: Terms) -> Span:
    """Return the indexes that the terms' times and accounting period leave."""
    size = log_size(connection)
    first = 0 if terms.since_us is None else index_at(connection, terms.since_us, size)
    end = size if terms.until_us is None else index_at(connection, terms.until_us, size)
    if terms.period is not None:
        opened, closed = _period(connection, terms.period, size)
        first, end = max(first, opened), min(end, closed)
    return Span(first, max(first, end))


def log_size(connection: Connection) -> int:
    """Return how many entries the log holds."""
    newest: int | None = connection.execute(select(func.max(entry.c.idx))).scalar_one()
    return 0 if newest is None else newest + 1


def index_at(connection: Connection, time_us: int, size: int) -> int:
    """Return the first index whose time is not before ``time_us``: times never turn back."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(select(entry.c.time_us).where(entry.c.idx == middle))
        if found.scalar_one() < time_us:
            low = middle + 1
        else:
            high = middle
    return low


def _period(connection: Connection, period: str, size: int) -> tuple[int, int]:
    named = {"period": period}
    opened = read_entries(connection, kinds=(EntryKind.PERIOD_OPENED,), subjects=named, limit=1)
    if not opened:
        raise NotFound(
            "period_unknown",
            Message("日志中没有这个账期。", "The log opens no such accounting period."),
            field="period",
        )
    closed = read_entries(connection, kinds=(EntryKind.PERIOD_CLOSED,), subjects=named, limit=1)
    return opened[0].index, closed[0].index + 1 if closed else size


class _Looking:
    """One search: the rarest thing that is named leads, and each candidate is held to the rest."""

    def __init__(
        self,
        connection: Connection,
        terms: Terms,
        leading: str | None = None,
        window: int = WINDOW,
    ) -> None:
        self._connection = connection
        self._window = window
        self._subjects = terms.subjects()
        self._kinds = terms.kinds()
        self._leader = leading or self._rarest()

    def window(self, span: Span, limit: int) -> tuple[int, list[int]]:
        """Look through the newest candidates of a span; return how far down, and what was found."""
        if self._kinds == ():
            return span.first, []
        candidates = self._candidates(span).limit(self._window).subquery()
        counted, lowest = self._connection.execute(
            select(func.count(), func.min(candidates.c.idx))
        ).one()
        query = select(candidates.c.idx).where(*self._others(candidates))
        newest = query.order_by(candidates.c.idx.desc()).limit(limit)
        found = list(self._connection.execute(newest).scalars())
        if len(found) == limit and limit < self._window:
            return found[-1], found
        return (span.first if counted < self._window else lowest), found

    def entries(self, indexes: Sequence[int]) -> list[LogEntry]:
        """Read entries, newest first."""
        if not indexes:
            return []
        rows = self._connection.execute(
            select(entry).where(entry.c.idx.in_(indexes)).order_by(entry.c.idx.desc())
        )
        return [
            LogEntry(row.idx, row.time_us, row.kind, bytes(row.body), bytes(row.leaf_hash))
            for row in rows
        ]

    def each(self, indexes: Sequence[int]) -> Iterator[LogEntry]:
        """Read entries one after another, newest first, so many at a time."""
        for start in range(0, len(indexes), PAGE_ENTRIES_MAX):
            yield from self.entries(indexes[start : start + PAGE_ENTRIES_MAX])

    def _rarest(self) -> str | None:
        """Name the subject with the fewest entries; None where the kinds, or the log, lead."""
        counts = {field: self._named(field) for field in self._subjects}
        if self._kinds is not None:
            branches = [
                select(entry.c.idx).where(entry.c.kind == str(kind)).limit(COMPARED_MAX)
                for kind in self._kinds
            ]
            counts[""] = sum(self._counted(branch) for branch in branches)
        leader = min(counts, key=lambda name: counts[name], default="")
        return leader or None

    def _named(self, field: str) -> int:
        named = select(entry_subject.c.idx).where(
            entry_subject.c.field == field, entry_subject.c.value.in_(self._subjects[field])
        )
        return self._counted(named.limit(COMPARED_MAX))

    def _counted(self, query: Select[tuple[int]]) -> int:
        counted: int = self._connection.execute(
            select(func.count()).select_from(query.subquery())
        ).scalar_one()
        return counted

    def _candidates(self, span: Span) -> Select[tuple[int]]:
        """Return the leader's indexes within a span, newest first, each once."""
        branches = [self._newest(branch, span) for branch in self._branches()]
        merged = union_all(*(select(branch.c.idx) for branch in branches)).subquery()
        return select(merged.c.idx).distinct().order_by(merged.c.idx.desc())

    def _branches(self) -> list[Select[tuple[int]]]:
        if self._leader is not None:
            values = self._subjects[self._leader]
            subject = entry_subject.c
            return [
                select(subject.idx).where(subject.field == self._leader, subject.value == value)
                for value in values
            ]
        if self._kinds is not None:
            return [select(entry.c.idx).where(entry.c.kind == str(kind)) for kind in self._kinds]
        return [select(entry.c.idx)]

    def _newest(self, branch: Select[tuple[int]], span: Span) -> Subquery:
        idx = branch.selected_columns[0]
        within = branch.where(idx >= span.first, idx < span.end)
        return within.order_by(idx.desc()).limit(self._window).subquery()

    def _others(self, candidates: Subquery) -> list[Exists]:
        subject = entry_subject.c
        conditions = [
            select(literal(1))
            .where(
                subject.field == field,
                subject.value.in_(values),
                subject.idx == candidates.c.idx,
            )
            .exists()
            for field, values in self._subjects.items()
            if field != self._leader
        ]
        if self._kinds is not None and self._leader is not None:
            kinds = [str(kind) for kind in self._kinds]
            conditions.append(
                select(literal(1))
                .where(entry.c.kind.in_(kinds), entry.c.idx == candidates.c.idx)
                .exists()
            )
        return conditions


def _limit_invalid() -> InvalidInput:
    return InvalidInput(
        "page_size_invalid",
        Message(
            f"每页须为 1 至 {PAGE_ENTRIES_MAX} 条。",
            f"A page holds between 1 and {PAGE_ENTRIES_MAX} entries.",
        ),
        field="limit",
    )
