"""Runs cells in a slot straight over its interface socket, as the host's proxy would."""

import contextlib
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect

from sandbox.backends.interface import Endpoint
from tests.session_browser import CellResult, KernelChannel

STARTED_SECONDS_MAX = 90
CELL_SECONDS_MAX = 30
ENDED_STATES = {"restarting", "dead", "autorestarting"}


def dial(path: Path) -> socket.socket:
    """Connect to a socket that is one itself, never to what a link would lead to.

    Raises OSError where the path names a link or anything but a socket.
    """
    held = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(held).st_mode):
            raise OSError(f"{path} is no socket")
        dialled = socket.socket(socket.AF_UNIX)
        dialled.connect(f"/proc/self/fd/{held}")
    finally:
        os.close(held)
    return dialled


def ask(endpoint: Endpoint, method: str, path: str, *, token: str | None = None) -> httpx.Response:
    """Send one request to a slot; waits for its server to begin."""
    transport = httpx.HTTPTransport(uds=str(endpoint.ui_socket))
    headers = {"authorization": f"token {endpoint.ui_token if token is None else token}"}
    with httpx.Client(
        transport=transport, base_url="http://slot", headers=headers, timeout=STARTED_SECONDS_MAX
    ) as client:
        return client.request(method, path)


@contextmanager
def kernel(endpoint: Endpoint) -> Iterator[KernelChannel]:
    """Be given the warm kernel, or start another, and open its channel."""
    made = ask(endpoint, "POST", "/api/kernels")
    made.raise_for_status()
    opened = unix_connect(
        str(endpoint.ui_socket),
        f"ws://slot/api/kernels/{made.json()['id']}/channels",
        additional_headers={"authorization": f"token {endpoint.ui_token}"},
        compression=None,
        max_size=None,
        open_timeout=STARTED_SECONDS_MAX,
    )
    with opened:
        yield KernelChannel(opened, CELL_SECONDS_MAX)


def run(channel: KernelChannel, code: str) -> str:
    """Run a cell and return its text. Raises AssertionError with the traceback of a failed one."""
    result: CellResult = channel.execute(code)
    assert result.error is None, result.traceback
    return result.text.strip()


def ended_by(channel: KernelChannel, code: str, seconds_max: float = CELL_SECONDS_MAX) -> bool:
    """Run a cell that should cost the session its kernel or more; tell whether it did."""
    channel.socket.send(json.dumps(_execute_request(code)))
    deadline = time.monotonic() + seconds_max
    with contextlib.suppress(ConnectionClosed):
        while time.monotonic() < deadline:
            try:
                message = json.loads(channel.socket.recv(deadline - time.monotonic()))
            except TimeoutError:
                return False
            if message.get("content", {}).get("execution_state") in ENDED_STATES:
                return True
            if message["msg_type"] == "execute_reply":
                return False
        return False
    return True


def _execute_request(code: str) -> dict[str, object]:
    header = {
        "msg_id": "bomb",
        "msg_type": "execute_request",
        "username": "operator",
        "session": "bomb",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    return {
        "channel": "shell",
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "buffers": [],
    }
