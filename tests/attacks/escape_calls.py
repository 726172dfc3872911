"""Attempts that speak to the kernel directly; loaded by ``escape_probes``, inside and outside."""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import struct
from pathlib import Path

SCRATCH = "/tmp"
libc = ctypes.CDLL(None, use_errno=True)
SYSCALLS = {
    "x86_64": {
        "io_uring_setup": 425,
        "keyctl": 250,
        "bpf": 321,
        "perf_event_open": 298,
        "userfaultfd": 323,
        "process_vm_readv": 310,
        "kcmp": 312,
        "add_key": 248,
        "open_tree": 428,
        "fsopen": 430,
        "pivot_root": 155,
        "setns": 308,
        "clone3": 435,
        "name_to_handle_at": 303,
        "personality": 135,
        "mknod": 133,
        "ptrace": 101,
        "unshare": 272,
        "mount": 165,
        "memfd_secret": 447,
        "pidfd_getfd": 438,
        "syslog": 103,
    },
    "aarch64": {
        "io_uring_setup": 425,
        "keyctl": 219,
        "bpf": 280,
        "perf_event_open": 241,
        "userfaultfd": 282,
        "process_vm_readv": 270,
        "kcmp": 272,
        "add_key": 217,
        "open_tree": 428,
        "fsopen": 430,
        "pivot_root": 41,
        "setns": 268,
        "clone3": 435,
        "name_to_handle_at": 264,
        "personality": 92,
        "mknod": 33,
        "ptrace": 117,
        "unshare": 97,
        "mount": 40,
        "memfd_secret": 447,
        "pidfd_getfd": 438,
        "syslog": 116,
    },
}[os.uname().machine]


def call(name: str, *arguments: object) -> int:
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = libc.syscall(SYSCALLS[name], *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def refused() -> str:
    raise PermissionError(errno.EPERM, "refused")


def mount_tmpfs() -> str:
    directory = Path(SCRATCH, f"mount-{os.getpid()}")
    directory.mkdir()
    call("mount", b"tmpfs", str(directory).encode(), b"tmpfs", 0, None)
    libc.umount2(str(directory).encode(), 2)
    directory.rmdir()
    return "mounted"


def new_user_namespace() -> str:
    call("unshare", 0x10000000)
    return "entered"


def new_network_namespace() -> str:
    call("unshare", 0x40000000)
    return "entered"


def clone_into_user_namespace() -> str:
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    child = libc.syscall(number, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child < 0:
        raise OSError(ctypes.get_errno(), "clone")
    os.waitpid(child, 0)
    return "cloned"


def clone3_call() -> str | None:
    arguments = struct.pack("8Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    child = libc.syscall(SYSCALLS["clone3"], arguments, len(arguments))
    if child == 0:
        os._exit(0)
    if child < 0:
        raise OSError(ctypes.get_errno(), "clone3")
    os.waitpid(child, 0)
    return "cloned"


def trace_a_child() -> str:
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        call("ptrace", 16, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return "attached"


def read_memory_of_another_process() -> str:
    buffer = ctypes.create_string_buffer(8)
    vector = struct.pack("PN", ctypes.addressof(buffer), 8)
    call("process_vm_readv", os.getpid(), vector, 1, vector, 1, 0)
    return "read"


def compare_kernel_objects() -> str:
    call("kcmp", os.getpid(), os.getpid(), 0, 0, 0)
    return "compared"


def io_uring() -> str:
    descriptor = call("io_uring_setup", 1, ctypes.create_string_buffer(256))
    os.close(descriptor)
    return "opened"


def kernel_keyring() -> str:
    call("keyctl", 0, -3, 1)
    return "reached"


def add_kernel_key() -> str:
    call("add_key", b"user", b"sandgate-probe", b"x", 1, -3)
    return "added"


def load_bpf() -> str:
    attributes = struct.pack("4I", 1, 4, 4, 1) + bytes(64)
    os.close(call("bpf", 0, attributes, len(attributes)))
    return "loaded"


def perf_events() -> str:
    attributes = struct.pack("2IQ", 1, 112, 0) + bytes(96)
    os.close(call("perf_event_open", attributes, 0, -1, -1, 0))
    return "opened"


def user_faults() -> str:
    os.close(call("userfaultfd", 0))
    return "opened"


def change_personality() -> str:
    call("personality", 0x0040000)
    call("personality", 0)
    return "changed"


def open_mount_tree() -> str:
    os.close(call("open_tree", -100, b"/", 1))
    return "opened"


def new_filesystem_context() -> str:
    os.close(call("fsopen", b"tmpfs", 0))
    return "opened"


def join_namespace() -> str:
    with Path("/proc/self/ns/uts").open() as namespace:
        call("setns", namespace.fileno(), 0)
    return "joined"


def change_root() -> str:
    if os.fork() == 0:
        try:
            os.chroot(SCRATCH)
        except OSError:
            os._exit(1)
        os._exit(0)
    return "changed" if os.wait()[1] == 0 else refused()


def make_device() -> str:
    path = Path(SCRATCH, f"device-{os.getpid()}")
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
    path.unlink()
    return "made"


def make_fifo() -> str:
    path = Path(SCRATCH, f"fifo-{os.getpid()}")
    os.mkfifo(path)
    path.unlink()
    return "made"


def file_handle() -> str:
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount_id = ctypes.c_int()
    call("name_to_handle_at", -100, b"/usr", handle, ctypes.byref(mount_id), 0)
    return "taken"


def become_root() -> str | None:
    if os.fork() == 0:
        try:
            os.setuid(0)
        except OSError:
            os._exit(1)
        os._exit(0 if os.geteuid() == 0 else 1)
    return "root" if os.wait()[1] == 0 else refused()


def keep_capabilities() -> str | None:
    status = Path("/proc/self/status").read_text()
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd"))
    return bounding if int(bounding, 16) else None


def gain_privileges_by_exec() -> str | None:
    status = Path("/proc/self/status").read_text()
    return "possible" if "NoNewPrivs:\t0" in status else None


def raise_file_limit() -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard - 1))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard))
    return "raised"


def raise_priority() -> str:
    os.setpriority(os.PRIO_PROCESS, 0, -5)
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    return "raised"


def real_time_scheduling() -> str:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return "scheduled"


def push_into_terminal() -> str:
    primary, secondary = os.openpty()
    if os.fork() == 0:
        try:
            os.setsid()
            fcntl.ioctl(secondary, 0x540E, 0)
            fcntl.ioctl(secondary, 0x5412, b"x")
        except OSError:
            os._exit(1)
        os._exit(0)
    result = os.wait()[1]
    os.close(primary)
    os.close(secondary)
    return "pushed" if result == 0 else refused()


def terminal_with_high_bits() -> str:
    """CVE-2019-10063: the kernel reads 32 bits of the command, a careless filter reads 64."""
    primary, secondary = os.openpty()
    if os.fork() == 0:
        os.setsid()
        libc.syscall({"x86_64": 16, "aarch64": 29}[os.uname().machine], secondary, 0x540E, 0)
        number = {"x86_64": 16, "aarch64": 29}[os.uname().machine]
        command = ctypes.c_ulong(0x1_0000_5412)
        os._exit(0 if libc.syscall(number, secondary, command, b"x") == 0 else 1)
    result = os.wait()[1]
    os.close(primary)
    os.close(secondary)
    return "pushed" if result == 0 else refused()


def kernel_log() -> str:
    call("syslog", 10, 0, 0)
    return "read"


def secret_memory() -> str:
    os.close(call("memfd_secret", 0))
    return "made"
