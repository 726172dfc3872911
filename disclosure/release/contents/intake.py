"""Takes files that a session hands to the desk: read apart, logged by digest, kept as values only.

The bytes themselves are never kept and never leave; a draft names what was made of them. Bytes come
in over the gateway's socket, never through a shared directory.
"""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, insert, select

from audit.events import AuditEvent, PendingEntry, Writer, no_effect
from audit.tags import EntryKind
from authorization.revocation import SuspensionBoard, check_in_force
from disclosure.given import arrow_bytes, table_of
from disclosure.outcome import Refused
from disclosure.release.contents.foreign import ForeignFile, ForeignReader
from disclosure.release.contents.store import release_upload
from disclosure.release.encoding import sha256_of
from disclosure.scope import QuestionScope
from foundation.canonical import canonical_bytes
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message, NotFound, SandgateError
from foundation.ids import new_id

DAY_US = 86_400 * MICROSECONDS_PER_SECOND


@dataclass(frozen=True)
class Upload:
    """One file as it was taken: by whom, under which licence, and what it holds."""

    id: str
    licence: str
    person: str
    file: ForeignFile
    sha256: str
    entry_index: int


class Intake:
    """Takes files in, and gives back what they hold."""

    def __init__(
        self, engine: Engine, writer: Writer, board: SuspensionBoard, reader: ForeignReader
    ) -> None:
        """Join store, log, the board of suspensions and the confined reader."""
        self._engine = engine
        self._writer = writer
        self._board = board
        self._reader = reader

    @property
    def file_bytes_max(self) -> int:
        """How many bytes one file may have."""
        return self._reader.rules.file_bytes_max

    def take(self, scope: QuestionScope, file_format: str, data: bytes) -> Upload:
        """Read, log and keep one file. Raises Refused with what would be taken; that is logged."""
        try:
            return self._kept(scope, self._reader.read(file_format, data))
        except SandgateError as refusal:
            public = {"licence": scope.licence, "session": scope.session, "code": refusal.code}
            event = AuditEvent(EntryKind.RELEASE_FILE_REFUSED, scope.actor, public)
            self._writer.submit(event, no_effect)
            refusal.logged = True
            raise

    def _kept(self, scope: QuestionScope, file: ForeignFile) -> Upload:
        upload_id, columns = new_id("upl"), _columns(file)
        sha256 = sha256_of(canonical_bytes({k: str(v) for k, v in columns.items()}))
        rules = self._reader.rules

        def apply(connection: Connection, entry: PendingEntry) -> Upload:
            check_in_force(connection, self._board, scope.licence, entry.time_us)
            day_us = entry.time_us - entry.time_us % DAY_US
            if uploads_since(connection, scope.licence, day_us) >= rules.uploads_per_day_max:
                raise _too_many(rules.uploads_per_day_max)
            connection.execute(
                insert(release_upload).values(
                    id=upload_id,
                    licence=scope.licence,
                    organisation=scope.actor.organisation,
                    person=scope.actor.person,
                    session=scope.session,
                    format=file.format,
                    content_digest=sha256,
                    entry_index=entry.index,
                    received_us=entry.time_us,
                    **columns,
                )
            )
            return Upload(upload_id, scope.licence, scope.actor.person, file, sha256, entry.index)

        public = {
            "upload": upload_id,
            "licence": scope.licence,
            "session": scope.session,
            "format": file.format,
        }
        event = AuditEvent(EntryKind.RELEASE_FILE_RECEIVED, scope.actor, public, {"sha256": sha256})
        return self._writer.submit(event, apply).value


def uploads_since(connection: Connection, licence: str, since_us: int) -> int:
    """Count the files of a licence taken since a moment."""
    query = select(func.count()).where(
        release_upload.c.licence == licence, release_upload.c.received_us >= since_us
    )
    return int(connection.execute(query).scalar_one())


def require_upload(connection: Connection, upload_id: str, licence: str) -> Upload:
    """Return a file that was taken under this licence. Raises NotFound for any other."""
    query = select(release_upload).where(
        release_upload.c.id == upload_id, release_upload.c.licence == licence
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            "upload_unknown",
            Message("本授权下没有这个已交文件。", "No such file was handed in under this licence."),
            field="reference",
            way_out=Message(
                "请先在会话中交付文件，再以其编号加入申请。",
                "Hand the file in from the session first, then name it by its number.",
            ),
        )
    file = ForeignFile(
        row.format,
        table=None if row.arrow_table is None else table_of(bytes(row.arrow_table)),
        text=row.words,
        json_value=None if row.json_value is None else json.loads(row.json_value),
    )
    return Upload(row.id, row.licence, row.person, file, row.content_digest, row.entry_index)


def _columns(file: ForeignFile) -> dict[str, bytes | str | None]:
    if file.table is not None:
        return {"arrow_table": arrow_bytes(file.table)}
    if file.text is not None:
        return {"words": file.text}
    return {"json_value": json_text(file.json_value)}


def json_text(value: object) -> str:
    """Write a JSON value in the one way that the desk writes it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _too_many(uploads_max: int) -> Refused:
    return Refused(
        "uploads_spent",
        Message(
            f"本授权今日交付的文件已达上限（{uploads_max} 个）。",
            f"This licence handed in as many files as it may today ({uploads_max}).",
        ),
        field="content",
        rule="policies/contents",
        way_out=Message(
            "请于明日（UTC）再交，或在申请中使用已交付的文件。",
            "Hand it in tomorrow (UTC), or use the files that were taken.",
        ),
    )
