"""What this host really enforces around a confined child, found out by trying to pass each bound.

Each limit is named with whether it holds and by what; production refuses to start on a report
with a gap (I10), and ``sandgate doctor`` prints it. A probe that told nothing counts as a gap.
"""

import functools
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from foundation.confined_process import OUTPUT_BYTES_MAX, ConfinedProcess
from foundation.confinement import OPEN_FILES_MAX, Confinement, Limits, as_root, launch
from foundation.errors import Message, SandgateError, Unavailable
from foundation.host_limits import LIMIT_NAMES, Limit, described

PROBE_MEMORY_BYTES = 256 << 20
PROBE_PIDS = 32
PROBE_CPUS = 0.5
PROBE_DISK_BYTES = 8 << 20
PROBE_INODES = 256
PROBE_SECONDS_MAX = 30.0
GONE_SECONDS_MAX = 1.0
THROTTLED_SECONDS_MAX = 3.0
ANSWER = "bounds "
_PROBE = Path(__file__).with_name("confinement_probe.py")

__all__ = ["LIMIT_NAMES", "HostReport", "Limit", "probe_host", "probed_host"]


@dataclass(frozen=True)
class HostReport:
    """Every promised limit of this host, in the order of ``LIMIT_NAMES``."""

    limits: tuple[Limit, ...]
    works: bool = True

    def missing(self) -> tuple[Limit, ...]:
        """Return the limits that do not hold."""
        return tuple(limit for limit in self.limits if not limit.enforced)


@dataclass
class _Found:
    """What two probes told: answers from inside, and what the host saw of them."""

    inside: dict[str, bool] = field(default_factory=dict)
    memory: bool = False
    throttled: bool = False
    output: bool = False
    gone_seconds: float | None = None

    def held(self, name: str) -> bool:
        """Tell whether one limit stopped what tried to pass it."""
        seen = {
            "memory": self.memory,
            "cpu": self.throttled,
            "output": self.output,
            "wall": self.gone_seconds is not None and self.gone_seconds <= GONE_SECONDS_MAX,
            "uid": as_root(),
        }
        return seen.get(name, self.inside.get(name, False))


@functools.cache
def probed_host(
    environment: Path,
    *,
    bubblewrap: Path | None = None,
    gvisor: bool = False,
    runsc: Path | None = None,
) -> HostReport:
    """Return what ``probe_host`` found when it was first asked for these parts."""
    return probe_host(environment, bubblewrap=bubblewrap, gvisor=gvisor, runsc=runsc)


def probe_host(
    environment: Path,
    *,
    bubblewrap: Path | None = None,
    gvisor: bool = False,
    runsc: Path | None = None,
) -> HostReport:
    """Let two confined children try to pass every bound, and report what held. Takes seconds."""
    bounds = (PROBE_DISK_BYTES, PROBE_INODES, PROBE_PIDS, OPEN_FILES_MAX)
    tasks = (("bounds", *map(str, bounds)), ("memory", str(2 * PROBE_MEMORY_BYTES)))
    found = _Found()
    try:
        for task in tasks:
            process = launch(
                _confinement(environment, task), bubblewrap=bubblewrap, gvisor=gvisor, runsc=runsc
            )
            try:
                (_try_memory if task[0] == "memory" else _try_bounds)(process, found)
            finally:
                process.kill()
        if not found.inside:
            raise _silent(gvisor=gvisor)
    except SandgateError as error:
        return HostReport(tuple(_failed(name, error) for name in LIMIT_NAMES), works=False)
    return HostReport(
        tuple(described(name, held=found.held(name), gvisor=gvisor) for name in LIMIT_NAMES)
    )


def _silent(*, gvisor: bool) -> Unavailable:
    """Say that a sandbox was built and the probe in it told nothing."""
    line = "docker run --security-opt seccomp=… (ptrace)" if gvisor else "sandgate doctor"
    return Unavailable(
        "isolation_unavailable",
        Message(
            "沙箱已建立，但其中的试探程序没有应答（gVisor 需要 ptrace）。"
            if gvisor
            else "沙箱已建立，但其中的试探程序没有应答。",
            "A sandbox was built, and the probe in it told nothing"
            + (" (gVisor needs ptrace around it)." if gvisor else "."),
        ),
        way_out=Message(line, line),
    )


def _confinement(environment: Path, task: tuple[str, ...]) -> Confinement:
    limits = Limits(PROBE_MEMORY_BYTES, PROBE_PIDS, cpus_max=PROBE_CPUS, inodes_max=PROBE_INODES)
    return Confinement(
        environment=environment,
        program=_PROBE,
        arguments=task,
        limits=limits,
        profile="worker",
        tmpfs_bytes={"/tmp": PROBE_DISK_BYTES},  # noqa: S108 - a path inside
    )


def _try_bounds(process: ConfinedProcess, found: _Found) -> None:
    deadline = time.monotonic() + PROBE_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        told = process.output_tail()
        answer = told.rpartition("\n" + ANSWER)[2]
        if len(answer) < len(told) and answer.endswith("\n"):
            found.inside = json.loads(answer)
            found.output = len(told) <= OUTPUT_BYTES_MAX
            found.throttled = _throttled(process)
            break
        time.sleep(0.02)
    started = time.monotonic()
    process.kill()
    found.gone_seconds = time.monotonic() - started


def _throttled(process: ConfinedProcess) -> bool:
    """Tell whether the kernel holds back a child that asks for more than its processor time."""
    deadline = time.monotonic() + THROTTLED_SECONDS_MAX
    while process.throttled() == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    return process.throttled() > 0


def _try_memory(process: ConfinedProcess, found: _Found) -> None:
    """Either the greedy child was ended, or with it all that ran inside: never neither.

    What the watchdog ended does not count: on a slow host it may come before the probe is over.
    """
    deadline = time.monotonic() + PROBE_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    code, told = process.poll(), process.output_tail().split()
    ended = told == ["begin", "bound"] or (code != 0 and told[:1] == ["begin"])
    found.memory = code is not None and ended and not process.outgrew


def _failed(name: str, error: SandgateError) -> Limit:
    hint = error.way_out
    zh = f"{error.message.zh}可执行：{hint.zh}" if hint else error.message.zh
    en = f"{error.message.en} Try: {hint.en}" if hint else error.message.en
    return Limit(name, enforced=False, how=Message(zh, en))
