"""No code of a browser reaches a kernel before the log holds it: no entry, no execution.

An entry names person, licence and session, and commits to the text by a salted hash; the text is
kept apart, sealed and erasable (class ``cell_text``). What else a page sends (widget messages,
completions, settings, addresses) is no code, unless code of before makes it so: it is gathered, and
in the log before more than a little of it is in the session. What a kernel runs by itself is not
seen.
"""

import base64
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from audit.events import AuditEvent, Writer, no_effect
from audit.tags import EntryKind
from foundation.clock import Clock
from foundation.errors import Denied, Message, SandgateError
from foundation.identity import Actor
from policies.schema.screen import CellRules
from sandbox.kernel_messages import KernelMessage, dumped
from sandbox.pace import MINUTE_US, Pace

WAITING_WRITERS_MAX = 32
RULE = "policies/screen"
TYPED = "input_reply"
EXECUTED = "execute_request"
NOTED, ADDRESS = "sent_by_page", "address"
ADDRESSES_MAX = 1_024


@dataclass(frozen=True)
class CellOwner:
    """Whose code it is."""

    actor: Actor
    licence: str
    session: str

    def about(self) -> dict[str, object]:
        """Return what each entry names."""
        return {"session": self.session, "licence": self.licence}


class CellLog:
    """Logs the code of every session; entries of one moment are committed together."""

    def __init__(self, writer: Writer, clock: Clock, rules: CellRules) -> None:
        """Write through the one writer, which gathers what waits into one commit."""
        self._writer = writer
        self._clock = clock
        self._rules = rules
        self._threads = ThreadPoolExecutor(WAITING_WRITERS_MAX, thread_name_prefix="cell-log")

    def of(self, owner: CellOwner) -> "SessionCells":
        """Return the log of one session's cells."""
        return SessionCells(self, owner)

    def close(self) -> None:
        """Finish what was begun."""
        self._threads.shutdown()

    def submit(self, event: AuditEvent) -> "Future[object]":
        """Begin to write; the result is there once the entry is durable."""
        return self._threads.submit(self._writer.submit, event, no_effect)

    @property
    def rules(self) -> CellRules:
        """The limits of a cell."""
        return self._rules

    @property
    def clock(self) -> Clock:
        """The service's clock."""
        return self._clock


