"""Carries out what production would do, and undoes it: its refusals stand, its effects do not."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from audit.events import PendingEntry


class UnheardEntry:
    """An entry under construction that what is undone can say nothing into."""

    def __init__(self, entry: PendingEntry) -> None:
        """Stand for an entry."""
        self._entry = entry

    @property
    def index(self) -> int:
        """The entry's place in the log."""
        return self._entry.index

    @property
    def time_us(self) -> int:
        """The entry's time."""
        return self._entry.time_us

    def amend(self, **_public: object) -> None:
        """Add nothing: what is undone was not done."""


@contextmanager
def undone(connection: Connection) -> Iterator[None]:
    """Roll back whatever is written inside, in a savepoint of its own; what it raises is raised."""
    attempt = connection.begin_nested()
    try:
        yield
    finally:
        attempt.rollback()
