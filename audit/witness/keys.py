"""The witness's own keys: one Ed25519 and one ML-DSA-44 seed, in a directory of its own.

The files have mode 0600 in a directory of mode 0700 and are made once, by ``init``; a witness that
lost them is retired and another takes its place under another name.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from audit.cosignatures import ED25519_COSIGNATURE, ML_DSA_44_COSIGNATURE, Cosigner
from audit.notes import VerifierKey
from foundation.errors import Conflict, Message, Unavailable

SEED_BYTES = 32
_ED25519_FILE = "ed25519"
_ML_DSA_44_FILE = "ml-dsa-44"


class WitnessKeys:
    """Both keys of one witness, under its name."""

    def __init__(self, directory: Path, name: str) -> None:
        """Read the keys. Raises Unavailable where one is missing or readable by others."""
        ed25519 = Ed25519PrivateKey.from_private_bytes(_seed(directory / _ED25519_FILE))
        ml_dsa_44 = MLDSA44PrivateKey.from_seed_bytes(_seed(directory / _ML_DSA_44_FILE))
        self._signing: Mapping[VerifierKey, Callable[[bytes], bytes]] = {
            VerifierKey(
                name, ml_dsa_44.public_key().public_bytes_raw(), ML_DSA_44_COSIGNATURE
            ): ml_dsa_44.sign,
            VerifierKey(
                name, ed25519.public_key().public_bytes_raw(), ED25519_COSIGNATURE
            ): ed25519.sign,
        }

    @property
    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """The public keys; the ML-DSA-44 one first, as the format recommends it."""
        return tuple(self._signing)

    def cosigners(self, time_s: int) -> list[Cosigner]:
        """Return a signer of each key for one moment in POSIX seconds."""
        return [Cosigner(key, sign, time_s) for key, sign in self._signing.items()]


def create_keys(directory: Path) -> None:
    """Make both keys. Raises Conflict where there is one already: keys are never replaced."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    seeds = {
        _ED25519_FILE: Ed25519PrivateKey.generate().private_bytes_raw(),
        _ML_DSA_44_FILE: MLDSA44PrivateKey.generate().private_bytes_raw(),
    }
    for name, seed in seeds.items():
        try:
            handle = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise Conflict(
                "witness_key_exists",
                Message("见证方密钥已存在，不会覆盖。", "The witness has keys; none is replaced."),
            ) from error
        with os.fdopen(handle, "wb") as file:
            file.write(seed)
            file.flush()
            os.fsync(file.fileno())


def public_keys_of(seed: bytes) -> tuple[bytes, bytes]:
    """Return both public keys that a 32-byte secret would have, to recognise a witness's secret."""
    return (
        Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw(),
        MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw(),
    )


def _seed(path: Path) -> bytes:
    try:
        seed, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise _unusable() from error
    if len(seed) != SEED_BYTES or mode & 0o077:
        raise _unusable()
    return seed


def _unusable() -> Unavailable:
    return Unavailable(
        "witness_key_unusable",
        Message(
            "见证方密钥缺失、不完整，或可被其他用户读取。",
            "A key of the witness is missing, broken, or readable by other users.",
        ),
        way_out=Message(
            "请先运行 sandgate witness init，并保持密钥文件权限为 0600。",
            "Run `sandgate witness init` first, and keep the key files at mode 0600.",
        ),
    )
