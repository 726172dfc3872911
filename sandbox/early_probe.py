"""Before any download: can this host isolate a session at all? Standard library only, ≤ 5 s.

Exits 0, or 1 with the one line that helps. ``./dev`` runs it by path with the system's Python,
before an environment exists; ``foundation.host_report`` looks closer later.
"""

import argparse
import ctypes
import os
import signal
import sys
import traceback
from pathlib import Path

NEWNS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_REC_PRIVATE = 0x4000 | 0x40000
UNPRIVILEGED_UID = 65534
SECONDS_MAX = 5
NAMESPACES, MOUNTS, PROC = 1, 2, 3
SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("user/max_user_namespaces", "0", "15000"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def try_isolation() -> int:
    """Try it in a child: 0, or the number of the step that this host forbids."""
    return _in_child(_isolate)


def _in_child(steps: "object") -> int:
    child = os.fork()
    if child == 0:
        code = NAMESPACES
        try:
            code = steps()  # type: ignore[operator]
        except Exception:  # noqa: BLE001 - the child says it and ends, whatever it was
            traceback.print_exc()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _isolate() -> int:
    signal.alarm(SECONDS_MAX)
    if os.geteuid() == 0:  # sessions never keep root: try as what they will be
        os.setgroups([])
        os.setresgid(UNPRIVILEGED_UID, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
        os.setresuid(UNPRIVILEGED_UID, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    if _libc.unshare(NEWUSER | NEWNS | NEWPID | NEWNET):
        return NAMESPACES
    if _libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None):
        return MOUNTS
    return _in_child(_mount_proc)


def _mount_proc() -> int:
    return PROC if _libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None) else 0


def way_out(step: int) -> str:
    """Return the one command that most likely lifts what forbids the step."""
    for switch, blocking, wanted in SWITCHES:
        file = Path("/proc/sys", switch)
        if file.exists() and file.read_text(encoding="ascii").strip() == blocking:
            return f"sudo sysctl -w {switch.replace('/', '.')}={wanted}"
    options = "--security-opt seccomp=deploy/seccomp.json --security-opt apparmor=unconfined"
    if step == PROC:
        options += " --security-opt systempaths=unconfined"
    return f"docker run {options} …"


def main() -> int:
    """Probe, and say in one line what to do where it fails."""
    parser = argparse.ArgumentParser(description="Can this host isolate a session?")
    parser.add_argument("--lang", choices=("zh", "en"))
    language = parser.parse_args().lang
    step = try_isolation()
    if step == 0:
        return 0
    zh = "本机不允许建立会话沙箱所需的命名空间，请执行"
    en = "This host forbids the namespaces a session needs; run"
    said = {"zh": zh, "en": en}.get(language, f"{zh} / {en}")
    sys.stderr.write(f"{said}: {way_out(step)}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
