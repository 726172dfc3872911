"""C2SP signed notes and checkpoints: origin, size and root under an Ed25519 signature.

A verifier key is the text ``name+hash+key``; trust in it always comes from outside the log.
Formats: c2sp.org/signed-note and c2sp.org/tlog-checkpoint.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.tree import HASH_BYTES

ED25519_KIND = b"\x01"
KEY_ID_BYTES = 4
PUBLIC_KEY_BYTES = 32
_SIGNATURE_MARK = "— "
_CHECKPOINT_LINES = 3


class BadNote(ValueError):
    """The text is no signed note, or not one that the key vouches for."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key under its name."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, kind, key)."""
        data = self.name.encode() + b"\n" + ED25519_KIND + self.public_key
        return hashlib.sha256(data).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return the key as ``name+hash+key``."""
        encoded = base64.b64encode(ED25519_KIND + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


@dataclass(frozen=True)
class Checkpoint:
    """One state of the log: how many entries, under which root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read ``name+hash+key``. Raises BadNote where a part is wrong or they disagree."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, hash, key
        raise BadNote("a verifier key reads name+hash+key")
    name, key_id, encoded = parts
    material = _decode(encoded)
    key = VerifierKey(name, material[1:])
    if material[:1] != ED25519_KIND or len(key.public_key) != PUBLIC_KEY_BYTES:
        raise BadNote("the verifier key is not an Ed25519 key")
    if key.key_id.hex() != key_id:
        raise BadNote("the verifier key's hash does not match its name and key")
    return key


def sign_note(text: str, key: VerifierKey, sign: Callable[[bytes], bytes]) -> str:
    """Return the note: the text, an empty line, and one signature line."""
    encoded = base64.b64encode(key.key_id + sign(text.encode())).decode()
    return f"{text}\n{_SIGNATURE_MARK}{key.name} {encoded}\n"


def open_note(note: str, key: VerifierKey) -> str:
    """Return the signed text if the key signed it. Raises BadNote otherwise."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise BadNote("the note has no signature part")
    text += "\n"
    for line in signatures.splitlines():
        if _is_signed(line, text, key):
            return text
    raise BadNote(f"the note carries no valid signature by {key.name}")


def _is_signed(line: str, text: str, key: VerifierKey) -> bool:
    name, _, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    if not line.startswith(_SIGNATURE_MARK) or name != key.name:
        return False
    blob = _decode(encoded)
    if blob[:KEY_ID_BYTES] != key.key_id:
        return False
    try:
        public_key = Ed25519PublicKey.from_public_bytes(key.public_key)
        public_key.verify(blob[KEY_ID_BYTES:], text.encode())
    except InvalidSignature:
        return False
    return True


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the signed text of a checkpoint. Raises BadNote where it is none."""
    lines = text.split("\n")
    if len(lines) <= _CHECKPOINT_LINES or not lines[0]:
        raise BadNote("a checkpoint has an origin, a size and a root")
    origin, size, root = lines[0], lines[1], _decode(lines[2])
    if not size.isascii() or not size.isdigit() or (size[0] == "0" and size != "0"):
        raise BadNote("the checkpoint's size is not a plain decimal number")
    if len(root) != HASH_BYTES:
        raise BadNote("the checkpoint's root is not a SHA-256 value")
    return Checkpoint(origin, int(size), root)


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint inside a note signed by the key."""
    return parse_checkpoint(open_note(note, key))


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote("a part of the note is not base64") from error
