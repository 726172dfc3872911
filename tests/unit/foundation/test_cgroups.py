"""Which control groups are made, and what is said of each: v1, v2, and where none may be made.

A tree of plain files stands in for the kernel's: it keeps what is written and refuses what the
kernel refuses (a missing controller, a full parent), so this shows our decisions alone. That the
kernel then holds the limits is for ``tests/unit/sandbox/test_isolation.py``, on a real host; a real
v2 host is asked below where there is one.
"""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from foundation.cgroups import SERVICE_LEAF, GroupLimits, Tree, create_control_group

LIMITS = GroupLimits(256 << 20, 32, cpus_max=1.5)
V2_FILES = {
    "memory": ("memory.max", "memory.swap.max", "memory.stat"),
    "pids": ("pids.max",),
    "cpu": ("cpu.max", "cpu.weight", "cpu.stat"),
    "cpuset": ("cpuset.cpus",),
}
V1_FILES = {
    "memory": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.stat"),
    "pids": ("pids.max",),
    "cpu": ("cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.stat"),
    "cpuset": ("cpuset.cpus", "cpuset.mems"),
}


@dataclass(frozen=True)
class FakeTree(Tree):
    """Fills a new group as the kernel would: with the files of the controllers it was passed."""

    unified: bool = True
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    forbidden: frozenset[Path] = frozenset()

    def make(self, directory: Path) -> None:
        if directory.parent in self.forbidden:
            raise PermissionError(directory)
        super().make(directory)
        for name in self._names(directory):
            (directory / name).write_text("")

    def unmake(self, directory: Path) -> None:
        shutil.rmtree(directory)  # the kernel's own files do not keep a group from going

    def _names(self, directory: Path) -> list[str]:
        if not self.unified:
            return ["cgroup.procs", *self.files[directory.relative_to(self.root).parts[0]]]
        held = [file for files in self.files.values() for file in files]
        return ["cgroup.procs", "cgroup.subtree_control", *held]


def unified(
    root: Path, own: str = "/unit", controllers: tuple[str, ...] = tuple(V2_FILES)
) -> FakeTree:
    """Return a v2 tree whose groups keep their controllers as written, appended."""
    groups = root / "own"
    groups.write_text(f"0::{own}\n")
    (root / "cgroup.controllers").write_text(" ".join(controllers))
    files = {name: V2_FILES[name] for name in controllers}
    tree = FakeTree(root, groups, files=files)
    at = root
    for part in ("", *own.strip("/").split("/")):
        at = at / part
        at.mkdir(exist_ok=True)
        for name in ("cgroup.procs", "cgroup.subtree_control"):
            (at / name).write_text("")
    return tree


def divided(root: Path, controllers: tuple[str, ...] = tuple(V1_FILES)) -> FakeTree:
    groups = root / "own"
    lines = [f"{number}:{name}:/" for number, name in enumerate(controllers)]
    groups.write_text("\n".join(lines) + "\n")
    for name in controllers:
        (root / name).mkdir()
    if "cpuset" in controllers:
        (root / "cpuset" / "cpuset.mems").write_text("0\n")
    return FakeTree(root, groups, unified=False, files=V1_FILES)


def values(directory: Path, *names: str) -> list[str]:
    return [(directory / name).read_text() for name in names]


def test_one_group_of_v2_holds_every_limit(tmp_path: Path) -> None:
    group = create_control_group(LIMITS, unified(tmp_path))
    (made,) = group.directories
    assert made.parent == tmp_path / "unit"
    assert (group.memory, group.pids, group.cpu, group.processors) == (True, True, True, False)
    assert values(made, "memory.max", "memory.swap.max", "pids.max", "cpu.max") == [
        str(256 << 20),
        "0",
        "32",
        "150000 100000",
    ]


def test_a_v2_host_without_the_cpu_controller_says_so(tmp_path: Path) -> None:
    group = create_control_group(LIMITS, unified(tmp_path, controllers=("memory", "pids")))
    assert (group.memory, group.pids, group.cpu) == (True, True, False)


def test_a_v2_host_without_the_memory_controller_bounds_nothing(tmp_path: Path) -> None:
    group = create_control_group(LIMITS, unified(tmp_path, controllers=("pids", "cpu")))
    assert group.directories == ()
    assert (group.memory, group.pids, group.cpu) == (False, False, False)
    assert not list(tmp_path.glob("**/sandgate-*"))


