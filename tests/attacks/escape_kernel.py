"""Attempts on doors of the kernel that a session never needs; loaded by ``escape_probes``.

An attempt that the kernel answers in its own terms (no such file, a bad argument) has reached it:
only a refusal by rights or by the filter counts as stopped.
"""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from escape_facts import FACTS  # type: ignore[import-not-found]  # found beside this file

SCRATCH = "/tmp"
STOPPED = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EROFS, errno.EAFNOSUPPORT}
libc = ctypes.CDLL(None, use_errno=True)
# x86_64, aarch64; None where a processor has no such call
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "adjtimex": (159, 171),
    "capset": (126, 91),
    "clone": (56, 220),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_setup": (206, 0),
    "io_uring_register": (427, 427),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "landlock_create_ruleset": (444, 444),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "sched_setattr": (314, 274),
    "seccomp": (317, 277),
    "semget": (64, 190),
    "set_mempolicy": (238, 237),
    "setdomainname": (171, 162),
    "setfsuid": (122, 151),
    "setgroups": (116, 159),
    "sethostname": (170, 161),
    "shmget": (29, 194),
    "splice": (275, 76),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "tee": (276, 77),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}


def _call(name: str, *arguments: object) -> int:
    number = NUMBERS[name][os.uname().machine == "aarch64"]
    if number is None:
        raise OSError(errno.ENOSYS, name)
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = libc.syscall(number, *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def _reached(name: str, *arguments: object) -> str:
    try:
        _call(name, *arguments)
    except OSError as error:
        if error.errno in STOPPED:
            raise
        return f"answered {errno.errorcode.get(error.errno or 0)}"
    return "done"


def _unshare(flag: int) -> str:
    _call("unshare", flag)
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
    child = _call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)
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
        _call("mount", source, str(directory).encode(), kind, flags, None)
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
    return _reached("mount", None, b"/", None, 0x1020, None)


def make_mounts_shared() -> str:
    return _reached("mount", None, b"/", None, 1 << 20, None)


def unmount() -> str:
    return _reached("umount2", b"/sandgate-no-such-mount", 0)


def pivot_root() -> str:
    return _reached("pivot_root", b"/", b"/")


def change_mount_attributes() -> str:
    return _reached("mount_setattr", -1, b"", 0x1000, bytes(32), 32)


def move_a_mount() -> str:
    return _reached("move_mount", -1, b"", -1, b"", 4)


def pick_a_filesystem() -> str:
    return _reached("fspick", -100, b"/sandgate-nowhere", 0)


def make_a_filesystem() -> str:
    return _reached("fsmount", -1, 0, 0)


def open_by_handle() -> str:
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount_id = ctypes.c_int()
    _call("name_to_handle_at", -100, b"/usr", handle, ctypes.byref(mount_id), 0)
    directory = os.open("/usr", os.O_RDONLY)
    os.close(_call("open_by_handle_at", directory, handle, 0))
    return "opened"


def trace_host_process() -> str:
    pid = FACTS["sleeper_pid"]
    _call("ptrace", 0x4206, pid, 0, 0)
    return "attached"


def descriptor_of_host_process() -> str:
    os.close(_call("pidfd_open", FACTS["sleeper_pid"], 0))
    return "opened"


def steal_descriptor() -> str:
    handle = _call("pidfd_open", os.getpid(), 0)
    os.close(_call("pidfd_getfd", handle, 0, 0))
    return "stolen"


def signal_by_descriptor() -> str:
    handle = _call("pidfd_open", os.getpid(), 0)
    _call("pidfd_send_signal", handle, 0, None, 0)
    return "signalled"


def queue_signal_to_host_process() -> str:
    information = struct.pack("iii", 0, 0, -1) + bytes(116)
    _call("rt_sigqueueinfo", FACTS["sleeper_pid"], 0, information)
    return "queued"


def limits_of_host_process() -> str:
    limits = ctypes.create_string_buffer(16)
    _call("prlimit64", FACTS["sleeper_pid"], resource.RLIMIT_NOFILE, None, limits)
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
    _call("process_vm_writev", os.getpid(), vector, 1, vector, 1, 0)
    return "written"


def compare_with_host_process() -> str:
    _call("kcmp", FACTS["sleeper_pid"], os.getpid(), 0, 0, 0)
    return "compared"


def advise_another_process() -> str:
    return _reached("process_madvise", -1, bytes(16), 1, 4, 0)


def reap_memory_of_a_process() -> str:
    return _reached("process_mrelease", -1, 0)


def move_pages() -> str:
    return _reached("move_pages", 0, 0, None, None, None, 0)


def migrate_pages() -> str:
    return _reached("migrate_pages", os.getpid(), 64, bytes(8), bytes(8))


