"""Runs one guest program where it can reach nothing but what it was handed; fails closed.

bubblewrap gives it namespaces without a network, seccomp an allow-list, cgroups or rlimits its
bounds, and as root a uid of its own; with ``runsc`` the guest's kernel inside is gVisor. ``launch``
returns only after the kernel says that the filter is on; where any of this cannot be had it raises
``Unavailable`` and nothing runs.
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
from foundation.cgroups import ControlGroup, GroupLimits, create_control_group
from foundation.confined_process import ConfinedProcess
from foundation.errors import Message, Unavailable
from foundation.gvisor import GUEST_ROOT, GuestCommand, add_shell, find_runsc, shell_command
from foundation.interpreters import INSIDE_PYTHON, Interpreter, locate
from foundation.process_table import descendants, status_field
from foundation.seccomp import Profile, compile_filter, compile_shell_filter
from foundation.watchdog import end_whole, watch

MEBIBYTE = 1 << 20
START_SECONDS_MAX = 15.0
OPEN_FILES_MAX = 4096
INODES_MAX = 65_536
NICE_WITHOUT_QUOTA = 10
# What gVisor's monitor, its gofer and its stubs for one guest process take of the host's processes.
MONITOR_PIDS = 64
SENTRY_NAME = b"runsc-sandbox"
MONITOR_PIDS_PER_GUEST_PROCESS = 3
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
    """What one confined child may use. ``processors`` are the only ones it runs on; none: all.

    ``cpus_max`` is processors' worth of time in any tenth of a second; ``inodes_max`` counts the
    files of each writable part.
    """

    memory_bytes_max: int
    pids_max: int
    file_bytes_max: int = 1 << 30
    cpu_seconds_max: int | None = None
    processors: frozenset[int] = frozenset()
    cpus_max: float | None = None
    inodes_max: int = INODES_MAX


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


@dataclass(frozen=True)
class _Prepared:
    """One child ready to start: its sandbox's arguments, and what runs inside them."""

    arguments: ArgumentList
    command: list[str]
    rlimits: Mapping[str, int]
    inherited_fds: tuple[int, ...]
    cpus_max: float | None
    monitored: bool


def launch(
    confinement: Confinement,
    *,
    bubblewrap: Path | None = None,
    gvisor: bool = False,
    runsc: Path | None = None,
) -> ConfinedProcess:
    """Start a confined child. Raises Unavailable where it cannot be fully confined.

    With ``gvisor`` the guest's kernel is that of ``runsc``, searched where none is named.
    """
    limits = confinement.limits
    shell = find_bubblewrap(bubblewrap)
    group_limits = GroupLimits(
        limits.memory_bytes_max, _host_pids(limits, gvisor), limits.processors, limits.cpus_max
    )
    found = find_runsc(runsc) if gvisor else None
    group = create_control_group(group_limits)
    if limits.processors and not group.processors:
        group.remove()
        raise _processors_not_kept()
    try:
        prepared = _prepared(confinement, group, shell, found)
        process = _starter.submit(_start, prepared, group).result()
    except BaseException:
        group.remove()
        raise
    if not group.memory:
        watch(process, limits.memory_bytes_max)
    elif gvisor:
        end_whole(process)
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


def _host_pids(limits: Limits, gvisor: bool) -> int:
    """Return how many processes of the host a guest's own number may become."""
    if not gvisor:
        return limits.pids_max
    return MONITOR_PIDS + MONITOR_PIDS_PER_GUEST_PROCESS * limits.pids_max


def _prepared(
    confinement: Confinement, group: ControlGroup, bubblewrap: Path, runsc: Path | None
) -> _Prepared:
    interpreter = locate(confinement.environment)
    variables = _variables(confinement, interpreter)
    rlimits = _rlimits(confinement.limits)
    arguments = ArgumentList(bubblewrap, GUEST_ROOT if runsc else "")
    add_base_system(arguments)
    add_interpreter(arguments, interpreter)
    if runsc is None:
        limits = confinement.limits
        add_kernel_views(arguments, confinement.tmpfs_bytes, limits.inodes_max)
        _add_files(arguments, confinement, confinement.read_only)
        for name, value in variables.items():
            arguments.add("--setenv", name, value)
        arguments.add("--remount-ro", "/", "--chdir", variables["HOME"], "--seccomp")
        arguments.data(compile_filter(confinement.profile))
        command = _command(confinement, counted=group.pids or as_root())
        if as_root():  # a uid of its own, so that the count is this child's alone
            rlimits["RLIMIT_NPROC"] = limits.pids_max
    else:
        sockets = {at: host for at, host in confinement.read_only.items() if host.is_socket()}
        files = {at: host for at, host in confinement.read_only.items() if at not in sockets}
        _add_files(arguments, confinement, files)
        guest = GuestCommand(
            command=_command(confinement, counted=True),
            directory=variables["HOME"],
            variables=variables,
            tmpfs_bytes=confinement.tmpfs_bytes,
            inherited_fds=confinement.inherited_fds,
            rlimits=rlimits | {"RLIMIT_NPROC": confinement.limits.pids_max},
            profile=confinement.profile,
            sockets=sockets,
        )
        add_shell(arguments, runsc, guest)
        arguments.add("--remount-ro", "/", "--seccomp")
        arguments.data(compile_shell_filter())
        command = shell_command(guest)
        rlimits = {"RLIMIT_CORE": 0}
    return _Prepared(
        arguments,
        command,
        rlimits,
        confinement.inherited_fds,
        confinement.limits.cpus_max,
        monitored=runsc is not None,
    )


