"""The limits that a host may hold around a confined child, and in which words each is reported."""

from dataclasses import dataclass

from foundation.errors import Message

LIMIT_NAMES = (
    *("namespaces", "seccomp", "memory", "pids", "uid"),
    *("cpu", "disk", "inodes", "files", "output", "wall"),
)


@dataclass(frozen=True)
class Limit:
    """One promised limit: whether it holds on this host, and how or why not."""

    name: str
    enforced: bool
    how: Message


HELD = {
    "namespaces": Message(
        "bubblewrap：用户、进程、网络、IPC、主机名、挂载命名空间（内部看不到其他进程与网卡）",
        "bubblewrap: user, pid, network, IPC, UTS and mount namespaces (inside, no other process "
        "and no interface was seen)",
    ),
    "seccomp": Message(
        "seccomp 白名单（内核确认已启用，网络套接字被拒）",
        "seccomp allow-list (the kernel says that it is on, and a network socket was refused)",
    ),
    "memory": Message(
        "控制组 cgroup（试占两倍内存的进程被终止）",
        "a control group (a child that took twice its memory was ended)",
    ),
    "pids": Message(
        "控制组或 RLIMIT_NPROC（试建的进程在上限处失败）",
        "a control group or RLIMIT_NPROC (processes stopped being made at their number)",
    ),
    "uid": Message("每个会话使用独立的系统用户号", "each child runs under a uid of its own"),
    "cpu": Message(
        "控制组 cgroup 配额（内核记录了限速）",
        "a control group's quota (the kernel counted periods of throttling)",
    ),
    "disk": Message(
        "定容 tmpfs（写满即止）", "tmpfs of a fixed size (writing stopped where it was full)"
    ),
    "inodes": Message(
        "tmpfs 文件数上限（到数即止）", "tmpfs of so many files (making them stopped at the number)"
    ),
    "files": Message("RLIMIT_NOFILE（到数即止）", "RLIMIT_NOFILE (opening stopped at the number)"),
    "output": Message(
        "管道与 64 KiB 环形缓冲（超出部分未保留）",
        "a pipe and a ring of 64 KiB (what was printed beyond it was not kept)",
    ),
    "wall": Message(
        "终止进程号命名空间（1 秒内全部消失）",
        "the pid namespace is killed whole (all were gone within a second)",
    ),
}
HELD_BY_GVISOR = {
    "namespaces": Message(
        "gVisor（systrap）：客体使用自己的内核，外层另有 bubblewrap 命名空间",
        "gVisor (systrap): the guest has a kernel of its own, inside bubblewrap's namespaces",
    ),
    "seccomp": Message(
        "Sentry 自身的过滤（内核确认）与客体内的白名单",
        "the Sentry's own filter (the kernel says so), and the allow-list inside",
    ),
    "pids": Message(
        "Sentry 内的 RLIMIT_NPROC（到数即止），外层另有控制组",
        "RLIMIT_NPROC in the Sentry (making stopped at the number), a control group around it",
    ),
    "memory": Message(
        "控制组 cgroup（超出时整个会话终止）",
        "a control group (what outgrows it ends, and its whole session with it)",
    ),
}
NOT_HELD = {
    "memory": Message(
        "控制组不可写，仅每秒检查一次内存", "no writable control group: memory is only looked at"
    ),
    "uid": Message(
        "非 root 启动，会话与服务共用一个用户号", "not started as root: children share our uid"
    ),
    "cpu": Message(
        "控制组不可写，仅降低优先级（nice 10）",
        "no writable control group: only a lower priority (nice 10)",
    ),
    "inodes": Message(
        "此后端不限文件数：文件占用的内存计入内存上限",
        "no cap on their number here: files cost memory, which has its own limit",
    ),
}
PASSED = Message("试探未被阻止", "the attempt to pass it was not stopped")


def described(name: str, *, held: bool, gvisor: bool) -> Limit:
    """Return one limit with the words for how it held, or why it did not."""
    if not held:
        return Limit(name, enforced=False, how=NOT_HELD.get(name, PASSED))
    by_gvisor = HELD_BY_GVISOR.get(name) if gvisor else None
    return Limit(name, enforced=True, how=by_gvisor or HELD[name])
