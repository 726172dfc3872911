"""C2SP signed notes and checkpoints: one text under the signatures of several keys.

A verifier key is the text ``name+hash+key``; trust in it always comes from outside the log. A line
by an unknown key is skipped; one that claims a known key and does not hold spoils the note.
Formats: c2sp.org/signed-note and c2sp.org/tlog-checkpoint.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.tree import HASH_BYTES

KEY_ID_BYTES = 4
NOTE_LINES_MAX = 64  # signature lines; the format demands that at least 16 are read
SIZE_MAX = (1 << 63) - 1
_SIGNATURE_MARK = "— "
_CHECKPOINT_LINES = 3
_FIRST_PRINTABLE = " "


class BadNote(ValueError):
    """The text is no signed note, or not one that the key vouches for."""


class NoteSigner(Protocol):
    """Puts one signature line under a text; where its private key lives is its own matter."""

    @property
    def name(self) -> str:
        """The name in the signature line."""
        ...

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell this key from others of the name."""
        ...

    def sign(self, text: bytes) -> bytes:
        """Return what follows the key id in the line."""
        ...


@dataclass(frozen=True)
class SignatureKind:
    """One signature type: its identifier bytes, how long its keys are, and how it is checked.

    ``mark`` is the type byte, followed by a long identifier where that byte is 0xff. ``holds``
    gets the verifier key, the note's text and what follows the key id in the line.
    """

    mark: bytes
    public_key_bytes: int
    holds: Callable[["VerifierKey", bytes, bytes], bool]


def _ed25519_holds(key: "VerifierKey", text: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, text)
    except InvalidSignature:
        return False
    return True


ED25519 = SignatureKind(b"\x01", 32, _ed25519_holds)


