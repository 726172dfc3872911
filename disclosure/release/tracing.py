"""Tracing: which release, session, author and recipient a stray file came from, and how surely.

The file itself stays with whoever found it: only digests and marks are told. Equal bytes name the
copy; marks name it while they last; equal values alone name the release, and no recipient. Of a
table with few texts two copies may be equal by chance: its other releases are named too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, select

from audit.events import AuditEvent, Writer, no_effect
from audit.tags import EntryKind
from disclosure.release.bodies import TracedFile
from disclosure.release.fingerprints import BITS_MIN, agreement, expected
from disclosure.release.requests import require_request
from disclosure.release.store import release_content, release_copy, release_copy_file
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Actor

SURE = 0.9  # of the marks: a few texts may have been edited since

BY_BYTES = Message("与交付该接收方的副本逐字节相同", "byte for byte the copy that it was handed")
BY_NAME = Message("文件内写明副本编号", "the file names the copy")
BY_MARKS = Message("引号标记与该接收方的副本相符", "its marks are those of the copy it was handed")
BY_VALUES = Message(
    "内容与该次出域相同，但指纹已被去除，无法确定接收方",
    "its values are those of this release; the marks are gone, so no recipient can be named",
)
BY_CHANCE = Message(
    "内容也与该次出域相同；文字太少，各副本可能偶然相同",
    "its values are those of this release too; with so few texts copies may be equal by chance",
)
BY_OWN_BYTES = Message(
    "与审核时预览的原始文件逐字节相同，未经任何接收方",
    "byte for byte what checkers preview, which no recipient is handed",
)


@dataclass(frozen=True)
class Origin:
    """Where a file came from, as far as it can be told."""

    release: str
    licence: str
    session: str
    author: str
    organisation: str
    file: str
    how: Message
    copy: str = ""
    recipient: str = ""
    person: str = ""
    handed: str = ""
    marks: tuple[int, int] = (0, 0)

    def as_json(self) -> dict[str, object]:
        """Return it as it is answered."""
        recipient = {"organisation": self.recipient, "person": self.person}
        return {
            "release": self.release,
            "licence": self.licence,
            "session": self.session,
            "author": self.author,
            "organisation": self.organisation,
            "file": self.file,
            "copy": self.copy,
            "recipient": recipient if self.recipient else None,
            "handed": self.handed,
            "marks": {"agree": self.marks[0], "of": self.marks[1]},
            "how": {"zh": self.how.zh, "en": self.how.en},
        }


def trace(engine: Engine, writer: Writer, actor: Actor, told: TracedFile) -> list[Origin]:
    """Find the origins that fit best; the search is logged, with what it named."""
    with reading(engine) as connection:
        found = _found(connection, told)
    first = found[0] if found else None
    public: dict[str, object] = {"found": _degree(found)}
    if first is not None:
        public |= {"release": first.release, **({"copy": first.copy} if first.copy else {})}
    event = AuditEvent(EntryKind.RELEASE_TRACED, actor, public, {"sha256": told.sha256})
    writer.submit(event, no_effect)
    return found


def _found(connection: Connection, told: TracedFile) -> list[Origin]:
    """Return what the surest of the ways names, and what it cannot be told apart from."""
    for way in (_by_bytes, _by_name, _by_own_bytes, _by_values):
        found = list(way(connection, told))
        if found:
            return [*found, *_alike(connection, told, {origin.release for origin in found})]
    return []


def _alike(connection: Connection, told: TracedFile, named: set[str]) -> Iterator[Origin]:
    """Yield the other releases of a table with too few texts to tell its copies apart."""
    if 0 < len(told.quoted) < BITS_MIN:
        for origin in _by_values(connection, told):
            if origin.release not in named:
                yield replace(origin, how=BY_CHANCE)


def _degree(found: Sequence[Origin]) -> str:
    if not found:
        return "nothing"
    return "copy" if found[0].copy else "release"


def _by_bytes(connection: Connection, told: TracedFile) -> Iterator[Origin]:
    query = _copies().where(release_copy_file.c.copy_digest == told.sha256)
    for row in connection.execute(query).all():
        yield _of_copy(connection, row, BY_BYTES)


def _by_name(connection: Connection, told: TracedFile) -> Iterator[Origin]:
    query = _copies().where(release_copy.c.id.in_(told.marks))
    named = {row.copy: row for row in connection.execute(query).all()}
    for row in named.values():
        yield _of_copy(connection, row, BY_NAME)


def _by_own_bytes(connection: Connection, told: TracedFile) -> Iterator[Origin]:
    query = select(release_content).where(release_content.c.content_digest == told.sha256)
    for row in connection.execute(query).all():
        yield _origin(connection, row.request, row.name, BY_OWN_BYTES)


def _by_values(connection: Connection, told: TracedFile) -> Iterator[Origin]:
    table = release_content.c
    query = select(release_content).where(table.content_digest == told.content)
    for file in connection.execute(query).all() if told.content else ():
        marks = list(_by_marks(connection, told, file))
        yield from marks or [_origin(connection, file.request, file.name, BY_VALUES)]


def _by_marks(connection: Connection, told: TracedFile, file: Row[Any]) -> Iterator[Origin]:
    query = _copies().where(
        release_copy.c.request == file.request, release_copy_file.c.name == file.name
    )
    for row in connection.execute(query).all():
        agree, whole = agreement(told.quoted, expected(bytes(file.content), bytes(row.mark)))
        if whole >= BITS_MIN and agree >= SURE * whole:
            yield _of_copy(connection, row, BY_MARKS, (agree, whole))


def _copies() -> Select[Any]:
    return select(
        release_copy.c.id.label("copy"),
        release_copy.c.request,
        release_copy.c.organisation,
        release_copy.c.person,
        release_copy.c.made_us,
        release_copy.c.mark,
        release_copy_file.c.name,
    ).join_from(release_copy, release_copy_file, release_copy_file.c.copy == release_copy.c.id)


def _of_copy(
    connection: Connection,
    row: Row[Any],
    how: Message,
    marks: tuple[int, int] = (0, 0),
) -> Origin:
    from_release = _origin(connection, row.request, row.name, how)
    return Origin(
        from_release.release,
        from_release.licence,
        from_release.session,
        from_release.author,
        from_release.organisation,
        row.name,
        how,
        row.copy,
        row.organisation,
        row.person,
        to_iso(row.made_us),
        marks,
    )


def _origin(connection: Connection, request_id: str, name: str, how: Message) -> Origin:
    request = require_request(connection, request_id)
    return Origin(
        request.id,
        request.licence,
        request.session,
        request.author,
        request.organisation,
        name,
        how,
    )
