"""What passes between one session's kernels and its browser, message by message.

Inwards: only messages that a notebook page sends; those that run something are in the log before
they go on. Outwards: only what a page shows, filtered; headers are written by the host, so that the
session says nothing in them. Everything is read, checked and written anew, never passed through.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from foundation.clock import Clock, to_iso
from foundation.errors import Denied, SandgateError
from foundation.ids import random_name
from policies.schema.screen import ScreenRules
from sandbox.cells import EXECUTED, TYPED, SessionCells, refused_answer, runs_something
from sandbox.kernel_messages import Fields, KernelMessage, dumped, read_message, write_message
from sandbox.screen_display import Allowance, DisplayFilter
from sandbox.screen_values import values_of_bytes, values_of_text

REMEMBERED_MAX = 4_096
VERSION = "5.3"
_FROM_BROWSER: Mapping[str, frozenset[str]] = {
    "shell": frozenset(
        {
            "execute_request",
            "complete_request",
            "inspect_request",
            "history_request",
            "is_complete_request",
            "kernel_info_request",
            "comm_info_request",
            "comm_open",
            "comm_msg",
            "comm_close",
        }
    ),
    "control": frozenset(
        {
            "interrupt_request",
            "shutdown_request",
            "kernel_info_request",
            "create_subshell_request",
            "delete_subshell_request",
            "list_subshell_request",
        }
    ),
    "stdin": frozenset({"input_reply"}),
}
_COMMS = frozenset({"comm_open", "comm_msg", "comm_close"})
_DISPLAYS = frozenset({"display_data", "execute_result", "update_display_data"})
_PLAIN_REPLIES = frozenset(
    {
        "complete_reply",
        "history_reply",
        "is_complete_reply",
        "kernel_info_reply",
        "comm_info_reply",
        "interrupt_reply",
        "shutdown_reply",
        "create_subshell_reply",
        "delete_subshell_reply",
        "list_subshell_reply",
        "execute_input",
        "clear_output",
        "input_request",
    }
)
_CHANNELS = frozenset({"shell", "iopub", "stdin", "control"})
_STATES = frozenset({"busy", "idle", "starting", "restarting", "autorestarting", "dead"})
_STREAMS = frozenset({"stdout", "stderr"})
_NAME = re.compile(r"^[0-9A-Za-z_-]{1,80}$")
_HEADER_VALUE = re.compile(r"^[0-9A-Za-z_.:+-]{0,80}$")
_RUN_FIELDS: Mapping[str, Mapping[str, type]] = {
    EXECUTED: {
        "code": object,
        "silent": bool,
        "store_history": bool,
        "user_expressions": dict,
        "allow_stdin": bool,
        "stop_on_error": bool,
    },
    TYPED: {"value": object},
}
_HEADER_FIELDS = ("msg_id", "msg_type", "username", "session", "date", "version", "subshell_id")


@dataclass(frozen=True)
class Inward:
    """What to do with a browser's message: forward once ``logged`` is durable, or answer it."""

    forward: bytes | str | None = None
    logged: "Future[object] | None" = None
    answers: tuple[bytes | str, ...] = ()


@dataclass(frozen=True)
class Outward:
    """What a browser is shown of a kernel's message, and what that counts."""

    frame: bytes | str | None
    bytes: int
    values: int


