"""Run by path, before the sandbox: joins cgroups, gives the child its own uid, becomes bubblewrap.

Imports the standard library only (``python -I -S``). As root it makes a private mount namespace
and binds each source on a neutral path there, so that a uid which may not enter a 0700 home still
reads the one interpreter, environment and guest file it was given.
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


def stage(sources: list[str]) -> list[str]:
    """Bind every source under a fresh tmpfs that only this process and its children see."""
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
    return staged


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


def _argument(item: Any, places: list[str]) -> str:
    """Turn one item of the specification into text: text, ``[source]`` or ``{"data": base64}``."""
    if isinstance(item, str):
        return item
    if isinstance(item, list):
        return places[item[0]]
    descriptor = os.memfd_create("part", 0)
    os.write(descriptor, base64.b64decode(item["data"]))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return str(descriptor)


def main(descriptor: int) -> None:
    """Read the specification from a descriptor and become the confined child."""
    with os.fdopen(descriptor, "rb") as file:
        specification = json.load(file)
    for procs in specification["cgroup_procs"]:
        Path(procs).write_text(str(os.getpid()), encoding="ascii")
    places = specification["sources"]
    if specification["own_uid"]:
        with contextlib.suppress(PermissionError):  # root in a container: sources as they stand
            _checked(_libc.unshare(CLONE_NEWNS), "unshare mount namespace")
            places = stage(places)
    os.chdir("/")
    command = [_argument(item, places) for item in specification["command"]]
    if specification["own_uid"]:
        uid_map = Path("/proc/self/uid_map").read_text(encoding="ascii")
        _become(own_uid(os.getpid(), uid_map))
    _limit(specification["rlimits"])
    libraries = specification["libraries"]
    variables = {} if libraries is None else {"LD_LIBRARY_PATH": places[libraries]}
    os.execve(command[0], command, variables)  # noqa: S606 - bubblewrap, by its staged path


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except OSError as error:
        sys.exit(f"launcher: {error}")
