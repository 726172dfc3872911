"""A licence is what the authority signed, byte for byte; an edited or unsigned one never compiles.

Ed25519 (RFC 8032) over a context line and the document's canonical bytes. The public key to
check against comes from outside, never from beside the signature. The authority signs with its own
key, outside of the platform; only a development platform holds one for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from authorization.documents import LicenceDocument
from foundation.canonical import canonical_bytes, sha256_hex
from foundation.errors import Denied, InvalidInput, Message
from foundation.keys import KeyStore, signature_holds

AUTHORITY_KEY = "authority"
PublicKeys = bytes | tuple[bytes, ...]
CONTEXT = b"sandgate/licence@1\n"


@dataclass(frozen=True)
class SignedLicence:
    """A document's canonical bytes and the authority's signature over them."""

    document: bytes
    signature: bytes


@dataclass(frozen=True)
class AuthorityKeys:
    """The authority's public keys, and the platform's own, which sign no licence.

    ``accepted`` are the authority's keys in the order in which each stated the next; the last one
    signs now. ``held`` says whether this platform can sign in the authority's name (development).
    ``of_platform`` names the platform's keys, so that a licence signed by one is called that.
    """

    accepted: tuple[bytes, ...]
    held: bool = False
    of_platform: Mapping[bytes, str] = field(default_factory=dict)

    @property
    def current(self) -> bytes:
        """The key that signs now."""
        return self.accepted[-1]


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


def verify_licence(signed: SignedLicence, public_key: PublicKeys) -> LicenceDocument:
    """Return the document that the authority signed, by this key or one of several.

    Raises Denied for anything else.
    """
    keys = (public_key,) if isinstance(public_key, bytes) else public_key
    data = CONTEXT + signed.document
    if not any(signature_holds(key, signed.signature, data) for key in keys):
        raise _not_signed()
    try:
        document = LicenceDocument.model_validate_json(signed.document)
    except ValidationError as error:
        raise _not_signed() from error
    if document_bytes(document) != signed.document:
        raise _not_signed()
    return document


def check_given_signature(document: bytes, signature: bytes | None, keys: AuthorityKeys) -> bytes:
    """Return the authority's signature over a draft. Raises Denied, and names whose it is instead.

    Only the key that signs now counts: an earlier one vouches for what it signed in its time.
    """
    if signature is None:
        raise _signature_missing()
    data = CONTEXT + document
    if signature_holds(keys.current, signature, data):
        return signature
    for key, name in keys.of_platform.items():
        if signature_holds(key, signature, data):
            raise _platform_signed(name)
    if any(signature_holds(key, signature, data) for key in keys.accepted):
        raise _signed_with_earlier_key()
    raise _not_signed()


def _signature_missing() -> InvalidInput:
    return InvalidInput(
        "licence_signature_missing",
        Message(
            zh="授权须附主管部门用其自有密钥作出的签名，平台不能代签。",
            en="The authority's own signature is missing; the platform cannot sign for it.",
        ),
        field="$.signature",
        rule="licence-signature",
        way_out=Message(
            zh="请由主管部门离线执行 sandgate licence sign，再提交其签名。",
            en="Have the authority run `sandgate licence sign` offline and submit the signature.",
        ),
    )


def _platform_signed(name: str) -> Denied:
    return Denied(
        "licence_signed_by_platform",
        Message(
            zh=f"该授权由平台自己的密钥（{name}）签名，而不是主管部门的密钥，不予生效。",
            en=f"The licence is signed by a key of the platform ({name}), not by the authority's.",
        ),
        field="$.signature",
        rule="licence-signature",
        way_out=Message(
            zh="请由主管部门用其自有密钥签名。", en="Have the authority sign with its own key."
        ),
    )


def _signed_with_earlier_key() -> Denied:
    return Denied(
        "licence_signed_with_earlier_key",
        Message(
            zh="该授权由主管部门已轮换的旧密钥签名，不予生效。",
            en="The licence is signed with a key that the authority has since turned over.",
        ),
        field="$.signature",
        rule="licence-signature",
        way_out=Message(
            zh="请由主管部门用现行密钥重新签名。",
            en="Have the authority sign with its current key.",
        ),
    )


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
