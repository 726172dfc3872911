"""The certificate that leaves with a release: what left, who decided, under which rules; signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foundation.canonical import canonical_bytes
from foundation.clock import to_iso
from foundation.keys import Citation, KeyStore

CERTIFICATE_KEY = "release-desk"
CONTEXT = b"sandgate/release-certificate@1\n"


@dataclass(frozen=True)
class Certificate:
    """A certificate's document and its Ed25519 signature over context and canonical bytes."""

    document: Mapping[str, object]
    signature: str
    public_key: str

    def as_json(self) -> dict[str, object]:
        """Return the certificate as it is handed over."""
        return {
            "document": dict(self.document),
            "signature": self.signature,
            "public_key": self.public_key,
            "algorithm": "Ed25519",
            "context": CONTEXT.decode(),
        }


def issue_certificate(
    keys: KeyStore,
    *,
    release: str,
    licence: str,
    answer: str,
    answered_index: int,
    sha256: str,
    titles: Mapping[str, str],
    votes: Sequence[Mapping[str, object]],
    rules_version: str,
    delivered_us: int,
    cited: Citation | None = None,
) -> Certificate:
    """Sign what left, on the last vote on it."""
    document = {
        "format": "sandgate/release-certificate@1",
        "release": release,
        "licence": licence,
        "answer": answer,
        "answer_entry": answered_index,
        "sha256": sha256,
        "title": dict(titles),
        "votes": [dict(vote) for vote in votes],
        "disclosure_rules_version": rules_version,
        "delivered": to_iso(delivered_us),
    }
    public_key = keys.ensure_signing_key(CERTIFICATE_KEY)
    signature = keys.sign(CERTIFICATE_KEY, CONTEXT + canonical_bytes(document), cited)
    return Certificate(document, signature.hex(), public_key.hex())
