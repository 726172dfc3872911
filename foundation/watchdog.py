"""Looks once a second at what the kernel does not end by itself, and ends it.

Where no control group bounds memory: what outgrew its limit; weaker than a control group (a second
of growth passes), so production does not accept it. Under gVisor: a sandbox of which the kernel
ended a part for its memory, since what is left of it may only hang.
"""

import subprocess
import threading
from collections.abc import Callable

from foundation.confined_process import ConfinedProcess
from foundation.process_table import resident_bytes

LOOK_SECONDS = 1.0


def watch(process: ConfinedProcess, memory_bytes_max: int) -> None:
    """End a child that outgrows its memory, from a thread of its own that ends with it."""

    def ends() -> bool:
        process.outgrew = resident_bytes(process.pid) > memory_bytes_max
        return process.outgrew

    _watch(process, ends)


def end_whole(process: ConfinedProcess) -> None:
    """End a child whole once the kernel ended a part of it for its memory."""
    _watch(process, lambda: process.memory_kills() > 0)


def _watch(process: ConfinedProcess, ends: Callable[[], bool]) -> None:
    threading.Thread(target=_look, args=(process, ends), daemon=True, name="watchdog").start()


def _look(process: ConfinedProcess, ends: Callable[[], bool]) -> None:
    while True:
        try:
            process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if ends():
                process.kill()
        else:
            return
