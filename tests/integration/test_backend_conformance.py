"""Every backend keeps the same promises: one suite, run against each that this host can run."""

import array
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from foundation.errors import Conflict, NotFound
from foundation.process_table import descendants
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.backends.gvisor import GvisorBackend
from sandbox.backends.interface import Endpoint
from tests.parts import (
    SESSION_ENVIRONMENT,
    need_gvisor,
    need_namespaces,
    need_session_environment,
)
from tests.session_browser import KernelChannel
from tests.session_cells import ask, dial, ended_by, kernel, run

pytestmark = [need_namespaces, need_session_environment]

AS_ROOT = os.geteuid() == 0
MEBIBYTE = 1 << 20
LIMITS = SessionLimits(
    memory_bytes_max=1024 * MEBIBYTE,
    pids_max=64,
    home_bytes_max=16 * MEBIBYTE,
    cpus_max=2.0,
    inodes_max=2_000,
)
KINDS = {"bubblewrap": BubblewrapBackend, "gvisor": GvisorBackend}
SESSION = "ses_conformance_7f3a"
MARKER = "marker-of-the-service"


@dataclass
class Opened:
    """One live slot with a kernel, and its neighbour's."""

    backend: BubblewrapBackend
    endpoint: Endpoint
    cell: KernelChannel
    before: str
    neighbour: KernelChannel
    warm: int

    def pids(self) -> list[int]:
        return processes_of(self.backend, self.endpoint.slot)


def processes_of(backend: BubblewrapBackend, slot: str) -> list[int]:
    return descendants(backend._slots[slot].process.pid)


SHOW_SELF = (
    "import os, json; print(json.dumps([sorted(os.environ.items()), os.uname().nodename,"
    " os.getuid(), open('/proc/self/mountinfo').read() if os.path.exists('/proc/self/mountinfo')"
    " else '']))"
)


@pytest.fixture(scope="module", params=["bubblewrap", pytest.param("gvisor", marks=need_gvisor)])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    marker = os.open(tmp_path_factory.mktemp("host") / MARKER, os.O_CREAT | os.O_RDWR)
    os.set_inheritable(marker, True)  # what the service held carelessly must not arrive inside
    backend = KINDS[request.param](SESSION_ENVIRONMENT, LIMITS)
    try:
        slot, other = backend.prestart(), backend.prestart()
        endpoint, beside = backend.endpoint(slot), backend.assign(other, "ses_neighbour")
        warm = ask(endpoint, "GET", "/warm?import=json").status_code
        with kernel(endpoint) as cell, kernel(beside) as neighbour:
            before = run(cell, SHOW_SELF)
            assert backend.assign(slot, SESSION) == endpoint
            yield Opened(backend, endpoint, cell, before, neighbour, warm)
    finally:
        backend.close()
        os.close(marker)


def test_a_cell_runs_and_the_slot_is_alive(opened: Opened) -> None:
    assert run(opened.cell, "1 + 1") == "2"
    assert opened.backend.stats(opened.endpoint.slot).alive


def test_a_slot_is_assigned_once(opened: Opened) -> None:
    with pytest.raises(Conflict):
        opened.backend.assign(opened.endpoint.slot, "ses_second")
    with pytest.raises(NotFound):
        opened.backend.assign("no-such-slot", "ses_second")


def test_nothing_inside_changes_or_tells_whose_it_is(opened: Opened) -> None:
    assert run(opened.cell, SHOW_SELF) == opened.before
    assert SESSION not in opened.before
    assert opened.endpoint.ui_token not in opened.before
    for pid in opened.pids():
        try:
            seen = Path(f"/proc/{pid}/cmdline").read_bytes()
            seen += Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        assert SESSION.encode() not in seen


def test_a_slots_name_is_random_and_never_again_the_same(opened: Opened) -> None:
    names = set(opened.backend._slots)
    assert len(names) == 2
    assert all(re.fullmatch(r"[0-9a-z]{26,}", name) for name in names)


