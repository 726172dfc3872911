"""What an import asks of the book: how it stands to entries, and to make drafts of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from catalog.book.bulk import Standing, make_drafts, standing
from catalog.book.duties import check_code_is
from catalog.book.parts import Book
from catalog.book.states import EntryState
from catalog.entries import CatalogueEntry
from catalog.exchange.judging import RowState
from catalog.exchange.rows import RowFault
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor

CODES_AT_ONCE = 500
_UNDER_REVIEW = frozenset({EntryState.SUBMITTED, EntryState.CHANGE_SUBMITTED})
_GIVEN_UP = frozenset({EntryState.DISCARDED, EntryState.REFUSED})


class Drafting(Protocol):
    """The book as an import sees it."""

    def standings(
        self, connection: Connection, provider: str, entries: Sequence[CatalogueEntry]
    ) -> Sequence[tuple[RowState, RowFault | None]]:
        """Say of each entry: new, changed, same, or why its row cannot be taken."""
        ...

    def make(
        self, actor: Actor, provider: str, entries: Sequence[CatalogueEntry], name: str
    ) -> str:
        """Make a draft, or a proposed change, of every entry: all of them or none.

        ``name`` is what people know the batch by. Return the batch's identifier.
        """
        ...


@dataclass(frozen=True)
class BookDrafting:
    """The platform's own book."""

    book: Book

    def standings(
        self, connection: Connection, provider: str, entries: Sequence[CatalogueEntry]
    ) -> Sequence[tuple[RowState, RowFault | None]]:
        """Say of each entry: new, changed, same, or why its row cannot be taken."""
        found: list[Standing | None] = []
        for start in range(0, len(entries), CODES_AT_ONCE):
            found += standing(connection, entries[start : start + CODES_AT_ONCE])
        known = self.book.credit_code(connection, provider)
        return [
            _misnamed(known, entry) or _judged(one, provider)
            for one, entry in zip(found, entries, strict=True)
        ]

    def make(
        self, actor: Actor, provider: str, entries: Sequence[CatalogueEntry], name: str
    ) -> str:
        """Make one batch of drafts."""
        return make_drafts(self.book, actor, provider, entries, batch=name).value.id


def _misnamed(known: str | None, entry: CatalogueEntry) -> tuple[RowState, RowFault] | None:
    """Refuse a row under the credit code of another house than the department's own."""
    try:
        check_code_is(known, entry)
    except InvalidInput as refusal:
        way_out = refusal.way_out or refusal.message
        fault = RowFault(None, "提供单位代码", refusal.code, refusal.message, way_out)
        return RowState.REFUSED, fault
    return None


def _judged(found: Standing | None, provider: str) -> tuple[RowState, RowFault | None]:
    if found is None:
        return RowState.NEW, None
    if found.provider != provider:
        return RowState.REFUSED, _fault(
            "entry_of_another_department",
            Message("该目录代码已由其他单位登记", "another department has this code"),
            Message("请改用本单位的目录代码。", "Use a code of your own department."),
        )
    if found.state in _UNDER_REVIEW:
        return RowState.REFUSED, _fault(
            "entry_under_review",
            Message("该条目正在审核，不能导入新内容", "the entry is under review"),
            Message("请待审核办结后再提交。", "Submit the row again once the review is over."),
        )
    if found.same and found.state not in _GIVEN_UP:
        return RowState.SAME, None
    return (RowState.NEW if found.state in _GIVEN_UP else RowState.CHANGED), None


def _fault(rule: str, message: Message, way_out: Message) -> RowFault:
    return RowFault(None, "目录代码", rule, message, way_out)
