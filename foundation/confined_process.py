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

from foundation.cgroups import ControlGroup
from foundation.process_table import resident_bytes, status_field

OUTPUT_BYTES_MAX = 64 << 10
GONE_SECONDS_MAX = 5.0
REAPED_SECONDS_MAX = 5.0


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
        self.outgrew = False  # seen past its memory by the watchdog, where no kernel bounds it
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
        self._group.hurry()
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

    def throttled(self) -> int:
        """Return how many periods the kernel held it back for its processor time."""
        return self._group.throttled()

    def memory_kills(self) -> int:
        """Return how many of its processes the kernel ended for their memory."""
        return self._group.memory_kills()

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
