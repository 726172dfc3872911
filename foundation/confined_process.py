"""A running confined child as its owner sees it: alive or not, its last words, and how to end it.

Ending it kills the process-id namespace as a whole and removes its control group. Its output is
kept in a bounded ring, never in a file that it could fill or forge.
"""

import collections
import contextlib
import os
import select
import signal
import subprocess
import threading
from pathlib import Path

from foundation.cgroups import ControlGroup

OUTPUT_BYTES_MAX = 64 << 10
GONE_SECONDS_MAX = 5.0
REAPED_SECONDS_MAX = 2.0


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


class ConfinedProcess:
    """One sandbox: the bubblewrap process outside, and the first process inside."""

    def __init__(
        self, started: "subprocess.Popen[bytes]", group: ControlGroup, init_pid: int | None
    ) -> None:
        """Take over a started process, its control group and its first inner process."""
        self._started = started
        self._group = group
        self.init_pid = init_pid
        self._init = _open_pid(init_pid)
        self.uid = int(status_field(started.pid, "Uid") or -1)
        self._output: collections.deque[bytes] = collections.deque()
        self._output_bytes = 0
        self._lock = threading.Lock()
        self._drain = threading.Thread(target=self._read_output, daemon=True, name="output")
        self._drain.start()

    @property
    def pid(self) -> int:
        """The process id of bubblewrap, outside."""
        return self._started.pid

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        code = self._started.poll()
        if code is not None:
            self._tidy()
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        code = self._started.wait(timeout)
        self._tidy()
        return code

    def kill(self) -> None:
        """End every process inside, at once; returns when they are gone. Safe to repeat.

        The first inner process goes first, so that bubblewrap reaps it and leaves no zombie to
        whatever is process 1 on this host.
        """
        with self._lock:
            if self._init is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._init, signal.SIGKILL)
        try:
            self._started.wait(REAPED_SECONDS_MAX if self.init_pid is not None else 0)
        except subprocess.TimeoutExpired:
            self._started.kill()
            self._started.wait()
        self._tidy()

    def output_tail(self) -> str:
        """Return the last output (at most 64 KiB) of everything inside."""
        with self._lock:
            return b"".join(self._output).decode("utf-8", "replace")

    def memory_bytes(self) -> int:
        """Return what it uses now: its control group's figure, else the sum of resident pages."""
        counted = self._group.memory_bytes()
        return counted if counted is not None else resident_bytes(self.pid)

    def _tidy(self) -> None:
        with self._lock:
            init, self._init = self._init, None
        if init is not None:
            select.select([init], [], [], GONE_SECONDS_MAX)
            os.close(init)
        self._drain.join(1.0)
        self._group.remove()

    def _read_output(self) -> None:
        pipe = self._started.stdout
        if pipe is None:
            return
        with pipe:
            while chunk := os.read(pipe.fileno(), 4096):
                self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        with self._lock:
            self._output.append(chunk)
            self._output_bytes += len(chunk)
            while self._output_bytes > OUTPUT_BYTES_MAX:
                self._output_bytes -= len(self._output.popleft())


def _open_pid(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
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
