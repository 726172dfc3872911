"""Runs cells in a slot's kernel from the host, as a browser would, over the slot's own socket.

The kernel is hostile: whatever it says is read as little as can be, kept nowhere, and bounded in
size and time. Only whether each cell ended well is learned.
"""

import http.client
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, unix_connect

from foundation.errors import Message, Unavailable

FRAME_BYTES_MAX = 16 << 20
ANSWER_BYTES_MAX = 1 << 20
CONNECT_SECONDS_MAX = 60.0
TURN_SECONDS = 1.0
LOST = "kernel_lost"
_BROKEN = (OSError, WebSocketException, ValueError, RecursionError, http.client.HTTPException)


class KernelLost(Unavailable):
    """The kernel does not answer as a kernel does, or its sandbox has ended."""

    def __init__(self) -> None:
        """Say so; nothing of what the sandbox said is told."""
        super().__init__(
            LOST,
            Message("会话内核没有响应。", "The session's kernel does not answer."),
            field="session",
        )


class KernelTimeout(Unavailable):
    """A cell took longer than it may."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "cell_timeout",
            Message("代码单元运行超时。", "A cell ran for longer than it may."),
            field="cell",
        )


class Kernel:
    """One kernel of a slot, and the channel to it."""

    def __init__(self, channel: ClientConnection) -> None:
        """Speak over an open channel; see ``open_kernel``."""
        self._channel = channel

    def run(self, code: str, until: float, stopped: Callable[[], bool]) -> bool:
        """Run one cell and tell whether it ended well.

        ``until`` is a monotonic time in seconds. Raises KernelTimeout past it, KernelLost where
        the kernel is gone or ``stopped`` says that nobody waits any more.
        """
        asked = secrets.token_hex(16)
        try:
            self._channel.send(json.dumps(_execute_request(asked, code)))
            while not stopped():
                left = until - time.monotonic()
                if left <= 0:
                    raise KernelTimeout
                try:
                    frame = self._channel.recv(timeout=min(left, TURN_SECONDS))
                except TimeoutError:
                    continue
                told = _reply_to(asked, frame)
                if told is not None:
                    return told == "ok"
        except _BROKEN as error:
            raise KernelLost from error
        raise KernelLost


@contextmanager
def open_kernel(ui_socket: Path, token: str) -> Iterator[Kernel]:
    """Start the slot's default kernel and open its channel. Raises KernelLost."""
    headers = {"authorization": f"token {token}"}
    try:
        kernel = _start(ui_socket, headers)
        channel = unix_connect(
            str(ui_socket),
            uri=f"ws://session/api/kernels/{kernel}/channels",
            additional_headers=headers,
            max_size=FRAME_BYTES_MAX,
            compression=None,
            proxy=None,
            user_agent_header=None,
            open_timeout=CONNECT_SECONDS_MAX,
        )
    except _BROKEN as error:
        raise KernelLost from error
    with channel:
        yield Kernel(channel)


def _start(ui_socket: Path, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("session", timeout=CONNECT_SECONDS_MAX)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.settimeout(CONNECT_SECONDS_MAX)
        connection.sock.connect(str(ui_socket))
        body = json.dumps({"name": "python3"})
        connection.request(
            "POST", "/api/kernels", body, {**headers, "content-type": "application/json"}
        )
        answer = connection.getresponse().read(ANSWER_BYTES_MAX)
    finally:
        connection.close()
    found: Any = json.loads(answer)
    identifier = found.get("id") if isinstance(found, dict) else None
    if not isinstance(identifier, str) or not identifier.replace("-", "").isalnum():
        raise ValueError("the sandbox started no kernel")
    return identifier


def _reply_to(asked: str, frame: str | bytes) -> str | None:
    """Return the status of the reply to a request; None for every other message."""
    if not isinstance(frame, str):
        return None
    try:
        found: Any = json.loads(frame)
        if found["parent_header"]["msg_id"] != asked:
            return None
        if found["header"]["msg_type"] != "execute_reply":
            return None
        return str(found["content"]["status"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _execute_request(asked: str, code: str) -> dict[str, Any]:
    return {
        "channel": "shell",
        "header": {
            "msg_id": asked,
            "msg_type": "execute_request",
            "username": "operator",
            "session": asked,
            "date": "2026-01-01T00:00:00Z",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        },
        "buffers": [],
    }
