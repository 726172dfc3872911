"""Licences as the authority signed them: each one in force is checked with the authority's own key.

The key comes from outside. A licence under any other signature is named, and where the signature
is one of the platform's own keys, that is said: the platform cannot license its operators.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.notes import Key
from audit.verify.rotations import AUTHORITY, followed, steps_of
from audit.verify.shares import digest_of_bytes

ACTIVATED = "authorization:licence:activated"
CONTEXT = b"sandgate/licence@1\n"
DOCUMENTS, SIGNATURES = "licences.jsonl", "licence-signatures.jsonl"
PLATFORM_KEYS = "platform-keys.json"

Entry = Mapping[str, Any]


def verify_licences(
    files: Mapping[str, bytes],
    entries: Sequence[Entry],
    authority: Key,
    log_keys: Sequence[Key],
    report: Report,
) -> None:
    """Check the signature of every licence that the log says came into force."""
    activated = [entry for entry in entries if entry.get("kind") == ACTIVATED]
    if activated and (DOCUMENTS not in files or SIGNATURES not in files):
        report.add(
            Verdict.UNMET,
            "licences_not_given",
            zh="日志中有生效的授权，但材料中没有授权文件及其签名。",
            en="Licences came into force, but their documents and signatures are not here.",
        )
        return
    documents = {digest_of_bytes(line): line for line in files.get(DOCUMENTS, b"").splitlines()}
    signatures = _signatures(files)
    chain = followed(authority, steps_of(entries), AUTHORITY)
    platform = _platform_keys(files) | {key.public_key: "log" for key in log_keys}
    good = sum(
        _holds(entry, documents, signatures, _in_force(chain, entry), platform, report)
        for entry in activated
    )
    if good == len(activated):
        report.good(
            "licences_signed_by_authority",
            zh=f"{good} 项生效授权均由所给主管部门公钥签名。",
            en=f"All {good} licences that came into force are signed by the authority's key.",
        )


def _holds(
    entry: Entry,
    documents: Mapping[str, bytes],
    signatures: Mapping[str, bytes],
    key: bytes,
    platform: Mapping[bytes, str],
    report: Report,
) -> bool:
    index, public = entry.get("index"), entry.get("public", {})
    name, digest = public.get("licence"), public.get("document_digest")
    document, signature = documents.get(digest), signatures.get(digest)
    if document is not None and signature is not None:
        if _signed(key, signature, document):
            return True
        for other, role in platform.items():
            if _signed(other, signature, document):
                report.tampered(
                    "licence_signed_by_platform",
                    zh=f"授权 {name} 由平台自己的密钥（{role}）签名，而不是主管部门的密钥。",
                    en=f"The licence {name} is signed by a key of the platform ({role}), "
                    "not by the authority's.",
                    index=index,
                )
                return False
    report.tampered(
        "licence_not_signed_by_authority",
        zh=f"授权 {name} 没有主管部门对其文件的有效签名。",
        en=f"The licence {name} carries no valid signature of the authority over its document.",
        index=index,
    )
    return False


def _in_force(chain: Sequence[tuple[int, Key]], entry: Entry) -> bytes:
    index = int(entry.get("index", 0))
    return [key.public_key for start, key in chain if start <= index][-1]


def _signatures(files: Mapping[str, bytes]) -> dict[str, bytes]:
    try:
        lines = [json.loads(line) for line in files.get(SIGNATURES, b"").splitlines()]
        return {line["digest"]: bytes.fromhex(line["signature"]) for line in lines}
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(
            "授权签名文件无法读取。", "The licences' signatures cannot be read."
        ) from error


def _platform_keys(files: Mapping[str, bytes]) -> dict[bytes, str]:
    try:
        named = json.loads(files.get(PLATFORM_KEYS, b"{}"))
        return {bytes.fromhex(key): str(name) for key, name in named.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise Unusable(
            "平台公钥清单无法读取。", "The list of the platform's keys cannot be read."
        ) from error


def _signed(key: bytes, signature: bytes, document: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, CONTEXT + document)
    except (InvalidSignature, ValueError):
        return False
    return True
