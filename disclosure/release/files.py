"""The files of a release request: what a draft asks for, what the desk makes of it, and how.

A draft names its source and nothing more; the source reads what stands behind it and hands back
the desk's own bytes (I15). A source that this platform does not have refuses plainly; none is
played by another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import pyarrow as pa
from pydantic import Field
from sqlalchemy import Connection

from catalog.datasets import Frozen
from disclosure.checks.desk import CheckResult
from disclosure.release.encoding import sha256_of
from foundation.errors import InvalidInput, Message
from policies.schema.disclosure import DisclosureRules

SourceKind = Literal["answer", "table", "figure", "text", "foreign"]
FileFormat = Literal["csv", "parquet", "png", "json", "md"]
FILE_NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,79}\.(csv|parquet|png|json|md)$"


class FileDraft(Frozen):
    """One file as its author asks for it.

    ``reference`` names what the source reads: an answer's identifier, or an upload's. ``plan``
    is the source's own document (a table's plan, a chart), read by that source alone, strictly.
    """

    name: str = Field(pattern=FILE_NAME_PATTERN)
    source: SourceKind
    reference: str = Field(default="", max_length=80)
    plan: Mapping[str, object] = Field(default_factory=dict)

    @property
    def format(self) -> str:
        """The format, as the name ends."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Placed:
    """A draft in its place: of which request it is, under which licence, by whom.

    A source reads nothing that this licence does not hold. ``rules`` are those of this licence: the
    strictest of rule file, grade and its own terms.
    """

    request: str
    licence: str
    organisation: str
    person: str
    draft: FileDraft
    rules: DisclosureRules


@dataclass(frozen=True)
class ReleasedFile:
    """One file as the desk made it: ``content`` are the desk's own bytes, and votes name them.

    ``table`` is what the bytes encode, where they encode one. ``findings`` are the checks that
    only the source can make. ``sources`` and ``asked`` say what it rests on, for the meter and
    for recalls: columns by data set, and the digest of what was asked. ``answers`` are the stored
    answers behind it; ``entries`` the log indexes of their outcomes. ``reproducible`` is False for
    what cannot be computed anew from data of the platform: it is treated as microdata.
    """

    name: str
    format: str
    content: bytes = field(repr=False)
    source: SourceKind
    reproducible: bool
    findings: tuple[CheckResult, ...] = ()
    table: pa.Table | None = field(default=None, repr=False)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: str = ""
    answers: tuple[str, ...] = ()
    entries: tuple[int, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """``sha256:`` and the digest of the content."""
        return sha256_of(self.content)


class FileSource(Protocol):
    """Makes the files of one kind of draft.

    Asked at submission, for each preview, and again at delivery: equal every time, or the release
    stops. It raises a SandgateError for what it refuses, and changes nothing.
    """

    @property
    def kind(self) -> SourceKind:
        """Which drafts it makes."""
        ...

    def read(self, connection: Connection, placed: Placed) -> ReleasedFile:
        """Make the file. Raises what refuses it."""
        ...


Together = Callable[
    [Sequence[ReleasedFile], Sequence[FileDraft], Sequence[str]],
    Mapping[str, tuple[CheckResult, ...]],
]
"""Checks that see all files of a request at once, and its titles; what they find, by the file's
name, and by "" of the titles."""


class Sources:
    """The sources that this platform has, by kind, and what looks at all their files together."""

    def __init__(self, sources: Iterable[FileSource], together: Together | None = None) -> None:
        """Know them."""
        self._by_kind = {source.kind: source for source in sources}
        self._together = together

    def check_here(self, draft: FileDraft) -> None:
        """Raise InvalidInput for a draft that nothing here can make."""
        self._of(draft)

    def read(self, connection: Connection, placed: Placed) -> ReleasedFile:
        """Make one file. Raises what its source refuses."""
        made = self._of(placed.draft).read(connection, placed)
        if (made.name, made.source) != (placed.draft.name, placed.draft.source):
            raise ValueError("a source made another file than it was asked for")
        return made

    def check_together(
        self,
        files: Sequence[ReleasedFile],
        drafts: Sequence[FileDraft],
        titles: Sequence[str] = (),
    ) -> Mapping[str, tuple[CheckResult, ...]]:
        """Run the checks that see all files of a request at once, and its titles."""
        return {} if self._together is None else self._together(files, drafts, titles)

    def _of(self, draft: FileDraft) -> FileSource:
        found = self._by_kind.get(draft.source)
        if found is None:
            here = "、".join(sorted(self._by_kind))
            raise InvalidInput(
                "file_source_not_here",
                Message(
                    f"本平台暂不受理来源为“{draft.source}”的文件。",
                    f"Files whose source is {draft.source!r} are not available here yet.",
                ),
                field="source",
                way_out=Message(f"可用的来源：{here}。", f"Sources that are available: {here}."),
            )
        return found