class SessionCells:
    """Logs the cells of one session, in order, and refuses those beyond its limits."""

    def __init__(self, log: CellLog, owner: CellOwner) -> None:
        """Nothing was run yet."""
        self._log = log
        self._owner = owner
        self._pace = Pace(log.clock, log.rules.cells_per_minute_max)
        self._number = 0
        self._minute_us = -MINUTE_US
        self._minute_bytes = 0
        self._bytes = 0
        self._noted: list[str] = []
        self._noted_bytes = 0
        self._addresses: set[str] = set()
        self._lock = threading.Lock()

    def log(self, message: KernelMessage) -> "Future[object]":
        """Begin to log a message that makes a kernel run something.

        Raises Denied where it is too long or one too many; that is logged as well, once a minute
        for each reason. ``number`` tells the order, which entries of one commit do not.
        """
        text = text_of(message)
        size = len(text.encode())
        self._check(self._refusal(size), message.kind, size)
        return self._submit(message.kind, text, size)

    def note(self, message: KernelMessage) -> "Future[object] | None":
        """Gather a message that runs nothing by itself; see ``note_text``."""
        parts = [dumped(message.content), *map(base64.b64encode, message.buffers)]
        return self.note_text(message.kind, b"\n".join(parts).decode())

    def note_address(self, address: str) -> "Future[object] | None":
        """Gather an address that the page asked for, where it is one that was not seen before."""
        with self._lock:
            if address in self._addresses:
                return None
            if len(self._addresses) < ADDRESSES_MAX:
                self._addresses.add(address)
        return self.note_text(ADDRESS, address)

    def note_text(self, kind: str, text: str) -> "Future[object] | None":
        """Gather what a page sends; return what to wait for where much of it was gathered.

        Raises Denied where it is too long, or too much in all.
        """
        text = f"{kind} {_whole(text)}"
        size = len(text.encode())
        self._check(self._too_long(size) or self._too_much(size), kind, size)
        with self._lock:
            self._noted.append(text)
            self._noted_bytes += size
            if self._noted_bytes <= self._log.rules.unlogged_bytes_max:
                return None
            noted, self._noted, self._noted_bytes = "\n".join(self._noted), [], 0
        return self._submit(NOTED, noted, len(noted.encode()))

    def _submit(self, kind: str, text: str, size: int) -> "Future[object]":
        public = {**self._owner.about(), "by": kind, "code_bytes": size}
        with self._lock:
            self._number += 1
            public["number"] = self._number
        event = AuditEvent(EntryKind.CELL_EXECUTED, self._owner.actor, public, {"cell": text})
        return self._log.submit(event)

    def _check(self, refused: Denied | None, kind: str, size: int) -> None:
        if refused is None:
            return
        if self._pace.is_first_of_a_minute(refused.code):
            about = self._owner.about()
            public = {**about, "by": kind, "code_bytes": size, "code": refused.code}
            self._log.submit(AuditEvent(EntryKind.CELL_REFUSED, self._owner.actor, public))
        raise refused

    def _refusal(self, size: int) -> Denied | None:
        refused = self._too_long(size) or self._too_much(size)
        if refused is not None or not self._pace.too_many():
            return refused
        most = self._log.rules.cells_per_minute_max
        return _refused(
            "cells_too_many",
            Message(
                f"一分钟内执行超过 {most} 段代码，未执行。",
                f"More than {most} cells in a minute; it was not run.",
            ),
            Message("请稍后再试，或合并单元。", "Try later, or join cells."),
        )

    def _too_long(self, size: int) -> Denied | None:
        most = self._log.rules.code_bytes_max
        if size <= most:
            return None
        return _refused(
            "cell_too_long",
            Message(
                f"代码超过 {most} 字节，未执行。",
                f"The code is longer than {most} bytes; it was not run.",
            ),
            Message(
                "请拆成几个单元，或把数据作为文件上传。",
                "Split it into several cells, or upload its data as a file.",
            ),
        )

    def _too_much(self, size: int) -> Denied | None:
        """Refuse what would make the log grow without end: so much in a minute, and in all."""
        rules, now_us = self._log.rules, self._log.clock.now_us()
        with self._lock:
            if now_us - self._minute_us >= MINUTE_US:
                self._minute_us, self._minute_bytes = now_us, 0
            minute, whole = self._minute_bytes + size, self._bytes + size
            if minute <= rules.bytes_per_minute_max and whole <= rules.bytes_per_session_max:
                self._minute_bytes, self._bytes = minute, whole
                return None
        if whole > rules.bytes_per_session_max:
            limit = Message("本会话", "in this session"), rules.bytes_per_session_max
        else:
            limit = Message("一分钟内", "in a minute"), rules.bytes_per_minute_max
        return _refused(
            "cells_too_much",
            Message(
                f"{limit[0].zh}发送的代码超过 {limit[1]} 字节，未执行。",
                f"More than {limit[1]} bytes of code {limit[0].en}; it was not run.",
            ),
            Message(
                "请把数据作为文件上传；会话额度用尽时请保存并重新开通。",
                "Upload data as a file; where the session's is used up, save and open another.",
            ),
        )


def text_of(message: KernelMessage) -> str:
    """Return all that a message gives a kernel to run: code, expressions, or typed input."""
    if message.kind == TYPED:
        return _whole(message.content.get("value"))
    expressions = message.content.get("user_expressions")
    parts = [_whole(message.content.get("code"))]
    if isinstance(expressions, dict) and expressions:
        parts.append(dumped(expressions).decode())
    return "\n".join(parts)


def runs_something(message: KernelMessage) -> bool:
    """Tell whether a message makes a kernel run what a person wrote."""
    return message.kind in {EXECUTED, TYPED}


def refused_answer(error: SandgateError) -> Iterable[tuple[str, dict[str, object]]]:
    """Return what a browser shows in place of running a cell: (message type, content) in order."""
    words = f"{error.message.zh} / {error.message.en}"
    hint = "" if error.way_out is None else f"{error.way_out.zh} / {error.way_out.en}"
    failed: dict[str, object] = {"ename": error.code, "evalue": words, "traceback": [words, hint]}
    yield "status", {"execution_state": "busy"}
    yield "error", failed
    yield "execute_reply", {"status": "error", "execution_count": 0, **failed}
    yield "status", {"execution_state": "idle"}


def _refused(code: str, text: Message, hint: Message) -> Denied:
    return Denied(code, text, field="code", rule=RULE, way_out=hint)


def _whole(text: object) -> str:
    written = text if isinstance(text, str) else dumped(text).decode()
    return written.encode("utf-8", "backslashreplace").decode()
