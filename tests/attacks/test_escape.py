"""Every way out that we know of, tried inside; each with the same attempt succeeding outside."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.confinement import Confinement, Limits, launch
from foundation.seccomp import Profile
from tests.parts import REPOSITORY, need_namespaces

pytestmark = need_namespaces

PROBES = Path(__file__).with_name("escape_probes.py")
LIMITS = Limits(memory_bytes_max=512 << 20, pids_max=64)
CONTROLS = ("executable_outside_of_files", "inherited_channel")
ENVIRONMENT_SECRET = "sandgate-secret-of-the-service"

# Outside, each of these succeeds as root on any Linux host; that is their positive control.
OPEN_OUTSIDE = (
    "abstract_unix_socket",
    "change_own_program",
    "change_personality",
    "change_root",
    "clone3_call",
    "clone_into_user_namespace",
    "compare_kernel_objects",
    "environment_of_parent",
    "file_handle",
    "gain_privileges_by_exec",
    "host_sysfs",
    "list_home_of_service",
    "machine_identity",
    "make_fifo",
    "netlink_socket",
    "new_network_namespace",
    "new_user_namespace",
    "raise_priority",
    "read_host_file",
    "read_memory_of_another_process",
    "read_repository",
    "see_host_process",
    "signal_host_process",
    "tcp_to_host",
    "trace_a_child",
    "udp_socket",
    "unix_socket_by_path",
    "write_to_environment",
)
# Outside these depend on root, on the kernel's build or on its settings.
OPEN_OUTSIDE_WHERE_THE_HOST_ALLOWS = (
    "add_kernel_key",
    "alg_socket",
    "become_root",
    "block_devices",
    "io_uring",
    "join_namespace",
    "keep_capabilities",
    "kernel_keyring",
    "kernel_log",
    "load_bpf",
    "magic_request_key",
    "make_device",
    "mount_tmpfs",
    "new_filesystem_context",
    "open_mount_tree",
    "own_cgroup_tree",
    "packet_socket",
    "perf_events",
    "push_into_terminal",
    "raise_file_limit",
    "raw_socket",
    "real_time_scheduling",
    "secret_memory",
    "tcp6_to_host",
    "terminal_with_high_bits",
    "user_faults",
    "vsock_socket",
    "write_core_pattern",
    "write_to_root_directory",
    "write_to_usr",
)
NEEDS_ROOT = {"raise_priority", "change_root"}
EVERY_ESCAPE = (*OPEN_OUTSIDE, *OPEN_OUTSIDE_WHERE_THE_HOST_ALLOWS)

Answers = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What there is to reach on the host: live listeners, files, a process."""
    directory = tmp_path_factory.mktemp("host")
    secret = directory / "secret.txt"
    secret.write_text("a secret of the host")
    abstract = f"sandgate-probe-{os.getpid()}"
    listeners = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
    listeners[1].bind("\0" + abstract)
    path = socket.socket(socket.AF_UNIX)
    short = Path(f"/tmp/{abstract}.sock")
    path.bind(str(short))
    listeners.append(path)
    tcp6_port = 1
    if socket.has_ipv6:
        try:
            listeners.append(socket.create_server(("::1", 0), family=socket.AF_INET6))
            tcp6_port = listeners[-1].getsockname()[1]
        except OSError:
            pass
    for listener in listeners:
        listener.listen(16)
    facts = {
        "tcp_port": listeners[0].getsockname()[1],
        "tcp6_port": tcp6_port,
        "abstract": abstract,
        "unix_path": str(short),
        "secret_file": str(secret),
        "repository": str(REPOSITORY),
        "home": str(directory),
        "identity_file": "/etc/hostname",
        "host_pid": os.getpid(),
        "environment_secret": ENVIRONMENT_SECRET,
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SERVICE_SECRET", ENVIRONMENT_SECRET)
        yield facts
    for listener in listeners:
        listener.close()
    short.unlink()


@pytest.fixture(scope="module")
def outside(facts: dict[str, object]) -> Answers:
    """The same probes without any layer."""
    done = subprocess.run(
        [sys.executable, str(PROBES), json.dumps(facts)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    answers: Answers = json.loads(done.stdout)
    return answers


def confined_answers(facts: dict[str, object], profile: Profile) -> Answers:
    process = launch(
        Confinement(
            environment=REPOSITORY / ".venv",
            program=PROBES,
            guest_files={"escape_calls.py": PROBES.with_name("escape_calls.py")},
            arguments=(json.dumps(facts),),
            limits=LIMITS,
            profile=profile,
        )
    )
    try:
        process.wait(60)
        answers: Answers = json.loads(process.output_tail())
    finally:
        process.kill()
    return answers


@pytest.fixture(scope="module")
def session(facts: dict[str, object]) -> Answers:
    return confined_answers(facts, "session")


@pytest.fixture(scope="module")
def worker(facts: dict[str, object]) -> Answers:
    return confined_answers(facts, "worker")


def test_every_probe_is_judged(session: Answers) -> None:
    assert set(session) == {*EVERY_ESCAPE, *CONTROLS}
    assert len(EVERY_ESCAPE) >= 25


@pytest.mark.parametrize("probe", EVERY_ESCAPE)
def test_a_session_cannot(probe: str, session: Answers) -> None:
    assert not session[probe]["open"], session[probe]["said"]


@pytest.mark.parametrize("probe", EVERY_ESCAPE)
def test_a_worker_cannot(probe: str, worker: Answers) -> None:
    assert not worker[probe]["open"], worker[probe]["said"]


@pytest.mark.parametrize("probe", OPEN_OUTSIDE)
def test_without_the_layers_the_same_attempt_succeeds(probe: str, outside: Answers) -> None:
    if probe in NEEDS_ROOT and os.geteuid() != 0:
        pytest.skip("this control needs root")
    assert outside[probe]["open"], outside[probe]["said"]


@pytest.mark.parametrize("control", CONTROLS)
def test_what_was_handed_in_works(control: str, session: Answers, worker: Answers) -> None:
    assert session[control]["open"]
    assert worker[control]["open"]


def test_most_probes_have_a_control_on_this_host(outside: Answers) -> None:
    succeeded = [probe for probe in EVERY_ESCAPE if outside[probe]["open"]]
    assert len(succeeded) >= 25


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
