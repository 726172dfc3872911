"""Signed notes, checkpoints and receipts, read a second time: c2sp.org/signed-note, tlog-proof."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.verify.findings import Unusable
from audit.verify.merkle import HASH_BYTES

ED25519 = 1
KEY_BYTES = 32
KEY_PARTS = 3
CHECKPOINT_LINES = 3
SIZE_MAX = (1 << 63) - 1
_DIGITS_MAX = len(str(SIZE_MAX))
RECEIPT_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Key:
    """The log's public key as the regulator holds it.

    ``later`` are keys that followed it by statements which both keys signed.
    """

    name: str
    key_id: bytes
    public_key: bytes
    later: tuple["Key", ...] = ()


@dataclass(frozen=True)
class Head:
    """A checkpoint whose signature was checked."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class ReceiptParts:
    """A receipt's claim, unchecked."""

    index: int
    proof: tuple[bytes, ...]
    note: str


class NotSigned(Exception):
    """The note is not what the key signed."""


def read_key(text: str) -> Key:
    """Read ``name+hash+key``."""
    parts = text.strip().split("+", KEY_PARTS - 1)
    material = base64_bytes(parts[2]) if len(parts) == KEY_PARTS else None
    if not material or material[0] != ED25519 or len(material) != KEY_BYTES + 1:
        raise Unusable(
            "公钥格式应为 名称+指纹+Ed25519 公钥。",
            "The key must read name+hash+key, with an Ed25519 key.",
        )
    key_id = hashlib.sha256(parts[0].encode() + b"\n" + material).digest()[:4]
    if key_id.hex() != parts[1]:
        raise Unusable("公钥的指纹与公钥不符。", "The key's hash does not belong to the key.")
    return Key(parts[0], key_id, material[1:])


def read_head(note: str, key: Key) -> Head:
    """Return the checkpoint that the key signed, or raise NotSigned."""
    signed, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NotSigned
    signed += "\n"
    rows = signatures[:-1].split("\n")
    if not any(_signs(row, signed, each) for each in (key, *key.later) for row in rows):
        raise NotSigned
    lines = signed.split("\n")
    root = base64_bytes(lines[2]) if len(lines) > CHECKPOINT_LINES else None
    if root is None or len(root) != HASH_BYTES or not _is_number(lines[1]):
        raise NotSigned
    if lines[0] != key.name:
        raise NotSigned
    return Head(lines[0], int(lines[1]), root)


def claimed_size(note: str) -> int:
    """Return the size that a note names, unchecked; 0 where it names none."""
    lines = note.split("\n")
    return int(lines[1]) if len(lines) > 1 and _is_number(lines[1]) else 0


def read_receipt(text: str) -> ReceiptParts:
    """Split a receipt into index, proof and checkpoint."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    hashes = [base64_bytes(line) for line in lines[2:]]
    proof = tuple(item for item in hashes if item is not None and len(item) == HASH_BYTES)
    index = lines[1].removeprefix("index ") if len(lines) > 1 else ""
    whole = lines[0] == RECEIPT_HEADER and bool(separator) and len(proof) == len(hashes)
    if not whole or not _is_number(index):
        raise Unusable("这不是一份回执。", f"This is no receipt ({RECEIPT_HEADER}).")
    return ReceiptParts(int(index), proof, note)


def _signs(line: str, signed: str, key: Key) -> bool:
    mark, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    blob = base64_bytes(encoded)
    if mark != "—" or name != key.name or blob is None or blob[:4] != key.key_id:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(blob[4:], signed.encode())
    except InvalidSignature:
        return False
    return True


def _is_number(text: str) -> bool:
    plain = text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
    return plain and len(text) <= _DIGITS_MAX and int(text) <= SIZE_MAX


def base64_bytes(text: str) -> bytes | None:
    """Read base64 that is written in the one way; None where it is not."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None
