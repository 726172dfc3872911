"""What an import asks of the book: how it stands to entries, and to make drafts of them."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from catalog.entries import CatalogueEntry
from catalog.exchange.judging import RowState
from catalog.exchange.rows import RowFault
from foundation.identity import Actor


class Drafting(Protocol):
    """The book as an import sees it."""

    def standings(
        self, connection: Connection, provider: str, entries: Sequence[CatalogueEntry]
    ) -> Sequence[tuple[RowState, RowFault | None]]:
        """Say of each entry: new, changed, same, or why its row cannot be taken."""
        ...

    def make(
        self, actor: Actor, provider: str, entries: Sequence[CatalogueEntry], import_id: str
    ) -> None:
        """Make a draft, or a proposed change, of every entry: all of them or none."""
        ...