@dataclass(frozen=True)
class VerifierKey:
    """A public key under its name, of one signature type."""

    name: str
    public_key: bytes
    kind: SignatureKind = ED25519

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, type, key)."""
        data = self.name.encode() + b"\n" + self.kind.mark + self.public_key
        return hashlib.sha256(data).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return the key as ``name+hash+key``."""
        encoded = base64.b64encode(self.kind.mark + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def holds(self, text: bytes, signature: bytes) -> bool:
        """Tell whether this key made the signature over the note's text."""
        return self.kind.holds(self, text, signature)


@dataclass(frozen=True)
class HeldKey:
    """A ``NoteSigner`` of a public key and whatever signs with its private half."""

    key: VerifierKey
    signing: Callable[[bytes], bytes]

    @property
    def name(self) -> str:
        """The name in the signature line."""
        return self.key.name

    @property
    def key_id(self) -> bytes:
        """The key's id."""
        return self.key.key_id

    def sign(self, text: bytes) -> bytes:
        """Sign the note's text."""
        return self.signing(text)


@dataclass(frozen=True)
class SignatureLine:
    """One line under a note; unchecked."""

    name: str
    key_id: bytes
    signature: bytes

    def text(self) -> str:
        """Return the line with its newline."""
        encoded = base64.b64encode(self.key_id + self.signature).decode()
        return f"{_SIGNATURE_MARK}{self.name} {encoded}\n"

    def claims(self, key: VerifierKey) -> bool:
        """Tell whether the line says to be by this key."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True)
class Checkpoint:
    """One state of the log: how many entries, under which root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_verifier_key(text: str, kinds: Sequence[SignatureKind] = (ED25519,)) -> VerifierKey:
    """Read ``name+hash+key`` of one of these types. Raises BadNote where a part is wrong."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _is_name(parts[0]):  # noqa: PLR2004 - name, hash, key
        raise BadNote("a verifier key reads name+hash+key")
    name, key_id, encoded = parts
    material = _decode(encoded)
    for kind in kinds:
        public_key = material.removeprefix(kind.mark)
        if material.startswith(kind.mark) and len(public_key) == kind.public_key_bytes:
            key = VerifierKey(name, public_key, kind)
            if key.key_id.hex() != key_id:
                raise BadNote("the verifier key's hash does not match its name and key")
            return key
    raise BadNote("the verifier key is of no type that is accepted here")


def sign_note(text: str, signers: Sequence[NoteSigner]) -> str:
    """Return the note: the text, an empty line, and one signature line of each signer."""
    lines = (
        SignatureLine(signer.name, signer.key_id, signer.sign(text.encode())) for signer in signers
    )
    return f"{text}\n" + "".join(line.text() for line in lines)


def split_note(note: str) -> tuple[str, tuple[SignatureLine, ...]]:
    """Return a note's text and its signature lines, all unchecked. Raises BadNote."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise BadNote("the note has no signature part")
    if any(sign < _FIRST_PRINTABLE and sign != "\n" for sign in note):
        raise BadNote("the note holds a control character")
    rows = signatures[:-1].split("\n")
    if len(rows) > NOTE_LINES_MAX:
        raise BadNote(f"the note carries more than {NOTE_LINES_MAX} signatures")
    return text + "\n", tuple(parse_line(row) for row in rows)


def parse_line(row: str) -> SignatureLine:
    """Read one signature line without its newline. Raises BadNote where it is none."""
    name, separator, encoded = row.removeprefix(_SIGNATURE_MARK).partition(" ")
    blob = _decode(encoded)
    whole = row.startswith(_SIGNATURE_MARK) and separator and len(blob) > KEY_ID_BYTES
    if not whole or not _is_name(name):
        raise BadNote("a signature line of the note is malformed")
    return SignatureLine(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def add_line(note: str, line: SignatureLine) -> str:
    """Return the note with one more signature line; the same line is not added twice."""
    return note if line in split_note(note)[1] else note + line.text()


def open_note(note: str, key: VerifierKey) -> str:
    """Return the signed text if the key signed it. Raises BadNote otherwise."""
    text, lines = signatures_by(note, (key,))
    if not lines:
        raise BadNote(f"the note carries no valid signature by {key.name}")
    return text


def signatures_by(
    note: str, keys: Sequence[VerifierKey]
) -> tuple[str, list[tuple[VerifierKey, SignatureLine]]]:
    """Return the note's text and the lines that these keys made, in the note's order.

    Raises BadNote where a line claims one of the keys and does not hold; others are skipped.
    """
    text, lines = split_note(note)
    found: list[tuple[VerifierKey, SignatureLine]] = []
    for line in lines:
        key = next((key for key in keys if line.claims(key)), None)
        if key is None:
            continue
        if not key.holds(text.encode(), line.signature):
            raise BadNote(f"a signature under the name {key.name} does not hold")
        found.append((key, line))
    return text, found


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the three lines that a checkpoint, or a note of one, begins with. Raises BadNote."""
    lines = text.split("\n")
    if len(lines) <= _CHECKPOINT_LINES or not lines[0]:
        raise BadNote("a checkpoint has an origin, a size and a root")
    origin, size, root = lines[0], lines[1], _decode(lines[2])
    if len(root) != HASH_BYTES:
        raise BadNote("the checkpoint's root is not a SHA-256 value")
    return Checkpoint(origin, parse_size(size), root)


def parse_size(text: str) -> int:
    """Read a tree size: plain decimal below 2^63. Raises BadNote."""
    plain = text.isascii() and text.isdigit() and (text[0] != "0" or text == "0")
    if not plain or len(text) > len(str(SIZE_MAX)) or int(text) > SIZE_MAX:
        raise BadNote("the checkpoint's size is not a plain decimal number")
    return int(text)


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint inside a note signed by the key."""
    return checkpoint_of(open_note(note, key))


def checkpoint_of(signed: str) -> Checkpoint:
    """Read the whole signed text of a checkpoint. Raises BadNote where it is none."""
    if not all(signed.removesuffix("\n").split("\n")):
        raise BadNote("no line of a checkpoint is empty")
    return parse_checkpoint(signed)


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(sign.isspace() for sign in name)


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote("a part of the note is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise BadNote("a part of the note is base64 with stray bits")
    return data
