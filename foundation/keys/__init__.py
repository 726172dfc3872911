"""Keys by name: who makes, uses, turns over and destroys them, and in which form they lie on disk.

``KeyStore`` is what the rest of the platform is handed. ``FileKeyStore`` keeps keys as files,
``Pkcs11Signers`` keeps signing keys in a token, and ``RemoteKeyStore`` asks the key holder, a
process of its own that opens a data key only for a logged entry (``audit.keyholder``).
"""

from foundation.keys.ciphers import AES_GCM, CIPHERS, SM4_GCM, BoxCipher, aes_of_blocks
from foundation.keys.files import FileKeyStore
from foundation.keys.protocol import (
    DATA_KEY_BYTES,
    PEPPER,
    Citation,
    KeyRecord,
    KeyStore,
    no_key,
)
from foundation.keys.signers import FileSigners, Signers, signature_holds
from foundation.keys.zoned import zone_key_name, zoned_name

__all__ = [
    "AES_GCM",
    "CIPHERS",
    "DATA_KEY_BYTES",
    "PEPPER",
    "SM4_GCM",
    "BoxCipher",
    "Citation",
    "FileKeyStore",
    "FileSigners",
    "KeyRecord",
    "KeyStore",
    "Signers",
    "aes_of_blocks",
    "no_key",
    "signature_holds",
    "zone_key_name",
    "zoned_name",
]
