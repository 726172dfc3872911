"""What the key holder did, line by line: an append-only file that reconciles with the log.

A line is durable before the key it tells of is handed over. Each holds the digest of the line
before it, so that a line taken out or changed is seen.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from foundation.canonical import canonical_bytes
from foundation.errors import Message, Unavailable

JOURNAL = "journal.jsonl"
START = "0" * 64

CREATED, OPENED, DESTROYED = "created", "opened", "destroyed"
SIGNED, ABANDONED, REFUSED = "signed", "abandoned", "refused"
ROTATED, REWRAPPED, ADOPTED = "rotated", "rewrapped", "adopted"
DIGESTED = "digested"


class BrokenJournal(ValueError):
    """The journal's lines do not follow from each other."""

    def __init__(self, number: int) -> None:
        """Name the first bad line, counted from 1."""
        super().__init__(f"line {number} of the key holder's journal does not follow")
        self.number = number


class Journal:
    """The journal of one key directory."""

    def __init__(self, path: Path) -> None:
        """Read what there is. Raises Unavailable where the lines do not follow."""
        try:
            lines = list(read_journal(path))
        except BrokenJournal as broken:
            raise _changed(broken) from broken
        self.lines = lines
        self._number = len(lines)
        self._before = _digest(lines[-1]) if lines else START
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._handle = os.open(path, flags, 0o600)

    def write(self, what: str, time_us: int, **about: object) -> dict[str, Any]:
        """Append one line and return it once it is durable."""
        line = {"before": self._before, "n": self._number + 1, "time_us": time_us, "what": what}
        line |= about
        data = canonical_bytes(line) + b"\n"
        if os.write(self._handle, data) != len(data):
            raise OSError("the key holder's journal could not be written whole")
        os.fdatasync(self._handle)
        self._number += 1
        self._before = _digest(line)
        return line


def read_journal(path: Path) -> Iterator[Mapping[str, Any]]:
    """Return the lines in order. Raises BrokenJournal at the first that does not follow.

    A last line without its end was never acknowledged and is left out.
    """
    if not path.exists():
        return
    data = path.read_bytes()
    before = START
    for number, text in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise BrokenJournal(number) from error
        if line.get("before") != before or line.get("n") != number:
            raise BrokenJournal(number)
        before = _digest(line)
        yield line


def _digest(line: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_bytes(line)).hexdigest()


def _changed(broken: BrokenJournal) -> Unavailable:
    return Unavailable(
        "key_journal_changed",
        Message(
            zh=f"密钥保管进程的使用记录第 {broken.number} 行被改动，密钥保持关闭。",
            en=f"Line {broken.number} of the key holder's journal was changed; keys stay closed.",
        ),
        rule="I9",
    )
