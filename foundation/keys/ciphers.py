"""Encryption of what lies at rest: AES-256-GCM by default, SM4-GCM in the Chinese profile.

Sources: NIST SP 800-38D (GCM), FIPS 197 (AES), GB/T 32907-2016 (SM4). A box is nonce, ciphertext
and tag; the context is authenticated with it, so that no box can stand in another's place.
"""

import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB, GCM

NONCE_BYTES = 12
TAG_BYTES = 16


class WrongBox(ValueError):
    """The box was not sealed by this key for this context, or it was changed."""


@dataclass(frozen=True)
class BoxCipher:
    """An authenticated cipher: its name in files, and how long its keys are."""

    name: str
    key_bytes: int
    block_cipher: type[AES | SM4]

    def seal(self, key: bytes, plain: bytes, context: bytes) -> bytes:
        """Encrypt under a key of ``key_bytes``; the nonce is drawn anew for each box."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealing = Cipher(self.block_cipher(key), GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(context)
        return nonce + sealing.update(plain) + sealing.finalize() + sealing.tag

    def open(self, key: bytes, box: bytes, context: bytes) -> bytes:
        """Decrypt. Raises WrongBox where key, box and context do not belong together."""
        if len(box) < NONCE_BYTES + TAG_BYTES:
            raise WrongBox("the box is shorter than its nonce and tag")
        nonce, sealed, tag = box[:NONCE_BYTES], box[NONCE_BYTES:-TAG_BYTES], box[-TAG_BYTES:]
        opening = Cipher(self.block_cipher(key), GCM(nonce, tag)).decryptor()
        opening.authenticate_additional_data(context)
        try:
            return opening.update(sealed) + opening.finalize()
        except InvalidTag as error:
            raise WrongBox("the box does not belong to this key and context") from error


AES_GCM = BoxCipher("AES-256-GCM", 32, AES)
SM4_GCM = BoxCipher("SM4-GCM", 16, SM4)
CIPHERS = {cipher.name: cipher for cipher in (AES_GCM, SM4_GCM)}


def aes_of_blocks(key: bytes, blocks: bytes) -> bytes:
    """Encrypt 16-byte blocks, each by itself (AES, FIPS 197), under a key of 16, 24 or 32 bytes.

    It is the round function that FF1 is built on, and no way to encrypt data by itself.
    """
    return Cipher(AES(key), ECB()).encryptor().update(blocks)  # noqa: S305
