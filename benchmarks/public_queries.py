"""The TPC-H and TPC-DS query texts, from one pinned release of sqlglot's source package.

The texts are the TPC's and none is kept here: they are read at run time out of the archive that
PyPI serves under the digest below, and cached beside the benchmarks' environments. Another digest
is never read.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "30.30.0"
SHA256 = "b8e344042c85d7baa1d0d827127dfe1611ce9ac59bceab6fe370665baeb14ce7"
ARCHIVE = f"sqlglot-{VERSION}.tar.gz"
FIXTURES = f"sqlglot-{VERSION}/tests/fixtures/optimizer"
DOWNLOAD_SECONDS_MAX = 180.0


class Skipped(Exception):
    """A benchmark cannot run here; its one argument says why."""


def cache_directory() -> Path:
    """Return where benchmarks keep what they fetch and make: outside the repository."""
    found = Path.home() / ".cache" / "sandgate-benchmarks"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def tpch_queries() -> list[str]:
    """Return the 22 queries of TPC-H in order. Raises Skipped where they cannot be fetched."""
    return _queries("tpc-h/tpc-h.sql", 22)


def tpcds_queries() -> list[str]:
    """Return the 99 queries of TPC-DS in order. Raises Skipped where they cannot be fetched."""
    return _queries("tpc-ds/tpc-ds.sql", 99)


def _queries(name: str, count: int) -> list[str]:
    with tarfile.open(_archive()) as archive:
        member = archive.extractfile(f"{FIXTURES}/{name}")
        assert member is not None
        text = member.read().decode()
    kept = "\n".join(line for line in text.splitlines() if line and line[:2] != "--")
    asked = kept.split(";")[0::2]  # each query is followed by the form that sqlglot expects of it
    found = [_without_marks(query) for query in asked if query.strip()]
    assert len(found) == count
    return found


def _without_marks(query: str) -> str:
    return "\n".join(line for line in query.strip().splitlines() if not line.startswith("#"))


def _archive() -> Path:
    path = cache_directory() / ARCHIVE
    if not path.is_file():
        _download(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise Skipped(f"{path} has another digest than the pinned one; remove it and try again")
    return path


def _download(path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as directory:
        wanted = Path(directory) / "wanted.txt"
        wanted.write_text(f"sqlglot=={VERSION} --hash=sha256:{SHA256}\n")
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary=:all:"]
        options += ["--require-hashes", "--dest", directory, "--requirement", str(wanted)]
        try:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", *options],
                check=True,
                capture_output=True,
                timeout=DOWNLOAD_SECONDS_MAX,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Skipped(f"sqlglot {VERSION} could not be fetched from the package index") from (
                error
            )
        (Path(directory) / ARCHIVE).rename(path)
