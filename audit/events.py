"""What is submitted to the log: an event, and what comes back: its place and its receipt.

``public`` fields are hashed as they stand and travel with the log; ``private`` fields (question
text and the like) stay in an erasable table, and the public body holds only a salted commitment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from audit.tags import EntryKind
from foundation.identity import Actor
from foundation.keys import Citation

T = TypeVar("T")


@dataclass(frozen=True)
class AuditEvent:
    """One thing that happened, before it has a place in the log.

    Values of ``public`` are JSON without floats. Data values, question text and personal data
    belong in ``private``.
    """

    kind: EntryKind
    actor: Actor
    public: Mapping[str, object] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict)


class PendingEntry(Protocol):
    """The entry under construction, as the code that applies its effect sees it."""

    @property
    def index(self) -> int:
        """The leaf index this entry will have if its effect holds."""
        ...

    @property
    def time_us(self) -> int:
        """The entry's time; never before that of an earlier entry."""
        ...

    def amend(self, **public: object) -> None:
        """Add public fields that only became known while applying the effect."""
        ...


@dataclass(frozen=True)
class Recorded(Generic[T]):
    """A durable entry: its index, time, leaf hash, tlog-proof receipt, and the effect's value."""

    index: int
    time_us: int
    leaf_hash: bytes
    receipt: str
    value: T
    body: bytes = b""

    @property
    def citation(self) -> Citation:
        """The entry as the key holder can check it."""
        return Citation(self.index, self.body, self.receipt)


class Writer(Protocol):
    """The one door for state changes (see ``audit.writer``)."""

    def submit(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        """Commit the entry and its effect together, or neither; return once both are durable.

        ``apply`` runs in its own savepoint. What it raises rolls back this item alone and is
        raised here again.
        """
        ...


def no_effect(_connection: Connection, _entry: PendingEntry) -> None:
    """Apply nothing: for entries that only record."""
