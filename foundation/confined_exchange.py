"""One question to one confined child over one socket: what it is handed, and what it says.

The child gets the socket and nothing else; it is ended when it has answered, said too much or
taken too long. What it says is as untrusted as what it was handed.
"""

import socket
from collections.abc import Callable
from pathlib import Path

from foundation.confinement import Confinement, launch

CHUNK_BYTES = 1 << 16


class ChildStopped(Exception):
    """The child ended, or took longer than it may, before it had answered."""


class AnswerTooLarge(Exception):
    """The child said more than it may."""


def exchange(
    confinement: Callable[[int], Confinement],
    order: bytes,
    *,
    seconds_max: float,
    answer_bytes_max: int,
    bubblewrap: Path | None = None,
) -> bytes:
    """Start a child on the descriptor of its socket, hand it an order, return all that it says.

    Raises Unavailable where it cannot be confined, ChildStopped, and AnswerTooLarge.
    """
    ours, theirs = socket.socketpair()
    try:
        process = launch(confinement(theirs.fileno()), bubblewrap=bubblewrap)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    try:
        with ours:
            ours.settimeout(seconds_max)
            ours.sendall(order)
            ours.shutdown(socket.SHUT_WR)
            return _everything(ours, answer_bytes_max)
    except OSError as error:
        raise ChildStopped from error
    finally:
        process.kill()


def _everything(link: socket.socket, answer_bytes_max: int) -> bytes:
    found = bytearray()
    while chunk := link.recv(CHUNK_BYTES):
        found += chunk
        if len(found) > answer_bytes_max:
            raise AnswerTooLarge
    return bytes(found)
