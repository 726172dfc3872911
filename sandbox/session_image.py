"""One digest of all that a session is started from, so that no slot outlives what it was made of.

It covers the guest's files, the session environment's installed distributions, the packages shown
to kernels and the policy pack. Files of the environment are named by size and time of change, not
read: it is looked at on every opening.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from foundation.canonical import digest, sha256_hex
from foundation.errors import Unavailable
from sandbox.notebooks import environment_digest

GUEST = Path(__file__).resolve().parent / "guest"


def session_image(environment: Path, packages: Mapping[str, Path], policy_digest: str) -> str:
    """Return the digest of what a session started now would run; a missing part counts as such."""
    return digest(
        {
            "policy": policy_digest,
            "guest": {path.name: sha256_hex(path.read_bytes()) for path in _files(GUEST)},
            "environment": _marks(_records(environment)),
            "packages": {name: _marks(_files(path)) for name, path in packages.items()},
        }
    )


class EnvironmentDigest:
    """The digest of a session environment, read anew only where a file of it has changed."""

    def __init__(self, environment: Path) -> None:
        """Read nothing yet."""
        self._environment = environment
        self._known: tuple[dict[str, str], str] = ({}, "")

    def __call__(self) -> str:
        """Return the digest, or nothing where there is no environment."""
        marks = _marks(_records(self._environment))
        known, found = self._known
        if marks == known:
            return found
        try:
            found = environment_digest(self._environment)
        except Unavailable:
            found = ""
        self._known = (marks, found)
        return found


def _records(environment: Path) -> Iterable[Path]:
    """Return one file of each installed distribution, and the stamps of the environment itself."""
    yield from sorted(environment.glob("lib/python3*/site-packages/*.dist-info/RECORD"))
    yield from (environment / name for name in ("pyvenv.cfg", "stamp"))


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("*") if path.is_file())


def _marks(paths: Iterable[Path]) -> dict[str, str]:
    return {str(path): _mark(path) for path in paths}


def _mark(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "missing"
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"
