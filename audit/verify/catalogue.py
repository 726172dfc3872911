"""Verifies a package of the catalogue from the file alone: entries, manifest, log entry, receipt.

It proves that the platform exported just these entries, and said so at that place of its log. That
the catalogue held no other entry then is the platform's word, which its log of the moves can bear
out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from audit.verify.findings import Report, Unusable
from audit.verify.merkle import hash_leaf, inclusion_holds
from audit.verify.notes import Key, NotSigned, read_head, read_receipt
from audit.verify.shares import digest_of, digest_of_bytes
from audit.verify.sources import text_of
from audit.verify.strict import UNREADABLE, read_strictly
from audit.verify.tiles import parse_body

FORMAT, KIND = "sandgate/catalogue-export@1", "catalog:export:made"
ENTRIES, MANIFEST, BODY = "entries.jsonl", "manifest.json", "entry.json"
RECEIPT, CHECKPOINT = "receipt.txt", "checkpoint"
_PARTS = frozenset({ENTRIES, MANIFEST, BODY, RECEIPT, CHECKPOINT})


def verify_catalogue(files: Mapping[str, bytes], key: Key) -> Report:
    """Verify one package. Raises Unusable for what is none."""
    report = Report()
    if set(files) != _PARTS:
        raise _no_package()
    body, manifest = files[BODY], _object(files[MANIFEST])
    receipt = read_receipt(text_of(files[RECEIPT], RECEIPT))
    try:
        head = read_head(receipt.note, key)
    except NotSigned:
        report.tampered(
            "checkpoint_not_signed",
            zh="目录包所附检查点没有所给公钥的有效签名。",
            en="The checkpoint of the package carries no valid signature by the key given.",
            index=receipt.index,
        )
        return report
    if text_of(files[CHECKPOINT], CHECKPOINT) != receipt.note:
        report.tampered(
            "checkpoint_differs",
            zh="目录包中的检查点与回执所附的不同。",
            en="The checkpoint in the package is not the one that its receipt ends in.",
        )
    entry = parse_body(body)
    stands = entry.get("index") == receipt.index and inclusion_holds(
        hash_leaf(body), receipt.index, head.size, receipt.proof, head.root
    )
    if not stands:
        report.tampered(
            "receipt_fails",
            zh=f"回执不能证明导出条目位于第 {receipt.index} 号。",
            en=f"The receipt does not prove that the export's entry stands at {receipt.index}.",
            index=receipt.index,
        )
    for code, zh, en in _differences(files, manifest, entry):
        report.tampered(code, zh=zh, en=en, index=receipt.index)
    if not report.findings:
        count = manifest["entries"]
        report.good(
            "catalogue_holds",
            zh=f"目录包（{count} 条）与日志（{head.size} 条）第 {receipt.index} 号条目所记一致。",
            en=f"The package of {count} entries is what entry {receipt.index} of the log of "
            f"{head.size} entries vouches for.",
        )
    return report


def _differences(
    files: Mapping[str, bytes], manifest: Mapping[str, Any], entry: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    public = entry.get("public")
    said = public if isinstance(public, dict) else {}
    if (
        entry.get("kind") != KIND
        or manifest.get("format") != FORMAT
        or said.get("manifest_digest") != digest_of(dict(manifest))
        or said.get("export") != manifest.get("export")
    ):
        yield (
            "manifest_differs",
            "清单不是日志条目所记的那一份：清单被改动。",
            "The manifest is not the one whose digest the log holds: it was changed.",
        )
    if manifest.get("entries_digest") != digest_of_bytes(files[ENTRIES]):
        yield (
            "entries_differ",
            "条目文件与清单所记摘要不一致：有条目被改动、增删或调换。",
            "The entries are not those of the manifest: one was changed, added or left out.",
        )
    yield from _line_differences(files[ENTRIES], manifest)


def _line_differences(data: bytes, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Find lines that do not hold together; each is named by its number."""
    before, count = "", 0
    for number, text in enumerate(data.splitlines(), start=1):
        line = _object(text)
        code, document = line.get("code"), line.get("document")
        whole = isinstance(code, str) and isinstance(document, dict) and code > before
        if not whole or line.get("digest") != digest_of(document):
            yield (
                "line_differs",
                f"条目文件第 {number} 行与其摘要不符，或次序不对。",
                f"Line {number} of the entries is not what its digest says, or out of order.",
            )
            return
        before, count = str(code), number
    if count != manifest.get("entries"):
        yield (
            "count_differs",
            "条目数与清单不符。",
            "There are not as many entries as the manifest says.",
        )


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = read_strictly(data)
    except UNREADABLE as error:
        raise _no_package() from error
    if not isinstance(found, dict):
        raise _no_package()
    return found


def _no_package() -> Unusable:
    return Unusable("这不是目录导出包。", "This is no package of the catalogue.")
