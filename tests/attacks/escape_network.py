"""Attempts to speak over any network or socket of the host; loaded by ``escape_probes``."""

import errno
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from escape_facts import FACTS  # type: ignore[import-not-found]  # found beside this file


def _opened(family: int, kind: int, protocol: int) -> str:
    socket.socket(family, kind, protocol).close()
    return "opened"


def tcp_to_host_address() -> str:
    with socket.create_connection((FACTS["host_address"], FACTS["tcp_port"]), timeout=2):
        return "connected"


def listen_on_tcp() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"listening on {listener.getsockname()[1] > 0}"


def listen_on_tcp6() -> str:
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", 0))
        listener.listen(1)
    return "listening"


def ask_a_name_server() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(b"?", ("127.0.0.1", FACTS["udp_port"]))
        return client.recv(16).decode()


def multipath_tcp() -> str:
    return _opened(socket.AF_INET, socket.SOCK_STREAM, 262)


def raw_ip6() -> str:
    return _opened(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)


def raw_ip() -> str:
    return _opened(socket.AF_INET, socket.SOCK_RAW, 255)


def packet_datagrams() -> str:
    return _opened(socket.AF_PACKET, socket.SOCK_DGRAM, 0)


def echo_requests() -> str:
    return _opened(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)


def bind_a_low_port() -> str:
    with socket.socket(socket.AF_INET) as listener:
        listener.bind(("127.0.0.1", FACTS["low_port"]))
    return "bound"


def _netlink(protocol: int) -> str:
    return _opened(socket.AF_NETLINK, socket.SOCK_RAW, protocol)


def netlink_diagnostics() -> str:
    return _netlink(4)


def netlink_audit() -> str:
    return _netlink(9)


def netlink_filters() -> str:
    return _netlink(12)


def netlink_events() -> str:
    return _netlink(15)


def netlink_generic() -> str:
    return _netlink(16)


def netlink_routes() -> str:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as route:
        route.bind((0, 0))
        route.send(b"\x14\x00\x00\x00\x12\x00\x01\x03" + bytes(12))
        return f"{len(route.recv(4096)) > 0}"


def express_data_path() -> str:
    return _opened(44, socket.SOCK_RAW, 0)


def datagram_to_host_path() -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", FACTS["datagram_path"])
    return "sent"


def abstract_datagram_to_host() -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", "\0" + FACTS["abstract_datagram"])
    return "sent"


def unix_socket_through_first_process() -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"/proc/1/root{FACTS['unix_path']}")
    return "connected"


def names_from_the_host() -> str | None:
    try:
        found = Path("/etc/resolv.conf").read_text()
    except OSError as error:
        raise OSError(error.errno or errno.ENOENT, "resolv.conf") from error
    return "told" if found.strip() else None


# Not escapes: what stays open on purpose, and what a shared kernel tells of itself.


def gateway() -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(FACTS["gateway_to_ask"])
        client.sendall(b"x")
        return client.recv(16).decode()


def kernel_release_of_host() -> str | None:
    told = Path("/proc/sys/kernel/osrelease").read_text().strip()
    return "told" if told == FACTS["kernel_release"] else None


def boot_of_host() -> str | None:
    told = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return "told" if told == FACTS["boot"] else None


def memory_size_of_host() -> str | None:
    return "told" if FACTS["memory_line"] in Path("/proc/meminfo").read_text() else None


def kernel_arguments_of_host() -> str | None:
    told = Path("/proc/cmdline").read_text().strip()
    return "told" if told == FACTS["kernel_arguments"] else None


def disks_of_host() -> str | None:
    told = Path("/proc/partitions").read_text()
    return "told" if any(name in told for name in FACTS["disks"]) else None


def load_of_host() -> str | None:
    started = float(Path("/proc/uptime").read_text().split()[0])
    return "told" if started > FACTS["uptime"] - 5 else None
