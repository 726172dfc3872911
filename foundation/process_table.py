"""What the process table says of a process and everything below it, as it stands now."""

import contextlib
import os
from pathlib import Path


def status_field(pid: int, name: str) -> str | None:
    """Return the first word of one field of a process's status; None once it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.split()[0]
    return None


def descendants(pid: int) -> list[int]:
    """Return a process and everything below it, as the process table shows it now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            after_name = entry.read_text(encoding="utf-8").rpartition(")")[2]
            children.setdefault(int(after_name.split()[1]), []).append(int(entry.parent.name))
    found = [pid]
    for known in found:
        found.extend(children.get(known, []))
    return found


def resident_bytes(pid: int) -> int:
    """Return the proportional memory of a process and its descendants, from the process table."""
    return sum(_proportional_bytes(member) for member in descendants(pid))


def _proportional_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGESIZE")
    return 0
