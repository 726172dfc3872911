"""The host as the probes find it: live listeners, files, a process, a neighbour's slot.

``scene`` makes it all, ``outside`` runs every probe without any layer (its positive control, in a
mount namespace of its own so that nothing is left behind), ``inside`` within one backend's layers.
"""

import contextlib
import ctypes
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.confinement import Confinement, Limits, launch
from foundation.seccomp import Profile

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROBES = Path(__file__).with_name("escape_probes.py")
PARTS = ("calls", "doors", "facts", "files", "kernel", "network", "syscalls")
LIMITS = Limits(memory_bytes_max=512 << 20, pids_max=64)
ENVIRONMENT_SECRET = "sandgate-secret-of-the-service"
INHERITED_NAME = "inherited-marker"
MOUNTED_NAME = "sandgate-mounted-on-the-host"
GATEWAY_INSIDE = "/run/gateway.sock"
LOW_PORT = 987
PROBES_SECONDS_MAX = 120

Answers = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Scene:
    """What there is to reach, and the gateway that may be reached."""

    facts: dict[str, Any]
    directory: Path
    gateway: Path
    inherited: int


@contextmanager
def scene() -> Iterator[Scene]:
    """Make the host worth reaching, until the block ends."""
    with ExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="sg-", dir="/tmp")))
        directory.chmod(0o755)
        files = _files(directory)
        shared = Path("/dev/shm", f"{directory.name}-shared")
        shared.write_text("a secret in shared memory")
        held.callback(shared.unlink)
        sleeper = subprocess.Popen(["sleep", "600"], cwd=directory)
        held.callback(sleeper.wait)
        held.callback(sleeper.kill)
        gateway = directory / "gateway.sock"
        listeners = _listeners(held, directory)
        _answering(held, _bound(held, socket.AF_UNIX, str(gateway)))
        gateway.chmod(0o666)
        inherited = os.open(directory / INHERITED_NAME, os.O_RDWR | os.O_CREAT)
        os.set_inheritable(inherited, True)
        held.callback(os.close, inherited)
        before = os.environ.get("SERVICE_SECRET")  # noqa: TID251 - what a child would inherit
        os.environ["SERVICE_SECRET"] = ENVIRONMENT_SECRET  # noqa: TID251
        try:
            facts = files | listeners | _kernel_facts(sleeper.pid)
            facts["shared_memory_file"] = str(shared)
            yield Scene(facts, directory, gateway, inherited)
        finally:
            os.environ.pop("SERVICE_SECRET")  # noqa: TID251
            if before is not None:
                os.environ["SERVICE_SECRET"] = before  # noqa: TID251


def _files(directory: Path) -> dict[str, Any]:
    slot = directory / "slots" / "another"
    slot.mkdir(parents=True)
    names = {
        "secret_file": directory / "secret.txt",
        "tmp_file": directory / "in-tmp.txt",
        "control_store": directory / "control.db",
        "key_file": directory / "log.key",
        "other_slot_file": slot / "home.txt",
    }
    for path in names.values():
        path.write_text("a secret of the host")
    scratch = directory / "scratch"
    scratch.mkdir()
    return {
        **{name: str(path) for name, path in names.items()},
        "slots": str(directory / "slots"),
        "scratch": str(scratch),
        "repository": str(REPOSITORY),
        "service_package": str(REPOSITORY / "service" / "bootstrap.py"),
        "home": str(directory),
        "identity_file": "/etc/hostname",
    }


def _bound(held: ExitStack, family: int, address: Any, kind: int = socket.SOCK_STREAM) -> Any:
    bound = held.enter_context(socket.socket(family, kind))
    bound.bind(address)
    if kind == socket.SOCK_STREAM:
        bound.listen(64)
    return bound


def _listeners(held: ExitStack, directory: Path) -> dict[str, Any]:
    mark = directory.name
    tcp = _bound(held, socket.AF_INET, ("0.0.0.0", 0))  # and at its own address
    tcp6_port = 1
    with contextlib.suppress(OSError):
        tcp6_port = _bound(held, socket.AF_INET6, ("::1", 0)).getsockname()[1]
    udp = _bound(held, socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)
    threading.Thread(target=_answer_datagrams, args=(udp,), daemon=True).start()
    _bound(held, socket.AF_UNIX, f"\0{mark}-stream")
    _bound(held, socket.AF_UNIX, f"\0{mark}-datagram", socket.SOCK_DGRAM)
    _bound(held, socket.AF_UNIX, str(directory / "datagram.sock"), socket.SOCK_DGRAM)
    paths = {
        "unix_path": directory / "host.sock",
        "other_gateway": directory / "slots" / "another" / "gateway.sock",
        "other_interface": directory / "slots" / "another" / "ui.sock",
    }
    for path in paths.values():
        _bound(held, socket.AF_UNIX, str(path))
    return {
        **{name: str(path) for name, path in paths.items()},
        "tcp_port": tcp.getsockname()[1],
        "tcp6_port": tcp6_port,
        "udp_port": udp.getsockname()[1],
        "low_port": LOW_PORT,
        "host_address": _own_address(),
        "abstract": f"{mark}-stream",
        "abstract_datagram": f"{mark}-datagram",
        "datagram_path": str(directory / "datagram.sock"),
    }


