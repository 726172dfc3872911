"""Verifies a certificate whose digest stands in a log entry: the document, the entry, its receipt.

It proves that the platform said so, at that place of the log, and has not changed a word since.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from audit.verify.findings import Report, Unusable
from audit.verify.merkle import hash_leaf, inclusion_holds
from audit.verify.notes import Key, NotSigned, read_head, read_receipt
from audit.verify.shares import digest_of
from audit.verify.strict import UNREADABLE, read_strictly
from audit.verify.tiles import parse_body

KINDS = {
    "sandgate/destruction-certificate@1": "sandbox:destruction:certified",
    "sandgate/share-disposal@1": "sharing:disposal:certified",
}
"""The formats of certificates, and the kind of entry that vouches for each."""


def verify_certificate(data: bytes, key: Key) -> Report:
    """Verify one certificate. Raises Unusable for what is none."""
    report = Report()
    document, body, receipt_text = _parts(data)
    entry = parse_body(body)
    receipt = read_receipt(receipt_text)
    try:
        head = read_head(receipt.note, key)
    except NotSigned:
        report.tampered(
            "checkpoint_not_signed",
            zh="证书所附检查点没有所给公钥的有效签名。",
            en="The checkpoint of the certificate carries no valid signature by the key given.",
            index=receipt.index,
        )
        return report
    stands = entry.get("index") == receipt.index and inclusion_holds(
        hash_leaf(body), receipt.index, head.size, receipt.proof, head.root
    )
    if not stands:
        report.tampered(
            "receipt_fails",
            zh=f"回执不能证明证书所附条目位于第 {receipt.index} 号。",
            en=f"The receipt does not prove that the entry stands at place {receipt.index}.",
            index=receipt.index,
        )
    elif not _vouches(entry, document):
        report.tampered(
            "certificate_differs",
            zh="证书内容与日志条目所记摘要不一致：证书被改动。",
            en="The certificate is not the one whose digest the log holds: it was changed.",
            index=receipt.index,
        )
    else:
        report.good(
            "certificate_holds",
            zh=f"证书与日志（{head.size} 条）第 {receipt.index} 号条目所记一致。",
            en=f"The certificate is what entry {receipt.index} of the log of {head.size} entries "
            "vouches for.",
        )
    return report


def note_in(data: bytes) -> str:
    """Return the signed checkpoint that a certificate's receipt ends in. Raises Unusable."""
    return read_receipt(_parts(data)[2]).note


def _vouches(entry: Mapping[str, Any], document: dict[str, Any]) -> bool:
    wanted = digest_of(document)
    kind = KINDS.get(str(document.get("format")))
    public = entry.get("public")
    return (
        kind is not None
        and entry.get("kind") == kind
        and isinstance(public, dict)
        and public.get("document_digest") == wanted
    )


def _parts(data: bytes) -> tuple[dict[str, Any], bytes, str]:
    try:
        raw = read_strictly(data)
        document, entry = raw["document"], raw["entry"]
        body = base64.b64decode(entry["body"], validate=True)
        receipt = entry["receipt"]
    except (*UNREADABLE, KeyError, TypeError, binascii.Error) as error:
        raise _no_certificate() from error
    if not isinstance(document, dict) or not isinstance(receipt, str):
        raise _no_certificate()
    return document, body, receipt


def _no_certificate() -> Unusable:
    return Unusable("这不是销毁证书文件。", "This is no certificate file.")
