"""What a session weighs while nobody uses it: memory as the kernel shares it out, and processor.

Proportional set size of every process of every sandbox, over open sessions that ran a cell; the
processor time is that of their process trees, over a stretch in which nobody asks anything.
"""

import statistics
import time
from contextlib import ExitStack

from benchmarks.figures import show
from benchmarks.session_platform import SessionPlatform, run_cell, session_platform
from foundation.process_table import descendants, resident_bytes

IDLE_MEBIBYTES, PRELOADED_MEBIBYTES, IDLE_PERCENT = 125.0, 250.0, 0.1
PRELOADED = "pandas,polars,pyarrow"
"""What the session environment holds; DuckDB is not in it."""
POOL_SECONDS_MAX = 120.0


def show_weight(sessions: int, idle_seconds: float) -> bool:
    """Measure bare and preloaded sessions; tell whether all bars are met."""
    with (
        session_platform(session_preload="", **_pool_of(sessions)) as platform,
        ExitStack() as stack,
    ):
        _open(platform, sessions, stack)
        met = _show_memory("idle_pss_mib", platform, IDLE_MEBIBYTES, "a cell run, then nothing")
        met &= _show_idle(platform, idle_seconds)
    with session_platform(session_preload=PRELOADED, **_pool_of(sessions)) as platform:
        platform.city.platform.slots.pool.start()
        if not platform.city.platform.slots.pool.wait(sessions, POOL_SECONDS_MAX):
            raise RuntimeError("the pool did not become warm")
        what = f"warm in the pool, {PRELOADED} imported"
        return _show_memory("preloaded_pss_mib", platform, PRELOADED_MEBIBYTES, what) and met


def _pool_of(slots: int) -> dict[str, object]:
    return {"session_slots_floor": slots, "session_slots_ceiling": slots}


def _open(platform: SessionPlatform, sessions: int, stack: ExitStack) -> None:
    for _ in range(sessions):
        run_cell(stack.enter_context(platform.working()).kernel)


def _show_memory(figure: str, platform: SessionPlatform, bar: float, how: str) -> bool:
    found = [resident_bytes(pid) / (1 << 20) for pid in platform.slot_pids()]
    value = round(statistics.mean(found), 1)
    return show(
        figure,
        value,
        "MiB",
        f"<={bar:.0f}",
        met=value <= bar,
        against=f"proportional set size of a session's processes: {how}",
        runs=len(found),
    )


def _show_idle(platform: SessionPlatform, seconds: float) -> bool:
    before = {pid: _processor_ticks(pid) for pid in platform.slot_pids()}
    started = time.monotonic()
    time.sleep(seconds)
    taken = time.monotonic() - started
    used = [(_processor_ticks(pid) - ticks) for pid, ticks in before.items()]
    value = round(100 * statistics.mean(used) / 1e9 / taken, 3)
    return show(
        "idle_cpu_percent",
        value,
        "% of one core",
        f"<={IDLE_PERCENT}",
        met=value <= IDLE_PERCENT,
        against=f"processor time of a session's processes over {seconds:.0f} s without a request",
        runs=len(used),
    )


def _processor_ticks(pid: int) -> int:
    """Return the nanoseconds that a sandbox's processes have run."""
    total = 0
    for member in descendants(pid):
        try:
            total += time.clock_gettime_ns((~member << 3) | 2)  # clock_getcpuclockid(3)
        except OSError:
            continue
    return total
