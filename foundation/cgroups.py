"""One control group per confined child, v1 or v2, where this host lets us make one.

Memory (swap included), number of processes, processor time and, where asked, processors are
bounded there; what could not be bounded is said, never assumed. Groups are removed with their
child, and those of dead services are swept.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foundation.process_table import descendants

ROOT = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
PREFIX = "sandgate-"
SERVICE_LEAF = "sandgate-service"
REMOVE_SECONDS_MAX = 5.0
CPU_PERIOD_US = 100_000
CPU_WEIGHT_V2 = 50  # of 100, the kernel's default: a session yields to the service
CPU_SHARES_V1 = 512  # of 1024

_numbers = itertools.count()


@dataclass(frozen=True)
class GroupLimits:
    """What a group shall bound. ``cpus_max`` is processors' worth of time; None: only a weight."""

    memory_bytes_max: int
    pids_max: int
    processors: Collection[int] = ()
    cpus_max: float | None = None


@dataclass(frozen=True)
class ControlGroup:
    """The directories made for one child, and which limits they hold."""

    directories: tuple[Path, ...]
    memory: bool
    pids: bool
    processors: bool = False
    cpu: bool = False

    @property
    def procs_files(self) -> tuple[str, ...]:
        """The files a process writes its id to, to join."""
        return tuple(str(directory / "cgroup.procs") for directory in self.directories)

    def memory_bytes(self) -> int | None:
        """Return what the group's processes and tmpfs hold now and the kernel could not take back.

        Pages of files that it read first are counted to it, though they cost nobody anything.
        """
        for directory in self.directories:
            with contextlib.suppress(OSError, ValueError):
                lines = (directory / "memory.stat").read_text(encoding="ascii").splitlines()
                stat = {name: int(value) for name, value in (line.split() for line in lines)}
                if "anon" in stat:  # v2
                    return stat["anon"] + stat.get("shmem", 0)
                return stat.get("total_rss", 0) + stat.get("total_shmem", 0)
        return None

    def throttled(self) -> int:
        """Return how many periods the kernel held the group back for its processor time."""
        return self._counted("nr_throttled", "cpu.stat")

    def memory_kills(self) -> int:
        """Return how many of the group's processes the kernel ended for their memory."""
        return self._counted("oom_kill", "memory.events", "memory.oom_control")

    def _counted(self, word: str, *files: str) -> int:
        for path in (directory / file for directory in self.directories for file in files):
            with contextlib.suppress(OSError):
                for line in path.read_text(encoding="ascii").splitlines():
                    name, _, value = line.partition(" ")
                    if name == word:
                        return int(value)
        return 0

    def hurry(self) -> None:
        """Lift the quota of processor time, so that what is being ended is not held back."""
        for directory in self.directories:
            _write(directory / "cpu.cfs_quota_us", -1)
            _write(directory / "cpu.max", "max")

    def remove(self) -> None:
        """Remove the directories; waits a moment for the last process to leave."""
        deadline = time.monotonic() + REMOVE_SECONDS_MAX
        for directory in self.directories:
            while directory.exists() and time.monotonic() < deadline:
                try:
                    directory.rmdir()
                except OSError:
                    time.sleep(0.01)


@dataclass(frozen=True)
class Tree:
    """Where the kernel shows its control groups, and which of them this process is in."""

    root: Path = ROOT
    own_groups: Path = field(default=OWN_GROUPS)

    def make(self, directory: Path) -> None:
        """Make one group; the kernel fills it with its files."""
        directory.mkdir()

    def unmake(self, directory: Path) -> None:
        """Remove one empty group."""
        directory.rmdir()

    def own_paths(self) -> dict[str, str]:
        """Map each v1 controller (and "" for v2) to this process's own group."""
        paths = {}
        for line in self.own_groups.read_text(encoding="utf-8").splitlines():
            _number, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                paths[controller] = path
        return paths


def create_control_group(limits: GroupLimits, tree: Tree | None = None) -> ControlGroup:
    """Make a group with these limits; one without directories where the host allows none."""
    tree = tree or Tree()
    name = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
    return _create_unified(tree, name, limits) or _create_divided(tree, name, limits)


def _create_divided(tree: Tree, name: str, limits: GroupLimits) -> ControlGroup:
    """Make one v1 group for each controller that lets us."""
    wanted = limits.memory_bytes_max
    memory = _create_v1(tree, "memory", name, {"memory.limit_in_bytes": wanted})
    if memory is not None:
        _write(memory / "memory.memsw.limit_in_bytes", wanted)
    pids = _create_v1(tree, "pids", name, {"pids.max": limits.pids_max})
    cpu = _create_v1(tree, "cpu", name, {"cpu.shares": CPU_SHARES_V1})
    quota = cpu is not None and limits.cpus_max is not None
    if cpu is not None and limits.cpus_max is not None:
        quota = _write(cpu / "cpu.cfs_period_us", CPU_PERIOD_US) and _write(
            cpu / "cpu.cfs_quota_us", int(limits.cpus_max * CPU_PERIOD_US)
        )
    cpuset = _create_cpuset(tree, name, limits.processors) if limits.processors else None
    made = (memory, pids, cpu, cpuset)
    return ControlGroup(
        tuple(directory for directory in made if directory is not None),
        memory=memory is not None,
        pids=pids is not None,
        processors=cpuset is not None,
        cpu=quota,
    )


