"""The regulator's desk: reads the log for one person, and writes down that it was read.

Reading is never writing to what is read: the only entries that come from here say who looked at
what, what left as a pack, and how alerts were set and acknowledged.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine

from audit.coalescing import CoalescingLog
from audit.events import AuditEvent, Writer
from audit.notes import VerifierKey
from audit.reading import LogEntry
from audit.tags import EntryKind
from audit.view.columns import Touched, who_touched
from audit.view.exporting import ENTRIES_MAX, Exported, Format, Found, export_found
from audit.view.search import PAGE_ENTRIES_MAX, Page, search, span_of
from audit.view.terms import SUBJECT_TERMS, Terms
from audit.view.timeline import Subject, Timeline, entries_of, timeline
from disclosure.budgets.odometer import readings
from foundation.canonical import digest
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor
from foundation.ids import random_name
from policies.effective import calendar_of
from policies.load import PolicyPack
from policies.schema.alerts import AlertRules
from service.regulator.alerting import Alerting
from service.regulator.names import RegisteredNames
from service.regulator.odometer import caps_now

_TITLES = {
    Subject.QUESTION: ("一次查询的全过程", "The life of one question"),
    Subject.LICENCE: ("一项授权的全过程", "The life of one licence"),
    Subject.RELEASE: ("一次出域的全过程", "The life of one release"),
    Subject.SESSION: ("一个会话的全过程", "The life of one session"),
}
_ABOUT: Mapping[Subject, Callable[[str], Terms]] = {
    Subject.QUESTION: lambda identifier: Terms(question=identifier),
    Subject.LICENCE: lambda identifier: Terms(licence=identifier),
    Subject.RELEASE: lambda identifier: Terms(release=identifier),
    Subject.SESSION: lambda identifier: Terms(session=identifier),
}


class Oversight:
    """Search, timelines, columns, packs and alerts for the API."""

    def __init__(
        self, engine: Engine, writer: Writer, clock: Clock, pack: PolicyPack, key: VerifierKey
    ) -> None:
        """Join log, rules and calendar."""
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._key = key
        self.rules = pack.rules(AlertRules)
        self.alerting = Alerting(
            engine,
            writer,
            clock,
            self.rules,
            calendar_of(pack, self.rules.calendar),
            caps_now,
            pack.digest,
        )
        self._read = CoalescingLog(writer, clock, 1, counted_as=EntryKind.RECORDS_READ)

    def search(self, actor: Actor, terms: Terms, before: int | None, limit: int) -> Page:
        """Return a page of what a search finds; who searched for what is an entry."""
        with reading(self._engine) as connection:
            page = search(connection, terms, before=before, limit=limit)
        self._note(actor, "search", terms)
        return page

    def timeline(self, actor: Actor, subject: Subject, identifier: str) -> Timeline:
        """Tell a life; that it was read is an entry. Raises NotFound."""
        with reading(self._engine) as connection:
            told = timeline(connection, subject, identifier, RegisteredNames(connection))
        self._note(actor, "timeline", _ABOUT[subject](identifier))
        return told

    def budgets(self, licence: str) -> list[dict[str, object]]:
        """Return the levels of a licence's own budgets, as store and log have them."""
        with reading(self._engine) as connection:
            levels = readings(connection)
        return [level.as_json() for level in levels if licence in level.node.split("/")]

    def columns(self, actor: Actor, terms: Terms) -> Touched:
        """Return who touched a column; that it was asked is an entry."""
        if terms.column is None:
            raise InvalidInput(
                "column_missing",
                Message("请指明列（数据集.列名）。", "Name a column as dataset.column."),
                field="column",
            )
        with reading(self._engine) as connection:
            touched = who_touched(connection, terms)
        self._note(actor, "columns", terms)
        return touched

    def export_search(
        self, actor: Actor, terms: Terms, formats: Sequence[Format], folder: Path
    ) -> tuple[Exported, Path]:
        """Write a pack of what a search finds, up to so many entries; say whether it is all."""
        with reading(self._engine) as connection:
            entries, complete, first = _all(connection, terms)
            end = span_of(connection, terms).end
        asked = {"search": terms.as_public()}
        found = Found(entries, asked, complete, first, end, "日志查询结果", "Entries found")
        return self._export(actor, found, formats, folder)

    def export_timeline(
        self,
        actor: Actor,
        subject: Subject,
        identifier: str,
        formats: Sequence[Format],
        folder: Path,
    ) -> tuple[Exported, Path]:
        """Write a pack of a life. Raises NotFound where no entry names its subject."""
        with reading(self._engine) as connection:
            timeline(connection, subject, identifier, RegisteredNames(connection))
            entries, complete = entries_of(connection, subject, identifier)
        asked = {"timeline": {str(subject): identifier}}
        end = entries[-1].index + 1
        found = Found(entries, asked, complete, 0, end, *_TITLES[subject])
        return self._export(actor, found, formats, folder)

    def write_counted(self, *, everything: bool = False) -> None:
        """Write readings that were only counted, once their minute is over."""
        self._read.write_counted(everything=everything)

    def close(self) -> None:
        """Write what is still owed: counted readings, and how far alerts were checked."""
        self.write_counted(everything=True)
        self.alerting.tell()

    def _export(
        self, actor: Actor, found: Found, formats: Sequence[Format], folder: Path
    ) -> tuple[Exported, Path]:
        folder.mkdir(mode=0o700, exist_ok=True)
        out = folder / f"{random_name()}.zip"
        with reading(self._engine) as connection:
            names = RegisteredNames(connection)
        exported = export_found(
            self._engine,
            self._writer,
            actor,
            found,
            key=self._key,
            formats=formats,
            names=names,
            now_us=self._clock.now_us(),
            out=out,
        )
        return exported, out

    def _note(self, actor: Actor, how: str, terms: Terms) -> None:
        """Log who read what; the same reading within a minute is counted."""
        asked = terms.as_public()
        named = {name: asked[name] for name in SUBJECT_TERMS if name in asked and name != "column"}
        public: dict[str, object] = {**named, "read_as": how, "asked": asked}
        event = AuditEvent(EntryKind.RECORDS_READ, actor, public)
        self._read.record((actor.person, how, digest(asked)), event, public)


def _all(connection: Connection, terms: Terms) -> tuple[list[LogEntry], bool, int]:
    found: list[LogEntry] = []
    before, first = None, 0
    while len(found) < ENTRIES_MAX:
        limit = min(PAGE_ENTRIES_MAX, ENTRIES_MAX - len(found))
        page = search(connection, terms, before=before, limit=limit)
        found += page.entries
        before, first = page.next_before, page.read.first
        if before is None:
            break
    return found, before is None, first
