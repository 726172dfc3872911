"""The container's filter lets a sandbox be built, and keeps what no container needs."""

import json
import subprocess
import sys

import pytest

from tests.parts import REPOSITORY, need_gvisor, need_namespaces

pytestmark = need_namespaces

PROFILE = REPOSITORY / "deploy" / "seccomp.json"
UNDER_THE_FILTER = """
import ctypes, json, sys
from pathlib import Path
import pyseccomp as seccomp
profile = json.loads(Path(sys.argv[1]).read_text())
rules = seccomp.SyscallFilter(seccomp.ERRNO(profile["defaultErrnoRet"]))
compare = {"SCMP_CMP_NE": seccomp.NE}
for group in profile["syscalls"]:
    listed = group.get("args", [])
    arguments = [seccomp.Arg(one["index"], compare[one["op"]], one["value"]) for one in listed]
    for name in group["names"]:
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(seccomp.ALLOW, name, *arguments)
for name in sys.argv[3:]:
    rules.add_rule(seccomp.ALLOW, name)
rules.load()
from foundation.host_report import probe_host
found = {limit.name: limit.enforced for limit in probe_host(Path(sys.argv[2])).limits}
libc = ctypes.CDLL(None, use_errno=True)
tried = probe_host(Path(sys.argv[2]), gvisor=True)
found["gvisor"] = tried.works and all(
    limit.enforced for limit in tried.limits if limit.name in ("namespaces", "seccomp", "pids")
)
found["ptrace_denied"] = libc.ptrace(0, 0, 0, 0) < 0
found["vsock_denied"] = libc.socket(40, 1, 0) < 0
found["udp_allowed"] = libc.socket(2, 2, 0) >= 0
print(json.dumps(found))
"""


def found_under_the_filter(*wanted: str) -> dict[str, bool]:
    environment = str(REPOSITORY / ".venv")
    done = subprocess.run(
        [sys.executable, "-c", UNDER_THE_FILTER, str(PROFILE), environment, *wanted],
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
        cwd=REPOSITORY,
    )
    found: dict[str, bool] = json.loads(done.stdout)
    return found


@need_gvisor
def test_gvisor_works_under_the_containers_filter_with_ptrace_alone_added() -> None:
    assert not found_under_the_filter()["gvisor"]  # and is not reported as working
    assert found_under_the_filter("ptrace")["gvisor"]


def test_a_sandbox_is_built_under_the_containers_filter() -> None:
    found = found_under_the_filter()
    assert found["namespaces"]
    assert found["seccomp"]
    assert found["ptrace_denied"]
    assert found["vsock_denied"]
    assert found["udp_allowed"]


@pytest.mark.parametrize(
    "name", ["bpf", "io_uring_setup", "keyctl", "perf_event_open", "ptrace", "kexec_load", "reboot"]
)
def test_the_containers_filter_names_nothing_dangerous(name: str) -> None:
    profile = json.loads(PROFILE.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert name not in [listed for group in profile["syscalls"] for listed in group["names"]]
