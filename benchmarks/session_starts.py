"""From asking for a session to its first cell: warm, cold, plain, JupyterHub and gVisor.

Everything is interleaved, and a ratio is taken within each round, so that a busy moment of the
machine weighs on both sides. Our side is the whole way of an operator: HTTP API, decision, log,
link, proxy, kernel, cell.
"""

import shutil
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.figures import show, show_skipped
from benchmarks.public_queries import Skipped
from benchmarks.session_peers import Hub, jupyterhub, plain_seconds
from benchmarks.session_platform import ENVIRONMENT, SessionPlatform, session_platform
from foundation.settings import Settings
from sandbox.warmth import WarmthQuestion
from service.workers import session_backend

WARM_P50_SECONDS, WARM_P95_SECONDS = 0.3, 0.8
PLAIN_FACTOR, HUB_FACTOR = 10.0, 20.0
COLD_RATIO, GVISOR_RATIO = 1.2, 3.0
POOL_SECONDS_MAX = 120.0


def show_starts(rounds: int, warm_runs: int) -> bool:
    """Measure every start and print its figures; tell whether all bars are met."""
    with ExitStack() as stack:
        platform = stack.enter_context(
            session_platform(session_slots_floor=2, session_slots_ceiling=2)
        )
        hub = _hub(stack)
        platform.city.platform.slots.pool.start()
        plain_seconds()  # every side finds warm file caches
        _warm(platform)
        rows = [_round(platform, hub) for _ in range(rounds)]
        warm = [row["warm"] for row in rows]
        warm += [_warm(platform) for _ in range(warm_runs - len(warm))]
    met = _show_warm(warm)
    met &= _show_ratios(rows, "plain_vs_warm", "plain", PLAIN_FACTOR)
    if hub is None:
        return False
    return _show_ratios(rows, "jupyterhub_vs_warm", "hub", HUB_FACTOR) and met


def show_cold(pairs: int) -> bool:
    """Measure a cold sandbox against a plain server; tell whether the bar is met."""
    with session_platform() as platform:
        plain_seconds()
        ratios = _paired(platform.first_cell_seconds, plain_seconds, pairs, "cold", "plain")
    value = round(statistics.median(ratios), 3)
    return show(
        "cold_vs_plain",
        value,
        "ratio",
        f"<={COLD_RATIO}",
        met=value <= COLD_RATIO,
        against="jupyter lab of the same environment, started plainly, to the first 1+1",
        runs=pairs,
        spread=[round(ratio, 3) for ratio in sorted(ratios)],
    )


def show_gvisor(pairs: int) -> bool:
    """Measure a cold start under gVisor against one under bubblewrap, where runsc is here."""
    if shutil.which("runsc") is None:
        show_skipped("gvisor_vs_bubblewrap", "needs runsc: apt-get install runsc (backports)")
        return False
    with ExitStack() as stack:
        starts = [_starts_of(name, stack) for name in ("gvisor", "bubblewrap")]
        for start in starts:
            start()
        ratios = _paired(starts[0], starts[1], pairs, "gvisor", "bubblewrap")
    value = round(statistics.median(ratios), 3)
    return show(
        "gvisor_vs_bubblewrap",
        value,
        "ratio",
        f"<={GVISOR_RATIO}",
        met=value <= GVISOR_RATIO,
        against="the same slot under bubblewrap, from nothing until its kernel ran and is idle",
        runs=pairs,
        spread=[round(ratio, 3) for ratio in sorted(ratios)],
    )


def _starts_of(name: str, stack: ExitStack) -> Callable[[], float]:
    """Return what starts a slot of a backend, ends it, and tells how long it took to be warm."""
    settings = Settings(session_backend=name, session_environment=ENVIRONMENT)
    backend = session_backend(settings)
    stack.callback(backend.close)

    def start() -> float:
        started = time.perf_counter()
        slot = backend.prestart()
        WarmthQuestion(backend.endpoint(slot), (), POOL_SECONDS_MAX).ask()
        seconds = time.perf_counter() - started
        backend.kill(slot)
        return seconds

    return start


def _hub(stack: ExitStack) -> Hub | None:
    try:
        return stack.enter_context(jupyterhub())
    except Skipped as reason:
        show_skipped("jupyterhub_vs_warm", str(reason))
        return None


def _warm(platform: SessionPlatform) -> float:
    if not platform.city.platform.slots.pool.wait(2, POOL_SECONDS_MAX):
        raise RuntimeError("the pool did not become warm")
    return platform.first_cell_seconds()


def _round(platform: SessionPlatform, hub: Hub | None) -> dict[str, float]:
    row = {"warm": _warm(platform)}
    platform.city.platform.slots.pool.wait(2, POOL_SECONDS_MAX)  # no refill beside the others
    row["plain"] = plain_seconds()
    if hub is not None:
        row["hub"] = hub.first_cell_seconds()
    sys.stderr.write(", ".join(f"{name} {value:.2f} s" for name, value in row.items()) + "\n")
    return row


def _show_warm(warm: list[float]) -> bool:
    against = "POST /sessions to the answer of 1+1 through the proxy, refilling included"
    middle = round(statistics.median(warm), 3)
    late = round(sorted(warm)[-(-len(warm) * 95 // 100) - 1], 3)
    met = [
        show(name, value, "s", f"<={bar}", met=value <= bar, against=against, runs=len(warm))
        for name, value, bar in (
            ("warm_first_cell_s_p50", middle, WARM_P50_SECONDS),
            ("warm_first_cell_s_p95", late, WARM_P95_SECONDS),
        )
    ]
    return all(met)


def _show_ratios(rows: list[dict[str, float]], figure: str, other: str, bar: float) -> bool:
    ratios = sorted(row[other] / row["warm"] for row in rows)
    value = round(statistics.median(ratios), 1)
    against = {
        "plain": "jupyter lab of the same environment, started plainly",
        "hub": "JupyterHub with SimpleLocalProcessSpawner, its hub and proxy already up",
    }[other]
    return show(
        figure,
        value,
        "times",
        f">={bar:.0f}",
        met=value >= bar,
        against=against,
        runs=len(rows),
        spread=[round(ratio, 1) for ratio in ratios],
    )


def _paired(
    ours: Callable[[], float], theirs: Callable[[], float], pairs: int, *names: str
) -> list[float]:
    """Return the ratio of each pair, whose order alternates."""
    ratios = []
    for number in range(pairs):
        if number % 2:
            first, second = ours(), theirs()
        else:
            second, first = theirs(), ours()
        sys.stderr.write(f"{names[0]} {first:.2f} s, {names[1]} {second:.2f} s\n")
        ratios.append(first / second)
    return ratios
