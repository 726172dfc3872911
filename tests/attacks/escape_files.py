"""Attempts on files, directories and views of the host; loaded by ``escape_probes``.

The host's own facts say what to look for, so that a like-named file of the sandbox's own is not
taken for the host's.
"""

import contextlib
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from escape_facts import FACTS  # type: ignore[import-not-found]  # found beside this file


def _holds(path: str, wanted: str) -> str | None:
    return "found" if wanted in Path(path).read_text(errors="replace") else None


def _first(path: str) -> str:
    with Path(path).open("rb") as file:
        return f"{len(file.read(16))} bytes"


def _listed(path: str) -> str:
    return f"{len(list(Path(path).iterdir()))} entries"


def read_password_hashes() -> str:
    return _first("/etc/shadow")


def read_users_of_host() -> str | None:
    return _holds("/etc/passwd", "daemon")


def list_home_of_root() -> str:
    return _listed("/root")


def list_logs() -> str:
    return _listed("/var/log")


def list_package_state() -> str:
    return _listed("/var/lib")


def list_boot() -> str:
    return _listed("/boot")


def list_timed_jobs() -> str:
    return _listed("/etc/cron.d")


def list_key_store_of_host() -> str:
    return _listed("/etc/ssl")


def read_file_in_host_tmp() -> str:
    return _first(FACTS["tmp_file"])


def read_file_in_host_shared_memory() -> str:
    return _first(FACTS["shared_memory_file"])


def read_control_store() -> str:
    return _first(FACTS["control_store"])


def read_key_of_service() -> str:
    return _first(FACTS["key_file"])


def read_home_of_another_slot() -> str:
    return _first(FACTS["other_slot_file"])


def gateway_of_another_slot() -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(FACTS["other_gateway"])
    return "connected"


def interface_of_another_slot() -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(FACTS["other_interface"])
    return "connected"


def list_slots() -> str:
    return _listed(FACTS["slots"])


def packages_of_service() -> str:
    return _first(FACTS["service_package"])


def root_of_host_process() -> str:
    return _listed(f"/proc/{FACTS['sleeper_pid']}/root")


def directory_of_host_process() -> str:
    return _listed(f"/proc/{FACTS['sleeper_pid']}/cwd")


def open_files_of_host_process() -> str:
    return _listed(f"/proc/{FACTS['sleeper_pid']}/fd")


def environment_of_host_process() -> str:
    return _first(f"/proc/{FACTS['sleeper_pid']}/environ")


def memory_of_host_process() -> str:
    with Path(f"/proc/{FACTS['sleeper_pid']}/mem").open("rb"):
        return "opened"


def map_of_host_process() -> str:
    return _first(f"/proc/{FACTS['sleeper_pid']}/maps")


def secret_through_first_process() -> str:
    return _first(f"/proc/1/root{FACTS['secret_file']}")


def secret_through_parent() -> str:
    return _first(f"/proc/{os.getppid()}/root{FACTS['secret_file']}")


def secret_above_root() -> str:
    return _first("/.." * 12 + FACTS["secret_file"])


def secret_in_own_environment() -> str | None:
    found = FACTS["environment_secret"].encode() in Path("/proc/self/environ").read_bytes()
    return "found" if found else None


def inherited_file() -> str | None:
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own descriptor is gone again
            if link.readlink().name == FACTS["inherited_name"]:
                return "held"
    return None


def name_of_host() -> str | None:
    return "told" if os.uname().nodename == FACTS["host_name"] else None


def listeners_of_host() -> str | None:
    return _holds("/proc/net/tcp", f":{FACTS['tcp_port']:04X}")


def unix_sockets_of_host() -> str | None:
    return _holds("/proc/net/unix", FACTS["abstract"])


def interfaces_of_host() -> str | None:
    names = {path.name for path in Path("/sys/class/net").iterdir()}
    return "seen" if names & set(FACTS["interfaces"]) else None


def host_paths_in_own_mounts() -> str | None:
    return _holds("/proc/self/mountinfo", FACTS["mounted_name"])


def groups_of_host() -> str | None:
    return _holds("/proc/self/cgroup", FACTS["control_group"])


def kernel_memory() -> str:
    with Path("/proc/kcore").open("rb"):
        return "opened"


def kernel_messages() -> str:
    with Path("/dev/kmsg").open("rb"):
        return "opened"


def kernel_security_tree() -> str:
    return _listed("/sys/kernel")


def disks_in_sysfs() -> str | None:
    return (
        "seen"
        if set(FACTS["disks"]) & {path.name for path in Path("/sys/block").iterdir()}
        else None
    )


def raw_disk() -> str:
    return _first(FACTS["disk_device"])


def loop_devices() -> str:
    with Path("/dev/loop-control").open("rb"):
        return "opened"


def network_tunnel() -> str:
    with Path("/dev/net/tun").open("r+b", buffering=0):
        return "opened"


def virtual_machine_device() -> str:
    with Path("/dev/kvm").open("rb"):
        return "opened"


def _writable(path: str) -> str:
    with Path(path).open("r+"):
        return "opened for writing"


def write_module_loader() -> str:
    return _writable("/proc/sys/kernel/modprobe")


def write_name_in_proc() -> str:
    return _writable("/proc/sys/kernel/hostname")


def write_memory_policy() -> str:
    return _writable("/proc/sys/vm/overcommit_memory")


def write_forwarding() -> str:
    return _writable("/proc/sys/net/ipv4/ip_forward")


def write_namespace_limit() -> str:
    return _writable("/proc/sys/user/max_user_namespaces")


def write_login_identity() -> str:
    Path("/proc/self/loginuid").write_text("0")
    return "written"


def _made_in(directory: str) -> str:
    path = Path(directory, "sandgate-escape-probe")
    path.write_text("x")
    path.unlink()
    return "written"


def write_to_etc() -> str:
    return _made_in("/etc")


def write_to_dev() -> str:
    return _made_in("/dev")


def write_to_opt() -> str:
    return _made_in("/opt")


def write_to_base_libraries() -> str:
    return _made_in("/usr/lib")


def write_beside_own_program() -> str:
    return _made_in(str(Path(sys.argv[0]).resolve().parent))


def make_base_directory_writable() -> str:
    Path("/usr").chmod(0o755)
    return "changed"


def link_host_file() -> str:
    target = Path(FACTS["scratch"], f"link-{os.getpid()}")
    os.link(FACTS["secret_file"], target)
    target.unlink()
    return "linked"


def remove_gateway() -> str:
    Path(FACTS["gateway"]).unlink()
    return "removed"


def replace_gateway() -> str:
    decoy = Path(FACTS["gateway"]).parent / "decoy"
    decoy.touch()
    decoy.replace(FACTS["gateway_to_replace"])
    return "replaced"


def open_gateway_to_others() -> str:
    Path(FACTS["gateway_to_change"]).chmod(0o777)
    return "changed"
