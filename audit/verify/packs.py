"""An evidence pack: some entries of a log, each proven under one checkpoint, and files about them.

Holds: the checkpoint is signed; the export's own entry stands in it and commits to the manifest;
the manifest names every file and every entry; each entry's proof leads to the same checkpoint.
That nothing was left out of a pack is not proven by it, and the report says so.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.merkle import hash_leaf, inclusion_holds
from audit.verify.notes import Head, Key, NotSigned, read_head, read_receipt
from audit.verify.shares import digest_of_bytes
from audit.verify.sources import text_of
from audit.verify.strict import UNREADABLE, check_unambiguous, read_strictly
from audit.verify.texts import add_states, field_states

PACK_FORMAT = "sandgate/pack@1"
EXPORTED = frozenset({"audit:view:exported", "case:bundle:exported"})
MANIFEST = "manifest.json"
_OWN = frozenset({"checkpoint", "export.json", "export.tlog-proof", MANIFEST})


def is_pack(files: Mapping[str, bytes]) -> bool:
    """Tell a pack from a bundle: it holds its export's own entry, and no tiles."""
    return "export.json" in files and not any(name.startswith("tile/") for name in files)


def verify_pack(
    files: Mapping[str, bytes], key: Key, *, compared: bool = False, each_text: bool = False
) -> Report:
    """Check a pack against the log's key. Raises Unusable where it is none.

    ``compared`` tells that an earlier checkpoint was given, which no pack can be held against;
    ``each_text`` names the state of every private field.
    """
    report = Report()
    try:
        _verify(files, key, report, each_text=each_text)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unusable(
            "取证包中有记录缺少字段或类型不对。",
            "A record of the pack lacks a field or holds one of the wrong type.",
        ) from error
    if compared:
        report.add(
            Verdict.UNMET,
            "pack_not_comparable",
            zh="取证包不含日志的树，不能与早先的检查点对照；请用完整证据包。",
            en="A pack holds no tree to hold against an earlier checkpoint: use a whole bundle.",
        )
    return report


def _verify(
    files: Mapping[str, bytes], key: Key, report: Report, *, each_text: bool = False
) -> None:
    missing = sorted(_OWN - set(files))
    if missing:
        raise Unusable(f"取证包缺少 {missing[0]}。", f"The pack lacks {missing[0]}.")
    note = text_of(files["checkpoint"], "checkpoint")
    try:
        head = read_head(note, key)
    except NotSigned:
        report.tampered(
            "checkpoint_not_signed",
            zh="检查点没有所给公钥的有效签名。",
            en="The checkpoint carries no valid signature by the key given.",
        )
        return
    export, manifest = _read(files["export.json"]), _read(files[MANIFEST])
    _check_export(files, export, note, head, report)
    _check_files(files, manifest, report)
    _check_entries(files, manifest, note, head, report)
    check_unambiguous(files, report)
    if not report.findings:
        bodies = [_read(data) for name, data in files.items() if name.startswith("entries/")]
        add_states(field_states(files, bodies, report), report, each=each_text)
    if all(item.verdict is Verdict.NOTE for item in report.findings):
        entries, size = len(manifest["entries"]), head.size
        report.good(
            "pack_holds",
            zh=f"包中 {entries} 条日志均在检查点（{size} 条）之下，文件与登记的清单一致。",
            en=f"All {entries} entries stand in the log of {size} entries, and the files are the "
            "ones that the log commits to.",
        )
    report.add(
        Verdict.NOTE,
        "pack_is_a_part",
        zh="取证包只证明所列条目属实；有无遗漏须对照全部日志，改写须对照早先的检查点。",
        en="A pack proves what it lists. That nothing was left out needs the whole log; that "
        "nothing was rewritten needs an earlier checkpoint.",
    )


def _read(data: bytes) -> Mapping[str, Any]:
    try:
        found = read_strictly(data)
    except UNREADABLE as error:
        raise Unusable(
            "取证包中的 JSON 无法读取。", "A JSON file of the pack is broken."
        ) from error
    if not isinstance(found, dict):
        raise Unusable("取证包中的 JSON 无法读取。", "A JSON file of the pack is broken.")
    return found


def _check_export(
    files: Mapping[str, bytes],
    export: Mapping[str, Any],
    note: str,
    head: Head,
    report: Report,
) -> None:
    _check_place(files["export.json"], files["export.tlog-proof"], None, note, head, report)
    committed = export["public"].get("manifest_digest") if export["kind"] in EXPORTED else None
    if committed != digest_of_bytes(files[MANIFEST]):
        report.tampered(
            "manifest_not_logged",
            zh="文件清单（manifest.json）不是日志中登记的那一份。",
            en="The list of files (manifest.json) is not the one that was logged.",
        )


def _check_files(files: Mapping[str, bytes], manifest: Mapping[str, Any], report: Report) -> None:
    if manifest.get("format") != PACK_FORMAT:
        raise Unusable("不认识的取证包格式。", "The pack is of an unknown format.")
    listed: Mapping[str, str] = manifest["files"]
    beside = {name for name in files if name not in _OWN and not _of_an_entry(name)}
    for name in sorted(beside | set(listed)):
        data = files.get(name)
        if data is None or name not in listed:
            report.tampered(
                "file_missing" if data is None else "file_unlisted",
                zh=f"文件 {name} 缺失，或不在日志登记的清单中。",
                en=f"The file {name} is missing, or not on the logged list.",
            )
        elif hashlib.sha256(data).hexdigest() != listed[name]:
            report.tampered(
                "file_changed",
                zh=f"文件 {name} 的内容与日志登记的摘要不符。",
                en=f"The content of {name} is not what the log commits to.",
            )


def _check_entries(
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    note: str,
    head: Head,
    report: Report,
) -> None:
    listed: Mapping[str, str] = manifest["entries"]
    expected = {_body(number) for number in listed} | {_proof(number) for number in listed}
    for name in sorted(expected ^ {name for name in files if _of_an_entry(name)}):
        report.tampered(
            "entry_missing" if name in expected else "entry_unlisted",
            zh=f"{name} 缺失，或不在日志登记的清单中。",
            en=f"{name} is missing, or not on the logged list.",
        )
    for number, leaf in listed.items():
        body, proof = files.get(_body(number)), files.get(_proof(number))
        if body is None or proof is None:
            continue
        index = int(number)
        _check_place(body, proof, index, note, head, report)
        if hash_leaf(body).hex() != leaf:
            report.tampered(
                "entry_changed",
                zh=f"第 {index} 号条目与日志登记的清单不符。",
                en=f"Entry {index} is not the one that the log commits to.",
                index=index,
            )


def _check_place(
    body: bytes, proof: bytes, index: int | None, note: str, head: Head, report: Report
) -> None:
    receipt = read_receipt(text_of(proof, "tlog-proof"))
    stated = _read(body).get("index")
    wanted = stated if index is None else index
    holds = inclusion_holds(hash_leaf(body), receipt.index, head.size, receipt.proof, head.root)
    if receipt.note != note or not holds or receipt.index != wanted or stated != wanted:
        report.tampered(
            "receipt_fails",
            zh=f"第 {receipt.index} 号条目的证明不成立。",
            en=f"The proof of entry {receipt.index} does not hold.",
            index=receipt.index,
        )


def _body(number: str) -> str:
    return f"entries/{number}.json"


def _proof(number: str) -> str:
    return f"proofs/{number}.tlog-proof"


def _of_an_entry(name: str) -> bool:
    return name.startswith(("entries/", "proofs/"))
