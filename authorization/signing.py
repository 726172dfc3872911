"""A licence is what the authority signed, byte for byte; an edited or unsigned one never compiles.

Ed25519 (RFC 8032) over a context line and the document's canonical bytes. The public key to
check against comes from outside, never from beside the signature.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from authorization.documents import LicenceDocument
from foundation.canonical import canonical_bytes, sha256_hex
from foundation.errors import Denied, Message
from foundation.keys import KeyStore, signature_holds

AUTHORITY_KEY = "authority"
CONTEXT = b"sandgate/licence@1\n"


@dataclass(frozen=True)
class SignedLicence:
    """A document's canonical bytes and the authority's signature over them."""

    document: bytes
    signature: bytes


def document_bytes(document: LicenceDocument) -> bytes:
    """Return the canonical bytes of a licence document."""
    return canonical_bytes(document.model_dump(mode="json"))


def document_digest(data: bytes) -> str:
    """Return the digest by which entries and answers name a licence document (I12)."""
    return f"sha256:{sha256_hex(data)}"


def sign_licence(
    keys: KeyStore, document: LicenceDocument, key_name: str = AUTHORITY_KEY
) -> SignedLicence:
    """Sign a document with the authority's key."""
    data = document_bytes(document)
    return SignedLicence(data, keys.sign(key_name, CONTEXT + data))


def verify_licence(signed: SignedLicence, public_key: bytes) -> LicenceDocument:
    """Return the document that the authority signed. Raises Denied for anything else."""
    if not signature_holds(public_key, signed.signature, CONTEXT + signed.document):
        raise _not_signed()
    try:
        document = LicenceDocument.model_validate_json(signed.document)
    except ValidationError as error:
        raise _not_signed() from error
    if document_bytes(document) != signed.document:
        raise _not_signed()
    return document


def _not_signed() -> Denied:
    return Denied(
        "licence_signature_invalid",
        Message(
            zh="授权文件未经主管部门签名，或签名后被改动，不予生效。",
            en="The licence document is not as the data authority signed it, so it has no force.",
        ),
        field="signature",
        rule="licence-signature",
        way_out=Message(
            zh="请由主管部门重新签发授权。", en="Ask the data authority to sign the licence again."
        ),
    )
