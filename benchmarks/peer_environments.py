"""One environment a peer, made from its own lock under the user's cache directory.

An environment is made anew when its lock changes; what cannot be installed here is skipped with
the reason, and never counted.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.public_queries import Skipped, cache_directory

PEERS = Path(__file__).with_name("peers")
INSTALL_SECONDS_MAX = 900.0
ASK_SECONDS_MAX = 1_800.0


def python_of(peer: str) -> Path:
    """Return the Python of a peer's environment, making it first. Raises Skipped."""
    lock = PEERS / peer / "requirements.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    home = cache_directory() / peer
    python, stamp = home / "bin" / "python", home / "stamp"
    if not stamp.is_file() or stamp.read_text() != digest:
        options = ["-q", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
        _run([sys.executable, "-m", "venv", "--clear", str(home)], peer)
        _run([str(python), "-m", "pip", "install", *options], peer)
        stamp.write_text(digest)
    return python


def ask(peer: str, *arguments: str) -> dict[str, float]:
    """Run a peer's ``ask.py``; return the figures of its last line. Raises Skipped."""
    python = python_of(peer)
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(Path.home()),
        "PYTHONPATH": str(PEERS.parents[1]),
        "PYSPARK_PYTHON": str(python),  # Spark's workers run in this environment too
    }
    try:
        with tempfile.TemporaryDirectory() as directory:  # some leave files where they stand
            done = subprocess.run(
                [str(python), str(PEERS / peer / "ask.py"), *arguments],
                env=variables,
                cwd=directory,
                capture_output=True,
                text=True,
                timeout=ASK_SECONDS_MAX,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise Skipped(f"{peer} did not answer within {ASK_SECONDS_MAX:.0f} s") from error
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Skipped(f"{peer} did not run here: {last}")
    told: dict[str, float] = json.loads(lines[-1])
    return told


def _run(command: list[str], peer: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS_MAX)
    except (OSError, subprocess.SubprocessError) as error:
        raise Skipped(f"the environment of {peer} could not be made here") from error
