"""What a process holds that sessions could leave behind, counted before and after.

Processes below it, mounts, control groups, sockets of slots and their directories, open
descriptors and threads. Counted after things have settled: a closed channel lets its socket go a
moment later.
"""

import os
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.processor_time import descendants
from sandbox.backends.bubblewrap import DIRECTORY_PREFIX

SETTLE_SECONDS_MAX = 15.0
Held = dict[str, int]


def held() -> Held:
    """Count what this process and its sandboxes hold now."""
    own = os.getpid()
    groups = Path("/sys/fs/cgroup").glob(f"**/sandgate-{own}-*")
    slots = Path(tempfile.gettempdir()).glob(f"{DIRECTORY_PREFIX}{own}-*/*")
    sockets = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()
    return {
        "processes": len(descendants()),
        "mounts": len(Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()),
        "groups": len(list(groups)),
        "slots": len(list(slots)),
        "sockets": sum(f"{DIRECTORY_PREFIX}{own}-" in line for line in sockets),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


def leaked(before: Held) -> Held:
    """Return what is held beyond ``before``, once it no longer falls."""
    until = time.monotonic() + SETTLE_SECONDS_MAX
    more = _beyond(before)
    while more and time.monotonic() < until:
        time.sleep(0.2)
        more = _beyond(before)
    return more


def _beyond(before: Held) -> Held:
    now = held()
    return {name: now[name] - before[name] for name in now if now[name] > before[name]}
