"""Keys of one directory: signing keys by version, data keys wrapped, and their destruction.

Signing keys are Ed25519 (and SM2, where asked for); data keys are 32 random bytes, stored under a
wrapping key. Turning a key over keeps what it made readable; destroying one overwrites it, and a
destroyed name is never given out again. It is the embedded default, and what the holder owns.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from foundation.canonical import canonical_bytes
from foundation.keys.ciphers import AES_GCM, CIPHERS, BoxCipher, WrongBox
from foundation.keys.protocol import DATA_KEY_BYTES, PEPPER, Citation, KeyRecord, no_key
from foundation.keys.secret_files import SecretFiles
from foundation.keys.signers import ED25519, SM2, FileSigners, Signers
from foundation.keys.zoned import zone_key_name, zone_of_key

VERSIONS = "versions.json"  # which version of each signing key is current
WRAPPING = "wrapping"


class FileKeyStore:
    """Keys as files of mode 0600 in a directory of mode 0700; signing keys possibly in a token."""

    def __init__(
        self, directory: Path, *, cipher: BoxCipher = AES_GCM, signers: Signers | None = None
    ) -> None:
        """Open or make the directory. New data keys are wrapped under ``cipher``."""
        self._files = SecretFiles(directory)
        self._cipher = cipher
        in_files = FileSigners(directory)
        self._signers = {ED25519: signers or in_files, SM2: in_files}  # no open token makes SM2

    # --- signing keys

    def ensure_signing_key(self, name: str, kind: str = ED25519) -> bytes:
        """Make a signing key if there is none; return the public bytes of its current version."""
        current = self._versioned(name, self._version(name), kind)
        public = self._signers[kind].public_key(current)
        if public is None:
            self._signers[kind].make(current, kind)
            public = self._signers[kind].public_key(current)
        if public is None:
            raise no_key(name)
        return public

    def sign(self, name: str, data: bytes, cited: Citation | None = None) -> bytes:
        """Sign with the current version of an Ed25519 key (64 bytes)."""
        del cited  # whoever shares our process is not asked why
        current = self._versioned(name, self._version(name), ED25519)
        return self._signers[ED25519].sign(current, data)

    def ensure_sm2_key(self, name: str) -> bytes:
        """Make an SM2 key if there is none; return its 64 public bytes, x and y."""
        return self.ensure_signing_key(name, SM2)

    def sign_sm2(self, name: str, data: bytes, cited: Citation | None = None) -> bytes:
        """Sign with the current version of an SM2 key (64 bytes, r and s)."""
        del cited
        return self._signers[SM2].sign(self._versioned(name, self._version(name), SM2), data)

    def next_public_key(
        self, name: str, kind: str = ED25519, *, make: bool = False
    ) -> bytes | None:
        """Return the public bytes of the version that will follow, made where asked for."""
        following = self._versioned(name, self._version(name) + 1, kind)
        if make and self._signers[kind].public_key(following) is None:
            self._signers[kind].make(following, kind)
        return self._signers[kind].public_key(following)

    def sign_with_next(self, name: str, data: bytes, kind: str = ED25519) -> bytes:
        """Sign with the version that will follow."""
        following = self._versioned(name, self._version(name) + 1, kind)
        return self._signers[kind].sign(following, data)

    def turn_over(self, name: str, kind: str = ED25519) -> bytes:
        """Make the following version current; return its public bytes. The old key is kept."""
        public = self.next_public_key(name, kind)
        if public is None:
            raise no_key(name)
        versions = self._versions()
        versions[name] = self._version(name) + 1
        self._files.replace(VERSIONS, canonical_bytes(versions))
        return public

    # --- data keys

    def create_data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Make a new 32-byte key under a name that was never used."""
        del cited
        key = self._fresh_key()
        self._files.write_new(f"{name}.data", self._wrapped(name, self._into_zone(name, key)))
        return key

    def data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Return the 32 bytes of a data key."""
        del cited
        box = self._files.read(f"{name}.data")
        if not box:
            raise no_key(name)
        return self._out_of_zone(name, self._unwrapped(name, box))

    def ensure_data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Return a data key, made at first use. Raises Unavailable where it was destroyed."""
        if not self.has_data_key(name):
            return self.create_data_key(name, cited)
        return self.data_key(name, cited)

    def keyed_digest(self, name: str, data: bytes) -> bytes:
        """Return the HMAC-SHA-256 of data under a pepper, made at first use."""
        pepper = self.ensure_data_key(f"{PEPPER}{name}")
        return hmac.digest(pepper, data, hashlib.sha256)

    def has_data_key(self, name: str) -> bool:
        """Tell whether a data key of the name was ever made."""
        return self._files.read(f"{name}.data") is not None

    def destroy(self, name: str, cited: Citation | None = None) -> None:
        """Overwrite the key with nothing left but a tombstone that blocks the name."""
        del cited
        self._files.destroy(f"{name}.data")

    def rewrap(self) -> tuple[int, int]:
        """Wrap every data key under a new wrapping key; return its version and how many.

        The earlier wrapping key is destroyed once nothing is left under it. A call that was cut
        short is finished by the next one.
        """
        earlier = self._wrapping_versions()
        version = max(earlier, default=0) + 1
        self._make_wrapping(version)
        count = 0
        for name in self._data_names():
            box = self._files.read(f"{name}.data")
            if box:
                self._files.replace(f"{name}.data", self._wrapped(name, self._unwrapped(name, box)))
                count += 1
        for old in earlier:
            self._files.destroy(_wrapping_name(old))
        return version, count

    # --- inventory

    def inventory(self) -> Sequence[KeyRecord]:
        """Name every key there is or was, and no material."""
        return [*self._signing_records(), *self._secret_records()]

    def _signing_records(self) -> Iterator[KeyRecord]:
        named = {found for signers in self._signers.values() for found in signers.names()}
        for file_name, kind in sorted(named):
            stem = file_name.removesuffix(".sm2")
            name, _, number = stem.partition(".v")
            version, current = int(number or 1), self._version(name)
            state = ("earlier", "current", "next")[(version >= current) + (version > current)]
            public = self._signers[kind].public_key(file_name)
            place = self._signers[kind].place
            yield KeyRecord(name, kind, version, state, place, (public or b"").hex())

    def _secret_records(self) -> Iterator[KeyRecord]:
        for name in self._data_names():
            state = "current" if self._files.read(f"{name}.data") else "destroyed"
            yield KeyRecord(name, "data", 1, state, "file")
        versions = self._wrapping_versions(destroyed=True)
        for version in versions:
            held = bool(self._files.read(_wrapping_name(version)))
            state = "destroyed" if not held else "current"
            yield KeyRecord(WRAPPING, WRAPPING, version, state, "file")

    # --- inside

    def _fresh_key(self) -> bytes:
        return secrets.token_bytes(DATA_KEY_BYTES)

    def _into_zone(self, name: str, key: bytes) -> bytes:
        """Seal a key of a zone under the zone's key, made at first use; others stay as they are."""
        zone = zone_of_key(name)
        if zone is None:
            return key
        zone_key = self.ensure_data_key(zone_key_name(zone))[: self._cipher.key_bytes]
        return self._cipher.name.encode() + b"\0" + self._cipher.seal(zone_key, key, name.encode())

    def _out_of_zone(self, name: str, sealed: bytes) -> bytes:
        """Open a key of a zone. Raises Unavailable where the zone's key was destroyed."""
        zone = zone_of_key(name)
        if zone is None:
            return sealed
        used, _, box = sealed.partition(b"\0")
        zone_key = self.data_key(zone_key_name(zone))
        try:
            cipher = CIPHERS[used.decode()]
            return cipher.open(zone_key[: cipher.key_bytes], box, name.encode())
        except (KeyError, ValueError) as error:
            raise no_key(name) from error

    def _wrapped(self, name: str, key: bytes) -> bytes:
        version = max(self._wrapping_versions(), default=0) or self._make_wrapping(1)
        wrapping = self._wrapping(version)
        cipher = CIPHERS[wrapping["cipher"]]
        box = cipher.seal(bytes.fromhex(wrapping["key"]), key, name.encode())
        return canonical_bytes({"box": box.hex(), "wrapping": version})

    def _unwrapped(self, name: str, box: bytes) -> bytes:
        try:
            wrapped = json.loads(box)
            wrapping = self._wrapping(wrapped["wrapping"])
            cipher = CIPHERS[wrapping["cipher"]]
            sealed = bytes.fromhex(wrapped["box"])
            return cipher.open(bytes.fromhex(wrapping["key"]), sealed, name.encode())
        except (ValueError, KeyError, TypeError, WrongBox) as error:
            raise no_key(name) from error

    def _make_wrapping(self, version: int) -> int:
        key = secrets.token_bytes(self._cipher.key_bytes)
        content = canonical_bytes({"cipher": self._cipher.name, "key": key.hex()})
        self._files.write_new(_wrapping_name(version), content)
        return version

    def _wrapping(self, version: int) -> dict[str, str]:
        content = self._files.read(_wrapping_name(version))
        if not content:
            raise no_key(WRAPPING)
        found: dict[str, str] = json.loads(content)
        return found

    def _wrapping_versions(self, *, destroyed: bool = False) -> list[int]:
        names = [name for name in self._files.names() if name.endswith(f".{WRAPPING}")]
        versions = sorted(int(name.removesuffix(f".{WRAPPING}")[1:]) for name in names)
        return [v for v in versions if destroyed or self._files.read(_wrapping_name(v))]

    def _data_names(self) -> list[str]:
        names = (name for name in self._files.names() if name.endswith(".data"))
        return [name.removesuffix(".data") for name in names]

    def _versions(self) -> dict[str, int]:
        content = self._files.read(VERSIONS)
        versions: dict[str, int] = json.loads(content) if content else {}
        return versions

    def _version(self, name: str) -> int:
        return self._versions().get(name, 1)

    @staticmethod
    def _versioned(name: str, version: int, kind: str) -> str:
        number = "" if version == 1 else f".v{version}"
        return f"{name}{number}{'.sm2' if kind == SM2 else ''}"


def _wrapping_name(version: int) -> str:
    return f"v{version}.{WRAPPING}"
