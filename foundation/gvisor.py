"""The same sandbox with a kernel of its own: gVisor's ``runsc`` inside bubblewrap's empty shell.

The guest's system calls end in the Sentry, which runs under the child's own host uid, in its
namespaces and without a network, so that leaving the Sentry leads into a sandbox. Our call list
binds inside too. Needs systrap, hence a runsc of 2023-06 or later (Debian 12: from backports).
"""

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundation.bubblewrap import SHARED_MEMORY_BYTES, ArgumentList
from foundation.errors import Message, Unavailable
from foundation.seccomp import Profile, oci_filter

OLDEST = 20230627  # the first release whose default platform is systrap
GUEST_ROOT = "/guest"
GUEST_UID = 1000
RUNSC_INSIDE = "/runsc"
_HANDED = "/handed"
_BUNDLE = "/bundle"
_STATE = "/state"
_FLAGS = (
    *("--root", _STATE, "--rootless", "--network=none", "--platform=systrap", "--oci-seccomp"),
    *("--host-uds=open", "--ignore-cgroups", "--overlay2=none", "--file-access-mounts=exclusive"),
)
_WRITABLE = ("nosuid", "nodev", "mode=0700", f"uid={GUEST_UID}", f"gid={GUEST_UID}")


@dataclass(frozen=True)
class GuestCommand:
    """What the Sentry starts, and what it hands to it."""

    command: Sequence[str]
    directory: str
    variables: Mapping[str, str]
    tmpfs_bytes: Mapping[str, int]
    inherited_fds: Sequence[int]
    rlimits: Mapping[str, int]
    profile: Profile
    sockets: Mapping[str, Path]


def find_runsc(setting: Path | None = None) -> Path:
    """Return the runsc to run. Raises Unavailable where none is new enough for systrap."""
    found = setting or shutil.which("runsc")
    version = release_of(str(found)) if found else 0
    if found and version >= OLDEST:
        return Path(found)
    line = "apt-get install -t bookworm-backports runsc"
    if version:
        told = Message(
            f"runsc {version} 过旧，没有 systrap；Debian backports 有 20240729。",
            f"runsc {version} is too old: it has no systrap platform. Debian's backports have "
            "20240729.",
        )
    else:
        told = Message("找不到 gVisor 的 runsc。", "gVisor's runsc was not found.")
    raise Unavailable(
        "isolation_unavailable", told, field="runsc", rule="I3", way_out=Message(line, line)
    )


@functools.cache
def release_of(binary: str) -> int:
    """Return a runsc's release as yyyymmdd; 0 where it says none."""
    try:
        asked = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, check=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"runsc version \D*(?:0\.0[~-])?(\d{8})", asked.stdout)
    return int(found[1]) if found else 0


def add_shell(arguments: ArgumentList, runsc: Path, guest: GuestCommand) -> None:
    """Add what runsc itself needs around the guest's tree, and its description of the guest."""
    arguments.add("--proc", "/proc", "--dev", "/dev")
    for directory in ("/tmp", _STATE, "/var/run"):  # noqa: S108 - inside the shell
        arguments.add("--size", str(SHARED_MEMORY_BYTES), "--tmpfs", directory)
    arguments.bind_outside(runsc, RUNSC_INSIDE)
    for place in ("/proc", "/dev", "/sys", *guest.tmpfs_bytes):
        arguments.add("--dir", GUEST_ROOT + place)
    for number, (inside, host) in enumerate(guest.sockets.items()):
        arguments.file(inside, b"")  # the place that the gofer opens before it mounts
        arguments.bind_outside(host, f"{_HANDED}/{number}")
    arguments.file_outside(f"{_BUNDLE}/config.json", json.dumps(_specification(guest)).encode())


def shell_command(guest: GuestCommand) -> list[str]:
    """Return the call that starts the guest, as it stands inside the shell."""
    handed = [f"--pass-fd={number}:{number}" for number in guest.inherited_fds]
    return [RUNSC_INSIDE, *_FLAGS, "run", "--bundle", _BUNDLE, *handed, "guest"]


def _specification(guest: GuestCommand) -> dict[str, object]:
    sizes = {"/dev/shm": SHARED_MEMORY_BYTES, **guest.tmpfs_bytes}  # noqa: S108 - paths inside
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        *(
            {
                "destination": inside,
                "type": "tmpfs",
                "source": "tmpfs",
                "options": [*_WRITABLE, f"size={size}"],
            }
            for inside, size in sizes.items()
        ),
        *(
            {
                "destination": inside,
                "type": "bind",
                "source": f"{_HANDED}/{number}",
                "options": ["ro", "nosuid", "nodev"],
            }
            for number, inside in enumerate(guest.sockets)
        ),
    ]
    rlimits = [
        {"type": name, "hard": value, "soft": value} for name, value in guest.rlimits.items()
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": GUEST_UID, "gid": GUEST_UID},
            "args": list(guest.command),
            "env": [f"{name}={value}" for name, value in guest.variables.items()],
            "cwd": guest.directory,
            "capabilities": {},
            "noNewPrivileges": True,
            "rlimits": rlimits,
        },
        "root": {"path": GUEST_ROOT, "readonly": True},
        "hostname": "sandbox",
        "mounts": mounts,
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "seccomp": oci_filter(guest.profile),
        },
    }
