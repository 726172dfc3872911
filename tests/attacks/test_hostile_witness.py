"""A witness that means to hold the platform up: a byte at a time, or an answer that swells.

Its refusals may close the platform, which is known; its slowness may not hold a thread for hours,
nor its answer fill the memory.
"""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from service.outbound import ANSWER_BYTES_MAX, NotSent, Outbound

SECONDS_MAX = 0.3
DRIPPED = 40  # bytes, each well before the client's own limit from byte to byte
BETWEEN = 0.1


@contextmanager
def witness(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen, answer one caller, and end."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            try:
                answer(connection)
            except OSError:
                return  # the platform left

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        thread.join()
        listening.close()


@pytest.mark.parametrize(
    "begun", [b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "]
)
def test_a_witness_that_sends_a_byte_at_a_time_holds_nobody(begun: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(begun)
        for _ in range(DRIPPED):
            connection.sendall(b"a")
            time.sleep(BETWEEN)

    with witness(drip) as url:
        started = time.monotonic()
        with pytest.raises(NotSent):
            Outbound([url], SECONDS_MAX).post(f"{url}/add-checkpoint", b"old 0\n\n")
        assert time.monotonic() - started < DRIPPED * BETWEEN / 2


def test_an_answer_that_swells_when_it_is_unpacked_stays_as_it_is() -> None:
    packed = gzip.compress(bytes(64 * ANSWER_BYTES_MAX))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with witness(lambda connection: connection.sendall(head + packed)) as url:
        received = Outbound([url], 2.0).post(f"{url}/add-checkpoint", b"old 0\n\n")
    assert received.body == packed
