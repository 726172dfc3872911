"""Slots on this host: JupyterLab and its kernels together inside one bubblewrap sandbox.

The host keeps a listening interface socket (inherited by number, without a path inside) and one
gateway socket per slot; the slot's directory, its processes and its cgroup end with it.
"""

import contextlib
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foundation.confined_process import ConfinedProcess
from foundation.confinement import INODES_MAX, Confinement, Limits, as_root, launch
from foundation.errors import Conflict, Message, NotFound
from foundation.ids import random_name
from sandbox.backends.interface import Endpoint, SlotStats

GUEST = Path(__file__).resolve().parent.parent / "guest"
HOME = "/home/operator"
GATEWAY_INSIDE = "/run/gateway.sock"
MEBIBYTE = 1 << 20
DIRECTORY_PREFIX = "sandgate-slots-"
BACKLOG = 64
DIRECTORY_MODE = 0o711 if as_root() else 0o700


@dataclass(frozen=True)
class SessionLimits:
    """What one session may use. ``processors`` are the only ones it runs on; none: all.

    ``cpus_max`` is processors' worth of time (none: no quota), ``inodes_max`` the files of its
    home, and of each other writable part.
    """

    memory_bytes_max: int
    pids_max: int
    home_bytes_max: int
    processors: frozenset[int] = frozenset()
    cpus_max: float | None = None
    inodes_max: int = INODES_MAX


@dataclass
class _Slot:
    directory: Path
    token: str
    gateway: socket.socket
    process: ConfinedProcess
    session: str | None = None


@dataclass
class BubblewrapBackend:
    """Slots as bubblewrap sandboxes on this host.

    ``packages`` are pure Python packages shown to kernels as ``/opt/packages/<name>``, for a
    client that is not installed in the session environment. ``language`` is the one that cards and
    tables of a notebook begin with; an operator may change it.
    """

    environment: Path
    limits: SessionLimits
    bubblewrap: Path | None = None
    packages: Mapping[str, Path] = field(default_factory=dict)
    language: str = "zh"

    def __post_init__(self) -> None:
        """Make the directory of slots; its path is short, as socket paths must be."""
        root = Path(tempfile.gettempdir())
        _sweep(root)
        self._root = Path(tempfile.mkdtemp(prefix=f"{DIRECTORY_PREFIX}{os.getpid()}-", dir=root))
        self._root.chmod(DIRECTORY_MODE)
        self._slots: dict[str, _Slot] = {}
        self._lock = threading.Lock()

    def prestart(self) -> str:
        """Start a slot for nobody yet and return its name."""
        name = random_name()
        directory = self._root / name
        directory.mkdir()
        directory.chmod(DIRECTORY_MODE)
        ui, gateway = _bound(directory / "ui.sock"), _bound(directory / "gateway.sock")
        ui.listen(BACKLOG)  # what the host asks before the server runs waits there
        try:
            token = secrets.token_urlsafe(32)
            process = self._started(directory, ui, token)
        except BaseException:
            gateway.close()
            shutil.rmtree(directory)
            raise
        finally:
            ui.close()
        with self._lock:
            self._slots[name] = _Slot(directory, token, gateway, process)
        return name

    def assign(self, slot: str, session: str) -> Endpoint:
        """Give a prestarted slot to one session, once."""
        with self._lock:
            held = self._slots.get(slot)
            if held is not None and held.session is None:
                held.session = session
                return _endpoint(slot, held)
        if held is None:
            raise _no_such_slot()
        raise Conflict(
            "slot_taken",
            Message("该沙箱已分配给其他会话。", "This sandbox already belongs to a session."),
        )

    def endpoint(self, slot: str) -> Endpoint:
        """Return how to reach a live slot."""
        held = self._slots.get(slot)
        if held is None:
            raise _no_such_slot()
        return _endpoint(slot, held)

    def stats(self, slot: str) -> SlotStats:
        """Return what a slot uses now."""
        held = self._slots.get(slot)
        if held is None or held.process.poll() is not None:
            return SlotStats(alive=False, memory_bytes=0)
        return SlotStats(alive=True, memory_bytes=held.process.memory_bytes())

    def output_tail(self, slot: str) -> str:
        """Return the last output of a slot's processes, for the operator of this host."""
        held = self._slots.get(slot)
        return "" if held is None else held.process.output_tail()

    def kill(self, slot: str) -> None:
        """End every process of a slot and remove its sockets and directory."""
        with self._lock:
            held = self._slots.pop(slot, None)
        if held is not None:
            held.process.kill()
            held.gateway.close()
            shutil.rmtree(held.directory, ignore_errors=True)

    def close(self) -> None:
        """End every slot and remove the directory of slots."""
        for slot in list(self._slots):
            self.kill(slot)
        shutil.rmtree(self._root, ignore_errors=True)

    def _started(self, directory: Path, ui: socket.socket, token: str) -> ConfinedProcess:
        """Start the guest on the interface's listening socket, which it inherits."""
        confinement = self._confinement(directory, ui.fileno(), token)
        return launch(confinement, bubblewrap=self.bubblewrap)

    def _confinement(self, directory: Path, ui: int, token: str) -> Confinement:
        shown = {f"/opt/packages/{name}": host for name, host in self.packages.items()}
        return Confinement(
            environment=self.environment,
            program=GUEST / "server.py",
            arguments=(str(ui),),
            guest_files={
                "homes.py": GUEST / "homes.py",
                "kernel.py": GUEST / "kernel.py",
                "jupyter/kernels/python3/kernel.json": GUEST / "kernel.json",
            },
            read_only={GATEWAY_INSIDE: directory / "gateway.sock", **shown},
            inherited_fds=(ui,),
            tmpfs_bytes={
                HOME: self.limits.home_bytes_max,
                "/tmp": 32 * MEBIBYTE,  # noqa: S108 - a path inside
                "/run": 4 * MEBIBYTE,
            },
            variables=_variables(token) | {"SANDGATE_LANGUAGE": self.language},
            limits=Limits(
                self.limits.memory_bytes_max,
                self.limits.pids_max,
                processors=self.limits.processors,
                cpus_max=self.limits.cpus_max,
                inodes_max=self.limits.inodes_max,
            ),
            profile="session",
        )


