"""A webhook's address is a stranger's word: inwards, elsewhere, slow, huge: none of it helps."""

import ipaddress
import socket
import time
from contextlib import suppress

import pytest

from foundation.errors import InvalidInput
from service.outbound import ANSWER_BYTES_MAX, NotSent
from service.outbound_callers import CallerOutbound
from tests.receivers import OK, HttpReceiver, http_receiver, reply

PUBLIC = CallerOutbound(("hooks.example", "*.gov.example"), (), 2.0)
DRIPPED_SECONDS = 60


def inner(receiver: HttpReceiver, seconds_max: float = 2.0) -> CallerOutbound:
    del receiver
    return CallerOutbound((), ("127.0.0.1",), seconds_max)


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/x",
        "https://hooks.example.evil.example/x",
        "https://evilgov.example/x",
        "https://gov.example/x",  # the suffix names what is beneath it
        "http://hooks.example/x",  # not over TLS
        "https://hooks.example@evil.example/x",
        "https://evil.example#@hooks.example/x",
        "https://evil.example\\@hooks.example/x",
        "https://hooks.example/x y",
        "https://hooks.example/\r\nX: y",
        "https://hooks.example\u3002evil.example/x",
        "https://127.0.0.1/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://localhost/x",
        "file:///etc/passwd",
        "gopher://hooks.example/x",
        "",
    ],
)
def test_an_address_outside_the_operators_list_is_not_subscribed(url: str) -> None:
    with pytest.raises(InvalidInput):
        PUBLIC.check(url)
    with pytest.raises(NotSent):
        PUBLIC.post(url, b"", {})


def test_no_list_means_no_webhook() -> None:
    with pytest.raises(InvalidInput):
        CallerOutbound(()).check("https://hooks.example/x")
    assert PUBLIC.check("https://a.b.gov.example/x/y") == "https://a.b.gov.example/x/y"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.100.100.200",  # a cloud's metadata, in shared space
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "2002:a00:1::",
        "ff02::1",
    ],
)
def test_a_listed_name_that_leads_inwards_is_not_called(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    judged = ipaddress.ip_address(address)
    assert not PUBLIC.may_call(judged, "hooks.example")
    family = socket.AF_INET6 if judged.version == 6 else socket.AF_INET
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_args, **_options: [(family, socket.SOCK_STREAM, 6, "", (address, 443))],
    )
    with pytest.raises(NotSent, match="may not be called"):
        PUBLIC.post("https://hooks.example/x", b"", {})


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"])
def test_not_even_a_host_of_the_inner_list_reaches_link_local_addresses(address: str) -> None:
    listed = CallerOutbound((), ("inner.example", address), 1.0)
    for host in ("inner.example", address):
        assert not listed.may_call(ipaddress.ip_address(address), host)
    assert listed.may_call(ipaddress.ip_address("10.1.2.3"), "inner.example")
    assert not listed.may_call(ipaddress.ip_address("127.0.0.1"), "inner.example")


def test_a_name_rebound_between_two_deliveries_is_judged_each_time_and_called_as_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first answer is public, every later one the loopback: one look-up serves one call."""
    with http_receiver() as receiver:
        port = receiver.listening.getsockname()[1]
        looked_up: list[str] = []
        real = socket.create_connection
        dialled: list[str] = []

        def rebinding(host: str, *_args: object, **_options: object) -> list[object]:
            looked_up.append(host)
            address = "203.0.113.7" if len(looked_up) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        def dial(address: tuple[str, int], *args: object, **options: object) -> socket.socket:
            dialled.append(address[0])
            if address[0] == "203.0.113.7":
                raise TimeoutError
            return real(address, *args, **options)  # type: ignore[arg-type]

        listed = CallerOutbound(("hooks.example",), (), 1.0)
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        monkeypatch.setattr(socket, "create_connection", dial)
        monkeypatch.setattr(CallerOutbound, "may_call", _public_documentation_net)
        with pytest.raises(NotSent):
            listed.post(f"https://hooks.example:{port}/x", b"secret", {})
        assert dialled == ["203.0.113.7"]  # the judged address; the name was asked once
        assert looked_up == ["hooks.example"]
        with pytest.raises(NotSent, match="may not be called"):
            listed.post(f"https://hooks.example:{port}/x", b"secret", {})
        assert dialled == ["203.0.113.7"]
    assert receiver.heard == []


def _public_documentation_net(_self: object, address: object, _host: str) -> bool:
    return str(address) == "203.0.113.7"  # stands for any public address in this test


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with http_receiver() as other:
        moved = reply("302 Found", f"Location: {other.url}")
        with http_receiver(moved) as receiver:
            status = inner(receiver).post(receiver.url, b"{}", {"X": "y"}).status
    assert status == 302
    assert other.heard == []


def test_a_slow_drip_and_a_huge_answer_hold_nobody() -> None:
    def drip(connection: socket.socket) -> None:
        with suppress(OSError):  # the caller hung up, as it should
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
            for _ in range(DRIPPED_SECONDS * 10):
                connection.sendall(b"a")
                time.sleep(0.1)

    with http_receiver(answer=drip) as receiver:
        started = time.monotonic()
        with pytest.raises(NotSent):
            inner(receiver, 0.3).post(receiver.url, b"{}", {})
        assert time.monotonic() - started < DRIPPED_SECONDS / 2

    huge = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2 * ANSWER_BYTES_MAX)
    with http_receiver(huge) as receiver, pytest.raises(NotSent, match="too large"):
        inner(receiver).post(receiver.url, b"{}", {})


def test_a_listed_inner_receiver_is_called_with_its_body_and_headers() -> None:
    with http_receiver(OK) as receiver:
        assert inner(receiver).post(receiver.url, b"{}", {"Sandgate-Delivery": "d"}).status == 204
    (heard,) = receiver.heard
    assert heard.body == b"{}"
    assert heard.header("sandgate-delivery") == "d"
    assert heard.header("accept-encoding") == "identity"
