"""The head file: the last checkpoint in a second place, and the lease of the one writer.

A database restored from a backup is behind it and is refused; the file is replaced atomically
and synced before any caller hears of an entry. Keep it on another disk than the database.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from foundation.errors import Message, Unavailable


class HeadFile:
    """One checkpoint note on disk, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        """Take the lease. Raises Unavailable while another writer holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lease = os.open(f"{path}.lease", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lease)
            raise Unavailable(
                "log_writer_running",
                Message(
                    zh="另一个日志写入进程正在运行；一份日志只能有一个写入者。",
                    en="Another log writer is running; a log has exactly one.",
                ),
            ) from error

    def read(self) -> str | None:
        """Return the note, or None where no file was ever written."""
        return self._path.read_text(encoding="utf-8") if self._path.exists() else None

    def write(self, note: str) -> None:
        """Replace the note atomically and return once it is durable."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, note.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        fresh.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def release(self) -> None:
        """Give the lease back."""
        if self._lease >= 0:
            os.close(self._lease)
            self._lease = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.release()
