"""One canonical encoding and one digest: equal values give equal bytes, and floats are refused.

The encoding is the subset of RFC 8785 (JSON canonicalisation) without floating point: UTF-8,
keys in code-point order, no spaces, integers in full.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

_PLAIN = frozenset({str, int, bool, type(None)})
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical_bytes(value: object) -> bytes:
    """Encode a JSON value canonically. Raises TypeError for a float or a foreign type."""
    _refuse_floats(value)
    return _ENCODER.encode(value).encode()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of bytes in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest(value: object) -> str:
    """Return ``sha256:`` and the hexadecimal digest of a value's canonical bytes."""
    return f"sha256:{sha256_hex(canonical_bytes(value))}"


def salted_commitment(salt: bytes, value: bytes) -> str:
    """Commit to a value without confirming guesses: SHA-256 over salt and value."""
    return f"sha256:{hashlib.sha256(salt + value).hexdigest()}"


def _refuse_floats(value: object) -> None:
    for part in _parts(value):
        if type(part) not in _PLAIN:  # most values are plain, and all of them are asked
            _refuse_floats(part)


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, dict | Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("canonical encoding needs text keys")
        return value.values()
    if isinstance(value, float):
        raise TypeError("canonical encoding holds no float")
    return value if isinstance(value, list | tuple) else ()
