"""No code of a browser reaches a kernel before the log holds it: no entry, no execution.

An entry names person, licence and session, and commits to the text by a salted hash; the text is
kept apart, sealed and erasable (class ``cell_text``). What a kernel runs by itself is not seen.
"""

import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from audit.events import AuditEvent, Writer, no_effect
from audit.tags import EntryKind
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import Denied, Message, SandgateError
from foundation.identity import Actor
from policies.schema.screen import CellRules
from sandbox.kernel_messages import KernelMessage, dumped

MINUTE_US = 60 * MICROSECONDS_PER_SECOND
WAITING_WRITERS_MAX = 32
RULE = "policies/screen"
TYPED = "input_reply"
EXECUTED = "execute_request"


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
        self._begun_us: deque[int] = deque()
        self._refused_us: dict[str, int] = {}
        self._number = 0
        self._lock = threading.Lock()

    def log(self, message: KernelMessage) -> "Future[object]":
        """Begin to log a message that makes a kernel run something.

        Raises Denied where it is too long or one too many; that is logged as well, once a minute
        for each reason. ``number`` tells the order, which entries of one commit do not.
        """
        text = text_of(message)
        size = len(text.encode())
        public = {**self._owner.about(), "by": message.kind, "code_bytes": size}
        refused = self._refusal(size)
        if refused is not None:
            self._log_refusal({**public, "code": refused.code}, refused.code)
            raise refused
        with self._lock:
            self._number += 1
            public["number"] = self._number
        event = AuditEvent(EntryKind.CELL_EXECUTED, self._owner.actor, public, {"cell": text})
        return self._log.submit(event)

    def _log_refusal(self, public: dict[str, object], code: str) -> None:
        now_us = self._log.clock.now_us()
        with self._lock:
            if now_us - self._refused_us.get(code, -MINUTE_US) < MINUTE_US:
                return
            self._refused_us[code] = now_us
        self._log.submit(AuditEvent(EntryKind.CELL_REFUSED, self._owner.actor, public))

    def _refusal(self, size: int) -> Denied | None:
        rules = self._log.rules
        if size > rules.code_bytes_max:
            return Denied(
                "cell_too_long",
                Message(
                    f"代码超过 {rules.code_bytes_max} 字节，未执行。",
                    f"The code is longer than {rules.code_bytes_max} bytes; it was not run.",
                ),
                field="code",
                rule=RULE,
                way_out=Message(
                    "请拆成几个单元，或把数据作为文件上传。",
                    "Split it into several cells, or upload its data as a file.",
                ),
            )
        if self._too_many():
            return Denied(
                "cells_too_many",
                Message(
                    f"一分钟内执行超过 {rules.cells_per_minute_max} 段代码，未执行。",
                    f"More than {rules.cells_per_minute_max} cells in a minute; it was not run.",
                ),
                field="code",
                rule=RULE,
                way_out=Message("请稍后再试，或合并单元。", "Try later, or join cells."),
            )
        return None

    def _too_many(self) -> bool:
        now_us = self._log.clock.now_us()
        with self._lock:
            while self._begun_us and self._begun_us[0] <= now_us - MINUTE_US:
                self._begun_us.popleft()
            if len(self._begun_us) >= self._log.rules.cells_per_minute_max:
                return True
            self._begun_us.append(now_us)
            return False


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


def _whole(text: object) -> str:
    written = text if isinstance(text, str) else dumped(text).decode()
    return written.encode("utf-8", "backslashreplace").decode()
