"""Starting and ending sandboxes, over and over, leaves nothing behind; past its memory one dies."""

import gc
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from foundation.confined_process import ConfinedProcess
from foundation.confinement import Confinement, Limits, launch
from foundation.watchdog import watch
from tests.parts import REPOSITORY, need_namespaces

pytestmark = need_namespaces
SECONDS_MAX = 120.0  # what takes longer hangs


def start(program: Path, memory_bytes_max: int = 128 << 20) -> ConfinedProcess:
    return launch(
        Confinement(
            environment=REPOSITORY / ".venv",
            program=program,
            limits=Limits(memory_bytes_max, 16),
            profile="worker",
        )
    )


def left() -> Counter[str]:
    """What this process holds: descriptors, children, mounts, control groups."""
    gc.collect()  # what earlier tests let go of is closed by now, and not in between
    own = os.getpid()
    children = Path(f"/proc/self/task/{own}/children")
    return Counter(
        [
            *map(os.readlink, _descriptors()),
            *(children.read_text().split() if children.exists() else ()),
            *Path("/proc/self/mounts").read_text().splitlines(),
            *map(str, Path("/sys/fs/cgroup").glob(f"**/sandgate-{own}-*")),
        ]
    )


def _descriptors() -> list[Path]:
    """Return what is open, without the descriptor that the list was read by."""
    return [path for path in list(Path("/proc/self/fd").iterdir()) if path.exists()]


@pytest.mark.parametrize("cycles", [pytest.param(20), pytest.param(200, marks=pytest.mark.full)])
def test_cycles_leave_nothing(tmp_path: Path, cycles: int) -> None:
    program = tmp_path / "sleeper.py"
    program.write_text("import time\ntime.sleep(600)\n")
    start(program).kill()
    before = left()
    for _ in range(cycles):
        process = start(program)
        process.kill()
        assert process.poll() is not None
    assert left() - before == Counter()  # what others let go of meanwhile is no leak


def test_the_sandbox_dies_with_the_service(tmp_path: Path) -> None:
    program = tmp_path / "sleeper.py"
    program.write_text("import time\ntime.sleep(600)\n")
    service = (
        "import sys\nfrom pathlib import Path\n"
        "from foundation.confinement import Confinement, Limits, launch\n"
        "process = launch(Confinement(environment=Path(sys.argv[1]), program=Path(sys.argv[2]),"
        " limits=Limits(128 << 20, 16), profile='worker'))\n"
        "print(process.init_pid, flush=True)\nimport time\ntime.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", service, str(REPOSITORY / ".venv"), str(program)],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    ) as running:
        assert running.stdout is not None
        inner = int(running.stdout.readline())
        born = born_at(inner)
        assert born
        running.kill()
    assert gone(inner, born)


def born_at(pid: int) -> str:
    """Return when a living process was started, in ticks; nothing where there is none."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else fields[18]


def gone(pid: int, born: str) -> bool:
    """Wait for the end of a process (whoever reaps it, whoever has its number next)."""
    until = time.monotonic() + SECONDS_MAX
    while born_at(pid) == born and time.monotonic() < until:
        time.sleep(0.01)
    return born_at(pid) != born


def test_the_watchdog_ends_what_outgrows_its_memory(tmp_path: Path) -> None:
    program = tmp_path / "grower.py"
    program.write_text("held = bytearray(b'x') * (96 << 20)\nimport time\ntime.sleep(600)\n")
    modest, greedy = start(program, 256 << 20), start(program, 256 << 20)
    try:
        watch(modest, 200 << 20)
        watch(greedy, 64 << 20)
        assert greedy.wait(60) != 0
        time.sleep(1.5)
        assert modest.poll() is None
        assert (greedy.outgrew, modest.outgrew) == (True, False)
    finally:
        modest.kill()
        greedy.kill()
