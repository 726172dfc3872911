"""Check receipts of the log with sigstore's own modules: note, signature, Merkle inclusion.

    ask.py KEY GOOD.jsonl BAD.jsonl LOG-DIRECTORY

Its key ring looks keys up by the digest of their SPKI form; ours are C2SP key ids, so that the
ring is given the id. Everything else is its own code, unchanged.
"""

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, verify_checkpoint
from sigstore._internal.trust import Key, Keyring, RekorKeyring
from sigstore._utils import KeyID
from sigstore.errors import VerificationError
from sigstore_models.common.v1 import PublicKey, PublicKeyDetails

REFUSED = (VerificationError, ValueError, KeyError)


def key_ring(text: str) -> tuple[RekorKeyring, KeyID]:
    """Give its key ring our key under the C2SP key id."""
    _, key_hash, encoded = text.split("+", 2)
    raw = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
    spki = raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = Key(
        PublicKey(raw_bytes=base64.b64encode(spki), key_details=PublicKeyDetails.PKIX_ED25519)
    )
    key.key_id = KeyID(bytes.fromhex(key_hash))
    ring = Keyring()
    ring._keyring = {key.key_id: key}  # noqa: SLF001 - its ring knows no C2SP key id
    return RekorKeyring(ring), key.key_id


def holds(receipt: dict[str, object], ring: RekorKeyring, key_id: KeyID) -> bool:
    """Tell whether sigstore accepts one receipt."""
    note = str(receipt["note"])
    try:
        head = SignedCheckpoint.from_text(note).checkpoint
        proof = SimpleNamespace(
            log_index=receipt["index"],
            tree_size=head.log_size,
            root_hash=bytes.fromhex(head.log_hash),
            hashes=[base64.b64decode(item) for item in receipt["proof"]],
            checkpoint=SimpleNamespace(envelope=note),
        )
        entry = SimpleNamespace(
            _inner=SimpleNamespace(
                inclusion_proof=proof,
                canonicalized_body=base64.b64decode(str(receipt["body"])),
                log_id=SimpleNamespace(key_id=key_id),
            )
        )
        verify_checkpoint(ring, entry)
        verify_merkle_inclusion(entry)
    except REFUSED:
        return False
    return True


def accepted(path: str, ring: RekorKeyring, key_id: KeyID) -> int:
    """Count the receipts of a file that sigstore accepts."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return sum(holds(json.loads(line), ring, key_id) for line in lines)


if __name__ == "__main__":
    ring, key_id = key_ring(sys.argv[1])
    good, bad = (accepted(path, ring, key_id) for path in sys.argv[2:4])
    print(json.dumps({"accepted": good, "tampered_accepted": bad}))