def bind_memory_to_node() -> str:
    return _reached("mbind", 0, 0, 0, None, 0, 0)


def set_memory_policy() -> str:
    return _reached("set_mempolicy", 0, None, 0)


def change_local_descriptor_table() -> str:
    return _reached("modify_ldt", 0, ctypes.create_string_buffer(16), 16)


def raise_input_output_level() -> str:
    return _reached("iopl", 0)


def input_output_ports() -> str:
    return _reached("ioperm", 0x378, 1, 0)


def load_module_from_memory() -> str:
    return _reached("init_module", b"x", 1, b"")


def load_module_from_file() -> str:
    return _reached("finit_module", -1, b"", 0)


def remove_module() -> str:
    return _reached("delete_module", b"sandgate_no_such_module", 0)


def load_another_kernel() -> str:
    return _reached("kexec_file_load", -1, -1, 0, None, 0)


def add_swap() -> str:
    return _reached("swapon", b"/sandgate-no-such-file", 0)


def remove_swap() -> str:
    return _reached("swapoff", b"/sandgate-no-such-file")


def process_accounting() -> str:
    return _reached("acct", b"/sandgate-no-such-file")


def disk_quotas() -> str:
    return _reached("quotactl", 0x800007 << 8, b"/sandgate-no-such-device", 0, None)


def set_host_name() -> str:
    name = os.uname().nodename.encode()
    _call("sethostname", name, len(name))
    return "set"


def set_domain_name() -> str:
    name = ctypes.create_string_buffer(65)
    libc.getdomainname(name, 65)
    _call("setdomainname", name, len(name.value))
    return "set"


def adjust_clock() -> str:
    state = ctypes.create_string_buffer(256)
    _call("adjtimex", state)
    ctypes.memmove(state, struct.pack("I", 0x4000), 4)
    _call("adjtimex", state)
    return "adjusted"


def kernel_side_input_output() -> str:
    return _reached("io_setup", 1, ctypes.create_string_buffer(8))


def io_uring_registration() -> str:
    return _reached("io_uring_register", -1, 8, None, 0)


def watch_every_file() -> str:
    os.close(_call("fanotify_init", 0x200, 0))
    return "watching"


def message_queue() -> str:
    name = f"sandgate-{os.getpid()}".encode()
    os.close(_call("mq_open", name, os.O_CREAT | os.O_RDWR, 0o600, None))
    return "opened"


def system_v_messages() -> str:
    _call("msgget", 0, 0o1600)
    return "made"


def system_v_semaphores() -> str:
    _call("semget", 0, 1, 0o1600)
    return "made"


def system_v_memory() -> str:
    _call("shmget", 0, 4096, 0o1600)
    return "made"


def landlock_rules() -> str:
    return _reached("landlock_create_ruleset", None, 0, 1)


def another_filter() -> str:
    return _reached("seccomp", 2, 0, struct.pack("I", 0x7FFF0000))


def request_kernel_key() -> str:
    return _reached("request_key", b"user", b"sandgate-no-such-key", None, -3)


def gain_capabilities() -> str:
    header = struct.pack("Ii", 0x20080522, 0)
    everything = struct.pack("III", 0x000001FF, 0x000001FF, 0) + bytes(12)
    _call("capset", header, everything)
    return "gained"


def set_groups() -> str:
    _call("setgroups", 0, None)
    return "set"


def file_system_identity() -> str:
    _call("setfsuid", 0)
    return "set"


def deadline_scheduling() -> str:
    attributes = struct.pack("IIQiIQQQ", 48, 6, 0, 0, 0, 10**7, 10**8, 10**8)
    _call("sched_setattr", 0, attributes, 0)
    return "scheduled"


def real_time_input_output() -> str:
    _call("ioprio_set", 1, 0, 1 << 13)
    return "raised"


def hang_up_terminal() -> str:
    os.setsid()
    _call("vhangup")
    return "hung up"


def splice_pages() -> str:
    reader, writer = os.pipe()
    with Path("/proc/self/exe").open("rb") as source:
        _call("splice", source.fileno(), None, writer, None, 16, 0)
    os.close(reader)
    return "spliced"


def map_pages_into_pipe() -> str:
    _reader, writer = os.pipe()
    buffer = ctypes.create_string_buffer(16)
    vector = struct.pack("PN", ctypes.addressof(buffer), 16)
    _call("vmsplice", writer, vector, 1, 0)
    return "mapped"


def duplicate_pipe() -> str:
    reader, writer = os.pipe()
    _other, target = os.pipe()
    os.write(writer, b"x")
    _call("tee", reader, target, 1, 0)
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
