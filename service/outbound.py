"""Every request that the service makes to another machine leaves through here, or not at all.

Only addresses that an operator configured are called; their host is resolved once, every address
found is judged, and the connection goes to the very address that was judged. No redirect is
followed, no proxy variable is read, and an answer has a limit in size and in time as a whole.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx

from foundation.errors import InvalidInput, Message

ANSWER_BYTES_MAX = 64 << 10
_PORTS = {"http": 80, "https": 443}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotSent(Exception):
    """The request did not leave, or no whole answer came; the text says why, without content."""


@dataclass(frozen=True)
class Received:
    """An answer: its HTTP status and its body."""

    status: int
    body: bytes


class Outbound:
    """Posts to addresses beneath the allowed ones."""

    def __init__(self, allowed: Iterable[str], seconds_max: float) -> None:
        """Allow these addresses. Raises InvalidInput where one is no plain http(s) address."""
        self._allowed = tuple(checked_address(item) for item in allowed)
        self._seconds_max = seconds_max

    def post(self, url: str, body: bytes) -> Received:
        """Send a body. Raises NotSent."""
        if not any(url.startswith(f"{item}/") for item in self._allowed):
            raise NotSent("the address is not on the list")
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        address = _judged(parts, port)
        literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004
        target = parts._replace(netloc=f"{literal}:{port}").geturl()
        try:
            with (
                httpx.Client(timeout=self._seconds_max, trust_env=False) as client,
                _ended_after(client, self._seconds_max),
                client.stream(
                    "POST",
                    target,
                    content=body,
                    headers={
                        "Host": parts.netloc,
                        "Content-Type": "text/plain; charset=utf-8",
                        "Accept-Encoding": "identity",
                    },
                    extensions={"sni_hostname": parts.hostname},
                ) as response,
            ):
                return Received(response.status_code, _limited(response))
        except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError) as error:
            raise NotSent(type(error).__name__) from error


def checked_address(url: str) -> str:
    """Return an address without its last slash. Raises InvalidInput where it is not plain."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        plain = False
    if not plain or parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInput(
            "outbound_address_invalid",
            Message(
                "对外地址须为不带账号、参数的 http(s) 网址。",
                "An outbound address is an http(s) URL without an account or parameters.",
            ),
            field="url",
        )
    return url.rstrip("/")


def may_call(address: Address, host: str) -> bool:
    """Tell whether a resolved address may be called for a host that was configured.

    Loopback may only be called where the configuration names it as an address or ``localhost``, so
    that no name server can turn a request inwards. Private networks are where witnesses live.
    """
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    real = mapped or address
    if real.is_loopback:
        return host == "localhost" or _is_literal(host)
    unusable = real.is_unspecified or real.is_multicast or real.is_link_local or real.is_reserved
    return not unusable


def _judged(parts: SplitResult, port: int) -> Address:
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotSent("the host has no address") from error
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not addresses or not all(may_call(address, host) for address in addresses):
        raise NotSent("the host resolves to an address that may not be called")
    return addresses[0]


@contextmanager
def _ended_after(client: httpx.Client, seconds_max: float) -> Iterator[None]:
    """Close a client's connections when its time is up.

    The client's own limit counts from each byte to the next, and who sends one at a time could
    hold the caller for hours.
    """
    timer = threading.Timer(seconds_max, client.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _limited(response: httpx.Response) -> bytes:
    body = bytearray()
    for part in response.iter_raw():  # unpacked by nobody: a small answer must not swell
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise NotSent("the answer is too large")
    return bytes(body)
