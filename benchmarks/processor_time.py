"""Processor time of a process and of all that it started, user and system; standard library only.

The peers' programs import it from environments of their own, so nothing else may be imported here.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path


def processor_seconds() -> float:
    """Return the processor time of this process and of all that it started."""
    return time.process_time() + sum(map(_clock_of, descendants()))


def cost_of(act: Callable[[], object]) -> float:
    """Return the processor seconds that an act takes, everywhere."""
    before = processor_seconds()
    act()
    return processor_seconds() - before


def median_cost_of(act: Callable[[], object], runs: int) -> float:
    """Return the median of several runs, after one that warms up."""
    act()
    return statistics.median(cost_of(act) for _ in range(runs))


def _clock_of(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)
    except OSError:
        return 0.0


def descendants() -> list[int]:
    """Return the processes that this one started, and those that they started."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(status.parent.name))
    own = int(Path("/proc/self").resolve().name)
    found = list(parents.get(own, []))
    for pid in found:
        found.extend(parents.get(pid, []))
    return found
