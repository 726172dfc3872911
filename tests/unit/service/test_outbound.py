"""What may leave the service: only to configured places, and never inwards by way of a name."""

import ipaddress
import socket
import threading
from collections.abc import Iterator

import pytest

from foundation.errors import InvalidInput
from service.outbound import ANSWER_BYTES_MAX, NotSent, Outbound, checked_address, may_call


class Listener:
    """Answers each connection with fixed bytes and keeps what it was sent."""

    def __init__(self, reply: bytes) -> None:
        self.reply, self.heard = reply, b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                self.heard += connection.recv(1 << 16)
                connection.sendall(self.reply)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    yield made
    made.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://w.example",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@w.example",
        "http://w.example?x=1",
        "http://w.example#x",
        "http://w.example:0",
        "http://w.example:99999",
        "http://[::1",
    ],
)
def test_an_address_that_is_not_plain_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        checked_address(url)


@pytest.mark.parametrize(
    ("address", "host", "allowed"),
    [
        ("127.0.0.1", "w.example", False),
        ("::1", "w.example", False),
        ("::ffff:127.0.0.1", "w.example", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "localhost", True),
        ("169.254.169.254", "169.254.169.254", False),
        ("169.254.169.254", "w.example", False),
        ("fe80::1", "w.example", False),
        ("0.0.0.0", "w.example", False),
        ("224.0.0.1", "w.example", False),
        ("240.0.0.1", "w.example", False),
        ("::", "w.example", False),
        ("10.0.0.7", "w.example", True),
        ("203.0.113.7", "w.example", True),
        ("2001:db8::7", "w.example", True),
    ],
)
def test_each_resolved_address_is_judged(address: str, host: str, *, allowed: bool) -> None:
    assert may_call(ipaddress.ip_address(address), host) is allowed


def test_a_name_that_turns_inwards_is_not_called(
    monkeypatch: pytest.MonkeyPatch, listener: Listener
) -> None:
    port = listener.socket.getsockname()[1]

    def turned(_host: str, _port: int, **_options: object) -> list[object]:
        outside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.7", port))
        inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [outside, inside]  # one good address makes the other no better

    monkeypatch.setattr(socket, "getaddrinfo", turned)
    with pytest.raises(NotSent, match="may not be called"):
        Outbound([f"http://w.example:{port}"], 2.0).post(f"http://w.example:{port}/x", b"")
    assert listener.heard == b""


def test_only_what_stands_beneath_a_configured_address_is_called(listener: Listener) -> None:
    outbound = Outbound([listener.url + "/a"], 2.0)
    received = outbound.post(listener.url + "/a/add-checkpoint", b"body")
    assert (received.status, received.body) == (200, b"ok")
    assert b"POST /a/add-checkpoint HTTP/1.1" in listener.heard
    assert b"authorization" not in listener.heard.lower()
    heard = listener.heard
    for url in (listener.url + "/b", listener.url + "/ab", "http://127.0.0.1/a/x", listener.url):
        with pytest.raises(NotSent, match="not on the list"):
            outbound.post(url, b"")
    assert listener.heard == heard


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    elsewhere = Listener(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    reply = f"HTTP/1.1 307 X\r\nLocation: {elsewhere.url}/a\r\nContent-Length: 0\r\n\r\n".encode()
    listener = Listener(reply)
    assert Outbound([listener.url], 2.0).post(listener.url + "/x", b"secret").status == 307
    assert elsewhere.heard == b""
    listener.close()
    elsewhere.close()


def test_an_answer_too_large_or_none_at_all_is_no_answer() -> None:
    body = b"x" * (ANSWER_BYTES_MAX + 1)
    large = Listener(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with pytest.raises(NotSent):
        Outbound([large.url], 2.0).post(large.url + "/x", b"")
    large.close()
    with pytest.raises(NotSent):  # nobody listens there any more
        Outbound([large.url], 2.0).post(large.url + "/x", b"")
    silent = Listener(b"")
    with pytest.raises(NotSent):
        Outbound([silent.url], 2.0).post(silent.url + "/x", b"")
    silent.close()


def test_a_host_without_an_address_is_not_called() -> None:
    with pytest.raises(NotSent):
        Outbound(["http://no-such-host.invalid"], 2.0).post("http://no-such-host.invalid/x", b"")
