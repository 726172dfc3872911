"""Cosignatures under a checkpoint, read a second time: who saw this log, and when they say so.

c2sp.org/tlog-cosignature, types 0x04 (Ed25519) and 0x06 (ML-DSA-44). Witnesses are counted by
name, so that one witness with two keys counts once; keys come from outside the evidence.
"""

import argparse
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from audit.verify.certificates import note_in
from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.notes import base64_bytes, read_receipt
from audit.verify.sources import read_checkpoint_source, text_of

_PUBLIC_KEY_BYTES = {0x04: 32, 0x06: 1312}
_SUBTREE = b"subtree/v1\n\x00"
_KEY_ID = slice(4)
_TIME = slice(4, 12)
_SIGNATURE = slice(12, None)
_TIME_MAX = (1 << 63) - 1
_SHOWN_MAX = 253_402_300_799  # the last second of year 9999


@dataclass(frozen=True)
class WitnessKey:
    """A witness's public key as the verifier's user holds it."""

    name: str
    key_id: bytes
    kind: int
    public_key: bytes


def add_witness_options(command: argparse.ArgumentParser) -> None:
    """Let a command demand cosignatures."""
    command.add_argument(
        "--witness-key",
        action="append",
        default=[],
        help="见证方公钥或文件（每行一把），可重复 / NAME+HASH+KEY or a file, one a line; again",
    )
    command.add_argument(
        "--require-witness",
        type=int,
        default=0,
        metavar="K",
        help="要求 K 个见证方，不足则退出码 3 / demand K witnesses, else exit 3",
    )


def check_witnesses(options: argparse.Namespace, report: Report) -> None:
    """Check the cosignatures of what a command verified, where it was asked about witnesses."""
    untrusted = any(item.code == "checkpoint_not_signed" for item in report.findings)
    if untrusted or not (options.witness_key or options.require_witness > 0):
        return
    keys = [read_witness_key(text) for given in options.witness_key for text in _key_texts(given)]
    source = getattr(options, "bundle", None) or options.file
    if options.command == "receipt":
        note = read_receipt(text_of(source.read_bytes(), source.name)).note
    elif options.command == "certificate":
        note = note_in(source.read_bytes())
    else:
        note = text_of(read_checkpoint_source(source)["checkpoint"], "checkpoint")
    verify_witnesses(note, keys, options.require_witness, report)


def _key_texts(given: str) -> list[str]:
    """Return a key as it was given, or those of a file, one a line.

    What is a key is taken for one, whatever files there are: a file of that name in the evidence
    would else bring a key of its own.
    """
    if _is_key(given):
        return [given]
    try:
        written = Path(given).read_bytes()
    except (OSError, ValueError) as error:
        if given.count("+") > 1:
            return [given]
        raise Unusable(f"无法读取 {given}。", f"{given} cannot be read.") from error
    return [line for line in text_of(written, given).splitlines() if line.strip()]


def _is_key(given: str) -> bool:
    try:
        read_witness_key(given)
    except Unusable:
        return False
    return True


def read_witness_key(text: str) -> WitnessKey:
    """Read ``name+hash+key`` of a cosignature type."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = base64_bytes(encoded)
    if not name or not material or len(material) - 1 != _PUBLIC_KEY_BYTES.get(material[0]):
        raise Unusable(
            "见证方公钥格式应为 名称+指纹+公钥（Ed25519 或 ML-DSA-44 见证签名）。",
            "A witness key must read name+hash+key, of an Ed25519 or ML-DSA-44 cosignature.",
        )
    expected = hashlib.sha256(name.encode() + b"\n" + material).digest()[_KEY_ID]
    if expected.hex() != key_id:
        raise Unusable(
            "见证方公钥的指纹与公钥不符。", "The witness key's hash does not belong to the key."
        )
    return WitnessKey(name, expected, material[0], material[1:])


def verify_witnesses(note: str, keys: Sequence[WitnessKey], required: int, report: Report) -> None:
    """Check every cosignature by a known key under a note whose log signature already held.

    A false one is tampering; too few witnesses leave the policy unmet.
    """
    signed, _, signatures = note.rpartition("\n\n")
    signed += "\n"
    seen: set[str] = set()
    for line in signatures.removesuffix("\n").split("\n"):
        key, blob = _claimed(line, keys)
        if key is None:
            continue
        if not _holds(key, blob, signed):
            report.tampered(
                "cosignature_false",
                zh=f"见证方 {key.name} 的见证签名无效：检查点或签名被改动。",
                en=f"The cosignature under the name {key.name} does not hold: the checkpoint or "
                "the cosignature was changed.",
            )
            continue
        seen.add(key.name)
        when = _when(int.from_bytes(blob[_TIME], "big"))
        report.good(
            "cosigned",
            zh=f"见证方 {key.name} 于 {when} 见证（第三方时间，非平台自述）。",
            en=f"{key.name} cosigned at {when} (a third party's time, not the platform's word).",
        )
    if len(seen) < required:
        report.add(
            Verdict.UNMET,
            "witnesses_missing",
            zh=f"要求 {required} 个见证方，检查点只有 {len(seen)} 个已知见证方的有效签名。",
            en=f"{required} witnesses are required; {len(seen)} known ones cosigned.",
        )


def _claimed(line: str, keys: Sequence[WitnessKey]) -> tuple[WitnessKey | None, bytes]:
    mark, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    blob = base64_bytes(encoded)
    if mark != "—" or blob is None:
        return None, b""
    found = (key for key in keys if key.name == name and key.key_id == blob[_KEY_ID])
    return next(found, None), blob


def _holds(key: WitnessKey, blob: bytes, signed: str) -> bool:
    stamp = blob[_TIME]
    if not 0 < int.from_bytes(stamp, "big") <= _TIME_MAX:
        return False
    try:
        if key.kind == 0x04:  # noqa: PLR2004 - the type byte of c2sp.org/signed-note
            time_s = int.from_bytes(stamp, "big")
            message = f"cosignature/v1\ntime {time_s}\n{signed}".encode()
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(blob[_SIGNATURE], message)
        else:
            message = _subtree_message(key, stamp, signed)
            MLDSA44PublicKey.from_public_bytes(key.public_key).verify(blob[_SIGNATURE], message)
    except (InvalidSignature, ValueError, IndexError, OverflowError):
        return False
    return True


def _subtree_message(key: WitnessKey, stamp: bytes, signed: str) -> bytes:
    origin, size, root = signed.split("\n")[:3]
    return b"".join(
        (
            _SUBTREE,
            _counted(key.name),
            stamp,
            _counted(origin),
            bytes(8),
            int(size).to_bytes(8, "big"),
            base64.b64decode(root),
        )
    )


def _counted(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data


def _when(time_s: int) -> str:
    if time_s > _SHOWN_MAX:
        return f"{time_s} s"
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
