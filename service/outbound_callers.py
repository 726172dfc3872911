"""Whether an address that a caller chose may be called: by list, by scheme, and by where it leads.

A webhook's URL is a stranger's word. Its host must stand on the operator's list, it speaks https,
and each time every address the host resolves to must be public, so that no name server turns a
request inwards. The answer's status is all that is looked at, and no redirect is followed.
"""

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from foundation.errors import InvalidInput, Message
from service.outbound import (
    Address,
    NotSent,
    Received,
    checked_address,
    conversed,
    is_literal,
    may_call,
)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_BITS = 0xFFFF_FFFF


@dataclass(frozen=True)
class CallerOutbound:
    """Posts to addresses that callers chose, as far as the operator lets their hosts be called.

    ``hosts`` are names, or ``*.suffix`` for every name beneath one; an empty list lets none be
    called. An inner address needs its host in ``inner_hosts``; the loopback needs to stand there
    as an address. No link-local address (where clouds keep their machines' secrets) is called.
    """

    hosts: tuple[str, ...]
    inner_hosts: tuple[str, ...] = ()
    seconds_max: float = 10.0
    trust: ssl.SSLContext | None = None

    def check(self, url: str) -> str:
        """Return an address that may be subscribed. Raises InvalidInput; nothing is resolved."""
        if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise _refused()
        parts = urlsplit(checked_address(url))
        host = parts.hostname or ""
        secure = parts.scheme == "https" or host in self.inner_hosts
        if not self._is_listed(host) or not secure:
            raise _refused()
        return url

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Received:
        """Send a body; list and addresses are judged afresh each time. Raises NotSent."""
        try:
            self.check(url)
        except InvalidInput as refusal:
            raise NotSent(refusal.code) from refusal
        return conversed(
            "POST",
            url,
            body,
            headers,
            seconds_max=self.seconds_max,
            trust=self.trust,
            judge=self.may_call,
        )

    def may_call(self, address: Address, host: str) -> bool:
        """Tell whether a resolved address may be called for a listed host."""
        real = innermost(address)
        if real.is_global and not real.is_multicast:
            return True
        if host not in self.inner_hosts:
            return False
        return is_literal(host) if real.is_loopback else may_call(real, host)

    def _is_listed(self, host: str) -> bool:
        beneath = (item[1:] for item in self.hosts if item.startswith("*."))
        return host in {*self.hosts, *self.inner_hosts} or any(map(host.endswith, beneath))


def innermost(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for (mapped, 6to4, NAT64), or itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _IPV4_BITS)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


def _refused() -> InvalidInput:
    return InvalidInput(
        "outbound_host_refused",
        Message(
            "不得向该地址推送：须为运营方允许列表中的主机，使用 https，且不含空格等特殊字符。",
            "Nothing is sent there: a host of the operator's list is wanted, by https, plainly "
            "written.",
        ),
        field="$.url",
        rule="SANDGATE_WEBHOOK_HOSTS",
        way_out=Message("请平台管理员将该主机加入允许列表。", "Ask the operator to list the host."),
    )
