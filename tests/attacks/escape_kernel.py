"""Attempts on namespaces, mounts and other processes; loaded by ``escape_probes``."""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from escape_facts import FACTS  # type: ignore[import-not-found]  # found beside this file
from escape_syscalls import SCRATCH, invoke, libc  # type: ignore[import-not-found]
from escape_syscalls import reached as _asked

reached: Callable[..., str] = _asked


def _unshare(flag: int) -> str:
    invoke("unshare", flag)
    return "entered"


def new_mount_namespace() -> str:
    return _unshare(0x00020000)


def new_process_namespace() -> str:
    return _unshare(0x20000000)


def new_ipc_namespace() -> str:
    return _unshare(0x08000000)


def new_uts_namespace() -> str:
    return _unshare(0x04000000)


def new_cgroup_namespace() -> str:
    return _unshare(0x02000000)


def new_time_namespace() -> str:
    return _unshare(0x00000080)


def _clone(flag: int) -> str:
    child = invoke("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "cloned"


def clone_into_network_namespace() -> str:
    return _clone(0x40000000)


def clone_into_mount_namespace() -> str:
    return _clone(0x00020000)


def clone_into_process_namespace() -> str:
    return _clone(0x20000000)


def _mount(source: bytes, kind: bytes, flags: int = 0) -> str:
    directory = Path(SCRATCH, f"mounted-{os.getpid()}")
    directory.mkdir()
    try:
        invoke("mount", source, str(directory).encode(), kind, flags, None)
        libc.umount2(str(directory).encode(), 2)
    finally:
        directory.rmdir()
    return "mounted"


def mount_proc() -> str:
    return _mount(b"proc", b"proc")


def mount_sysfs() -> str:
    return _mount(b"sysfs", b"sysfs")


def mount_devpts() -> str:
    return _mount(b"devpts", b"devpts")


def mount_by_binding() -> str:
    return _mount(b"/usr", b"none", 0x1000)


def remount_root_writable() -> str:
    return reached("mount", None, b"/", None, 0x1020, None)


def make_mounts_shared() -> str:
    return reached("mount", None, b"/", None, 1 << 20, None)


def unmount() -> str:
    return reached("umount2", b"/sandgate-no-such-mount", 0)


def pivot_root() -> str:
    return reached("pivot_root", b"/", b"/")


def change_mount_attributes() -> str:
    return reached("mount_setattr", -1, b"", 0x1000, bytes(32), 32)


def move_a_mount() -> str:
    return reached("move_mount", -1, b"", -1, b"", 4)


def pick_a_filesystem() -> str:
    return reached("fspick", -100, b"/sandgate-nowhere", 0)


def make_a_filesystem() -> str:
    return reached("fsmount", -1, 0, 0)


def open_by_handle() -> str:
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount_id = ctypes.c_int()
    invoke("name_to_handle_at", -100, b"/usr", handle, ctypes.byref(mount_id), 0)
    directory = os.open("/usr", os.O_RDONLY)
    os.close(invoke("open_by_handle_at", directory, handle, 0))
    return "opened"


def trace_host_process() -> str:
    pid = FACTS["sleeper_pid"]
    invoke("ptrace", 0x4206, pid, 0, 0)
    return "attached"


def descriptor_of_host_process() -> str:
    os.close(invoke("pidfd_open", FACTS["sleeper_pid"], 0))
    return "opened"


def steal_descriptor() -> str:
    handle = invoke("pidfd_open", os.getpid(), 0)
    os.close(invoke("pidfd_getfd", handle, 0, 0))
    return "stolen"


def signal_by_descriptor() -> str:
    handle = invoke("pidfd_open", os.getpid(), 0)
    invoke("pidfd_send_signal", handle, 0, None, 0)
    return "signalled"


def queue_signal_to_host_process() -> str:
    information = struct.pack("iii", 0, 0, -1) + bytes(116)
    invoke("rt_sigqueueinfo", FACTS["sleeper_pid"], 0, information)
    return "queued"


def limits_of_host_process() -> str:
    limits = ctypes.create_string_buffer(16)
    invoke("prlimit64", FACTS["sleeper_pid"], resource.RLIMIT_NOFILE, None, limits)
    return "read"


def priority_of_host_process() -> str:
    os.setpriority(os.PRIO_PROCESS, FACTS["sleeper_pid"], 5)
    return "changed"


def processors_of_host_process() -> str:
    os.sched_setaffinity(FACTS["sleeper_pid"], os.sched_getaffinity(FACTS["sleeper_pid"]))
    return "changed"


def write_memory_of_a_process() -> str:
    buffer = ctypes.create_string_buffer(8)
    vector = struct.pack("PN", ctypes.addressof(buffer), 8)
    invoke("process_vm_writev", os.getpid(), vector, 1, vector, 1, 0)
    return "written"


def compare_with_host_process() -> str:
    invoke("kcmp", FACTS["sleeper_pid"], os.getpid(), 0, 0, 0)
    return "compared"


def advise_another_process() -> str:
    return reached("process_madvise", -1, bytes(16), 1, 4, 0)


def reap_memory_of_a_process() -> str:
    return reached("process_mrelease", -1, 0)
