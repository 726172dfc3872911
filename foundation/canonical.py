"""One canonical encoding and one digest: equal values give equal bytes, and floats are refused.

The encoding is the subset of RFC 8785 (JSON canonicalisation) without floating point: UTF-8,
keys in code-point order, no spaces, integers in full.
"""

import hashlib
import json
from collections.abc import Mapping


def canonical_bytes(value: object) -> bytes:
    """Encode a JSON value canonically. Raises TypeError for a float or a foreign type."""
    _refuse_floats(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


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
    if isinstance(value, float):
        raise TypeError("canonical encoding holds no float")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("canonical encoding needs text keys")
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
