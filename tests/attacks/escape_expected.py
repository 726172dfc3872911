"""What stays open on purpose or by nature, per backend, each with its reason. All else is a fault.

SECURITY.md names these residuals. A name is listed for the backends where it may be open; that the
gateway and the two controls are open everywhere is asserted, too.
"""

BUBBLEWRAP, GVISOR = "bubblewrap", "gvisor"
BOTH = (BUBBLEWRAP, GVISOR)

# Not attempts to get out: they must work, else the harness proves nothing.
CONTROLS = ("executable_outside_of_files", "inherited_channel", "gateway")

# One kernel for all: what it tells every process of itself. No path, no file, no other session.
SHARED_KERNEL = {
    "boot_of_host": "the kernel's boot id is the same for everybody on it",
    "disks_of_host": "/proc/partitions names the disks, not what is on them",
    "kernel_arguments_of_host": "/proc/cmdline",
    "kernel_release_of_host": "/proc/sys/kernel/osrelease, uname",
    "load_of_host": "/proc/uptime counts from the host's start",
    "memory_size_of_host": "/proc/meminfo tells how much memory there is",
}
# Objects of the Sentry, gone with it: no call of these reaches the host's kernel.
EMULATED = {
    "be_spared_by_the_memory_killer": "a number in the Sentry; the host's own is not touched",
    "block_devices": "/dev/fuse stands in the Sentry's own /dev; opening it serves nothing outside",
    "clone3_call": "the Sentry makes the child; our list cannot refuse it with ENOSYS there",
    "host_sysfs": "the Sentry's own /sys, which it makes up",
    "kernel_security_tree": "the Sentry's own /sys/kernel, which it makes up",
    "memory_size_of_host": "/proc/meminfo tells how much memory there is",
    "network_tunnel": "the Sentry's own /dev/net/tun; its network has no way out of the Sentry",
    "own_cgroup_tree": "the Sentry's own, empty /sys/fs/cgroup",
    "raise_priority": "a number in the Sentry, whose own priority on the host stays as it is",
}
ACCEPTED = {
    BUBBLEWRAP: SHARED_KERNEL,
    GVISOR: EMULATED,
}
