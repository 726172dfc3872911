"""Who touched a column: each person, under which licence and for what, how often, and when.

Touched is what was read for an answer or a built extract, and what was asked for and permitted. A
refused question read nothing; it is found by its person and licence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from audit.reading import LogEntry, read_entries
from audit.tags import EntryKind
from audit.view.search import PAGE_ENTRIES_MAX, search
from audit.view.terms import Terms
from foundation.clock import to_iso

ENTRIES_MAX = 5_000
RELEASES_MAX = 200

_COUNTED: Mapping[str, str] = {
    EntryKind.QUESTION_DECIDED: "permitted",
    EntryKind.VERIFICATION_DECIDED: "permitted",
    EntryKind.ANSWER_RELEASED: "answered",
    EntryKind.VERIFICATION_ANSWERED: "answered",
    EntryKind.ANSWER_REPEATED: "repeated",
    EntryKind.ANSWER_FAILED: "failed",
    EntryKind.VERIFICATION_FAILED: "failed",
    EntryKind.EXTRACT_BUILT: "extracts",
}


@dataclass
class Toucher:
    """One person under one licence, and what they did with the column."""

    person: str
    organisation: str
    licence: str
    purposes: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    releases: list[str] = field(default_factory=list)
    first: LogEntry | None = None
    last: LogEntry | None = None

    def add(self, entry: LogEntry, public: Mapping[str, Any]) -> None:
        """Count one entry; entries come newest first."""
        counted = _COUNTED[entry.kind]
        self.counts[counted] = self.counts.get(counted, 0) + 1
        if public.get("purpose"):
            self.purposes.add(str(public["purpose"]))
        self.first = entry
        self.last = self.last or entry

    def as_json(self) -> dict[str, object]:
        """Return the line for a reader."""
        return {
            "person": self.person,
            "organisation": self.organisation,
            "licence": self.licence,
            "purposes": sorted(self.purposes),
            "counts": self.counts,
            "releases": self.releases,
            "first": None if self.first is None else to_iso(self.first.time_us),
            "first_index": None if self.first is None else self.first.index,
            "last": None if self.last is None else to_iso(self.last.time_us),
            "last_index": None if self.last is None else self.last.index,
        }


@dataclass(frozen=True)
class Touched:
    """Everybody who touched a column, within the part of the log that was read.

    ``read_first`` is 0 where the whole log was read; earlier touches stand below it.
    """

    column: str
    touchers: tuple[Toucher, ...]
    entries: int
    read_first: int
    complete: bool


def who_touched(connection: Connection, terms: Terms) -> Touched:
    """Return who touched the column that the terms name, under all their other conditions."""
    found: dict[tuple[str, str], Toucher] = {}
    answers: dict[str, Toucher] = {}
    entries, before, read_first = 0, None, 0
    while entries < ENTRIES_MAX:
        page = search(connection, terms, before=before, limit=PAGE_ENTRIES_MAX)
        for entry in page.entries:
            if entry.kind not in _COUNTED:
                continue  # an alert, or a reading, that names the column
            public = entry.public
            toucher = _toucher(found, entry, public)
            toucher.add(entry, public)
            if isinstance(public.get("answer"), str):
                answers.setdefault(public["answer"], toucher)
        entries += len(page.entries)
        before, read_first = page.next_before, page.read.first
        if before is None:
            break
    _find_releases(connection, found, answers)
    touchers = sorted(found.values(), key=lambda one: -(one.last.index if one.last else 0))
    return Touched(str(terms.column), tuple(touchers), entries, read_first, before is None)


def _toucher(
    found: dict[tuple[str, str], Toucher], entry: LogEntry, public: Mapping[str, Any]
) -> Toucher:
    actor = entry.content["actor"]
    licence = str(public.get("licence", ""))
    key = (actor["person"], licence)
    return found.setdefault(key, Toucher(actor["person"], actor["organisation"], licence))


def _find_releases(
    connection: Connection,
    found: Mapping[tuple[str, str], Toucher],
    answers: Mapping[str, Toucher],
) -> None:
    """Add the releases asked for of answers over the column, to whoever asked for them."""
    for answer, answered in list(answers.items())[:RELEASES_MAX]:
        asked = read_entries(
            connection, kinds=(EntryKind.RELEASE_SUBMITTED,), subjects={"answer": answer}
        )
        for entry in asked:
            by = (entry.content["actor"]["person"], str(entry.public.get("licence", "")))
            found.get(by, answered).releases.append(str(entry.public["release"]))