def test_the_interface_wants_its_token(opened: Opened) -> None:
    assert ask(opened.endpoint, "GET", "/api/status").status_code == 200
    assert ask(opened.endpoint, "GET", "/api/status", token="another").status_code == 403


def test_the_interface_socket_is_the_hosts_own_and_has_no_path_inside(opened: Opened) -> None:
    dial(opened.endpoint.ui_socket).close()
    assert opened.endpoint.ui_socket.lstat().st_uid == os.geteuid()
    seen = run(
        opened.cell,
        "import os; print([os.path.join(at, name) for top in ('/run', '/tmp', '/home', '/dev',"
        " '/opt/guest') for at, below, names in os.walk(top) for name in below + names"
        " if name.endswith('.sock')], sorted(os.listdir('/')))",
    )
    assert seen.startswith("['/run/gateway.sock'] ")
    assert not {"'host'", "'work'", "'root'", "'var'"} & set(seen.partition("] ")[2].split(", "))


def test_a_planted_link_is_never_followed(opened: Opened, tmp_path: Path) -> None:
    planted = tmp_path / "ui.sock"
    planted.symlink_to(opened.endpoint.ui_socket)
    with pytest.raises(OSError, match="is no socket"):
        dial(planted)
    shared = [
        part
        for part in opened.endpoint.ui_socket.parent.iterdir()
        if part.name not in {"ui.sock", "gateway.sock"}
    ]
    assert shared == []  # no directory of the host is writable from inside
    run(opened.cell, "import os; os.symlink('/etc/passwd', '/run/ui.sock'); os.listdir('/run')")
    run(opened.cell, "os.unlink('/run/ui.sock')")
    dial(opened.endpoint.ui_socket).close()


def test_the_gateway_refuses_until_it_listens_and_then_knows_who_calls(opened: Opened) -> None:
    connect = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/gateway.sock')"
    assert opened.cell.execute(connect).error == "ConnectionRefusedError"
    listener = opened.endpoint.gateway_listener
    listener.listen(4)
    listener.settimeout(10)
    run(opened.cell, connect)
    caller, _ = listener.accept()
    with caller:
        told = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        uid = array.array("i", told)[1]
        caller.sendall(b"answered")
    assert run(opened.cell, "print(s.recv(16).decode())") == "answered"
    assert uid == opened.endpoint.peer_uid
    if AS_ROOT:
        assert uid not in {0, os.geteuid()}


@pytest.mark.skipif(not AS_ROOT, reason="only root can give slots uids of their own")
def test_no_two_slots_share_a_uid(opened: Opened) -> None:
    uids = {opened.backend.endpoint(slot).peer_uid for slot in opened.backend._slots}
    assert len(uids) == 2


def test_no_descriptor_of_the_service_arrives_inside(opened: Opened) -> None:
    listed = run(
        opened.cell,
        "import glob, os, json\nheld = []\n"
        "for link in glob.glob('/proc/[0-9]*/fd/*'):\n"
        "    try:\n        held.append(os.readlink(link))\n    except OSError:\n        pass\n"
        "print(json.dumps(held))",
    )
    links = json.loads(listed)
    assert links
    assert not [link for link in links if MARKER in link]
    held = {
        link
        for link in links
        if link.startswith("/") and not link.startswith(("/dev/", "/run/", "/home/", "/proc/"))
    }
    assert not [link for link in held if not link.startswith(("/opt/", "/usr/", "/tmp/"))]


def test_the_server_says_when_its_kernel_is_warm(opened: Opened) -> None:
    assert opened.warm == 204
    assert ask(opened.endpoint, "GET", "/warm").status_code == 409


