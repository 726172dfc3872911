"""What a witness puts under a checkpoint: Ed25519 and ML-DSA-44 cosignatures with their time.

A cosignature says that, as of its time, this is the largest consistent tree its witness has seen
of the log. Format: c2sp.org/tlog-cosignature, types 0x04 and 0x06. The time is the only time in
the log's evidence that is not the platform's own word.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from audit.notes import (
    SIZE_MAX,
    BadNote,
    SignatureKind,
    SignatureLine,
    VerifierKey,
    checkpoint_of,
    parse_verifier_key,
)

TIME_BYTES = 8
NAME_BYTES_MAX = 255
_SUBTREE_LABEL = b"subtree/v1\n\x00"


def ed25519_message(text: bytes, time_s: int) -> bytes:
    """Return what an Ed25519 cosignature is made over: two lines and the whole note text."""
    return f"cosignature/v1\ntime {time_s}\n".encode() + text


def ml_dsa_44_message(name: str, text: bytes, time_s: int) -> bytes:
    """Return the ``cosigned_message`` over the whole tree of a checkpoint.

    Raises BadNote where the text is no checkpoint or a name does not fit the structure.
    """
    head = checkpoint_of(text.decode())
    return b"".join(
        (
            _SUBTREE_LABEL,
            _short(name),
            time_s.to_bytes(TIME_BYTES, "big"),
            _short(head.origin),
            bytes(TIME_BYTES),  # the tree begins at its first leaf
            head.size.to_bytes(TIME_BYTES, "big"),
            head.root,
        )
    )


def cosigned_at_s(line: SignatureLine) -> int:
    """Return a cosignature line's time in POSIX seconds; trust it only once the line holds."""
    return int.from_bytes(line.signature[:TIME_BYTES], "big")


@dataclass(frozen=True)
class Cosigner:
    """A ``NoteSigner`` of cosignatures: a verifier key, its private half, and a fixed time."""

    key: VerifierKey
    signing: Callable[[bytes], bytes]
    time_s: int

    @property
    def name(self) -> str:
        """The name in the signature line."""
        return self.key.name

    @property
    def key_id(self) -> bytes:
        """The key's id."""
        return self.key.key_id

    def sign(self, text: bytes) -> bytes:
        """Return time and signature over a checkpoint's text."""
        message = _message(self.key, text, self.time_s)
        return self.time_s.to_bytes(TIME_BYTES, "big") + self.signing(message)


def parse_witness_key(text: str) -> VerifierKey:
    """Read a witness's ``name+hash+key``, of either type. Raises BadNote."""
    return parse_verifier_key(text, COSIGNATURES)


def _ed25519_holds(key: VerifierKey, text: bytes, signature: bytes) -> bool:
    public_key = Ed25519PublicKey.from_public_bytes(key.public_key)
    return _holds(key, text, signature, public_key.verify)


def _ml_dsa_44_holds(key: VerifierKey, text: bytes, signature: bytes) -> bool:
    public_key = MLDSA44PublicKey.from_public_bytes(key.public_key)
    return _holds(key, text, signature, public_key.verify)


def _holds(
    key: VerifierKey, text: bytes, signature: bytes, verify: Callable[[bytes, bytes], None]
) -> bool:
    time_s = int.from_bytes(signature[:TIME_BYTES], "big")
    if not 0 < time_s <= SIZE_MAX:  # a checkpoint's cosignature never omits its time
        return False
    try:
        verify(signature[TIME_BYTES:], _message(key, text, time_s))
    except (InvalidSignature, BadNote):
        return False
    return True


def _message(key: VerifierKey, text: bytes, time_s: int) -> bytes:
    if key.kind.mark == ML_DSA_44_COSIGNATURE.mark:
        return ml_dsa_44_message(key.name, text, time_s)
    checkpoint_of(text.decode())
    return ed25519_message(text, time_s)


def _short(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) <= NAME_BYTES_MAX:
        raise BadNote(f"a name in a cosignature has 1 to {NAME_BYTES_MAX} bytes")
    return bytes((len(data),)) + data


ED25519_COSIGNATURE = SignatureKind(b"\x04", 32, _ed25519_holds)
ML_DSA_44_COSIGNATURE = SignatureKind(b"\x06", 1312, _ml_dsa_44_holds)
COSIGNATURES = (ED25519_COSIGNATURE, ML_DSA_44_COSIGNATURE)
