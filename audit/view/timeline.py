"""The life of one question, licence, release or session, as the log tells it from beginning to end.

A life begins with what names its subject and follows what those entries name in turn: a question's
answer, the answer's release, the release's fetches as a product, and the period that settles them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from audit.reading import LogEntry, current_checkpoint, read_entries
from audit.tags import EntryKind
from audit.view.narration import Names, sentence
from audit.view.packing import receipts_under
from audit.view.search import count
from audit.view.terms import Decision, Terms
from foundation.clock import to_iso
from foundation.errors import Message, NotFound

STEPS_MAX = 400
"""A life with more entries than this says so, and shows the first of them."""
CLOSINGS_READ_MAX = 1_000


class Subject(StrEnum):
    """Whose life is told."""

    QUESTION = "question"
    LICENCE = "licence"
    RELEASE = "release"
    SESSION = "session"


_LICENCE_COUNTED: Mapping[Decision, tuple[EntryKind, ...]] = {
    Decision.PERMITTED: (EntryKind.QUESTION_DECIDED, EntryKind.VERIFICATION_DECIDED),
    Decision.REFUSED: (EntryKind.QUESTION_REFUSED, EntryKind.VERIFICATION_REFUSED),
    Decision.ANSWERED: (
        EntryKind.ANSWER_RELEASED,
        EntryKind.ANSWER_REPEATED,
        EntryKind.VERIFICATION_ANSWERED,
    ),
    Decision.FAILED: (EntryKind.ANSWER_FAILED, EntryKind.VERIFICATION_FAILED),
}
"""Of a licence's questions a life tells the numbers; each is a life of its own."""
_COUNTED_KINDS = frozenset(kind for kinds in _LICENCE_COUNTED.values() for kind in kinds)
_READING = frozenset({EntryKind.RECORDS_READ, EntryKind.VIEW_EXPORTED})
_LIVED = tuple(kind for kind in EntryKind if kind not in _READING)
_WITHIN_SESSIONS = frozenset(
    {
        EntryKind.CELL_EXECUTED,
        EntryKind.CELL_REFUSED,
        EntryKind.FILE_RECEIVED,
        EntryKind.FILE_REFUSED,
        EntryKind.EGRESS_RESERVED,
    }
)
"""What a session's own life tells step by step, and a licence's does not: there are too many."""
_LICENCE_KINDS = tuple(kind for kind in _LIVED if kind not in _COUNTED_KINDS | _WITHIN_SESSIONS)
_SETTLING = (EntryKind.PERIOD_CLOSED,)

_NEXT: Mapping[Subject, Mapping[str, tuple[str, ...]]] = {
    Subject.QUESTION: {
        "question": ("answer",),
        "answer": ("release",),
    },
    Subject.RELEASE: {"release": ("answer",)},
    Subject.LICENCE: {"licence": ("session",)},
    Subject.SESSION: {"session": ()},
}
_SOLD_AS = {"release": "product"}
"""A release that a buyer fetches is that product, under the same identifier."""
_KINDS_OF: Mapping[tuple[Subject, str], tuple[EntryKind, ...]] = {
    (Subject.LICENCE, "licence"): _LICENCE_KINDS,
    (Subject.LICENCE, "session"): tuple(kind for kind in _LIVED if kind not in _WITHIN_SESSIONS),
    (Subject.RELEASE, "answer"): (EntryKind.ANSWER_RELEASED,),
    (Subject.QUESTION, "period"): _SETTLING,
    (Subject.RELEASE, "period"): _SETTLING,
    (Subject.LICENCE, "period"): _SETTLING,
}


@dataclass(frozen=True)
class Step:
    """One entry of a life, in words, with what proves its place."""

    entry: LogEntry
    sentence: Message
    receipt: str

    def as_json(self, language: str) -> dict[str, object]:
        """Return the step for a reader."""
        return {
            "index": self.entry.index,
            "time": to_iso(self.entry.time_us),
            "kind": self.entry.kind,
            "sentence": self.sentence.in_language(language),
            "sentences": {"zh": self.sentence.zh, "en": self.sentence.en},
            "leaf": self.entry.leaf_hash.hex(),
            "receipt": self.receipt,
        }


@dataclass(frozen=True)
class Timeline:
    """A life: its steps in the order of the log, and of a licence how its questions ended.

    ``counts`` maps a decision to a number and to whether that is all of them. ``complete`` is
    false where there are more steps than are shown.
    """

    subject: Subject
    identifier: str
    steps: tuple[Step, ...]
    counts: Mapping[Decision, tuple[int, bool]]
    complete: bool


def timeline(connection: Connection, subject: Subject, identifier: str, names: Names) -> Timeline:
    """Tell a life. Raises NotFound where no entry names its subject."""
    found, complete = entries_of(connection, subject, identifier)
    if not found:
        raise NotFound(
            "no_such_life",
            Message("日志中没有它的记录。", "No entry of the log names it."),
            field="id",
        )
    receipts = receipts_under(connection, found, current_checkpoint(connection) or "")
    steps = tuple(Step(entry, sentence(entry, names), receipts[entry.index]) for entry in found)
    return Timeline(subject, identifier, steps, _counts(connection, subject, identifier), complete)


def entries_of(
    connection: Connection, subject: Subject, identifier: str
) -> tuple[list[LogEntry], bool]:
    """Return the entries of a life in the order of the log, and whether these are all."""
    waiting = [(str(subject), identifier)]
    seen = set(waiting)
    found: dict[int, LogEntry] = {}
    complete = True
    while waiting:
        field, value = waiting.pop(0)
        kinds = _KINDS_OF.get((subject, field), _LIVED)
        page = read_entries(connection, kinds=kinds, subjects={field: value}, limit=STEPS_MAX + 1)
        complete = complete and len(page) <= STEPS_MAX
        found |= {entry.index: entry for entry in page}
        links = _links(page, _NEXT[subject].get(field, ()))
        links += _settled(connection, page)
        if field in _SOLD_AS:
            links.append((_SOLD_AS[field], value))
        for link in links:
            if link not in seen and len(seen) < STEPS_MAX:
                seen.add(link)
                waiting.append(link)
    ordered = [found[index] for index in sorted(found)]
    return ordered[:STEPS_MAX], complete and len(ordered) <= STEPS_MAX


def _links(entries: Iterable[LogEntry], fields: tuple[str, ...]) -> list[tuple[str, str]]:
    return [
        (field, value)
        for entry in entries
        for field in fields
        if isinstance(value := entry.public.get(field), str)
    ]


def _settled(connection: Connection, entries: Iterable[LogEntry]) -> list[tuple[str, str]]:
    """Return the periods that settle what these entries metered: the first to close after each."""
    metered = [entry.index for entry in entries if entry.public.get("usage")]
    if not metered:
        return []
    closings = read_entries(
        connection, kinds=_SETTLING, first=min(metered), limit=CLOSINGS_READ_MAX
    )
    places = {bisect_left(closings, index, key=lambda entry: entry.index) for index in metered}
    return [
        ("period", str(closings[place].public["period"]))
        for place in sorted(places)
        if place < len(closings)
    ]


def _counts(
    connection: Connection, subject: Subject, identifier: str
) -> dict[Decision, tuple[int, bool]]:
    if subject is not Subject.LICENCE:
        return {}
    counts = {}
    for decision, kinds in _LICENCE_COUNTED.items():
        numbers = [count(connection, Terms(licence=identifier, kind=kind)) for kind in kinds]
        counts[decision] = sum(number for number, _ in numbers), all(all_ for _, all_ in numbers)
    return counts
