"""What a search of the log may name, and which kinds of entries each decision stands for.

A search that names nothing finds everything. Terms are values, never patterns: no text that is
searched for is ever a part of a statement.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from audit.bodies import SUBJECT_CHARACTERS_MAX
from audit.tags import EntryKind
from foundation.errors import InvalidInput, Message

WHOLE_DATASET = "*"  # stands for the columns of a data set of which very many were read


class Decision(StrEnum):
    """How a question, a claim, a release or a request ended."""

    PERMITTED = "permitted"
    REFUSED = "refused"
    ANSWERED = "answered"
    FAILED = "failed"


DECISION_WORDS: Mapping[Decision, Message] = {
    Decision.PERMITTED: Message("获准", "permitted"),
    Decision.REFUSED: Message("拒绝", "refused"),
    Decision.ANSWERED: Message("已答复", "answered"),
    Decision.FAILED: Message("执行失败", "failed"),
}

DECISION_KINDS: Mapping[Decision, tuple[EntryKind, ...]] = {
    Decision.PERMITTED: (EntryKind.QUESTION_DECIDED, EntryKind.VERIFICATION_DECIDED),
    Decision.REFUSED: (
        EntryKind.QUESTION_REFUSED,
        EntryKind.REFUSALS_COALESCED,
        EntryKind.REQUEST_REFUSED,
        EntryKind.SESSION_REFUSED,
        EntryKind.VERIFICATION_REFUSED,
        EntryKind.RELEASE_REFUSED,
        EntryKind.VOTE_REFUSED,
        EntryKind.PRODUCT_REFUSED,
        EntryKind.VERSION_REFUSED,
    ),
    Decision.ANSWERED: (
        EntryKind.ANSWER_RELEASED,
        EntryKind.ANSWER_REPEATED,
        EntryKind.VERIFICATION_ANSWERED,
        EntryKind.RELEASE_DELIVERED,
        EntryKind.PRODUCT_FETCHED,
    ),
    Decision.FAILED: (EntryKind.ANSWER_FAILED, EntryKind.VERIFICATION_FAILED),
}


@dataclass(frozen=True)
class Terms:
    """What entries must name to be found: all of what is given here.

    ``column`` is ``dataset.column``. ``since_us`` and ``until_us`` are UTC microseconds, the
    second exclusive. ``period`` is an accounting period: entries written while it was open.
    """

    licence: str | None = None
    person: str | None = None
    organisation: str | None = None
    dataset: str | None = None
    column: str | None = None
    purpose: str | None = None
    session: str | None = None
    question: str | None = None
    answer: str | None = None
    release: str | None = None
    product: str | None = None
    population: str | None = None
    decision: Decision | None = None
    kind: EntryKind | None = None
    period: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def subjects(self) -> dict[str, tuple[str, ...]]:
        """Return each subject that must be named, with the values any of which will do."""
        named = {field: getattr(self, field) for field in SUBJECT_TERMS}
        found: dict[str, tuple[str, ...]] = {}
        found |= {field: (value,) for field, value in named.items() if value is not None}
        if self.column is not None:
            found["column"] = _column_values(self.column)
        for value in (self.period, *(text for texts in found.values() for text in texts)):
            if value is not None and not 0 < len(value) <= SUBJECT_CHARACTERS_MAX:
                raise _too_long()
        return found

    def kinds(self) -> tuple[EntryKind, ...] | None:
        """Return the kinds an entry may be of; None where any kind will do."""
        decided = None if self.decision is None else DECISION_KINDS[self.decision]
        if self.kind is None:
            return decided
        return (self.kind,) if decided is None or self.kind in decided else ()

    def as_public(self) -> dict[str, object]:
        """Return the terms that were given, for an entry and for an export."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {
            name: value if isinstance(value, int) else str(value) for name, value in given.items()
        }


SUBJECT_TERMS = (
    "licence",
    "person",
    "organisation",
    "dataset",
    "column",
    "purpose",
    "session",
    "question",
    "answer",
    "release",
    "product",
    "population",
)


def _column_values(column: str) -> tuple[str, ...]:
    """Return the names under which a column is found: its own, and its whole data set's."""
    dataset, dot, name = column.partition(".")
    if not (dataset and dot and name):
        raise InvalidInput(
            "column_term_invalid",
            Message(
                "列的写法是“数据集.列名”，例如 households.wages。",
                "A column is written dataset.column, for example households.wages.",
            ),
            field="column",
        )
    return tuple(dict.fromkeys((column, f"{dataset}.{WHOLE_DATASET}")))


def _too_long() -> InvalidInput:
    return InvalidInput(
        "search_term_invalid",
        Message(
            f"检索词须为 1 至 {SUBJECT_CHARACTERS_MAX} 个字。",
            f"A term has between 1 and {SUBJECT_CHARACTERS_MAX} characters.",
        ),
    )
