"""Secrets as files of mode 0600 in one directory: made once, durable, destroyed for good.

A destroyed file stays as an empty tombstone, so that its name is never given out again.
"""

import os
import re
import secrets
from pathlib import Path

from foundation.keys.protocol import no_key

_NAME = re.compile(r"^[a-z][a-z0-9_.-]{0,119}$")


class SecretFiles:
    """One directory of secrets."""

    def __init__(self, directory: Path) -> None:
        """Open or make the directory."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory

    def names(self) -> list[str]:
        """Return every name, destroyed ones too."""
        found = (path.name for path in self._directory.iterdir() if path.is_file())
        return sorted(name for name in found if _NAME.match(name))

    def read(self, name: str) -> bytes | None:
        """Return a secret; empty bytes where it was destroyed, None where it never was."""
        path = self.path(name)
        return path.read_bytes() if path.exists() else None

    def write_new(self, name: str, secret: bytes) -> None:
        """Write a secret under a name that was never used. Raises Unavailable otherwise."""
        try:
            handle = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise no_key(name) from error
        _write_all(handle, secret)
        self._sync()

    def replace(self, name: str, secret: bytes) -> None:
        """Put another content in a secret's place, whole or not at all."""
        fresh = self._directory / f"~{name}"  # no name a key can have
        _write_all(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), secret)
        fresh.replace(self.path(name))
        self._sync()

    def destroy(self, name: str) -> bool:
        """Overwrite a secret and leave an empty tombstone; tell whether there was one."""
        path = self.path(name)
        if not path.exists() or path.stat().st_size == 0:
            return False
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(0)
            os.fsync(file.fileno())
        return True

    def path(self, name: str) -> Path:
        """Return where a secret lies. Raises ValueError for what is no key name."""
        if not _NAME.match(name):
            raise ValueError(f"not a key name: {name!r}")
        return self._directory / name

    def _sync(self) -> None:
        handle = os.open(self._directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
