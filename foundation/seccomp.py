"""Which system calls a confined child may make: an allow-list compiled to BPF for bubblewrap.

The names are pinned in ``seccomp_profile.json``; everything else answers ENOSYS. A worker opens
no socket at all (an inherited socketpair works); a session opens AF_UNIX sockets only. Network
namespaces do not contain AF_VSOCK and io_uring passes no socket filter, so this is no decoration.
"""

import errno
import functools
import json
import os
from pathlib import Path
from typing import Any, Literal

from foundation.errors import Message, Unavailable

Profile = Literal["worker", "session"]

PROFILE_FILE = Path(__file__).with_name("seccomp_profile.json")
AF_UNIX = 1
CLONE_NAMESPACE_FLAGS = 0x7E020080  # every CLONE_NEW… of linux/sched.h, time included
UNSIGNED_32 = 0xFFFFFFFF
SHELL_DENIED = (
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open"),
    *("keyctl", "add_key", "request_key", "userfaultfd", "kexec_load", "kexec_file_load"),
    *("init_module", "finit_module", "delete_module", "open_by_handle_at", "reboot", "swapon"),
    *("swapoff", "acct", "quotactl", "syslog", "settimeofday", "clock_settime", "adjtimex"),
)
AF_INET, AF_INET6, AF_PACKET, AF_ALG, AF_VSOCK = 2, 10, 17, 38, 40
SHELL_FAMILIES_DENIED = (AF_INET, AF_INET6, AF_PACKET, AF_ALG, AF_VSOCK)


@functools.cache
def compile_filter(profile: Profile) -> bytes:
    """Return the BPF program of a profile. Raises Unavailable where libseccomp is missing."""
    seccomp = _libseccomp()
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.ENOSYS))
    pinned = json.loads(PROFILE_FILE.read_text(encoding="utf-8"))
    for name in pinned["allowed"]:
        _allow(seccomp, rules, name)
    for command in pinned["ioctl_commands"].values():  # the kernel reads 32 bits of it
        low_half = seccomp.Arg(1, seccomp.MASKED_EQ, UNSIGNED_32, command)
        rules.add_rule(seccomp.ALLOW, "ioctl", low_half)
    masked = seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_NAMESPACE_FLAGS, 0)
    rules.add_rule(seccomp.ALLOW, "clone", masked)
    unix_only = seccomp.Arg(0, seccomp.EQ, AF_UNIX)
    rules.add_rule(seccomp.ALLOW, "socketpair", unix_only)
    if profile == "session":
        rules.add_rule(seccomp.ALLOW, "socket", unix_only)
        other = seccomp.Arg(0, seccomp.NE, AF_UNIX)
        rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", other)
    else:
        rules.add_rule(seccomp.ERRNO(errno.EPERM), "socket")
    return _exported(rules)


@functools.cache
def compile_shell_filter() -> bytes:
    """Return the BPF program around another kernel's monitor: all but what it never needs.

    The monitor filters itself far more closely; this holds where that one failed.
    """
    seccomp = _libseccomp()
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in SHELL_DENIED:
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(seccomp.ERRNO(errno.EPERM), name)
    for family in SHELL_FAMILIES_DENIED:
        equal = seccomp.Arg(0, seccomp.EQ, family)
        rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", equal)
    return _exported(rules)


def oci_filter(profile: Profile) -> dict[str, object]:
    """Return a profile as an OCI runtime reads it, for a kernel that filters for itself.

    gVisor refuses with EPERM whatever is asked, and libc falls back from clone3 on ENOSYS alone:
    there it is allowed, and makes at most a namespace of the Sentry's own.
    """
    pinned = json.loads(PROFILE_FILE.read_text(encoding="utf-8"))
    one = [{"index": 0, "value": AF_UNIX, "op": "SCMP_CMP_EQ"}]
    no_namespace = [
        {"index": 0, "value": CLONE_NAMESPACE_FLAGS, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    ]
    commands = [
        [{"index": 1, "value": UNSIGNED_32, "valueTwo": command, "op": "SCMP_CMP_MASKED_EQ"}]
        for command in pinned["ioctl_commands"].values()
    ]
    sockets = ["socket", "socketpair"] if profile == "session" else ["socketpair"]
    rules: list[dict[str, object]] = [
        {"names": [*pinned["allowed"], "clone3"]},
        {"names": ["clone"], "args": no_namespace},
        {"names": sockets, "args": one},
        *({"names": ["ioctl"], "args": command} for command in commands),
    ]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": [rule | {"action": "SCMP_ACT_ALLOW"} for rule in rules],
    }


def _allow(seccomp: Any, rules: Any, name: str) -> None:
    """Allow one call by name; names that this processor does not have are left out."""
    if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
        rules.add_rule(seccomp.ALLOW, name)


def _exported(rules: Any) -> bytes:
    descriptor = os.memfd_create("filter")
    with os.fdopen(descriptor, "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _libseccomp() -> Any:
    try:
        import pyseccomp  # noqa: PLC0415 - loads a shared library that a host may lack
    except (ImportError, OSError, RuntimeError) as error:
        raise Unavailable(
            "isolation_unavailable",
            Message(
                "缺少 libseccomp，无法过滤系统调用。", "libseccomp is missing: no call filter."
            ),
            way_out=Message("apt-get install libseccomp2", "apt-get install libseccomp2"),
        ) from error
    return pyseccomp
