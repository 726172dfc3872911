"""Uses a session as a browser would: enters by a one-time link, starts a kernel, runs cells.

For the demo, the benchmarks and the tests. Connects to an address it is given and names the
session's host in the Host header, since only browsers resolve ``<slot>.localhost``.
"""

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from foundation.errors import Message, Unavailable
from foundation.ids import random_name
from sandbox.kernel_messages import KernelMessage, read_message

FRAME_BYTES_MAX = 64 << 20


@dataclass
class CellResult:
    """What one executed cell showed."""

    text: str = ""
    error: str | None = None
    traceback: str = ""
    displays: list[Mapping[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)


class SessionBrowser:
    """One browser window on one session."""

    def __init__(self, enter_url: str, address: str, port: int, *, seconds_max: float = 60) -> None:
        """Enter by a one-time link. Raises Unavailable where the link is not accepted."""
        link = urlsplit(enter_url)
        self.origin = f"{link.scheme}://{link.netloc}"
        self._host = link.netloc
        self._address = (address, port)
        self._seconds_max = seconds_max
        self._http = httpx.Client(
            base_url=f"http://{address}:{port}", timeout=seconds_max, trust_env=False
        )
        entered = self._http.get(
            f"{link.path}?{link.query}", headers={"host": self._host, "sec-fetch-dest": "iframe"}
        )
        if entered.status_code != httpx.codes.SEE_OTHER:
            self._http.close()
            raise Unavailable(
                "session_not_entered",
                Message("无法进入会话。", "The session did not let us in."),
            )
        self.cookie = entered.headers["set-cookie"].partition(";")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def headers(self) -> dict[str, str]:
        """Return what the session's own page would send."""
        return {"host": self._host, "origin": self.origin, "cookie": self.cookie}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request as the session's own page."""
        return self._http.request(method, path, headers=self.headers(), **options)

    @contextmanager
    def kernel(self) -> "Iterator[KernelChannel]":
        """Start (or be given the warm) kernel and open its channel until the block ends."""
        answer = self.request("POST", "/api/kernels", json={"name": "python3"})
        answer.raise_for_status()
        kernel = answer.json()["id"]
        connecting = connect(
            f"ws://{self._host}/api/kernels/{kernel}/channels",
            sock=socket.create_connection(self._address, self._seconds_max),
            origin=Origin(self.origin),
            additional_headers={"Cookie": self.cookie},
            compression=None,
            max_size=FRAME_BYTES_MAX,
            open_timeout=self._seconds_max,
            proxy=None,
        )
        with connecting as opened:
            yield KernelChannel(opened, self._seconds_max)


class KernelChannel:
    """One kernel's WebSocket, in Jupyter's JSON framing."""

    def __init__(self, opened: ClientConnection, seconds_max: float) -> None:
        """Take over an open WebSocket."""
        self.socket = opened
        self._seconds_max = seconds_max
        self._session = random_name()

    def execute(self, code: str, *, seconds_max: float | None = None) -> CellResult:
        """Run one cell and return what it showed. Raises TimeoutError, ConnectionClosed."""
        return self.execute_all([code], seconds_max=seconds_max)[0]

    def execute_all(
        self, codes: Sequence[str], *, seconds_max: float | None = None
    ) -> list[CellResult]:
        """Send cells at once, as "run all" does; return what each showed, in their order."""
        results = {self._send(code): CellResult() for code in codes}
        waiting = set(results)
        while waiting:
            message = read_message(self.socket.recv(seconds_max or self._seconds_max), v1=False)
            parent = message.parent
            if parent in waiting and _take(message, results[parent]):
                waiting.remove(parent)
        return list(results.values())

    def _send(self, code: str) -> str:
        message_id = random_name()
        header = {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "username": "operator",
            "session": self._session,
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        request = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}}
        self.socket.send(json.dumps({**request, "content": content, "buffers": []}))
        return message_id


def _take(message: KernelMessage, result: CellResult) -> bool:
    """Add one message to the result; True once the kernel is idle again."""
    kind, content = message.kind, message.content
    if kind == "stream":
        result.text += content["text"]
        result.outputs.append({"output_type": "stream", **content})
    elif kind in {"execute_result", "display_data"}:
        result.displays.append(content["data"])
        result.outputs.append({"output_type": kind, **content})
        result.text += content["data"].get("text/plain", "")
    elif kind == "error":
        result.error = content["ename"]
        result.traceback = "\n".join(content["traceback"])
        result.outputs.append({"output_type": "error", **content})
    return bool(kind == "status" and content["execution_state"] == "idle")
