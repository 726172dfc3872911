"""Signing keys behind one interface: here as files of mode 0600; a token's stand in ``pkcs11``.

Ed25519 is RFC 8032; SM2 with SM3 is GB/T 32918.2-2016 (``foundation.keys.sm2``).
"""

from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from foundation.keys.protocol import no_key
from foundation.keys.secret_files import SecretFiles
from foundation.keys.sm2 import make_sm2_key, sign_sm2, sm2_public_key

ED25519 = "Ed25519"
SM2 = "SM2"


class Signers(Protocol):
    """Makes and uses signing keys by name; where the private half lives is its own matter."""

    @property
    def place(self) -> str:
        """What holds the private halves: ``file`` or ``PKCS#11``."""
        ...

    def names(self) -> list[tuple[str, str]]:
        """Return every key's name and kind."""
        ...

    def make(self, name: str, kind: str) -> None:
        """Make a key under a new name. Raises Unavailable where the kind cannot be made here."""
        ...

    def public_key(self, name: str) -> bytes | None:
        """Return the public bytes (Ed25519: 32; SM2: 64, x and y), or None."""
        ...

    def sign(self, name: str, data: bytes) -> bytes:
        """Sign (64 bytes: Ed25519, or SM2's r and s). Raises Unavailable where there is no key."""
        ...


class FileSigners:
    """Signing keys as files: 32 raw bytes of Ed25519, or an SM2 key in DER under ``….sm2``."""

    place = "file"

    def __init__(self, directory: Path) -> None:
        """Use a directory of secret files."""
        self._files = SecretFiles(directory)

    def names(self) -> list[tuple[str, str]]:
        """Return every key's name and kind: signing keys are the bare files and the ``.sm2``."""
        return [
            (name, SM2 if name.endswith(".sm2") else ED25519)
            for name in self._files.names()
            if not name.endswith((".data", ".wrapping", ".json"))
        ]

    def make(self, name: str, kind: str) -> None:
        """Make a key under a new name."""
        fresh = make_sm2_key() if kind == SM2 else Ed25519PrivateKey.generate().private_bytes_raw()
        self._files.write_new(name, fresh)

    def public_key(self, name: str) -> bytes | None:
        """Return the public bytes, or None."""
        secret = self._files.read(name)
        if not secret:
            return None
        if name.endswith(".sm2"):
            return sm2_public_key(secret)
        return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()

    def sign(self, name: str, data: bytes) -> bytes:
        """Sign with a key of this directory."""
        secret = self._files.read(name)
        if not secret:
            raise no_key(name)
        if name.endswith(".sm2"):
            return sign_sm2(secret, data)
        return Ed25519PrivateKey.from_private_bytes(secret).sign(data)


def signature_holds(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether an Ed25519 signature (RFC 8032) over the data is good."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
