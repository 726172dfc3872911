"""What a key store promises: names stand for keys, private bytes stay behind this interface.

A data key is asked for on behalf of a logged entry, which the asker cites. The file store in the
service's own process takes the citation as given; the key holder checks it and refuses without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from foundation.errors import Message, Unavailable

DATA_KEY_BYTES = 32
PEPPER = "pepper."
"""Begins the name of a key that only ever makes digests and is never handed out."""


@dataclass(frozen=True)
class Citation:
    """An entry of the log, as somebody else can check it: its place, its bytes, its receipt."""

    index: int
    body: bytes
    receipt: str


@dataclass(frozen=True)
class KeyRecord:
    """A key as an inventory names it: never its material.

    ``kind`` is ``Ed25519``, ``SM2``, ``data`` or ``wrapping``; ``version`` counts turns-over from
    1; ``state`` is ``current``, ``earlier``, ``next`` or ``destroyed``; ``place`` says what holds
    it; ``public_key`` is in hexadecimal, empty for a secret key.
    """

    name: str
    kind: str
    version: int
    state: str
    place: str
    public_key: str = ""


class KeyStore(Protocol):
    """Makes, uses and destroys named keys."""

    def ensure_signing_key(self, name: str) -> bytes:
        """Make an Ed25519 key if there is none; return the 32 public bytes of its current one."""
        ...

    def sign(self, name: str, data: bytes, cited: Citation | None = None) -> bytes:
        """Sign with a named key (64 bytes). Raises Unavailable where there is none."""
        ...

    def ensure_sm2_key(self, name: str) -> bytes:
        """Make an SM2 key if there is none; return the 64 public bytes. Raises Unavailable."""
        ...

    def sign_sm2(self, name: str, data: bytes, cited: Citation | None = None) -> bytes:
        """Sign with a named SM2 key (64 bytes, r and s). Raises Unavailable where there is none."""
        ...

    def create_data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Make a new 32-byte key. Raises Unavailable where the name was ever used."""
        ...

    def data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Return a data key. Raises Unavailable where it is missing or destroyed."""
        ...

    def ensure_data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Return a data key, made at first use. Raises Unavailable where it was destroyed."""
        ...

    def keyed_digest(self, name: str, data: bytes) -> bytes:
        """Return the HMAC-SHA-256 (32 bytes) of data under a pepper, made at first use.

        The pepper is a key of its own (``pepper.`` before the name) that no call hands out.
        """
        ...

    def destroy(self, name: str, cited: Citation | None = None) -> None:
        """Destroy a key for good; a second call changes nothing."""
        ...

    def inventory(self) -> Sequence[KeyRecord]:
        """Name every key there is or was, and no material."""
        ...


def no_key(name: str) -> Unavailable:
    """Say that a key is not to be had, whatever the reason."""
    return Unavailable(
        "key_unavailable",
        Message(
            zh=f"密钥“{name}”不存在、已被使用或已销毁。",
            en=f"The key {name!r} is missing, already in use, or destroyed.",
        ),
    )
