"""Every way out that we know of, tried inside each backend; the same attempt succeeds outside."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pyseccomp
import pytest

from foundation import confinement, seccomp
from tests.attacks.escape_expected import ACCEPTED, BUBBLEWRAP, CONTROLS, GVISOR
from tests.attacks.escape_scene import Answers, Scene, inside, outside, scene
from tests.parts import need_gvisor, need_namespaces

pytestmark = need_namespaces

FOLDER = Path(__file__).parent
HARNESS = {"call", "connects", "refused", "attempt", "main", "found_in"}
CONTROLLED_MIN = 113  # the bar of the specification


def probes_of(module: str) -> list[str]:
    """Read the names of a module's probes from its text, so that none can be left unjudged."""
    tree = ast.parse((FOLDER / f"escape_{module}.py").read_text())
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in found if name not in HARNESS and not name.startswith("_")]


EVERY_PROBE = [
    name
    for module in ("probes", "calls", "doors", "files", "kernel", "network")
    for name in probes_of(module)
]
EVERY_ESCAPE = sorted(set(EVERY_PROBE) - set(CONTROLS))

# Outside, each of these succeeds as root on any Linux host: without it a layer proves nothing.
OPEN_OUTSIDE = (
    "abstract_unix_socket",
    "change_own_program",
    "change_personality",
    "change_root",
    "clone3_call",
    "clone_into_user_namespace",
    "compare_kernel_objects",
    "environment_of_parent",
    "file_handle",
    "gain_privileges_by_exec",
    "host_sysfs",
    "list_home_of_service",
    "machine_identity",
    "make_fifo",
    "netlink_socket",
    "new_network_namespace",
    "new_user_namespace",
    "raise_priority",
    "read_host_file",
    "read_memory_of_another_process",
    "read_repository",
    "see_host_process",
    "signal_host_process",
    "tcp_to_host",
    "trace_a_child",
    "udp_socket",
    "unix_socket_by_path",
    "write_to_environment",
    "clone_into_network_namespace",
    "environment_of_host_process",
    "gateway_of_another_slot",
    "inherited_file",
    "listen_on_tcp",
    "listeners_of_host",
    "map_pages_into_pipe",
    "memory_of_host_process",
    "mount_by_binding",
    "netlink_routes",
    "new_mount_namespace",
    "read_control_store",
    "read_home_of_another_slot",
    "read_key_of_service",
    "remove_gateway",
    "secret_in_own_environment",
    "set_host_name",
    "splice_pages",
    "trace_host_process",
    "unix_sockets_of_host",
    "write_memory_of_a_process",
)
NEEDS_ROOT = {
    *("raise_priority", "change_root", "clone_into_network_namespace", "mount_by_binding"),
    *("new_mount_namespace", "set_host_name"),
}

# Namespaces and rights stop none of these: with the call list taken away they succeed inside.
ONLY_THE_CALL_LIST_STOPS = {
    *("io_uring", "kernel_keyring", "listen_on_tcp", "make_fifo", "netlink_socket"),
    *("message_queue", "read_memory_of_another_process", "splice_pages", "steal_descriptor"),
    *("system_v_memory", "trace_a_child", "udp_socket", "write_memory_of_a_process"),
}


@pytest.fixture(scope="module")
def on() -> Iterator[Scene]:
    with scene() as made:
        yield made


@pytest.fixture(scope="module")
def control(on: Scene) -> Answers:
    """The same probes without any layer."""
    return outside(on)


@pytest.fixture(scope="module")
def session(on: Scene) -> Answers:
    return inside(on)


@pytest.fixture(scope="module")
def worker(on: Scene) -> Answers:
    return inside(on, "worker")


@pytest.fixture(scope="module")
def gvisor_session(on: Scene) -> Answers:
    return inside(on, gvisor=True)


def test_every_probe_is_judged(session: Answers, control: Answers) -> None:
    assert set(session) == set(control) == set(EVERY_PROBE)
    assert len(EVERY_PROBE) == len(set(EVERY_PROBE))


@pytest.mark.parametrize("probe", EVERY_ESCAPE)
def test_a_session_cannot(probe: str, session: Answers) -> None:
    if probe not in ACCEPTED[BUBBLEWRAP]:
        assert not session[probe]["open"], session[probe]["said"]


@need_gvisor
@pytest.mark.parametrize("probe", EVERY_ESCAPE)
def test_a_session_under_gvisor_cannot(probe: str, gvisor_session: Answers) -> None:
    if probe not in ACCEPTED[GVISOR]:
        assert not gvisor_session[probe]["open"], gvisor_session[probe]["said"]


@pytest.mark.parametrize("probe", EVERY_ESCAPE)
def test_a_worker_cannot(probe: str, worker: Answers) -> None:
    if probe not in ACCEPTED[BUBBLEWRAP]:
        assert not worker[probe]["open"], worker[probe]["said"]


@pytest.mark.parametrize("probe", OPEN_OUTSIDE)
def test_without_the_layers_the_same_attempt_succeeds(probe: str, control: Answers) -> None:
    if probe in NEEDS_ROOT and os.geteuid() != 0:
        pytest.skip("this control needs root")
    assert control[probe]["open"], control[probe]["said"]


def test_with_the_call_list_taken_away_the_same_sandbox_leaks(
    on: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.add_rule(pyseccomp.ERRNO(1), "reboot")
    allows_all = seccomp._exported(rules)
    monkeypatch.setattr(confinement, "compile_filter", lambda _profile: allows_all)
    leaking = {name for name, answer in inside(on).items() if answer["open"]}
    assert leaking >= ONLY_THE_CALL_LIST_STOPS


def test_what_was_handed_in_works(session: Answers, worker: Answers) -> None:
    assert all(session[name]["open"] for name in CONTROLS)
    assert worker["inherited_channel"]["open"]
    assert not worker["gateway"]["open"]  # a worker opens no socket at all


@need_gvisor
def test_what_was_handed_in_works_under_gvisor(gvisor_session: Answers) -> None:
    assert all(gvisor_session[name]["open"] for name in CONTROLS)


@pytest.mark.skipif(os.geteuid() != 0, reason="most controls need root")
def test_as_many_probes_as_promised_have_a_control_on_this_host(control: Answers) -> None:
    shown = set(ACCEPTED[BUBBLEWRAP]) | set(ACCEPTED[GVISOR])
    succeeded = [name for name in EVERY_ESCAPE if control[name]["open"] and name not in shown]
    assert len(succeeded) >= CONTROLLED_MIN


def test_nothing_is_accepted_that_is_no_probe() -> None:
    for names in ACCEPTED.values():
        assert set(names) <= set(EVERY_ESCAPE)
        assert all(names.values())
