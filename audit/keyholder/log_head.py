"""The log as the key holder knows it: the checkpoint it stands by, and one it signed on top.

A checkpoint is signed before the batch is durable, so the last one may come to nothing. It binds
as soon as anything rests on it: the next checkpoint, a confirmation, or an entry that is cited.
From then on nothing is signed that does not extend it; one that came to nothing is written down.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from audit.tree import Digest, verify_consistency
from foundation.canonical import canonical_bytes
from foundation.errors import Denied, Message

HEAD = "log-head"
HEAD_SM3 = "log-head-sm3"
_SLOT_BYTES = 512
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Mark:
    """A tree's size and root."""

    size: int
    root: bytes


class LogHead:
    """Two slots written in turn, each whole or not at all; the newer readable one counts."""

    def __init__(self, path: Path, digest: Digest = sha256) -> None:
        """Read the state; an absent file stands for the empty log of this hash."""
        self._digest = digest
        self._empty = Mark(0, digest(b"").digest())
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        slots = [self._read(0), self._read(1)]
        self._turn, self.standing, self.signed = max(
            (slot for slot in slots if slot is not None),
            key=lambda slot: slot[0],
            default=(0, self._empty, self._empty),
        )

    def extend(
        self, base: Mark, head: Mark, proof: Sequence[bytes], told: Callable[[Mark], object] = bool
    ) -> None:
        """Take note that ``head`` is signed on top of ``base``; durable on return.

        ``told`` hears first of a checkpoint that came to nothing by it: were it forgotten between
        the two, its entries would open keys later. Raises Denied where ``base`` is not what this
        log's last checkpoint was, or ``head`` does not extend it.
        """
        if base not in (self.standing, self.signed):
            raise _refused(
                "checkpoint_base_unknown",
                "请求签名的检查点不是在本日志最近的检查点之上：日志被重建或回退。",
                "The checkpoint does not build on the last one of this log: the log was rebuilt "
                "or rolled back.",
            )
        grown = head.size > base.size or head == base
        extends = verify_consistency(
            base.size, head.size, proof, base.root, head.root, self._digest
        )
        if base.size == 0:  # every tree extends the empty one
            extends = base == self._empty
        if not grown or not extends:
            raise _refused(
                "checkpoint_not_extending",
                "请求签名的检查点不是原日志的延续：条目被改动、删除或重排。",
                "The checkpoint does not extend the log: entries were changed, removed or moved.",
            )
        if self.signed not in (self.standing, base, head):
            told(self.signed)
        if (self.standing, self.signed) != (base, head):
            self._write(base, head)

    def rest_on(self, mark: Mark) -> None:
        """Stand by a checkpoint that something rests on; one known to be older changes nothing."""
        if mark == self.signed and mark != self.standing:
            self._write(mark, mark)

    def knows(self, mark: Mark) -> bool:
        """Tell whether the checkpoint may be one of this log: never one beyond what was signed."""
        return mark.size < self.standing.size or mark in (self.standing, self.signed)

    def adopt(self, mark: Mark) -> None:
        """Begin with a log that was kept elsewhere before."""
        self._write(mark, mark)

    def _write(self, standing: Mark, signed: Mark) -> None:
        turn = self._turn + 1
        text = canonical_bytes(
            {
                "turn": turn,
                "standing": [standing.size, standing.root.hex()],
                "signed": [signed.size, signed.root.hex()],
            }
        )
        data = (hashlib.sha256(text).digest() + text).ljust(_SLOT_BYTES, b" ")
        os.pwrite(self._handle, data, (turn % 2) * _SLOT_BYTES)
        os.fdatasync(self._handle)
        self._turn, self.standing, self.signed = turn, standing, signed

    def _read(self, slot: int) -> tuple[int, Mark, Mark] | None:
        data = os.pread(self._handle, _SLOT_BYTES, slot * _SLOT_BYTES)
        text = data[_DIGEST_BYTES:].rstrip(b" ")
        if hashlib.sha256(text).digest() != data[:_DIGEST_BYTES]:
            return None
        found = json.loads(text)
        marks = [Mark(size, bytes.fromhex(root)) for size, root in _pairs(found)]
        return found["turn"], marks[0], marks[1]


def _pairs(found: dict[str, list[object]]) -> list[tuple[int, str]]:
    pairs = (found["standing"], found["signed"])
    return [(int(str(size)), str(root)) for size, root in pairs]


def _refused(code: str, zh: str, en: str) -> Denied:
    return Denied(
        code,
        Message(zh, en),
        rule="RFC 6962",
        way_out=Message(
            "请恢复与最近检查点一致的数据库；密钥保管进程不会为另一份日志签名。",
            "Restore the database that matches the last checkpoint; the key holder signs no other.",
        ),
    )
