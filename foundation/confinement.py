"""Runs one guest program where it can reach nothing but what it was handed; fails closed.

bubblewrap gives it namespaces without a network, seccomp an allow-list, cgroups or rlimits its
bounds, and as root a uid of its own. ``launch`` returns only after the kernel says that the
filter is on; where any of this cannot be had it raises ``Unavailable`` and nothing runs.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from foundation.bubblewrap import (
    GUEST_DIRECTORY,
    ArgumentList,
    add_base_system,
    add_interpreter,
    add_kernel_views,
    find_bubblewrap,
)
from foundation.cgroups import ControlGroup, create_control_group
from foundation.confined_process import ConfinedProcess, status_field
from foundation.errors import Message, Unavailable
from foundation.interpreters import INSIDE_PYTHON, locate
from foundation.seccomp import Profile, compile_filter
from foundation.watchdog import watch

MEBIBYTE = 1 << 20
START_SECONDS_MAX = 15.0
OPEN_FILES_MAX = 4096
LAUNCHER = Path(__file__).with_name("confinement_launcher.py")
# Lowers the process limit inside the new user namespace, where it counts this sandbox alone.
_LIMIT_PROCESSES = (
    "import os,resource,sys;n=int(sys.argv[1]);"
    "resource.setrlimit(resource.RLIMIT_NPROC,(n,n));os.execv(sys.argv[2],sys.argv[2:])"
)

# bubblewrap dies with the *thread* that started it, so one thread that never ends starts all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="confinement")


@dataclass(frozen=True)
class Limits:
    """What one confined child may use. ``processors`` are the only ones it runs on; none: all."""

    memory_bytes_max: int
    pids_max: int
    file_bytes_max: int = 1 << 30
    cpu_seconds_max: int | None = None
    processors: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Confinement:
    """One guest program and everything it is handed.

    ``environment`` is the virtual environment whose Python runs; ``program`` one file, seen as
    ``/opt/guest/<name>``; ``guest_files`` map names there, ``read_only`` absolute inside paths.
    ``inherited_fds`` keep their numbers. A "worker" opens no socket, a "session" AF_UNIX only.
    """

    environment: Path
    program: Path
    limits: Limits
    profile: Profile
    arguments: tuple[str, ...] = ()
    guest_files: Mapping[str, Path] = field(default_factory=dict)
    read_only: Mapping[str, Path] = field(default_factory=dict)
    inherited_fds: tuple[int, ...] = ()
    tmpfs_bytes: Mapping[str, int] = field(default_factory=lambda: {"/tmp": 32 * MEBIBYTE})  # noqa: S108
    variables: Mapping[str, str] = field(default_factory=dict)


def launch(confinement: Confinement, *, bubblewrap: Path | None = None) -> ConfinedProcess:
    """Start a confined child. Raises Unavailable where it cannot be fully confined."""
    arguments = _arguments(confinement, find_bubblewrap(bubblewrap))
    limits = confinement.limits
    group = create_control_group(limits.memory_bytes_max, limits.pids_max, limits.processors)
    if limits.processors and not group.processors:
        group.remove()
        raise _processors_not_kept()
    try:
        process = _starter.submit(_start, confinement, arguments, group).result()
    except BaseException:
        group.remove()
        raise
    if not group.memory:
        watch(process, limits.memory_bytes_max)
    return process


def _processors_not_kept() -> Unavailable:
    return Unavailable(
        "processors_not_kept",
        Message(
            zh="本机无法将进程限定在指定的处理器上（cpuset 控制组不可写）。",
            en="This host cannot keep a process on chosen processors: no writable cpuset group.",
        ),
        field="aggregate_processors",
        way_out=Message(
            zh="请去掉设置 SANDGATE_AGGREGATE_PROCESSORS，或以可写 cpuset 控制组的方式启动服务。",
            en="Drop SANDGATE_AGGREGATE_PROCESSORS, or start the service where it may write a "
            "cpuset control group.",
        ),
    )


def as_root() -> bool:
    """Tell whether children get a uid of their own (only root can give one)."""
    return os.geteuid() == 0


def _arguments(confinement: Confinement, bubblewrap: Path) -> ArgumentList:
    interpreter = locate(confinement.environment)
    arguments = ArgumentList(bubblewrap)
    add_base_system(arguments)
    add_interpreter(arguments, interpreter)
    add_kernel_views(arguments, confinement.tmpfs_bytes)
    files = {confinement.program.name: confinement.program, **confinement.guest_files}
    for name, host in files.items():
        arguments.bind(host, f"{GUEST_DIRECTORY}/{name}")
    for inside, host in confinement.read_only.items():
        arguments.bind(host, inside)
    variables = {
        "PATH": "/opt/env/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",  # noqa: S108 - a path inside
        **({"LD_LIBRARY_PATH": interpreter.library_path} if interpreter.library_path else {}),
        **confinement.variables,
    }
    for name, value in variables.items():
        arguments.add("--setenv", name, value)
    arguments.add("--remount-ro", "/", "--chdir", variables["HOME"], "--seccomp")
    arguments.data(compile_filter(confinement.profile))
    return arguments


def _start(
    confinement: Confinement, arguments: ArgumentList, group: ControlGroup
) -> ConfinedProcess:
    status_read, status_write = os.pipe()
    specification = os.memfd_create("specification")
    try:
        command = _command(confinement, group)
        arguments.add("--json-status-fd", str(status_write), "--", *command)
        with os.fdopen(os.dup(specification), "w", encoding="utf-8") as file:
            json.dump(_specification(confinement, arguments, group), file)
        os.lseek(specification, 0, os.SEEK_SET)
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(LAUNCHER), str(specification)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(specification, status_write, *confinement.inherited_fds),
            env={},
            close_fds=True,
        )
        os.close(status_write)
        status_write = -1
        return _verified(started, group, status_read)
    finally:
        for descriptor in (status_read, status_write, specification):
            if descriptor >= 0:
                os.close(descriptor)


def _command(confinement: Confinement, group: ControlGroup) -> list[str]:
    program = f"{GUEST_DIRECTORY}/{confinement.program.name}"
    command = [INSIDE_PYTHON, "-I", "-B", program, *confinement.arguments]
    if group.pids or as_root():
        return command
    limit = str(confinement.limits.pids_max)
    return [INSIDE_PYTHON, "-I", "-S", "-c", _LIMIT_PROCESSES, limit, *command]


def _specification(
    confinement: Confinement, arguments: ArgumentList, group: ControlGroup
) -> dict[str, object]:
    limits = confinement.limits
    rlimits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": OPEN_FILES_MAX,
        "RLIMIT_FSIZE": limits.file_bytes_max,
    }
    if limits.cpu_seconds_max is not None:
        rlimits["RLIMIT_CPU"] = limits.cpu_seconds_max
    if as_root():  # a uid of its own, so that the count is this child's alone
        rlimits["RLIMIT_NPROC"] = limits.pids_max
    return {
        "sources": arguments.sources,
        "command": arguments.arguments,
        "libraries": arguments.libraries,
        "cgroup_procs": group.procs_files,
        "own_uid": as_root(),
        "rlimits": rlimits,
    }


def _verified(
    started: "subprocess.Popen[bytes]", group: ControlGroup, status_read: int
) -> ConfinedProcess:
    """Wait until the kernel reports the filter as on; anything else ends the child."""
    deadline = time.monotonic() + START_SECONDS_MAX
    init_pid = _init_pid(status_read, deadline)
    process = ConfinedProcess(started, group, init_pid)
    while init_pid is not None and time.monotonic() < deadline:
        seccomp = status_field(init_pid, "Seccomp")
        if seccomp == "2" and status_field(init_pid, "NoNewPrivs") == "1":
            return process
        if seccomp is None:
            break
        time.sleep(0.001)
    process.kill()
    raise unavailable(process.output_tail())


def _init_pid(status_read: int, deadline: float) -> int | None:
    """Read bubblewrap's status line; None where it ended before it had one."""
    text = b""
    while b"\n" not in text:
        ready, _, _ = select.select([status_read], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(status_read, 4096) if ready else b""
        if not chunk:
            return None
        text += chunk
    number = json.loads(text.splitlines()[0]).get("child-pid")
    return int(number) if number is not None else None


def unavailable(output: str) -> Unavailable:
    """Say that isolation failed, and the one line that helps with this failure."""
    error = Unavailable(
        "isolation_unavailable",
        Message(
            "本机无法建立隔离环境，未启动任何程序。",
            "This host could not isolate the child; nothing was run.",
        ),
        rule="I3",
        way_out=way_out(output),
    )
    error.add_note(output[-400:])  # bubblewrap's own words, for the operator of this host
    return error


def way_out(output: str) -> Message:
    """Return the one command that most likely lets namespaces work on this host."""
    for switch, wanted in (
        ("kernel/apparmor_restrict_unprivileged_userns", "0"),
        ("kernel/unprivileged_userns_clone", "1"),
        ("user/max_user_namespaces", "15000"),
    ):
        with contextlib.suppress(OSError):
            now = Path("/proc/sys", switch).read_text(encoding="ascii").strip()
            blocks = now == "1" if wanted == "0" else now == "0"
            if blocks:
                line = f"sudo sysctl -w {switch.replace('/', '.')}={wanted}"
                return Message(line, line)
    if "proc" in output:
        line = "docker run --security-opt systempaths=unconfined …"
        return Message(line, line)
    line = "docker run --security-opt seccomp=deploy/seccomp.json …"
    return Message(line, line)
