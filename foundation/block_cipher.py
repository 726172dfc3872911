"""AES over many blocks at once: a keyed function of 16 bytes, and sealed pieces of a file.

``encrypt_blocks`` is AES-256 (FIPS 197) on every block by itself. That hides no pattern, so it is
for keyed functions only, never to keep data secret; ``Seal`` (AES-256-GCM, NIST SP 800-38D) is.
"""

import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLOCK_BYTES = 16
KEY_BYTES = 32
_NONCE_BYTES = 12


def encrypt_blocks(
    key: bytes, blocks: bytes | bytearray | memoryview, room: memoryview | None = None
) -> memoryview:
    """Map each 16-byte block through AES-256 under a 32-byte key; as many bytes as came in.

    The result stands in ``room`` where it is given: writable, and one block longer than ``blocks``.
    """
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - a keyed function, see above
    size = len(blocks)
    found = memoryview(bytearray(size + BLOCK_BYTES)) if room is None else room
    encryptor.update_into(blocks, found)
    return found[:size]


class Seal:
    """A key that lives in this process only, for pieces of a file that no one may read after it."""

    def __init__(self) -> None:
        """Draw a new key."""
        self._cipher = AESGCM(secrets.token_bytes(KEY_BYTES))
        self._count = 0

    def close(self, data: memoryview) -> bytes:
        """Encrypt one piece; no nonce is used twice."""
        self._count += 1
        nonce = self._count.to_bytes(_NONCE_BYTES, "big")
        return nonce + self._cipher.encrypt(nonce, data, None)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt one piece. Raises InvalidTag where it is not what ``close`` gave."""
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
