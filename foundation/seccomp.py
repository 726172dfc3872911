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