class KernelScreen:
    """The messages of one session; used from one event loop."""

    def __init__(
        self, rules: ScreenRules, filtering: DisplayFilter, cells: SessionCells, clock: Clock
    ) -> None:
        """Remember nothing yet."""
        self._rules = rules
        self._filter = filtering
        self._cells = cells
        self._clock = clock
        self._session = random_name()
        self._requests: OrderedDict[str, Fields] = OrderedDict()
        self._allowances: OrderedDict[str, Allowance] = OrderedDict()
        self._comms: OrderedDict[str, None] = OrderedDict()

    def inwards(self, frame: bytes | str, *, v1: bool) -> Inward:
        """Judge a browser's frame. Raises Unreadable."""
        message = read_message(frame, v1=v1)
        if message.kind not in _FROM_BROWSER.get(message.channel, ()):
            return Inward()
        if message.kind in _COMMS and not self._comm_allowed(message):
            return Inward()
        sent = _stated(message)
        _remember(self._requests, sent.id, sent.header)
        try:
            logged = self._cells.log(sent) if runs_something(sent) else self._cells.note(sent)
        except Denied as error:
            return Inward(answers=self.refusal(sent, error, v1=v1))
        return Inward(write_message(sent, v1=v1), logged)

    def refusal(
        self, request: KernelMessage, error: SandgateError, *, v1: bool
    ) -> tuple[bytes | str, ...]:
        """Return the frames that show a refusal in place of a cell's output."""
        return tuple(
            write_message(
                KernelMessage(
                    "shell" if kind == "execute_reply" else "iopub",
                    self._header(kind),
                    request.header,
                    {},
                    content,
                ),
                v1=v1,
            )
            for kind, content in refused_answer(error)
        )

    def outwards(self, frame: bytes | str, *, v1: bool) -> Outward:
        """Filter a kernel's frame. Raises Unreadable."""
        message = read_message(frame, v1=v1)
        content = self._shown(message) if message.channel in _CHANNELS else None
        if content is None:
            return Outward(None, 0, 0)
        parent = self._requests.get(message.parent)
        shown_parent = _foreign_parent(message.parent_header) if parent is None else parent
        buffers = message.buffers if message.kind in _COMMS else ()
        shown = KernelMessage(
            message.channel, self._header(message.kind), shown_parent, {}, content, buffers
        )
        written = write_message(shown, v1=v1)
        text = dumped(content) + (dumped(shown_parent) if parent is None else b"")
        values = values_of_text(text, self._rules.egress)
        values += values_of_bytes(sum(map(len, buffers)), self._rules.egress)
        return Outward(written, len(written), values)

    def _header(self, kind: str) -> Fields:
        return {
            "msg_id": random_name(),
            "msg_type": kind,
            "username": "kernel",
            "session": self._session,
            "date": to_iso(self._clock.now_us()),
            "version": VERSION,
        }

    def _shown(self, message: KernelMessage) -> Fields | None:
        """Return the content that a page may show; None for a message that it may not see."""
        kind, content = message.kind, message.content
        shaped = {
            "status": self._status,
            "stream": self._stream,
            "error": self._failed,
            "execute_reply": self._execute_reply,
            "inspect_reply": self._inspected,
            **dict.fromkeys(_DISPLAYS, self._display),
        }.get(kind)
        if shaped is not None:
            return shaped(message)
        if kind in _COMMS:
            return dict(content) if self._comm_allowed(message) else None
        if kind not in _PLAIN_REPLIES or not self._allowance(message).take(0, len(dumped(content))):
            return None
        return dict(content)

    def _status(self, message: KernelMessage) -> Fields | None:
        state = message.content.get("execution_state")
        return {"execution_state": state} if state in _STATES else None

    def _stream(self, message: KernelMessage) -> Fields | None:
        name = message.content.get("name")
        text = self._filter.text(message.content.get("text"), self._allowance(message))
        return {"name": name, "text": text} if name in _STREAMS else None

    def _failed(self, message: KernelMessage) -> Fields:
        return self._error(message.content, self._allowance(message))

    def _inspected(self, message: KernelMessage) -> Fields:
        data = self._filter.bundle(message.content.get("data"), self._filter.allowance())
        return {**_known(message.content, ("status", "found")), "data": data, "metadata": {}}

    def _display(self, message: KernelMessage) -> Fields:
        content = message.content
        shown = {
            "data": self._filter.bundle(content.get("data"), self._allowance(message)),
            "metadata": self._described(content.get("metadata"), self._allowance(message)),
            **_known(content, ("execution_count",)),
        }
        display = _dictionary(content.get("transient")).get("display_id")
        return {**shown, "transient": {"display_id": display}} if display else shown

    def _described(self, metadata: object, left: Allowance) -> Fields:
        """Return what describes an output, which counts like one; nothing where it is too much."""
        said = _dictionary(metadata)
        return said if left.take(0, len(dumped(said))) else {}

    def _error(self, content: Fields, left: Allowance) -> Fields:
        lines = content.get("traceback")
        return {
            **_known(content, ("status", "execution_count")),
            "ename": self._filter.text(content.get("ename"), left),
            "evalue": self._filter.text(content.get("evalue"), left),
            "traceback": [
                self._filter.text(line, left) for line in (lines if isinstance(lines, list) else [])
            ],
        }

    def _execute_reply(self, message: KernelMessage) -> Fields:
        content, left = message.content, self._allowance(message)
        if content.get("status") == "error":
            return self._error(content, self._filter.allowance())
        expressions = {
            str(name): {**_dictionary(shown), "data": self._filter.bundle(shown.get("data"), left)}
            for name, shown in _dictionary(content.get("user_expressions")).items()
            if isinstance(shown, dict)
        }
        payload = content.get("payload")
        return {
            **_known(content, ("status", "execution_count")),
            "user_expressions": expressions,
            "payload": [
                {**item, "data": self._filter.bundle(item["data"], left)}
                if "data" in item
                else item
                for item in (payload if isinstance(payload, list) else [])
                if isinstance(item, dict)
            ],
        }

    def _allowance(self, message: KernelMessage) -> Allowance:
        """Return what the execution may still show; messages of no known one share one."""
        key = message.parent if message.parent in self._requests else ""
        held = self._allowances.get(key)
        if held is None:
            held = self._filter.allowance()
            _remember(self._allowances, key, held)
        return held

    def _comm_allowed(self, message: KernelMessage) -> bool:
        """Tell whether a comm is, or now becomes, one of an allowed target."""
        comm = message.content.get("comm_id")
        if not isinstance(comm, str) or not _NAME.match(comm):
            return False
        if message.kind == "comm_open":
            if message.content.get("target_name") not in self._rules.display.comm_targets:
                return False
            _remember(self._comms, comm, None)
        return comm in self._comms


