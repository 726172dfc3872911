"""The certificate that leaves with a release: what left, who decided, under which rules; signed.

The entry that releases commits to the whole document, under a salt that only the document shows,
so that it certifies this document and no other, and the log confirms no guess of what left.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from disclosure.release.requests import Request
from foundation.canonical import canonical_bytes, salted_commitment
from foundation.clock import to_iso
from foundation.keys import Citation, KeyStore
from policies.schema.disclosure import DisclosureRules

CERTIFICATE_KEY = "release-desk"
CONTEXT = b"sandgate/release-certificate@2\n"
COPY_CONTEXT = b"sandgate/release-copy@1\n"
RECALL_CONTEXT = b"sandgate/release-recalls@1\n"


@dataclass(frozen=True)
class Certificate:
    """A document and its Ed25519 signature over context and canonical bytes."""

    document: Mapping[str, object]
    signature: str
    public_key: str
    context: bytes

    def as_json(self) -> dict[str, object]:
        """Return the certificate as it is handed over."""
        return {
            "document": dict(self.document),
            "signature": self.signature,
            "public_key": self.public_key,
            "algorithm": "Ed25519",
            "context": self.context.decode(),
        }


def certified_text(request: Request, rules: DisclosureRules, released_us: int) -> str:
    """Return the document of a release that was just decided, as canonical text."""
    answers = [name for made in request.files for name in made.answers]
    entries = [index for made in request.files for index in made.entries]
    document = {
        "format": "sandgate/release-certificate@2",
        "release": request.id,
        "licence": request.licence,
        "revision": request.revision,
        "session": request.session,
        "answer": next(iter(answers), ""),
        "answer_entry": next(iter(entries), -1),
        "sha256": request.sha256,
        "title": {"zh": request.title_zh, "en": request.title_en},
        "files": [
            {
                "name": made.name,
                "format": made.format,
                "sha256": made.sha256,
                "source": made.draft.source,
                "reproducible": made.reproducible,
                "answers": list(made.answers),
                "entries": list(made.entries),
                "tools": dict(made.tools),
            }
            for made in request.files
        ],
        "checks": [
            {"file": item.get("file", ""), "check": item["check"], "passed": item["passed"]}
            for item in request.checks
        ],
        "exceptions": [item.as_json() for item in request.exceptions],
        "road": request.road,
        "votes": [
            {
                "person": vote.person,
                "organisation": vote.organisation,
                "sha256": vote.sha256,
                "entry": vote.entry_index,
            }
            for vote in request.votes
        ],
        "disclosure_rules_version": rules.version,
        "thresholds": rules.thresholds(),
        "released": to_iso(released_us),
        "salt": request.salt,
    }
    return canonical_bytes(document).decode()


def commitment_of(text: str) -> str:
    """Commit to a document by the salt that it holds: what the entry names before it is signed."""
    return salted_commitment(bytes.fromhex(json.loads(text)["salt"]), text.encode())


def issue(keys: KeyStore, text: str, context: bytes, cited: Citation | None) -> Certificate:
    """Sign a canonical document on the entry that commits to it."""
    document: dict[str, Any] = json.loads(text)
    public_key = keys.ensure_signing_key(CERTIFICATE_KEY)
    signature = keys.sign(CERTIFICATE_KEY, context + text.encode(), cited)
    return Certificate(document, signature.hex(), public_key.hex(), context)
