"""What an operator may bring into a session: four kinds of file, looked at before the session is.

JupyterLab saves and uploads by the same request, so both are judged alike: by ending *and* content,
by size, and by day; each is logged by a salted hash. Bytes in base64 are an upload; a saved text or
notebook is text that a person could type. What came in leaves only as everything else does.
"""

import base64
import binascii
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer, no_effect
from audit.tags import EntryKind
from foundation.clock import MICROSECONDS_PER_DAY, Clock
from foundation.errors import Denied, InvalidInput, Message
from policies.schema.screen import UploadRules
from sandbox.cells import CellOwner
from sandbox.pace import Pace
from sandbox.screen_store import sandbox_incoming
from sandbox.upload_contents import check_content, stripped_notebook

RULE = "policies/screen"
PENDING_FILES_MAX = 4
LAST_CHUNK = -1
UPLOAD, SAVE = "upload", "save"
Model = dict[str, Any]


@dataclass(frozen=True)
class Incoming:
    """A file that may pass: what to forward, or nothing yet while chunks are still missing."""

    path: str
    forward: Model | None
    size: int


@dataclass
class _Pending:
    """The chunks of one file that came so far."""

    content: bytearray = field(default_factory=bytearray)
    chunks: int = 0


class IncomingFiles:
    """Judges and logs what comes into every session; a person's day is shared by all of theirs."""

    def __init__(self, writer: Writer, clock: Clock, rules: UploadRules) -> None:
        """Judge by these rules and log through the one writer."""
        self._writer = writer
        self._clock = clock
        self.rules = rules

    def of(self, owner: CellOwner) -> "SessionFiles":
        """Return what judges the files of one session."""
        return SessionFiles(self, owner, Pace(self._clock, self.rules.files_per_minute_max))

    def take(self, owner: CellOwner, way: str, ending: str, content: bytes) -> None:
        """Log a file and count it into its person's day; it goes in only after this returned.

        Raises Denied where the day is full.
        """
        most = self.rules.uploaded_bytes_per_day_max
        if way == SAVE:
            most = self.rules.saved_bytes_per_day_max

        def apply(connection: Connection, entry: PendingEntry) -> None:
            day = entry.time_us // MICROSECONDS_PER_DAY
            key = {"person": owner.actor.person, "licence": owner.licence, "day": day, "way": way}
            same = [sandbox_incoming.c[name] == value for name, value in key.items()]
            held = connection.execute(select(sandbox_incoming.c.bytes).where(*same)).scalar()
            if (held or 0) + len(content) > most:
                raise _day_full(most)
            amount = {"bytes": (held or 0) + len(content)}
            if held is None:
                connection.execute(insert(sandbox_incoming).values(key | amount))
            else:
                connection.execute(update(sandbox_incoming).where(*same).values(amount))

        public = {**owner.about(), "by": way, "format": ending, "file_bytes": len(content)}
        private = {"sha256": hashlib.sha256(content).hexdigest()}
        event = AuditEvent(EntryKind.FILE_RECEIVED, owner.actor, public, private)
        self._writer.submit(event, apply)

    def log_refusal(self, owner: CellOwner, how: str, ending: str, size: int, code: str) -> None:
        """Log a file that was refused."""
        public = {
            **owner.about(),
            "by": how,
            "format": ending,
            "file_bytes": size,
            "code": code,
        }
        self._writer.submit(AuditEvent(EntryKind.FILE_REFUSED, owner.actor, public), no_effect)


