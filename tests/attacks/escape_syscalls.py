"""System calls by number, and what counts as having reached the kernel; used by the probes.

An attempt that the kernel answers in its own terms (no such file, a bad argument) has reached it:
only a refusal by rights or by the filter counts as stopped.
"""

import ctypes
import errno
import os

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


def invoke(name: str, *arguments: object) -> int:
    number = NUMBERS[name][os.uname().machine == "aarch64"]
    if number is None:
        raise OSError(errno.ENOSYS, name)
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = libc.syscall(number, *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def reached(name: str, *arguments: object) -> str:
    try:
        invoke(name, *arguments)
    except OSError as error:
        if error.errno in STOPPED:
            raise
        return f"answered {errno.errorcode.get(error.errno or 0)}"
    return "done"
