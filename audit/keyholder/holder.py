"""Answers one request after another: opens, signs, destroys and turns over keys, or says why not.

Every refusal and every key that was opened is a line of the journal, written before the answer.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.keyholder import journal as lines
from audit.keyholder.journal import JOURNAL, Journal
from audit.keyholder.log_head import HEAD, HEAD_SM3, LogHead, Mark
from audit.keyholder.rules import (
    ENTRIES_BACK_MAX,
    SEAL_KEY,
    SEALED_CONTEXT,
    TEXTS_KEY,
    CitedEntry,
    check_certifies,
    check_opens,
    proved,
    refused,
)
from audit.notes import BadNote, VerifierKey, open_checkpoint, parse_checkpoint
from audit.rotations import rotation_statement, stated_rotation
from audit.sm_digest import sm3
from foundation.clock import Clock
from foundation.errors import Denied
from foundation.keys import PEPPER, Citation, FileKeyStore, KeyRecord
from foundation.keys.signers import ED25519, SM2

LOG_KEY = "log"
LOG_KEY_SM2 = "log-sm2"
CERTIFICATE_KEY = "release-desk"


class KeyHolder:
    """Implements what ``foundation.keys.remote`` asks for, over one key directory."""

    def __init__(
        self, directory: Path, keys: FileKeyStore, clock: Clock, origin: str, *, sm2: bool = False
    ) -> None:
        """Read journal and head. Raises Unavailable where the journal was changed."""
        self._keys = keys
        self._clock = clock
        self._origin = origin
        self._sm2 = sm2
        self._journal = Journal(directory / JOURNAL)
        self._head = LogHead(directory / HEAD)
        self._sm_head = LogHead(directory / HEAD_SM3, sm3) if sm2 else self._head
        self._made_for: dict[str, str] = {}
        self._used: set[tuple[int, str]] = set()
        self._abandoned: set[Mark] = set()
        for line in self._journal.lines:
            self._remember(line)
        self._journal.lines.clear()

    # --- signing

    def public_keys(self) -> dict[str, str]:
        """Return the log's public keys in hexadecimal, made at first use."""
        found = {ED25519: self._keys.ensure_signing_key(LOG_KEY).hex()}
        if self._sm2:
            found[SM2] = self._keys.ensure_signing_key(LOG_KEY_SM2, SM2).hex()
        following = self._keys.next_public_key(LOG_KEY)
        return found | ({"next": following.hex()} if following is not None else {})

    def ensure_signing_key(self, name: str) -> bytes:
        """Make a signing key if there is none; return its public bytes."""
        return self._keys.ensure_signing_key(self._own(name))

    def adopt(self, note: str) -> None:
        """Begin with the head of a log that was kept without a holder; only ever once."""
        if self._head.signed.size or any(self._abandoned) or not note:
            return
        try:
            head = open_checkpoint(note, self._log_key())
        except BadNote:
            return
        self._head.adopt(Mark(head.size, head.root))
        self._write(lines.ADOPTED, size=head.size, root=head.root.hex())

    def sign_checkpoint(self, text: str, base: Mark, proof: Sequence[bytes]) -> dict[str, str]:
        """Sign a checkpoint that extends the last; return signatures by kind, in hexadecimal."""
        head = parse_checkpoint(text)
        if head.origin != self._origin or head.text() != text:
            raise _of_another_log()
        self._head.extend(base, Mark(head.size, head.root), proof, self._abandon)
        data = text.encode()
        found = {ED25519: self._keys.sign(LOG_KEY, data).hex()}
        if self._sm2:
            found[SM2] = self._keys.sign_sm2(LOG_KEY_SM2, data).hex()
        if self._keys.next_public_key(LOG_KEY) is not None:
            found["next"] = self._keys.sign_with_next(LOG_KEY, data).hex()
        return found

    def sign_sm_checkpoint(self, text: str, base: Mark, proof: Sequence[bytes]) -> bytes:
        """Sign a checkpoint of the SM3 log with SM2, where it extends that log's last one."""
        head = parse_checkpoint(text)
        if not self._sm2 or head.origin != f"{self._origin}-sm3" or head.text() != text:
            raise _of_another_log()
        self._sm_head.extend(base, Mark(head.size, head.root), proof)
        return self._keys.sign_sm2(LOG_KEY_SM2, text.encode())

    def confirm(self, mark: Mark) -> None:
        """Stand by a checkpoint that is durable now."""
        self._head.rest_on(mark)

    def sign(self, name: str, data: bytes, cited: Citation | None) -> bytes:
        """Sign a release's certificate for its vote, or a decision for the order to seal it."""
        fit = name == (SEAL_KEY if _is_sealed(data) else CERTIFICATE_KEY)
        self._certify(name, data, cited, fit=fit)
        return self._keys.sign(name, data)

    def ensure_sm2_key(self, name: str) -> bytes:
        """Make an SM2 key if there is none; return its public bytes."""
        return self._keys.ensure_sm2_key(self._own(name))

    def sign_sm2(self, name: str, data: bytes, cited: Citation | None) -> bytes:
        """Put the seal's second signature under a decision, for the order to seal it."""
        self._certify(name, data, cited, fit=name == SEAL_KEY and _is_sealed(data))
        return self._keys.sign_sm2(name, data)

    # --- data keys

    def create_data_key(self, name: str, cited: Citation | None) -> bytes:
        """Make a key for a logged request; one that seals new texts, for none: it opens nothing."""
        if name.startswith(TEXTS_KEY):
            key = self._keys.create_data_key(name)
            self._write(lines.CREATED, key=name)
            return key
        entry = self._opens(name, cited)
        key = self._keys.create_data_key(name)
        self._write(lines.CREATED, **self._about(name, entry))
        return key

    def data_key(self, name: str, cited: Citation | None) -> bytes:
        """Open a key for a logged entry."""
        entry = self._opens(name, cited)
        key = self._keys.data_key(name)
        self._write(lines.OPENED, **self._about(name, entry))
        return key

    def ensure_data_key(self, name: str, cited: Citation | None) -> bytes:
        """Open a key for a logged entry, made at first use."""
        entry = self._opens(name, cited)
        made = not self._keys.has_data_key(name)
        key = self._keys.ensure_data_key(name)
        self._write(lines.CREATED if made else lines.OPENED, **self._about(name, entry))
        return key

    def keyed_digest(self, name: str, data: bytes) -> bytes:
        """Return a digest under a pepper. Each is a line, so that guessing by asking leaves one."""
        self._write(lines.DIGESTED, key=f"{PEPPER}{name[:80]}")
        return self._keys.keyed_digest(name, data)

    def destroy(self, name: str, cited: Citation | None) -> None:
        """Destroy a key; without an entry too, for ending must never wait, but by name."""
        entry = None if cited is None else self._proved(cited)
        self._keys.destroy(self._own(name))
        about = {"key": name} if entry is None else self._about(name, entry)
        self._write(lines.DESTROYED, **about)

    def inventory(self) -> Sequence[KeyRecord]:
        """Name every key."""
        return self._keys.inventory()

    # --- turning over

    def begin_rotation(self) -> dict[str, str]:
        """Make the log's next key; return the statement of it, signed by both."""
        return rotation_statement(self._keys, LOG_KEY, self._origin)

    def finish_rotation(self, cited: Citation | None) -> bytes:
        """Make the next key current, once its statement is in the log."""
        entry = self._proved(cited)
        following = self._keys.next_public_key(LOG_KEY)
        stated = stated_rotation(entry.kind, entry.public)
        if following is None or stated is None or stated.public_key != following:
            raise refused(
                "rotation_not_logged",
                "该密钥轮换未写入日志，不予生效。",
                "This turning-over of the key is not in the log, so it does not take effect.",
            )
        self._write(lines.ROTATED, **self._about(LOG_KEY, entry))
        return self._keys.turn_over(LOG_KEY)

    def rewrap(self) -> tuple[int, int]:
        """Wrap all data keys under a new key; return its version and how many there were."""
        version, count = self._keys.rewrap()
        self._write(lines.REWRAPPED, version=version, keys=count)
        return version, count

    def note_refusal(self, what: str, name: str, code: str) -> None:
        """Write down that something was refused."""
        self._write(lines.REFUSED, request=what[:40], key=name[:120], code=code)

    # --- inside

    def _certify(self, name: str, data: bytes, cited: Citation | None, *, fit: bool) -> None:
        """Write a signature down before it is given; ``fit`` is whether this key puts it there."""
        entry = self._proved(cited)
        if not fit:
            raise refused(
                "key_not_for_signing",
                f"不得请求用密钥“{name}”签名。",
                f"The key {name!r} signs nothing on request.",
            )
        check_certifies(entry, data)
        self._write(lines.SIGNED, **self._about(name, entry))

    def _abandon(self, dropped: Mark) -> None:
        self._write(lines.ABANDONED, size=dropped.size, root=dropped.root.hex())

    def _opens(self, name: str, cited: Citation | None) -> CitedEntry:
        entry = self._proved(cited)
        check_opens(entry, self._own(name), self._made_for.get(name))
        if (entry.index, name) in self._used and not name.startswith(TEXTS_KEY):
            raise refused(
                "entry_used_already",
                f"第 {entry.index} 号日志条目已用于该密钥，每个条目只能用一次。",
                f"Entry {entry.index} of the log has opened this key already; it serves once.",
            )
        return entry

    def _proved(self, cited: Citation | None) -> CitedEntry:
        entry = proved(cited, self._log_key())
        mark = Mark(entry.size, entry.root)
        if not self._head.knows(mark) or mark in self._abandoned:
            raise refused(
                "entry_not_proved",
                "所引用的条目不在本日志之中，密钥不予使用。",
                "The entry that was cited is not in this log; the key is not used.",
            )
        self._head.rest_on(mark)
        if entry.index + ENTRIES_BACK_MAX < self._head.standing.size:
            raise refused(
                "entry_long_past",
                f"第 {entry.index} 号日志条目已过时，不能再用于使用密钥。",
                f"Entry {entry.index} of the log is long past and opens no key any more.",
            )
        return entry

    def _log_key(self) -> VerifierKey:
        return VerifierKey(self._origin, self._keys.ensure_signing_key(LOG_KEY))

    def _own(self, name: str) -> str:
        if name in {LOG_KEY, LOG_KEY_SM2}:
            raise refused(
                "key_not_for_signing",
                "日志签名密钥只能用于签署延续日志的检查点。",
                "The log's key signs only checkpoints that extend the log.",
            )
        if name.startswith(PEPPER):
            raise refused(
                "pepper_never_leaves",
                f"密钥“{name}”只用于计算摘要，不予交出或销毁。",
                f"The key {name!r} only makes digests: it is neither handed out nor destroyed.",
            )
        return name

    def _about(self, name: str, entry: CitedEntry) -> dict[str, object]:
        return {
            "key": name,
            "index": entry.index,
            "leaf": entry.leaf.hex(),
            "kind": entry.kind,
            "licence": entry.licence,
        }

    def _write(self, what: str, **about: object) -> None:
        self._remember(self._journal.write(what, self._clock.now_us(), **about))

    def _remember(self, line: Mapping[str, Any]) -> None:
        what = line["what"]
        if what in {lines.CREATED, lines.OPENED}:
            self._used.add((line.get("index", -1), line["key"]))
        if what == lines.CREATED:
            self._made_for[line["key"]] = line.get("licence", "")
        if what == lines.ABANDONED:
            self._abandoned.add(Mark(line["size"], bytes.fromhex(line["root"])))


def _of_another_log() -> Denied:
    return refused(
        "checkpoint_of_another_log",
        "该检查点属于另一份日志，不予签名。",
        "The checkpoint is of another log; it is not signed.",
    )


def _is_sealed(data: bytes) -> bool:
    return data.startswith(SEALED_CONTEXT + b"\n")


def refusal_name(request: Mapping[str, Any]) -> str:
    """Return the key that a refused request named, or nothing."""
    name = request.get("name", "")
    return name if isinstance(name, str) else ""


__all__ = ["CERTIFICATE_KEY", "LOG_KEY", "Denied", "KeyHolder", "refusal_name"]