def _own_address() -> str:
    """Return an address of this host that is not the loopback's; asks no one, sends nothing."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as routed:
        routed.connect(("192.0.2.1", 9))
        return str(routed.getsockname()[0])
    return "127.0.0.1"


def _answer_datagrams(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            _asked, sender = listener.recvfrom(16)
            listener.sendto(b"told", sender)


def _answering(held: ExitStack, listener: socket.socket) -> None:
    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(16)
                    connection.sendall(b"gateway")

    threading.Thread(target=answer, daemon=True).start()
    held.callback(listener.shutdown, socket.SHUT_RDWR)


def _read(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(encoding="utf-8").strip()
    return ""


def _kernel_facts(sleeper: int) -> dict[str, Any]:
    disks = [line.split()[3] for line in _read("/proc/partitions").splitlines()[2:]]
    groups = [line.split(":", 2)[2] for line in _read("/proc/self/cgroup").splitlines()]
    interfaces = [path.name for path in Path("/sys/class/net").glob("*") if path.name != "lo"]
    return {
        "host_pid": os.getpid(),
        "sleeper_pid": sleeper,
        "environment_secret": ENVIRONMENT_SECRET,
        "inherited_name": INHERITED_NAME,
        "mounted_name": MOUNTED_NAME,
        "control_group": max(groups, key=len, default="") or "/",
        "host_name": platform.node(),
        "interfaces": interfaces,
        "disks": disks or ["no disk"],
        "disk_device": f"/dev/{disks[0] if disks else 'none'}",
        "kernel_release": platform.release(),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "memory_line": _read("/proc/meminfo").splitlines()[0],
        "kernel_arguments": _read("/proc/cmdline"),
        "uptime": float(_read("/proc/uptime").split()[0]),
        "gateway": GATEWAY_INSIDE,
        "gateway_to_ask": GATEWAY_INSIDE,
        "gateway_to_replace": GATEWAY_INSIDE,
        "gateway_to_change": GATEWAY_INSIDE,
    }


def outside(on: Scene) -> Answers:
    """Run every probe on the host itself: what succeeds here, the layers stop."""
    spare = {}
    for name in ("gateway", "gateway_to_replace", "gateway_to_change"):
        path = on.directory / f"spare-{name}"
        path.touch()
        spare[name] = str(path)
    facts = on.facts | spare | {"gateway_to_ask": str(on.gateway)}
    done = subprocess.run(
        [sys.executable, str(PROBES), json.dumps(facts)],
        capture_output=True,
        check=True,
        timeout=PROBES_SECONDS_MAX,
        pass_fds=(on.inherited,),
        preexec_fn=_apart if os.geteuid() == 0 else None,
    )
    answers: Answers = json.loads(done.stdout)
    return answers


def _apart() -> None:
    """Keep what the controls mount to themselves."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(0x00020000)
    libc.mount(b"none", b"/", None, 0x44000, None)
    libc.mount(MOUNTED_NAME.encode(), b"/mnt", b"tmpfs", 0, None)


def inside(on: Scene, profile: Profile = "session", *, gvisor: bool = False) -> Answers:
    """Run every probe within the layers of one backend."""
    facts = on.facts | {"scratch": "/tmp"}
    process = launch(
        Confinement(
            environment=REPOSITORY / ".venv",
            program=PROBES,
            guest_files={
                f"escape_{name}.py": PROBES.with_name(f"escape_{name}.py") for name in PARTS
            },
            arguments=(json.dumps(facts),),
            read_only={GATEWAY_INSIDE: on.gateway},
            tmpfs_bytes={"/tmp": 32 << 20, "/run": 4 << 20},
            limits=LIMITS,
            profile=profile,
        ),
        gvisor=gvisor,
    )
    try:
        process.wait(PROBES_SECONDS_MAX)
        answers: Answers = json.loads(process.output_tail())
    finally:
        process.kill()
    return answers
