"""Starting and ending sandboxes, over and over, leaves nothing behind; past its memory one dies."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from foundation.confined_process import ConfinedProcess
from foundation.confinement import Confinement, Limits, launch
from foundation.watchdog import watch
from tests.parts import REPOSITORY, need_namespaces

pytestmark = need_namespaces


def start(program: Path, memory_bytes_max: int = 128 << 20) -> ConfinedProcess:
    return launch(
        Confinement(
            environment=REPOSITORY / ".venv",
            program=program,
            limits=Limits(memory_bytes_max, 16),
            profile="worker",
        )
    )


def left() -> dict[str, object]:
    """What this process holds: descriptors, children, mounts, control groups."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    groups = Path("/sys/fs/cgroup").glob(f"**/sandgate-{os.getpid()}-*")
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "children": children.read_text() if children.exists() else "",
        "mounts": Path("/proc/self/mounts").read_text(),
        "groups": sorted(str(group) for group in groups),
    }


@pytest.mark.parametrize("cycles", [pytest.param(20), pytest.param(200, marks=pytest.mark.full)])
def test_cycles_leave_nothing(tmp_path: Path, cycles: int) -> None:
    program = tmp_path / "sleeper.py"
    program.write_text("import time\ntime.sleep(600)\n")
    start(program).kill()
    before = left()
    for _ in range(cycles):
        process = start(program)
        started = time.monotonic()
        process.kill()
        assert time.monotonic() - started < 20
        assert process.poll() is not None
    assert left() == before


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
        assert Path(f"/proc/{inner}").exists()
        running.kill()
    assert gone(inner)


def gone(pid: int) -> bool:
    """Tell whether a process ended within two seconds (whoever reaps it)."""
    for _ in range(200):
        try:
            if ") Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


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
    finally:
        modest.kill()
        greedy.kill()
