"""One control group per confined child, v1 or v2, where this host lets us make one.

Memory (swap included), number of processes and, where asked, processors are bounded there; what
could not be bounded is said, never assumed. Groups are removed with their child, and those of dead
services are swept.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "sandgate-"
REMOVE_SECONDS_MAX = 5.0

_numbers = itertools.count()


@dataclass(frozen=True)
class ControlGroup:
    """The directories made for one child, and which limits they hold."""

    directories: tuple[Path, ...]
    memory: bool
    pids: bool
    processors: bool = False

    @property
    def procs_files(self) -> tuple[str, ...]:
        """The files a process writes its id to, to join."""
        return tuple(str(directory / "cgroup.procs") for directory in self.directories)

    def memory_bytes(self) -> int | None:
        """Return what the group's processes and their tmpfs pages use now."""
        for directory in self.directories:
            for name in ("memory.current", "memory.usage_in_bytes"):
                with contextlib.suppress(OSError):
                    return int((directory / name).read_text(encoding="ascii"))
        return None

    def remove(self) -> None:
        """Remove the directories; waits a moment for the last process to leave."""
        deadline = time.monotonic() + REMOVE_SECONDS_MAX
        for directory in self.directories:
            while directory.exists() and time.monotonic() < deadline:
                try:
                    directory.rmdir()
                except OSError:
                    time.sleep(0.01)


def create_control_group(
    memory_bytes_max: int, pids_max: int, processors: Collection[int] = ()
) -> ControlGroup:
    """Make a group with these limits; one without directories where the host allows none.

    ``processors`` are the only ones its members run on; none named means all.
    """
    name = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
    unified = _create_unified(name, memory_bytes_max, pids_max)
    if unified is not None:
        kept = bool(processors) and _write_exactly(unified / "cpuset.cpus", _listed(processors))
        return ControlGroup((unified,), memory=True, pids=True, processors=kept)
    memory = _create_v1("memory", name, {"memory.limit_in_bytes": memory_bytes_max})
    if memory is not None:
        _write_if_present(memory / "memory.memsw.limit_in_bytes", memory_bytes_max)
    pids = _create_v1("pids", name, {"pids.max": pids_max})
    cpuset = _create_cpuset(name, processors) if processors else None
    made = (memory, pids, cpuset)
    return ControlGroup(
        tuple(directory for directory in made if directory is not None),
        memory=memory is not None,
        pids=pids is not None,
        processors=cpuset is not None,
    )


def _create_cpuset(name: str, processors: Collection[int]) -> Path | None:
    """Make a v1 cpuset; it needs its memory nodes before any process may join."""
    base = ROOT / "cpuset"
    own = base / _own_paths().get("cpuset", "/").lstrip("/")
    parent = own if own.is_dir() else base
    try:
        nodes = (parent / "cpuset.mems").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return _create(parent, name, {"cpuset.cpus": _listed(processors), "cpuset.mems": nodes})


def _listed(processors: Collection[int]) -> str:
    return ",".join(str(number) for number in sorted(processors))


def _create_unified(name: str, memory_bytes_max: int, pids_max: int) -> Path | None:
    own = _own_paths().get("")
    if own is None or not (ROOT / "cgroup.controllers").exists():
        return None
    values = {"memory.max": memory_bytes_max, "pids.max": pids_max}
    here = ROOT / own.lstrip("/")
    for parent in (here, *here.parents):
        if not parent.is_relative_to(ROOT):
            break
        with contextlib.suppress(OSError):
            (parent / "cgroup.subtree_control").write_text("+memory +pids", encoding="ascii")
        with contextlib.suppress(OSError):
            (parent / "cgroup.subtree_control").write_text("+cpuset", encoding="ascii")
        made = _create(parent, name, values)
        if made is not None:
            _write_if_present(made / "memory.swap.max", 0)
            return made
    return None


def _create_v1(controller: str, name: str, values: Mapping[str, int | str]) -> Path | None:
    base = ROOT / controller
    own = base / _own_paths().get(controller, "/").lstrip("/")
    return _create(own if own.is_dir() else base, name, values)


def _create(parent: Path, name: str, values: Mapping[str, int | str]) -> Path | None:
    """Make one directory and set its limits; all of them, or nothing is left behind."""
    directory = parent / name
    try:
        _sweep(parent)
        directory.mkdir()
    except OSError:
        return None
    try:
        for file, value in values.items():
            with (directory / file).open("r+", encoding="ascii") as limit:
                limit.write(str(value))
    except OSError:
        directory.rmdir()
        return None
    return directory


def _write_exactly(file: Path, value: str) -> bool:
    try:
        with file.open("r+", encoding="ascii") as limit:
            limit.write(value)
    except OSError:
        return False
    return True


def _write_if_present(file: Path, value: int) -> None:
    with contextlib.suppress(OSError), file.open("r+", encoding="ascii") as limit:
        limit.write(str(value))


def _own_paths() -> dict[str, str]:
    """Map each v1 controller (and "" for v2) to this process's own group."""
    paths = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _sweep(parent: Path) -> None:
    """Remove empty groups whose service is gone (it was killed before it could)."""
    for directory in parent.glob(f"{PREFIX}*"):
        owner = directory.name.removeprefix(PREFIX).split("-", maxsplit=1)[0]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                directory.rmdir()
