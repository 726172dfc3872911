"""Attempts on doors of the kernel that a session never needs; loaded by ``escape_probes``."""

import ctypes
import errno
import fcntl
import os
import resource
import struct
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from escape_syscalls import (  # type: ignore[import-not-found]  # found beside this file
    SCRATCH,
    STOPPED,
    invoke,
    libc,
)
from escape_syscalls import reached as _asked

reached: Callable[..., str] = _asked


def move_pages() -> str:
    return reached("move_pages", 0, 0, None, None, None, 0)


def migrate_pages() -> str:
    return reached("migrate_pages", os.getpid(), 64, bytes(8), bytes(8))


def bind_memory_to_node() -> str:
    return reached("mbind", 0, 0, 0, None, 0, 0)


def set_memory_policy() -> str:
    return reached("set_mempolicy", 0, None, 0)


def change_local_descriptor_table() -> str:
    return reached("modify_ldt", 0, ctypes.create_string_buffer(16), 16)


def raise_input_output_level() -> str:
    return reached("iopl", 0)


def input_output_ports() -> str:
    return reached("ioperm", 0x378, 1, 0)


def load_module_from_memory() -> str:
    return reached("init_module", b"x", 1, b"")


def load_module_from_file() -> str:
    return reached("finit_module", -1, b"", 0)


def remove_module() -> str:
    return reached("delete_module", b"sandgate_no_such_module", 0)


def load_another_kernel() -> str:
    return reached("kexec_file_load", -1, -1, 0, None, 0)


def add_swap() -> str:
    return reached("swapon", b"/sandgate-no-such-file", 0)


def remove_swap() -> str:
    return reached("swapoff", b"/sandgate-no-such-file")


def process_accounting() -> str:
    return reached("acct", b"/sandgate-no-such-file")


def disk_quotas() -> str:
    return reached("quotactl", 0x800007 << 8, b"/sandgate-no-such-device", 0, None)


def set_host_name() -> str:
    name = os.uname().nodename.encode()
    invoke("sethostname", name, len(name))
    return "set"


def set_domain_name() -> str:
    name = ctypes.create_string_buffer(65)
    libc.getdomainname(name, 65)
    invoke("setdomainname", name, len(name.value))
    return "set"


def adjust_clock() -> str:
    state = ctypes.create_string_buffer(256)
    invoke("adjtimex", state)
    ctypes.memmove(state, struct.pack("I", 0x4000), 4)
    invoke("adjtimex", state)
    return "adjusted"


def kernel_side_input_output() -> str:
    return reached("io_setup", 1, ctypes.create_string_buffer(8))


def io_uring_registration() -> str:
    return reached("io_uring_register", -1, 8, None, 0)


def watch_every_file() -> str:
    os.close(invoke("fanotify_init", 0x200, 0))
    return "watching"


def message_queue() -> str:
    name = f"sandgate-{os.getpid()}".encode()
    os.close(invoke("mq_open", name, os.O_CREAT | os.O_RDWR, 0o600, None))
    return "opened"


def system_v_messages() -> str:
    invoke("msgget", 0, 0o1600)
    return "made"


def system_v_semaphores() -> str:
    invoke("semget", 0, 1, 0o1600)
    return "made"


def system_v_memory() -> str:
    invoke("shmget", 0, 4096, 0o1600)
    return "made"


def landlock_rules() -> str:
    return reached("landlock_create_ruleset", None, 0, 1)


def another_filter() -> str:
    return reached("seccomp", 2, 0, struct.pack("I", 0x7FFF0000))


def request_kernel_key() -> str:
    return reached("request_key", b"user", b"sandgate-no-such-key", None, -3)


def gain_capabilities() -> str:
    header = struct.pack("Ii", 0x20080522, 0)
    everything = struct.pack("III", 0x000001FF, 0x000001FF, 0) + bytes(12)
    invoke("capset", header, everything)
    return "gained"


def set_groups() -> str:
    invoke("setgroups", 0, None)
    return "set"


def file_system_identity() -> str:
    invoke("setfsuid", 0)
    return "set"


def deadline_scheduling() -> str:
    attributes = struct.pack("IIQiIQQQ", 48, 6, 0, 0, 0, 10**7, 10**8, 10**8)
    invoke("sched_setattr", 0, attributes, 0)
    return "scheduled"


def real_time_input_output() -> str:
    invoke("ioprio_set", 1, 0, 1 << 13)
    return "raised"


def hang_up_terminal() -> str:
    os.setsid()
    invoke("vhangup")
    return "hung up"


def splice_pages() -> str:
    reader, writer = os.pipe()
    with Path("/proc/self/exe").open("rb") as source:
        invoke("splice", source.fileno(), None, writer, None, 16, 0)
    os.close(reader)
    return "spliced"


def map_pages_into_pipe() -> str:
    _reader, writer = os.pipe()
    buffer = ctypes.create_string_buffer(16)
    vector = struct.pack("PN", ctypes.addressof(buffer), 16)
    invoke("vmsplice", writer, vector, 1, 0)
    return "mapped"


def duplicate_pipe() -> str:
    reader, writer = os.pipe()
    _other, target = os.pipe()
    os.write(writer, b"x")
    invoke("tee", reader, target, 1, 0)
    return "duplicated"


def _raise_limit(which: int) -> str:
    _soft, hard = resource.getrlimit(which)
    resource.setrlimit(which, (0, 0) if hard == resource.RLIM_INFINITY else (hard, hard))
    now = resource.getrlimit(which)[1]
    resource.setrlimit(which, (now, now + 1))
    return "raised"


def raise_process_limit() -> str:
    return _raise_limit(resource.RLIMIT_NPROC)


def raise_core_limit() -> str:
    return _raise_limit(resource.RLIMIT_CORE)


def raise_file_size_limit() -> str:
    return _raise_limit(resource.RLIMIT_FSIZE)


def trusted_attribute() -> str:
    path = Path(SCRATCH, f"attribute-{os.getpid()}")
    path.touch()
    try:
        os.setxattr(path, "trusted.sandgate", b"x")
    except OSError as error:
        if error.errno in {errno.EOPNOTSUPP, *STOPPED}:
            raise
    finally:
        path.unlink()
    return "set"


def give_file_away() -> str:
    path = Path(SCRATCH, f"given-{os.getpid()}")
    path.touch()
    try:
        os.chown(path, 12345, 12345)
    finally:
        path.unlink()
    return "given"


def make_block_device() -> str:
    path = Path(SCRATCH, f"block-{os.getpid()}")
    os.mknod(path, 0o600 | 0o060000, os.makedev(7, 0))
    path.unlink()
    return "made"


def be_spared_by_the_memory_killer() -> str:
    Path("/proc/self/oom_score_adj").write_text("-1000")
    return "spared"


def become_another_user() -> str:
    os.setresuid(12345, 12345, 12345)
    return "become"


def lock_a_lease_on_host_binary() -> str:
    with Path("/usr/bin/env").open("rb") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    return "leased"
