"""What this host really enforces around a confined child, found out by trying it.

Each limit is named with whether it holds and by what; production refuses to start on a report
with a gap (I10), and ``sandgate doctor`` prints it.
"""

from dataclasses import dataclass
from pathlib import Path

from foundation.cgroups import GroupLimits, create_control_group
from foundation.confinement import Confinement, Limits, as_root, launch
from foundation.errors import Message, SandgateError

PROBE_MEMORY_BYTES = 256 << 20
PROBE_PIDS = 32
PROBE_SECONDS_MAX = 4.0
LIMIT_NAMES = ("namespaces", "seccomp", "memory", "pids", "uid")
_PROBE = Path(__file__).with_name("confinement_probe.py")


@dataclass(frozen=True)
class Limit:
    """One promised limit: whether it holds on this host, and how or why not."""

    name: str
    enforced: bool
    how: Message


@dataclass(frozen=True)
class HostReport:
    """Every promised limit of this host, in the order of ``LIMIT_NAMES``."""

    limits: tuple[Limit, ...]

    def missing(self) -> tuple[Limit, ...]:
        """Return the limits that do not hold."""
        return tuple(limit for limit in self.limits if not limit.enforced)


def probe_host(environment: Path, *, bubblewrap: Path | None = None) -> HostReport:
    """Try a confined child for a moment and report what held. Takes a few seconds at most."""
    confinement = Confinement(
        environment=environment,
        program=_PROBE,
        limits=Limits(PROBE_MEMORY_BYTES, PROBE_PIDS, cpu_seconds_max=2),
        profile="worker",
    )
    try:
        process = launch(confinement, bubblewrap=bubblewrap)
    except SandgateError as error:
        return HostReport(tuple(_failed(name, error) for name in LIMIT_NAMES))
    try:
        code = process.wait(PROBE_SECONDS_MAX)
    finally:
        process.kill()
    return HostReport((_namespaces(code), _seccomp(code), *_bounds(), _uid()))


def _failed(name: str, error: SandgateError) -> Limit:
    hint = error.way_out
    zh = f"{error.message.zh}可执行：{hint.zh}" if hint else error.message.zh
    en = f"{error.message.en} Try: {hint.en}" if hint else error.message.en
    return Limit(name, enforced=False, how=Message(zh, en))


def _namespaces(code: int) -> Limit:
    how = Message(
        "bubblewrap：用户、进程、网络、IPC、主机名、挂载命名空间",
        "bubblewrap: user, pid, network, IPC, UTS and mount namespaces",
    )
    return Limit("namespaces", code == 0, how)


def _seccomp(code: int) -> Limit:
    how = Message(
        "seccomp 白名单（内核确认已启用）", "seccomp allow-list (the kernel says that it is on)"
    )
    return Limit("seccomp", code == 0, how)


def _bounds() -> tuple[Limit, Limit]:
    group = create_control_group(GroupLimits(PROBE_MEMORY_BYTES, PROBE_PIDS))
    group.remove()
    held = Message("控制组 cgroup", "a control group")
    watched = Message(
        "控制组不可写，仅每秒检查一次内存", "no writable control group: memory is only looked at"
    )
    counted = Message(
        "控制组不可写，改用进程数上限 RLIMIT_NPROC", "no writable control group: RLIMIT_NPROC"
    )
    return (
        Limit("memory", group.memory, held if group.memory else watched),
        Limit("pids", enforced=True, how=held if group.pids else counted),
    )


def _uid() -> Limit:
    own = Message("每个会话使用独立的系统用户号", "each child runs under a uid of its own")
    shared = Message(
        "非 root 启动，会话与服务共用一个用户号", "not started as root: children share our uid"
    )
    return Limit("uid", as_root(), own if as_root() else shared)
