"""Waits until a slot is really warm: its server answers and its kernel has run and is idle.

The question goes to the slot's own interface socket and is answered by the guest server once the
kernel replied; no time is guessed. Only slots of nobody are asked: no person's code ran in them.
"""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlencode

from foundation.errors import Message, Unavailable
from sandbox.backends.interface import Endpoint

WARM_PATH = "/warm"
CONNECT_AGAIN_SECONDS = 0.05


class WarmthQuestion:
    """One question to one slot, answered when it is warm; ``cancel`` ends it from any thread."""

    def __init__(self, endpoint: Endpoint, modules: Sequence[str], seconds_max: float) -> None:
        """Prepare to ask; ``modules`` are imported in the kernel first."""
        self._endpoint = endpoint
        self._modules = modules
        self._until = time.monotonic() + seconds_max
        self._cancelled = threading.Event()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Return once the slot is warm. Raises Unavailable where it is late, or cancelled."""
        try:
            with contextlib.closing(self._connected()) as connection:
                query = urlencode([("import", module) for module in self._modules])
                headers = {"Authorization": f"token {self._endpoint.ui_token}"}
                connection.request("GET", f"{WARM_PATH}?{query}", headers=headers)
                answer = connection.getresponse()
                status = answer.status
        except (OSError, http.client.HTTPException) as error:
            raise _not_warm() from error
        if status != HTTPStatus.NO_CONTENT:
            raise _not_warm()

    def cancel(self) -> None:
        """Stop waiting at once; whoever asks gets Unavailable."""
        self._cancelled.set()
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> http.client.HTTPConnection:
        """Connect as soon as the socket is there: some backends make it inside."""
        while not self._cancelled.is_set() and (left := self._until - time.monotonic()) > 0:
            connection = http.client.HTTPConnection("session")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(left)
            try:
                connection.sock.connect(str(self._endpoint.ui_socket))
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                self._cancelled.wait(CONNECT_AGAIN_SECONDS)
                continue
            except OSError:
                connection.close()
                raise
            with self._lock:
                self._socket = connection.sock
                if not self._cancelled.is_set():
                    return connection
            connection.close()
        raise _not_warm()


def _not_warm() -> Unavailable:
    return Unavailable(
        "slot_not_warm",
        Message("沙箱未能按时就绪。", "The sandbox did not become ready in time."),
    )
