"""Moves a packed home between host and slot, over the slot's own interface socket.

The slot's server packs and unpacks; what it says is capped in bytes and in time, and never read.
"""

import contextlib
import http.client
import socket
import time
from http import HTTPStatus

from foundation.errors import Message, Unavailable
from sandbox.backends.interface import Endpoint

HOME_PATH = "/home"
CHUNK_BYTES = 1 << 16


def fetch_home(endpoint: Endpoint, *, bytes_max: int, seconds_max: float) -> bytes:
    """Return the slot's home, packed. Raises Unavailable: too large, too slow, or gone."""
    until = time.monotonic() + seconds_max
    found = bytearray()
    try:
        with contextlib.closing(_connected(endpoint, seconds_max)) as connection:
            connection.request("GET", f"{HOME_PATH}?bytes_max={bytes_max}", headers=_own(endpoint))
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                raise _not_moved()
            while chunk := answer.read1(CHUNK_BYTES):
                found += chunk
                if len(found) > bytes_max or time.monotonic() > until:
                    raise _not_moved()
    except (OSError, http.client.HTTPException) as error:
        raise _not_moved() from error
    return bytes(found)


def give_home(endpoint: Endpoint, packed: bytes, *, seconds_max: float) -> None:
    """Unpack a home in a fresh slot. Raises Unavailable where it was not."""
    try:
        with contextlib.closing(_connected(endpoint, seconds_max)) as connection:
            connection.request("PUT", HOME_PATH, body=packed, headers=_own(endpoint))
            if connection.getresponse().status != HTTPStatus.NO_CONTENT:
                raise _not_moved()
    except (OSError, http.client.HTTPException) as error:
        raise _not_moved() from error


def _connected(endpoint: Endpoint, seconds_max: float) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("session")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(seconds_max)
    connection.sock.connect(str(endpoint.ui_socket))
    return connection


def _own(endpoint: Endpoint) -> dict[str, str]:
    return {"Authorization": f"token {endpoint.ui_token}"}


def _not_moved() -> Unavailable:
    return Unavailable(
        "home_not_moved",
        Message("工作目录未能保存或恢复。", "The home could not be saved or brought back."),
        way_out=Message(
            "请检查工作目录的大小；超过上限的文件请删去。",
            "Look at the size of the home; delete what is over the limit.",
        ),
    )