class SessionFiles:
    """Judges the files of one session; blocks while it logs."""

    def __init__(self, files: IncomingFiles, owner: CellOwner, pace: Pace) -> None:
        """Nothing is half there."""
        self._pace = pace
        self._files = files
        self._owner = owner
        self._pending: dict[str, _Pending] = {}
        self._lock = threading.Lock()

    def receive(self, path: str, model: Model) -> Incoming:
        """Judge the body of a ``PUT /api/contents`` and say what to forward, logged.

        Raises InvalidInput or Denied naming field, rule and what would be taken.
        """
        if model.get("type") == "directory":
            return Incoming(path, {"type": "directory"}, 0)
        ending = path.rpartition("/")[2].rpartition(".")[2].lower() if "." in path else ""
        upload = model.get("format") == "base64"
        how = UPLOAD if upload else SAVE
        size = 0
        try:
            self._check_pace(model.get("chunk"))
            _check_ending(ending, self._files.rules, upload=upload)
            if upload:
                content = self._chunk(path, model)
                if content is None:
                    return Incoming(path, None, len(self._pending[path].content))
                forward, logged = self._uploaded(ending, content)
            else:
                forward, logged = self._saved(ending, model)
            size = len(logged)
            self._files.take(self._owner, how, ending, logged)
        except (InvalidInput, Denied) as error:
            self._forget(path)
            shown = ending if ending.isascii() and ending.isalnum() and len(ending) <= 10 else ""  # noqa: PLR2004
            if self._pace.is_first_of_a_minute(error.code):
                self._files.log_refusal(self._owner, how, shown, size, error.code)
            raise
        return Incoming(path, forward, size)

    def _check_pace(self, chunk: object) -> None:
        """Raise Denied for one file too many in a minute; only the first of its chunks counts."""
        if (chunk is None or chunk == 1) and self._pace.too_many():
            most = self._files.rules.files_per_minute_max
            raise _refused(
                "files_too_many",
                "path",
                Message(
                    f"一分钟内上传或保存超过 {most} 个文件。",
                    f"More than {most} files in a minute.",
                ),
                Message("请稍后再试，或合并文件。", "Try later, or join files."),
            )

    def _uploaded(self, ending: str, content: bytes) -> tuple[Model, bytes]:
        check_content(ending, content, self._files.rules)
        if ending == "ipynb":
            notebook = stripped_notebook(content)
            return {"type": "notebook", "format": "json", "content": notebook}, content
        coded = base64.b64encode(content).decode()
        return {"type": "file", "format": "base64", "content": coded}, content

    def _saved(self, ending: str, model: Mapping[str, Any]) -> tuple[Model, bytes]:
        content = model.get("content")
        if model.get("type") == "notebook" and isinstance(content, dict) and ending == "ipynb":
            logged = json.dumps(content, sort_keys=True).encode()
            forward = {"type": "notebook", "format": "json", "content": content}
        elif isinstance(content, str) and model.get("format") in {"text", None}:
            logged = content.encode("utf-8", "backslashreplace")
            forward = {"type": "file", "format": "text", "content": content}
        else:
            raise _refused(
                "upload_form",
                "format",
                Message("保存的内容格式不正确。", "What is saved has no known form."),
            )
        _check_size(len(logged), self._files.rules)
        check_content(ending, logged, self._files.rules)
        return forward, logged

    def _chunk(self, path: str, model: Mapping[str, Any]) -> bytes | None:
        """Add one chunk; return the whole once the last one came, None before."""
        content, number = model.get("content"), model.get("chunk")
        try:
            data = base64.b64decode(content if isinstance(content, str) else "!", validate=True)
        except (binascii.Error, ValueError):
            raise _refused(
                "upload_form",
                "content",
                Message("上传内容不是 base64。", "What is uploaded is not base64."),
            ) from None
        if number is None:
            _check_size(len(data), self._files.rules)
            return data
        with self._lock:
            pending = self._begun(path, number)
            _check_size(len(pending.content) + len(data), self._files.rules)
            self._make_room(path, len(pending.content) + len(data))
            pending.content += data
            pending.chunks += 1
            if number != LAST_CHUNK:
                return None
            del self._pending[path]
            return bytes(pending.content)

    def _begun(self, path: str, number: object) -> _Pending:
        """Return the file that a chunk continues. Raises where it continues none."""
        if number == 1:
            if path not in self._pending and len(self._pending) >= PENDING_FILES_MAX:
                self._pending.pop(next(iter(self._pending)))  # the oldest was given up
            self._pending[path] = _Pending()
        pending = self._pending.get(path)
        if pending is None or number not in {pending.chunks + 1, LAST_CHUNK}:
            raise _refused(
                "upload_chunk",
                "chunk",
                Message("上传分块的顺序不对。", "A chunk of this upload is out of order."),
                Message("请重新上传整个文件。", "Upload the whole file again."),
            )
        return pending

    def _make_room(self, path: str, size: int) -> None:
        """Give up the oldest other files, so that all that wait are as large as one may be."""
        waiting = sum(len(one.content) for name, one in self._pending.items() if name != path)
        for name in [name for name in self._pending if name != path]:
            if waiting + size <= self._files.rules.file_bytes_max:
                return
            waiting -= len(self._pending.pop(name).content)

    def _forget(self, path: str) -> None:
        with self._lock:
            self._pending.pop(path, None)


def _check_ending(ending: str, rules: UploadRules, *, upload: bool) -> None:
    allowed = rules.endings if upload else rules.saved_endings
    if ending not in allowed:
        names = ", ".join(allowed)
        raise _refused(
            "upload_type",
            "path",
            Message("不接受这种类型的文件。", "Files of this type are not taken."),
            Message(
                f"可带入的类型：{names}。其他内容请向管理员申请加入环境。",
                f"Types taken: {names}. Ask an administrator for anything else.",
            ),
        )


def _check_size(size: int, rules: UploadRules) -> None:
    if size > rules.file_bytes_max:
        raise _refused(
            "upload_size",
            "content",
            Message(
                f"文件超过 {rules.file_bytes_max} 字节。",
                f"The file is larger than {rules.file_bytes_max} bytes.",
            ),
            Message("请拆分文件。", "Split the file."),
        )


def _day_full(most: int) -> Denied:
    return Denied(
        "upload_day_full",
        Message(
            f"当日带入的文件超过 {most} 字节。", f"More than {most} bytes were brought in today."
        ),
        field="content",
        rule=RULE,
        way_out=Message("请明日再传。", "Bring the rest tomorrow."),
    )


def _refused(code: str, field_name: str, text: Message, hint: Message | None = None) -> Denied:
    return Denied(code, text, field=field_name, rule=RULE, way_out=hint)
