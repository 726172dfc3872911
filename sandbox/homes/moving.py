"""Moves a packed home between host and slot, over the slot's own interface socket.

The slot's server packs and unpacks; what it says is capped in bytes and in time, and never read.
The time is one for the whole move: a server that sends a byte now and then gains nothing.
"""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus

from foundation.errors import Message, Unavailable
from sandbox.backends.interface import Endpoint

HOME_PATH = "/home"
CHUNK_BYTES = 1 << 16
UNREADABLE = "home_unreadable"


def fetch_home(endpoint: Endpoint, *, bytes_max: int, seconds_max: float) -> bytes:
    """Return the slot's home, packed. Raises Unavailable: too large, too slow, or gone."""
    found = bytearray()
    try:
        with _connected(endpoint, seconds_max) as connection:
            connection.request("GET", f"{HOME_PATH}?bytes_max={bytes_max}", headers=_own(endpoint))
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK or answer.length is None:
                raise _not_moved()  # without a length, a part could not be told from the whole
            while chunk := answer.read1(CHUNK_BYTES):
                found += chunk
                if len(found) > bytes_max:
                    raise _not_moved()
            if answer.length:  # it was cut off: a part of a home is none
                raise _not_moved()
    except (OSError, http.client.HTTPException) as error:
        raise _not_moved() from error
    return bytes(found)


def give_home(endpoint: Endpoint, packed: bytes, *, seconds_max: float) -> None:
    """Unpack a home in a fresh slot. Raises Unavailable where it was not.

    Its code is ``home_unreadable`` where the slot could do nothing with it: it never will.
    """
    try:
        with _connected(endpoint, seconds_max) as connection:
            connection.request("PUT", HOME_PATH, body=packed, headers=_own(endpoint))
            if connection.getresponse().status != HTTPStatus.NO_CONTENT:
                raise _not_moved(UNREADABLE)
    except (OSError, http.client.HTTPException) as error:
        raise _not_moved() from error


@contextlib.contextmanager
def _connected(endpoint: Endpoint, seconds_max: float) -> Iterator[http.client.HTTPConnection]:
    """Connect; after ``seconds_max`` the connection is cut, whoever waits on it."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as plain:
        plain.settimeout(seconds_max)
        cut = threading.Timer(seconds_max, _cut, (plain,))
        cut.daemon = True
        cut.start()
        try:
            plain.connect(str(endpoint.ui_socket))
            connection = http.client.HTTPConnection("session")
            connection.sock = plain
            yield connection
        finally:
            cut.cancel()


def _cut(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it ended by itself just now
        plain.shutdown(socket.SHUT_RDWR)


def _own(endpoint: Endpoint) -> dict[str, str]:
    return {"Authorization": f"token {endpoint.ui_token}"}


def _not_moved(code: str = "home_not_moved") -> Unavailable:
    return Unavailable(
        code,
        Message("工作目录未能保存或恢复。", "The home could not be saved or brought back."),
        way_out=Message(
            "请检查工作目录的大小；超过上限的文件请删去。",
            "Look at the size of the home; delete what is over the limit.",
        ),
    )
