"""Turning over a signing key: one statement by the old key and the new, in the log for good.

Whoever holds the old public key from outside follows the statements to the current one. The
statement names role, origin and both keys; both sign its canonical bytes after a context line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from audit.notes import BadNote, VerifierKey, parse_verifier_key
from audit.tags import EntryKind
from foundation.canonical import canonical_bytes
from foundation.keys import signature_holds

CONTEXT = b"sandgate/key-rotation@1\n"
FORMAT = "sandgate/key-rotation@1"


class TurningKeys(Protocol):
    """What a key store needs to turn a signing key over."""

    def ensure_signing_key(self, name: str) -> bytes:
        """Return the current public key."""
        ...

    def next_public_key(self, name: str, *, make: bool) -> bytes | None:
        """Return the key that will follow, made where asked for."""
        ...

    def sign(self, name: str, data: bytes) -> bytes:
        """Sign with the current key."""
        ...

    def sign_with_next(self, name: str, data: bytes) -> bytes:
        """Sign with the key that will follow."""
        ...


@dataclass(frozen=True)
class Rotation:
    """A rotation whose two signatures hold: from one key to the next."""

    role: str
    earlier_key: bytes
    public_key: bytes


def rotation_statement(keys: TurningKeys, role: str, name: str) -> dict[str, str]:
    """Make the role's next key, and state it under both signatures. ``name`` goes in the keys."""
    old = VerifierKey(name, keys.ensure_signing_key(role))
    new = VerifierKey(name, keys.next_public_key(role, make=True) or b"")
    statement = {"format": FORMAT, "role": role, "old": old.text(), "new": new.text()}
    data = CONTEXT + canonical_bytes(statement)
    return statement | {
        "old_signature": keys.sign(role, data).hex(),
        "new_signature": keys.sign_with_next(role, data).hex(),
    }


def stated_rotation(kind: str, public: Mapping[str, Any]) -> Rotation | None:
    """Return the rotation an entry states, if both keys signed it; None otherwise."""
    if kind != EntryKind.KEY_ROTATED:
        return None
    try:
        statement = {name: str(public[name]) for name in ("format", "role", "old", "new")}
        old, new = parse_verifier_key(statement["old"]), parse_verifier_key(statement["new"])
        signatures = [bytes.fromhex(public[f"{which}_signature"]) for which in ("old", "new")]
    except (KeyError, ValueError, TypeError, BadNote):
        return None
    data = CONTEXT + canonical_bytes(statement)
    keys = (old.public_key, new.public_key)
    if not all(
        signature_holds(key, mark, data) for key, mark in zip(keys, signatures, strict=True)
    ):
        return None
    return Rotation(statement["role"], old.public_key, new.public_key)
