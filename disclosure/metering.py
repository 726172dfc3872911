"""What this room tells the meter about each use, and what it asks of it; money is another's matter.

``disclosure`` knows no tariff: the service hands it these protocols. All that stands in a use of
protected data is a function of question, policy and licence (I14).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from audit.events import PendingEntry
from authorization.documents import LicenceDocument


@dataclass(frozen=True)
class QuestionUse:
    """A question as it is metered.

    ``asked`` is the digest of what is asked, whatever version answers it; ``sources`` are data
    sets with the columns that the question names. ``rows`` counts governed rows that are given;
    None for a private answer, whose cost is ``cost_nano_rho``.
    """

    question: str
    licence: LicenceDocument
    organisation: str
    asked: str
    sources: Mapping[str, tuple[str, ...]]
    cost_nano_rho: int
    answer: str = ""
    rows: int | None = None
    session: str = ""


@dataclass(frozen=True)
class VerificationUse:
    """A verification as it is metered: the data set and columns claimed of, never the subject."""

    claim: str
    licence: LicenceDocument
    organisation: str
    dataset: str
    columns: tuple[str, ...]
    session: str = ""


@dataclass(frozen=True)
class ReleaseUse:
    """A release as it is metered."""

    release: str
    licence: str
    organisation: str


class QuestionMeter(Protocol):
    """Meters questions inside the writer's transaction; raises what refuses them for money."""

    def price_of_question(
        self, connection: Connection, use: QuestionUse, time_us: int
    ) -> Mapping[str, object]:
        """Say what a question would cost now, for its estimate. Nothing is written."""
        ...

    def question_decided(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> None:
        """Refuse what could not be billed, and set its price aside."""
        ...

    def question_answered(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> int:
        """Meter an answer; return its price in micro-fen."""
        ...

    def question_repeated(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> int:
        """Meter a stored answer that is given again; return its price in micro-fen."""
        ...

    def question_failed(self, connection: Connection, entry: PendingEntry, question: str) -> None:
        """Give back what was set aside."""
        ...


class VerificationMeter(Protocol):
    """Meters verifications inside the writer's transaction."""

    def verification_decided(
        self, connection: Connection, entry: PendingEntry, use: VerificationUse
    ) -> None:
        """Refuse what could not be billed, and set its price aside."""
        ...

    def verification_answered(
        self, connection: Connection, entry: PendingEntry, use: VerificationUse
    ) -> int:
        """Meter an answer; return its price in micro-fen."""
        ...

    def verification_failed(self, connection: Connection, entry: PendingEntry, claim: str) -> None:
        """Give back what was set aside."""
        ...


class ReleaseMeter(Protocol):
    """Meters releases inside the writer's transaction."""

    def release_asked(self, connection: Connection, entry: PendingEntry, use: ReleaseUse) -> None:
        """Refuse a request whose release could not be billed."""
        ...

    def release_delivered(
        self, connection: Connection, entry: PendingEntry, use: ReleaseUse
    ) -> None:
        """Meter a release."""
        ...
