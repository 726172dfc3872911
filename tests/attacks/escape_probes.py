"""Attempts to reach out of a sandbox, run inside it and, as positive controls, outside.

Each probe returns a word when the attempt succeeded and raises OSError (or answers None) when it
was stopped. Standard library only; prints one JSON object. Argument: the host's facts as JSON.
"""

import contextlib
import json
import mmap
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import escape_calls  # type: ignore[import-not-found]  # these are found beside this file
import escape_doors  # type: ignore[import-not-found]
import escape_files  # type: ignore[import-not-found]
import escape_kernel  # type: ignore[import-not-found]
import escape_network  # type: ignore[import-not-found]
from escape_facts import FACTS  # type: ignore[import-not-found]

MODULES = (escape_calls, escape_doors, escape_files, escape_kernel, escape_network)


def connects(family: int, address: str | tuple[str, int]) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)
    return "connected"


def tcp_to_host() -> str:
    return connects(socket.AF_INET, ("127.0.0.1", FACTS["tcp_port"]))


def tcp6_to_host() -> str:
    return connects(socket.AF_INET6, ("::1", FACTS["tcp6_port"]))


def udp_socket() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("127.0.0.1", FACTS["tcp_port"]))
    return "sent"


def raw_socket() -> str:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    return "opened"


def packet_socket() -> str:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    return "opened"


def vsock_socket() -> str:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    return "opened"


def netlink_socket() -> str:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()
    return "opened"


def alg_socket() -> str:
    socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0).close()
    return "opened"


def abstract_unix_socket() -> str:
    return connects(socket.AF_UNIX, "\0" + FACTS["abstract"])


def unix_socket_by_path() -> str:
    return connects(socket.AF_UNIX, FACTS["unix_path"])


def read_host_file() -> str:
    return Path(FACTS["secret_file"]).read_text()


def read_repository() -> str:
    return Path(FACTS["repository"], "pyproject.toml").read_text()[:5]


def list_home_of_service() -> str:
    return f"{len(list(Path(FACTS['home']).iterdir()))} entries"


def machine_identity() -> str:
    return Path(FACTS["identity_file"]).read_text()[:5]


def see_host_process() -> str:
    return Path(f"/proc/{FACTS['host_pid']}/cmdline").read_text()[:5] or "seen"


def signal_host_process() -> str:
    os.kill(FACTS["host_pid"], 0)
    return "signalled"


def environment_of_parent() -> str | None:
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if FACTS["environment_secret"].encode() in path.read_bytes():
                return "found"
    return None


def write_to_usr() -> str:
    path = Path("/usr/sandgate-escape-probe")
    path.write_text("x")
    path.unlink()
    return "written"


def write_to_environment() -> str:
    path = Path(sys.prefix, "sandgate-escape-probe")
    path.write_text("x")
    path.unlink()
    return "written"


def write_to_root_directory() -> str:
    path = Path("/sandgate-escape-probe")
    path.write_text("x")
    path.unlink()
    return "written"


def change_own_program() -> str:
    program = Path(sys.argv[0]).resolve()
    with program.open("r+b"):
        return "opened for writing"


def block_devices() -> str | None:
    names = {path.name for path in Path("/dev").iterdir()}
    return "seen" if names & {"kmsg", "mem", "vda", "sda", "kvm", "fuse", "loop-control"} else None


def host_sysfs() -> str:
    return f"{len(list(Path('/sys').iterdir()))} entries"


def write_core_pattern() -> str:
    with Path("/proc/sys/kernel/core_pattern").open("r+"):
        return "opened for writing"


def magic_request_key() -> str:
    with Path("/proc/sysrq-trigger").open("w"):
        return "opened for writing"


def own_cgroup_tree() -> str:
    return f"{len(list(Path('/sys/fs/cgroup').iterdir()))} entries"


def executable_outside_of_files() -> str:
    """Not an escape: the control that memory-backed files work inside."""
    with mmap.mmap(-1, 4096) as memory:
        memory[:1] = b"x"
    return "mapped"


def inherited_channel() -> str:
    """Not an escape: the control that what was handed in works."""
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")
        right.recv(1)
    return "talked"


HARNESS = {"call", "connects", "refused", "attempt", "main"}


def found_in(names: dict[str, object], module: str) -> dict[str, Callable[[], str | None]]:
    """Return the probes of one module: its own public functions but the harness."""
    return {
        name: probe
        for name, probe in names.items()
        if callable(probe)
        and getattr(probe, "__module__", "") == module
        and name not in HARNESS
        and not name.startswith("_")
    }


PROBES = found_in(dict(globals()), "__main__")
PROBES.pop("found_in")
for loaded in MODULES:
    PROBES |= found_in(vars(loaded), loaded.__name__)


def attempt(probe: Callable[[], str | None]) -> dict[str, object]:
    """Run one probe in a child of its own, so that none can spoil the next."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            word = probe()
            answer: dict[str, object] = {"open": word is not None, "said": word}
        except Exception as error:  # noqa: BLE001 - whatever stopped it, it was stopped
            answer = {"open": False, "said": f"{type(error).__name__}: {error}"}
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"open": False, "said": "killed"}


def main() -> None:
    os.set_blocking(1, True)
    json.dump({name: attempt(probe) for name, probe in PROBES.items()}, sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