def test_where_our_own_group_is_closed_a_parent_serves(tmp_path: Path) -> None:
    whole = unified(tmp_path, own="/slice/unit")
    tree = FakeTree(
        whole.root,
        whole.own_groups,
        files=whole.files,
        forbidden=frozenset({tmp_path / "slice" / "unit"}),
    )
    (made,) = create_control_group(LIMITS, tree).directories
    assert made.parent == tmp_path / "slice"


def test_a_group_of_ours_alone_is_emptied_so_that_it_may_have_children(tmp_path: Path) -> None:
    tree = unified(tmp_path)
    unit = tmp_path / "unit"
    (unit / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (unit / "cgroup.subtree_control").unlink()  # cannot be written while it holds processes
    create_control_group(LIMITS, tree)
    assert (unit / SERVICE_LEAF / "cgroup.procs").read_text() == str(os.getpid())


def test_a_group_that_others_share_is_left_alone(tmp_path: Path) -> None:
    tree = unified(tmp_path)
    unit = tmp_path / "unit"
    (unit / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    (unit / "cgroup.subtree_control").unlink()
    create_control_group(LIMITS, tree)
    assert not (unit / SERVICE_LEAF).exists()


def test_having_moved_ourselves_we_make_groups_beside_us(tmp_path: Path) -> None:
    tree = unified(tmp_path, own=f"/unit/{SERVICE_LEAF}")
    (made,) = create_control_group(LIMITS, tree).directories
    assert made.parent == tmp_path / "unit"


def test_v1_has_a_group_for_each_controller(tmp_path: Path) -> None:
    limits = GroupLimits(256 << 20, 32, processors={1, 0}, cpus_max=0.5)
    group = create_control_group(limits, divided(tmp_path))
    memory, pids, cpu, cpuset = group.directories
    assert (group.memory, group.pids, group.cpu, group.processors) == (True, True, True, True)
    assert values(memory, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes") == [
        str(256 << 20),
        str(256 << 20),
    ]
    assert values(pids, "pids.max") == ["32"]
    assert values(cpu, "cpu.cfs_period_us", "cpu.cfs_quota_us") == ["100000", "50000"]
    assert values(cpuset, "cpuset.cpus", "cpuset.mems") == ["0,1", "0"]


@pytest.mark.parametrize("missing", ["memory", "pids", "cpu"])
def test_a_missing_v1_controller_is_named_and_the_others_hold(missing: str, tmp_path: Path) -> None:
    present = tuple(name for name in V1_FILES if name != missing)
    group = create_control_group(LIMITS, divided(tmp_path, present))
    held = {"memory": group.memory, "pids": group.pids, "cpu": group.cpu}
    assert [name for name, holds in held.items() if not holds] == [missing]


def test_no_quota_wanted_none_claimed(tmp_path: Path) -> None:
    group = create_control_group(GroupLimits(256 << 20, 32), divided(tmp_path))
    assert not group.cpu


def test_memory_counts_what_cannot_be_taken_back(tmp_path: Path) -> None:
    group = create_control_group(LIMITS, unified(tmp_path))
    (made,) = group.directories
    (made / "memory.stat").write_text("anon 100\nfile 900\nshmem 20\ninactive_file 880\n")
    assert group.memory_bytes() == 120
    other = tmp_path / "v1"
    other.mkdir()
    divided_group = create_control_group(LIMITS, divided(other))
    stat = divided_group.directories[0] / "memory.stat"
    stat.write_text("cache 900\nrss 5\ntotal_rss 100\ntotal_cache 900\ntotal_shmem 20\n")
    assert divided_group.memory_bytes() == 120


def _delegated_v2() -> bool:
    tree = Tree()
    if not (tree.root / "cgroup.controllers").exists():
        return False
    return "memory" in (tree.root / "cgroup.controllers").read_text()


@pytest.mark.skipif(not _delegated_v2(), reason="needs a host with cgroup v2 and its controllers")
def test_a_real_v2_host_takes_the_limits() -> None:
    group = create_control_group(LIMITS)
    try:
        if not group.memory:
            pytest.skip("this user may not make groups here")
        (made,) = group.directories
        assert (made / "memory.max").read_text().strip() == str(256 << 20)
        assert (made / "pids.max").read_text().strip() == "32"
    finally:
        group.remove()
