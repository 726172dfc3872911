"""What authors, checkers, officers and the authority send to the desk, field by field."""

from typing import Literal

from pydantic import Field

from catalog.datasets import Frozen
from disclosure.release.files import FileDraft

TEXT_CHARACTERS_MAX = 2_000


class ReleaseRequest(Frozen):
    """What an operator asks in one step: one stored answer, under a title in both languages."""

    answer_id: str = Field(min_length=1, max_length=80)
    title_zh: str = Field(min_length=1, max_length=200)
    title_en: str = Field(min_length=1, max_length=200)
    context: str = Field(default="", max_length=TEXT_CHARACTERS_MAX)


class ReleaseDraft(Frozen):
    """A request before it is submitted. ``context`` tells the checkers what it is and what for."""

    title_zh: str = Field(min_length=1, max_length=200)
    title_en: str = Field(min_length=1, max_length=200)
    context: str = Field(default="", max_length=TEXT_CHARACTERS_MAX)
    files: tuple[FileDraft, ...] = Field(default=(), max_length=100)


class NamedFile(Frozen):
    """A file of a request."""

    name: str = Field(min_length=1, max_length=100)


class Reason(Frozen):
    """Why something is done; it stays in the private part of the entry."""

    reason: str = Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)


class CommentText(Frozen):
    """A comment on a request."""

    comment: str = Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)


class ReleaseVote(Frozen):
    """A checker's vote on exactly the bytes with this digest.

    ``sha256`` is the request's own: of its one file, or of the names and digests of all. To return
    or to refuse needs a comment, which the author reads once all votes are in.
    """

    decision: Literal["approve", "return", "refuse"]
    sha256: str = Field(min_length=1, max_length=80)
    comment: str = Field(default="", max_length=TEXT_CHARACTERS_MAX)


class ExceptionGranted(Frozen):
    """A failed check that an officer lets pass; ``file`` is empty for a check of the whole."""

    check: str = Field(min_length=1, max_length=60)
    file: str = Field(default="", max_length=100)
    reason: str = Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)


class TracedFile(Frozen):
    """What a holder of a stray file tells of it: digests and marks, never the file itself.

    ``content`` is the digest of the table as the desk would write it; ``quoted`` says of each text
    of a CSV file, in order, whether it stands in quotes without need; ``marks`` are the words in it
    that look like those of a copy.
    """

    sha256: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    content: str = Field(default="", pattern=r"^(sha256:[0-9a-f]{64})?$")
    quoted: str = Field(default="", max_length=2_000_000, pattern=r"^[01]*$")
    marks: tuple[str, ...] = Field(default=(), max_length=100)
