"""Refuses to start where a promised limit does not hold (I10).

No mode runs without namespaces and seccomp; production also needs memory, processes and uids.
"""

from foundation.errors import Message, Unavailable
from foundation.host_report import HostReport
from foundation.settings import Mode

REQUIRED = {
    Mode.DEVELOPMENT: frozenset({"namespaces", "seccomp"}),
    Mode.PRODUCTION: frozenset({"namespaces", "seccomp", "memory", "pids", "uid"}),
}


def isolation_gaps(report: HostReport, mode: Mode) -> tuple[str, ...]:
    """Return the names of limits that this mode needs and this host lacks."""
    held = {limit.name for limit in report.limits if limit.enforced}
    return tuple(sorted(REQUIRED[mode] - held))


def check_isolation(report: HostReport, mode: Mode) -> None:
    """Raise Unavailable, naming every gap and its reason, where this mode may not start here."""
    gaps = isolation_gaps(report, mode)
    if not gaps:
        return
    reasons = {limit.name: limit.how for limit in report.limits}
    unknown = Message("未检查", "not probed")
    zh = "；".join(f"{name}：{reasons.get(name, unknown).zh}" for name in gaps)
    en = "; ".join(f"{name}: {reasons.get(name, unknown).en}" for name in gaps)
    raise Unavailable(
        "isolation_unenforced",
        Message(
            f"本机未能强制执行会话隔离（{zh}），服务拒绝启动。",
            f"This host does not enforce session isolation ({en}); the service will not start.",
        ),
        field="mode",
        rule="I10",
        way_out=Message(
            "以 root 启动并提供可写的 cgroup。", "Start as root with writable cgroups."
        ),
    )