def _create_cpuset(tree: Tree, name: str, processors: Collection[int]) -> Path | None:
    """Make a v1 cpuset; it needs its memory nodes before any process may join."""
    parent = _v1_parent(tree, "cpuset")
    try:
        nodes = (parent / "cpuset.mems").read_text(encoding="ascii").strip()
    except OSError:
        return None
    values = {"cpuset.cpus": _listed(processors), "cpuset.mems": nodes}
    return _create(tree, parent, name, values)


def _listed(processors: Collection[int]) -> str:
    return ",".join(str(number) for number in sorted(processors))


def _create_unified(tree: Tree, name: str, limits: GroupLimits) -> ControlGroup | None:
    own = tree.own_paths().get("")
    if own is None or not (tree.root / "cgroup.controllers").exists():
        return None
    values = {"memory.max": limits.memory_bytes_max, "pids.max": limits.pids_max}
    here = tree.root / own.lstrip("/")
    if here.name == SERVICE_LEAF:  # where we moved ourselves to make room
        here = here.parent
    for parent in (here, *here.parents):
        if not parent.is_relative_to(tree.root):
            break
        _share_out(tree, parent)
        made = _create(tree, parent, name, values)
        if made is not None:
            return _bounded(made, limits)
    return None


def _bounded(made: Path, limits: GroupLimits) -> ControlGroup:
    """Set what a v2 group need not have: swap, weight, quota and processors."""
    _write(made / "memory.swap.max", 0)
    _write(made / "cpu.weight", CPU_WEIGHT_V2)
    cpu = limits.cpus_max is not None and _write(
        made / "cpu.max", f"{int((limits.cpus_max or 0) * CPU_PERIOD_US)} {CPU_PERIOD_US}"
    )
    kept = bool(limits.processors) and _write(made / "cpuset.cpus", _listed(limits.processors))
    return ControlGroup((made,), memory=True, pids=True, processors=kept, cpu=cpu)


def _share_out(tree: Tree, parent: Path) -> None:
    """Pass a v2 group's controllers to its children, making room where that is ours to do.

    The kernel refuses while the group itself holds processes. Where all of them are this service
    and what it started (a delegated unit), they move to a leaf beside their children's groups.
    """
    control = parent / "cgroup.subtree_control"
    if not _write(control, "+memory +pids") and _all_ours(parent / "cgroup.procs"):
        leaf = parent / SERVICE_LEAF
        with contextlib.suppress(OSError):
            if not leaf.exists():
                tree.make(leaf)
            for pid in (parent / "cgroup.procs").read_text(encoding="ascii").split():
                _write(leaf / "cgroup.procs", pid)
        _write(control, "+memory +pids")
    for controller in ("+cpu", "+cpuset"):
        _write(control, controller)


def _all_ours(procs: Path) -> bool:
    try:
        listed = {int(pid) for pid in procs.read_text(encoding="ascii").split()}
    except OSError:
        return False
    return bool(listed) and listed <= set(descendants(os.getpid()))


def _v1_parent(tree: Tree, controller: str) -> Path:
    base = tree.root / controller
    own = base / tree.own_paths().get(controller, "/").lstrip("/")
    return own if own.is_dir() else base


def _create_v1(
    tree: Tree, controller: str, name: str, values: Mapping[str, int | str]
) -> Path | None:
    return _create(tree, _v1_parent(tree, controller), name, values)


def _create(tree: Tree, parent: Path, name: str, values: Mapping[str, int | str]) -> Path | None:
    """Make one directory and set its limits; all of them, or nothing is left behind."""
    directory = parent / name
    try:
        _sweep(parent)
        tree.make(directory)
    except OSError:
        return None
    if all(_write(directory / file, value) for file, value in values.items()):
        return directory
    with contextlib.suppress(OSError):
        tree.unmake(directory)
    return None


def _write(file: Path, value: int | str) -> bool:
    """Write one value to a file that the kernel made; tell whether it was taken."""
    try:
        with file.open("r+", encoding="ascii") as limit:
            limit.write(str(value))
    except OSError:
        return False
    return True


def _sweep(parent: Path) -> None:
    """Remove empty groups whose service is gone (it was killed before it could)."""
    for directory in parent.glob(f"{PREFIX}*-*"):
        owner = directory.name.removeprefix(PREFIX).split("-", maxsplit=1)[0]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                directory.rmdir()