def test_stats_follow_what_a_session_holds(opened: Opened) -> None:
    before = opened.backend.stats(opened.endpoint.slot).memory_bytes
    run(opened.cell, "held = bytearray(b'x') * (96 << 20); len(held)")
    after = opened.backend.stats(opened.endpoint.slot).memory_bytes
    assert 80 * MEBIBYTE < after - before < 160 * MEBIBYTE
    run(opened.cell, "del held")


FILL_DISK = """
import errno, os
try:
    with open('/home/operator/full', 'wb', buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))
except OSError as error:
    print(errno.errorcode[error.errno])
os.unlink('/home/operator/full')
"""
# In a small process of its own: under gVisor each fork of a whole kernel costs megabytes.
FORK = """
import subprocess, sys
print(subprocess.run([sys.executable, '-c', FORKS], capture_output=True, text=True).stdout)
"""
FORKS = """
import errno, os, signal, time
made, told = [], 'none'
try:
    while len(made) < 300:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        made.append(child)
except OSError as error:
    told = errno.errorcode[error.errno]
for child in made:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
print(told if len(made) < 64 else len(made))
"""
OPEN_FILES = """
import errno, os
held = []
try:
    while True:
        held.append(os.open('/dev/null', os.O_RDONLY))
except OSError as error:
    told = errno.errorcode[error.errno]
for one in held:
    os.close(one)
print(told)
"""
MAKE_FILES = """
import errno, os, shutil
told = 'none'
os.mkdir('/home/operator/many')
try:
    for number in range(4_000):
        open(f'/home/operator/many/{number}', 'x').close()
except OSError as error:
    told = errno.errorcode[error.errno]
shutil.rmtree('/home/operator/many')
print(told)
"""
FORK = f"FORKS = {FORKS!r}\n{FORK}"
BOUNDED = {
    "disk": (FILL_DISK, "ENOSPC"),
    "processes": (FORK, "EAGAIN"),
    "files": (OPEN_FILES, "EMFILE"),
}


@pytest.mark.parametrize("bomb", BOUNDED)
def test_a_bomb_ends_in_the_session_that_made_it(bomb: str, opened: Opened) -> None:
    code, wanted = BOUNDED[bomb]
    assert (
        wanted in run(opened.cell, code).splitlines()
    )  # the shell may add that it kept no history
    assert run(opened.neighbour, "40 + 2") == "42"


def test_a_bomb_of_files_ends_at_their_number_or_at_the_memory(opened: Opened) -> None:
    capped = type(opened.backend) is BubblewrapBackend
    assert run(opened.cell, MAKE_FILES) == ("ENOSPC" if capped else "none")
    assert run(opened.neighbour, "40 + 2") == "42"


def test_output_is_kept_as_its_tail(opened: Opened) -> None:
    run(opened.cell, "import os\nfor _ in range(2_000): os.write(2, b'x' * 1_000)")
    assert len(opened.backend.output_tail(opened.endpoint.slot)) <= 64 << 10
    assert run(opened.neighbour, "40 + 2") == "42"


def test_a_memory_bomb_costs_its_own_session_its_kernel_or_all(opened: Opened) -> None:
    bomb = "held = []\nfor _ in range(200): held.append(bytearray(b'x') * (8 << 20))"
    assert ended_by(opened.cell, bomb)
    assert run(opened.neighbour, "40 + 2") == "42"


def test_killing_leaves_nothing_and_may_be_repeated(opened: Opened) -> None:
    """The last test of a backend: it ends the slots that the others used."""
    backend, slot = opened.backend, opened.endpoint.slot
    pids, groups = opened.pids(), backend._slots[slot].process._group.directories
    backend.kill(slot)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert not [group for group in groups if group.exists()]
    assert not opened.endpoint.ui_socket.parent.exists()
    backend.kill(slot)
    assert not backend.stats(slot).alive
    with pytest.raises(NotFound):
        backend.endpoint(slot)
    assert run(opened.neighbour, "40 + 2") == "42"
    (last,) = backend._slots
    started = time.monotonic()
    backend.kill(last)
    assert time.monotonic() - started < 20
