"""A confined child kept on chosen processors runs on no other, and cannot help itself to more."""

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from foundation.cgroups import GroupLimits, create_control_group
from foundation.confinement import Confinement, Limits, launch
from foundation.settings import Settings
from tests.parts import need_namespaces

pytestmark = need_namespaces

GUEST = """
import json, os, socket, sys
channel = socket.socket(fileno=int(sys.argv[1]))
before = sorted(os.sched_getaffinity(0))
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
channel.sendall(json.dumps([before, sorted(os.sched_getaffinity(0))]).encode())
"""


def can_keep_processors() -> bool:
    group = create_control_group(GroupLimits(64 << 20, 8, {0}))
    group.remove()
    return group.processors


@pytest.mark.skipif(not can_keep_processors(), reason="no writable cpuset group on this host")
def test_a_child_stays_on_its_processors(tmp_path: Path) -> None:
    wanted = max(os.sched_getaffinity(0))
    program = tmp_path / "guest.py"
    program.write_text(GUEST)
    ours, theirs = socket.socketpair()
    limits = Limits(memory_bytes_max=256 << 20, pids_max=16, processors=frozenset({wanted}))
    process = launch(
        Confinement(
            environment=Path(sys.prefix),
            program=program,
            arguments=(str(theirs.fileno()),),
            inherited_fds=(theirs.fileno(),),
            limits=limits,
            profile="worker",
        )
    )
    theirs.close()
    with ours, ours.makefile("rb") as reader:
        before, after = json.loads(reader.read())
    process.kill()
    assert before == [wanted]
    assert after == [wanted]


def test_the_setting_names_processors_and_nothing_else() -> None:
    first, *others = sorted(os.sched_getaffinity(0))
    kept = Settings(aggregate_processors=str(first))
    assert kept.kept_processors == {first}
    assert kept.other_processors == set(others)
    assert not Settings().kept_processors
    assert not Settings().other_processors
    everything = ",".join(map(str, [first, *others]))
    for wrong in (everything, "999"):
        with pytest.raises(ValueError, match="aggregate_processors"):
            Settings(aggregate_processors=wrong)
    with pytest.raises(ValueError, match="aggregate_processors"):
        Settings(aggregate_processors="all but one")
