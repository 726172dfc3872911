"""The key holder: names stand for keys, private bytes stay behind this interface.

Signing keys are Ed25519; data keys are 32 random bytes. Destroying a key overwrites and unlinks
its file, and a destroyed name is never given out again. The file store is the embedded default;
a PKCS#11 store takes its place behind the same protocol.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from foundation.errors import Message, Unavailable

DATA_KEY_BYTES = 32
_NAME = re.compile(r"^[a-z][a-z0-9_.-]{0,99}$")


class KeyStore(Protocol):
    """Makes, uses and destroys named keys."""

    def ensure_signing_key(self, name: str) -> bytes:
        """Make an Ed25519 key if there is none; return its 32 public bytes."""
        ...

    def sign(self, name: str, data: bytes) -> bytes:
        """Sign with a named key. Raises Unavailable where there is none."""
        ...

    def create_data_key(self, name: str) -> bytes:
        """Make a new 32-byte key. Raises Unavailable where the name was ever used."""
        ...

    def data_key(self, name: str) -> bytes:
        """Return a data key. Raises Unavailable where it is missing or destroyed."""
        ...

    def destroy(self, name: str) -> None:
        """Destroy a key for good; a second call changes nothing."""
        ...


class FileKeyStore:
    """Keys as files of mode 0600 in a directory of mode 0700."""

    def __init__(self, directory: Path) -> None:
        """Open or make the directory."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory

    def ensure_signing_key(self, name: str) -> bytes:
        """Make an Ed25519 key if there is none; return its 32 public bytes."""
        path = self._path(name)
        if not path.exists():
            self._write_new(path, Ed25519PrivateKey.generate().private_bytes_raw())
        return self._signing_key(name).public_key().public_bytes_raw()

    def sign(self, name: str, data: bytes) -> bytes:
        """Sign with a named Ed25519 key (64 bytes)."""
        return self._signing_key(name).sign(data)

    def create_data_key(self, name: str) -> bytes:
        """Make a new 32-byte key under a name that was never used."""
        key = secrets.token_bytes(DATA_KEY_BYTES)
        self._write_new(self._path(name), key)
        return key

    def data_key(self, name: str) -> bytes:
        """Return the 32 bytes of a data key."""
        key = self._read(name)
        if len(key) != DATA_KEY_BYTES:
            raise _no_key(name)
        return key

    def destroy(self, name: str) -> None:
        """Overwrite the key with nothing left but a tombstone that blocks the name."""
        path = self._path(name)
        if not path.exists() or path.stat().st_size == 0:
            return
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(0)
            os.fsync(file.fileno())

    def _signing_key(self, name: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._read(name))

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        key = path.read_bytes() if path.exists() else b""
        if not key:
            raise _no_key(name)
        return key

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise ValueError(f"not a key name: {name!r}")
        return self._directory / name

    @staticmethod
    def _write_new(path: Path, key: bytes) -> None:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise _no_key(path.name) from error
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())


def signature_holds(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether an Ed25519 signature (RFC 8032) over the data is good."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def aes_of_blocks(key: bytes, blocks: bytes) -> bytes:
    """Encrypt 16-byte blocks, each by itself (AES, FIPS 197), under a key of 16, 24 or 32 bytes.

    It is the round function that FF1 is built on, and no way to encrypt data by itself.
    """
    return Cipher(AES(key), ECB()).encryptor().update(blocks)  # noqa: S305


def _no_key(name: str) -> Unavailable:
    return Unavailable(
        "key_unavailable",
        Message(
            zh=f"密钥“{name}”不存在、已被使用或已销毁。",
            en=f"The key {name!r} is missing, already in use, or destroyed.",
        ),
    )