def _stated(message: KernelMessage) -> KernelMessage:
    """Return a browser's message with what its kind is made of, and no room for anything else.

    What runs something says all of it where the log finds it: not in headers, metadata or buffers.
    """
    header = {
        name: value
        for name, value in message.header.items()
        if name in _HEADER_FIELDS and isinstance(value, str) and _HEADER_VALUE.match(value)
    }
    metadata = {
        name: value
        for name, value in message.metadata.items()
        if name in {"cellId", "version"} and isinstance(value, str) and _HEADER_VALUE.match(value)
    }
    content = message.content
    if message.kind in _RUN_FIELDS:
        content = {
            name: content[name]
            for name, kind in _RUN_FIELDS[message.kind].items()
            if isinstance(content.get(name), kind)
        }
    buffers = message.buffers if message.kind in _COMMS else ()
    return KernelMessage(message.channel, header, {}, metadata, content, buffers)


def _remember(held: "OrderedDict[str, Any]", key: str, value: Any) -> None:
    held[key] = value
    held.move_to_end(key)
    while len(held) > REMEMBERED_MAX:
        held.popitem(last=False)


def _foreign_parent(header: Fields) -> Fields:
    """Return of a parent that we did not see only its names; what they hold is counted."""
    return {
        name: value
        for name, value in header.items()
        if name in {"msg_id", "msg_type", "session"}
        and isinstance(value, str)
        and _NAME.match(value)
    }


def _known(content: Fields, names: tuple[str, ...]) -> Fields:
    return {
        name: content[name]
        for name in names
        if isinstance(content.get(name), int | str | bool) or content.get(name, 0) is None
    }


def _dictionary(value: object) -> Fields:
    return value if isinstance(value, dict) else {}