def _add_files(
    arguments: ArgumentList, confinement: Confinement, read_only: Mapping[str, Path]
) -> None:
    files = {confinement.program.name: confinement.program, **confinement.guest_files}
    for name, host in files.items():
        arguments.bind(host, f"{GUEST_DIRECTORY}/{name}")
    for inside, host in read_only.items():
        arguments.bind(host, inside)


def _variables(confinement: Confinement, interpreter: Interpreter) -> dict[str, str]:
    return {
        "PATH": "/opt/env/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",  # noqa: S108 - a path inside
        **({"LD_LIBRARY_PATH": interpreter.library_path} if interpreter.library_path else {}),
        **confinement.variables,
    }


def _rlimits(limits: Limits) -> dict[str, int]:
    rlimits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": OPEN_FILES_MAX,
        "RLIMIT_FSIZE": limits.file_bytes_max,
    }
    if limits.cpu_seconds_max is not None:
        rlimits["RLIMIT_CPU"] = limits.cpu_seconds_max
    return rlimits


def _start(prepared: _Prepared, group: ControlGroup) -> ConfinedProcess:
    status_read, status_write = os.pipe()
    specification = os.memfd_create("specification")
    try:
        prepared.arguments.add("--json-status-fd", str(status_write), "--", *prepared.command)
        with os.fdopen(os.dup(specification), "w", encoding="utf-8") as file:
            json.dump(_specification(prepared, group), file)
        os.lseek(specification, 0, os.SEEK_SET)
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(LAUNCHER), str(specification)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(specification, status_write, *prepared.inherited_fds),
            env={},
            close_fds=True,
        )
        os.close(status_write)
        status_write = -1
        return _verified(started, group, status_read, monitored=prepared.monitored)
    finally:
        for descriptor in (status_read, status_write, specification):
            if descriptor >= 0:
                os.close(descriptor)


def _command(confinement: Confinement, *, counted: bool) -> list[str]:
    program = f"{GUEST_DIRECTORY}/{confinement.program.name}"
    command = [INSIDE_PYTHON, "-I", "-B", program, *confinement.arguments]
    if counted:
        return command
    limit = str(confinement.limits.pids_max)
    return [INSIDE_PYTHON, "-I", "-S", "-c", _LIMIT_PROCESSES, limit, *command]


def _specification(prepared: _Prepared, group: ControlGroup) -> dict[str, object]:
    arguments = prepared.arguments
    unbound = prepared.cpus_max is not None and not group.cpu
    return {
        "sources": arguments.sources,
        "tmpfs": arguments.tmpfs,
        "command": arguments.arguments,
        "libraries": arguments.libraries,
        "cgroup_procs": group.procs_files,
        "own_uid": as_root(),
        "nice": NICE_WITHOUT_QUOTA if unbound else 0,
        "rlimits": prepared.rlimits,
    }


def _verified(
    started: "subprocess.Popen[bytes]", group: ControlGroup, status_read: int, *, monitored: bool
) -> ConfinedProcess:
    """Wait until the kernel reports the filter as on; anything else ends the child.

    Under gVisor that is the filter of the Sentry, which it takes before any guest runs.
    """
    deadline = time.monotonic() + START_SECONDS_MAX
    init_pid = _init_pid(status_read, deadline)
    process = ConfinedProcess(started, group, init_pid)
    while init_pid is not None and time.monotonic() < deadline:
        seccomp = status_field(init_pid, "Seccomp")
        held = seccomp == "2" and status_field(init_pid, "NoNewPrivs") == "1"
        if held and (not monitored or _sentry_filtered(init_pid)):
            return process
        if seccomp is None:
            break
        time.sleep(0.01 if monitored else 0.001)
    process.kill()
    raise unavailable(process.output_tail())


def _sentry_filtered(init_pid: int) -> bool:
    """Tell whether a Sentry runs below and has taken a filter of its own on top of the shell's."""
    for pid in descendants(init_pid):
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0", 1)[0]
            if name == SENTRY_NAME and int(status_field(pid, "Seccomp_filters") or 0) > 1:
                return True
    return False


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