def _variables(token: str) -> dict[str, str]:
    return {
        "HOME": HOME,
        "SANDBOX_UI_TOKEN": token,
        "JUPYTER_PATH": "/opt/guest/jupyter",
        "JUPYTER_RUNTIME_DIR": "/run/jupyter",
        "JUPYTER_CONFIG_DIR": f"{HOME}/.jupyter",
        "IPYTHONDIR": f"{HOME}/.ipython",
        "XDG_CACHE_HOME": f"{HOME}/.cache",
    }


def _bound(path: Path) -> socket.socket:
    """Bind a socket that refuses every connection until somebody listens on it."""
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    path.chmod(0o666)  # the slot's own uid must connect; no other can list or guess the way
    return bound


def _endpoint(slot: str, held: _Slot) -> Endpoint:
    return Endpoint(
        slot, held.directory / "ui.sock", held.token, held.gateway, peer_uid=held.process.uid
    )


def _no_such_slot() -> NotFound:
    return NotFound(
        "slot_unknown", Message("没有这个沙箱，或它已结束。", "No such sandbox, or it has ended.")
    )


def _sweep(root: Path) -> None:
    """Remove the slot directories of services that were killed before they could."""
    for directory in root.glob(f"{DIRECTORY_PREFIX}*"):
        owner = directory.name.removeprefix(DIRECTORY_PREFIX).split("-", maxsplit=1)[0]
        with contextlib.suppress(OSError):
            if not Path("/proc", owner).exists() and directory.stat().st_uid == os.geteuid():
                shutil.rmtree(directory)
