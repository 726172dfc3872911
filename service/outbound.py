"""Every request that the service makes to another machine leaves through here, or not at all.

Only addresses that an operator configured are called; their host is resolved once, every address
found is judged, and the connection goes to the very address that was judged. No redirect is
followed, no proxy variable is read, and an answer has a limit in size and in time as a whole.
"""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx

from foundation.errors import InvalidInput, Message

ANSWER_BYTES_MAX = 64 << 10
_PORTS = {"http": 80, "https": 443}
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Judge = Callable[[Address, str], bool]


class NotSent(Exception):
    """The request did not leave, or no whole answer came; the text says why, without content."""


@dataclass(frozen=True)
class Received:
    """An answer: its HTTP status and its body."""

    status: int
    body: bytes


class Outbound:
    """Asks and posts to the allowed addresses and those beneath them."""

    def __init__(
        self,
        allowed: Iterable[str],
        seconds_max: float,
        *,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        authorities: Path | None = None,
    ) -> None:
        """Allow these addresses. Raises InvalidInput where one is no plain http(s) address.

        ``authorities`` is a PEM file of the only certificate authorities that are trusted, for a
        network without others; None trusts those of the machine.
        """
        self._allowed = tuple(checked_address(item) for item in allowed)
        self._seconds_max = seconds_max
        self._answer_bytes_max = answer_bytes_max
        self._trust = None if authorities is None else trust_of(authorities)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] = _TEXT) -> Received:
        """Send a body. Raises NotSent."""
        return self._sent("POST", url, body, headers)

    def get(self, url: str) -> Received:
        """Ask for what an address holds, as JSON. Raises NotSent."""
        return self._sent("GET", url, b"", {"Accept": "application/json"})

    def post_form(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Received:
        """Send the fields of a form. Raises NotSent."""
        return self._sent("POST", url, urlencode(fields).encode(), {**_FORM, **(headers or {})})

    def _sent(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Received:
        if not any(url == item or url.startswith(f"{item}/") for item in self._allowed):
            raise NotSent("the address is not on the list")
        return conversed(
            method,
            url,
            body,
            headers,
            seconds_max=self._seconds_max,
            answer_bytes_max=self._answer_bytes_max,
            trust=self._trust,
        )


def trust_of(authorities: Path) -> ssl.SSLContext:
    """Trust the certificate authorities of a PEM file alone. Raises InvalidInput where it is none.

    Names are checked and TLS is 1.2 at least, as the library's defaults are.
    """
    try:
        return ssl.create_default_context(cafile=str(authorities))
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            "certificate_authorities_unreadable",
            Message(
                "证书颁发机构文件无法读取，须为 PEM 格式。",
                "The file of certificate authorities cannot be read; it must be PEM.",
            ),
            field="authorities",
        ) from error


@cache
def _trust_of_machine(scheme: str) -> ssl.SSLContext:
    """Return the authorities that this machine trusts, read once; none for a plain connection."""
    if scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context(trust_env=False)


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
        return host == "localhost" or is_literal(host)
    unusable = real.is_unspecified or real.is_multicast or real.is_link_local or real.is_reserved
    return not unusable


def resolved(host: str, port: int, judge: Judge = may_call) -> Address:
    """Resolve a host once and judge every address found. Raises NotSent unless all may be called.

    One good address makes no other better: a name server that mixes them is refused.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent("the host has no address") from error
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    if not addresses or not all(judge(address, host) for address in addresses):
        raise NotSent("the host resolves to an address that may not be called")
    return addresses[0]


def conversed(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    seconds_max: float,
    answer_bytes_max: int = ANSWER_BYTES_MAX,
    trust: ssl.SSLContext | None = None,
    judge: Judge | None = None,
) -> Received:
    """Send to the address that was judged, as the host that was asked for. Raises NotSent.

    For the doors outwards only: whether the URL may be called at all is theirs to say.
    """
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    address = resolved(parts.hostname or "", port, judge or may_call)
    literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004
    target = parts._replace(netloc=f"{literal}:{port}").geturl()
    try:
        with (
            httpx.Client(
                timeout=seconds_max,
                trust_env=False,
                verify=trust or _trust_of_machine(parts.scheme),
            ) as client,
            _ended_after(client, seconds_max),
            client.stream(
                method,
                target,
                content=body,
                headers={**headers, "Host": parts.netloc, "Accept-Encoding": "identity"},
                extensions={"sni_hostname": parts.hostname},
            ) as response,
        ):
            return Received(response.status_code, _limited(response, answer_bytes_max))
    except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError) as error:
        raise NotSent(type(error).__name__) from error


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


def is_literal(host: str) -> bool:
    """Tell whether a host is written as an address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _limited(response: httpx.Response, bytes_max: int) -> bytes:
    body = bytearray()
    for part in response.iter_raw():  # unpacked by nobody: a small answer must not swell
        body += part
        if len(body) > bytes_max:
            raise NotSent("the answer is too large")
    return bytes(body)
