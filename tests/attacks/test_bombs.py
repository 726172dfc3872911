"""Bombs end in the sandbox that made them: memory, processes, disk, files, output, daemons."""

import threading
from pathlib import Path

from foundation.confinement import Confinement, Limits, launch
from tests.parts import REPOSITORY, need_namespaces

pytestmark = need_namespaces

LIMITS = Limits(memory_bytes_max=512 << 20, pids_max=64)


def run_bomb(code: str, tmp_path: Path, limits: Limits, seconds: float = 30) -> tuple[int, str]:
    program = tmp_path / "bomb.py"
    program.write_text(code)
    process = launch(
        Confinement(
            environment=REPOSITORY / ".venv", program=program, limits=limits, profile="worker"
        )
    )
    killer = threading.Timer(seconds, process.kill)
    killer.start()
    try:
        return process.wait(seconds + 5), process.output_tail()
    finally:
        killer.cancel()
        process.kill()


def test_a_memory_bomb_is_stopped_and_a_modest_program_is_not(tmp_path: Path) -> None:
    limits = Limits(memory_bytes_max=128 << 20, pids_max=16)
    code = (
        "held = []\nfor step in range({}):\n"
        "    held.append(bytearray(b'x') * (8 << 20))\nprint('whole')"
    )
    assert run_bomb(code.format(4), tmp_path, limits) == (0, "whole\n")
    status, output = run_bomb(code.format(64), tmp_path, limits)
    assert status != 0
    assert "whole" not in output


def test_a_fork_bomb_is_stopped_and_a_few_children_are_not(tmp_path: Path) -> None:
    code = (
        "import os, time\nmade = 0\nfor _ in range({}):\n"
        "    try:\n        child = os.fork()\n    except OSError:\n        break\n"
        "    if child == 0:\n        time.sleep(20)\n        os._exit(0)\n    made += 1\n"
        "print(made, flush=True)\nos._exit(0)"
    )
    limits = Limits(memory_bytes_max=512 << 20, pids_max=24)
    assert run_bomb(code.format(4), tmp_path, limits) == (0, "4\n")
    _status, output = run_bomb(code.format(500), tmp_path, limits)
    assert int(output) < 24


def test_a_disk_bomb_ends_at_the_size_of_its_tmpfs(tmp_path: Path) -> None:
    code = (
        "import sys\nwritten = 0\ntry:\n    with open('{}/full', 'wb') as file:\n"
        "        while written < (256 << 20):\n            written += file.write(bytes(1 << 20))\n"
        "            file.flush()\nexcept OSError as error:\n"
        "    print(error.errno, written >> 20)\n"
    )
    limits = Limits(memory_bytes_max=512 << 20, pids_max=16)
    assert run_bomb(code.format("/tmp"), tmp_path, limits)[1].startswith("28 3")
    assert run_bomb(code.format("/dev/shm"), tmp_path, limits)[1].startswith("28 1")


def test_an_output_bomb_is_kept_as_its_tail(tmp_path: Path) -> None:
    code = "import sys\nfor n in range(200_000):\n    sys.stdout.write(f'{n:064}\\n')\n"
    status, output = run_bomb(code, tmp_path, LIMITS)
    assert status == 0
    assert len(output) <= 64 << 10
    assert output.rstrip().endswith("199999")


def test_a_daemon_that_ignores_signals_dies_with_its_sandbox(tmp_path: Path) -> None:
    program = tmp_path / "daemon.py"
    program.write_text(
        "import os, signal, time\n"
        "for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n"
        "print('up', flush=True)\ntime.sleep(600)\n"
    )
    process = launch(
        Confinement(
            environment=REPOSITORY / ".venv", program=program, limits=LIMITS, profile="worker"
        )
    )
    while "up" not in process.output_tail():
        assert process.poll() is None
    assert process.init_pid is not None
    namespace = Path(f"/proc/{process.init_pid}/ns/pid").readlink()
    assert members(namespace) >= 3
    process.kill()
    assert members(namespace) == 0


def members(namespace: Path) -> int:
    found = 0
    for path in Path("/proc").glob("[0-9]*/ns/pid"):
        try:
            found += path.readlink() == namespace
        except OSError:
            continue
    return found
