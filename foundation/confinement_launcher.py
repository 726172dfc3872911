"""Run by path, before the sandbox: joins cgroups, gives the child its own uid, becomes bubblewrap.

Imports the standard library only (``python -I -S``). It makes a private mount namespace (without
root: inside a user namespace) and binds each source on a neutral path there, so that a uid which
may not enter a 0700 home still reads the one interpreter, environment and guest file it was given;
there too it mounts the writable parts, since bubblewrap knows no cap on their number of files.
"""

import base64
import contextlib
import ctypes
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_NOSUID_NODEV = 0x2 | 0x4
MS_BIND_REC = 0x1000 | 0x4000
MS_REC_PRIVATE = 0x4000 | 0x40000
STAGE = "/tmp"  # noqa: S108 - a fresh tmpfs of a private mount namespace, not the host's /tmp
UID_BASE = 200_000
UID_BASE_SMALL_MAP = 30_000
UID_SPAN_SMALL_MAP = 30_000
PID_MAX = 1 << 22

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, doing: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), doing)


def _mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    arguments = [text.encode() or None for text in (source, target, kind)]
    _checked(
        _libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() or None), f"mount {target}"
    )


def separate(*, root: bool) -> None:
    """Enter a mount namespace of our own; without root, through a user namespace that maps us."""
    if root:
        _checked(_libc.unshare(CLONE_NEWNS), "unshare mount namespace")
        return
    uid, gid = os.geteuid(), os.getegid()
    _checked(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare user namespace")
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        Path("/proc/self", name).write_text(line, encoding="ascii")


def stage(sources: list[str], parts: list[dict[str, Any]], uid: int) -> tuple[list[str], list[str]]:
    """Bind every source, and mount every writable part, where only our own children see them."""
    _mount("none", "/", "", MS_REC_PRIVATE, "")
    held = [os.open(source, os.O_PATH | os.O_CLOEXEC) for source in sources]
    _mount("tmpfs", STAGE, "tmpfs", MS_NOSUID_NODEV, "mode=0755,size=1m")
    staged = []
    for number, descriptor in enumerate(held):
        target = f"{STAGE}/{number}"
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - a magic link
            os.mkdir(target)  # noqa: PTH102
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(f"/proc/self/fd/{descriptor}", target, "", MS_BIND_REC, "")
        staged.append(target)
    writable = []
    for number, part in enumerate(parts):
        target = f"{STAGE}/writable-{number}"
        os.mkdir(target)  # noqa: PTH102
        data = f"mode=0700,uid={uid},size={part['bytes']},nr_inodes={part['inodes']}"
        _mount("tmpfs", target, "tmpfs", MS_NOSUID_NODEV, data)
        writable.append(target)
    return staged, writable


def own_uid(pid: int, uid_map: str) -> int:
    """Return a uid that no other live confined child has, inside what this namespace maps."""
    for line in uid_map.splitlines():
        first, _outside, count = (int(word) for word in line.split())
        if first <= UID_BASE and first + count >= UID_BASE + PID_MAX:
            return UID_BASE + pid
    return UID_BASE_SMALL_MAP + pid % UID_SPAN_SMALL_MAP


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _limit(rlimits: dict[str, int]) -> None:
    for name, wanted in rlimits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(number, (most, most))


class Places:
    """Where sources and writable parts stand, and what the specification's items become there."""

    def __init__(self, specification: dict[str, Any]) -> None:
        """Begin with the sources as they stand on the host."""
        self.sources: list[str] = specification["sources"]
        self._parts: list[dict[str, Any]] = specification["tmpfs"]
        self._writable: list[str] = []

    def stage(self, uid: int, *, root: bool) -> None:
        """Move everything to neutral paths; a host that forbids it keeps what it has."""
        with contextlib.suppress(PermissionError):
            separate(root=root)
            self.sources, self._writable = stage(self.sources, self._parts, uid)

    def arguments(self, item: Any) -> list[str]:
        """Turn one item into arguments: text, ``[source]``, ``{"data": base64}``, ``{"tmpfs"}``."""
        if isinstance(item, str):
            return [item]
        if isinstance(item, list):
            return [self.sources[item[0]]]
        if "tmpfs" in item:
            return self._tmpfs(int(item["tmpfs"]))
        descriptor = os.memfd_create("part", 0)
        os.write(descriptor, base64.b64decode(item["data"]))
        os.lseek(descriptor, 0, os.SEEK_SET)
        return [str(descriptor)]

    def _tmpfs(self, number: int) -> list[str]:
        part = self._parts[number]
        if self._writable:
            return ["--bind", self._writable[number], part["inside"]]
        return ["--perms", "0700", "--size", str(part["bytes"]), "--tmpfs", part["inside"]]


def main(descriptor: int) -> None:
    """Read the specification from a descriptor and become the confined child."""
    with os.fdopen(descriptor, "rb") as file:
        specification = json.load(file)
    for procs in specification["cgroup_procs"]:
        Path(procs).write_text(str(os.getpid()), encoding="ascii")
    root = specification["own_uid"]
    uid_map = Path("/proc/self/uid_map").read_text(encoding="ascii")
    uid = own_uid(os.getpid(), uid_map) if root else os.geteuid()
    places = Places(specification)
    places.stage(uid, root=root)
    os.chdir("/")
    command = [text for item in specification["command"] for text in places.arguments(item)]
    if root:
        _become(uid)
    os.nice(specification["nice"])
    _limit(specification["rlimits"])
    libraries = specification["libraries"]
    variables = {} if libraries is None else {"LD_LIBRARY_PATH": places.sources[libraries]}
    os.execve(command[0], command, variables)  # noqa: S606 - bubblewrap, by its staged path


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except OSError as error:
        sys.exit(f"launcher: {error}")
