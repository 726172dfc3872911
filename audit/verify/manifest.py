"""The files beside the log: each is listed in a manifest whose digest is itself a log entry."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from audit.verify.findings import Report
from audit.verify.shares import digest_of_bytes
from audit.verify.tiles import of_kinds

MANIFEST = "manifest.json"
EXPORTED = "audit:bundle:exported"


def verify_manifest(
    files: Mapping[str, bytes], entries: Sequence[Mapping[str, Any]], report: Report
) -> bool:
    """Check every file that is not the log's own; True where all of them are committed to."""
    extra = {name for name in files if not of_the_log(name)}
    if not extra and MANIFEST not in files:
        return True
    before = len(report.findings)
    listed = _listed(files, entries, report)
    if listed is None:
        return False
    for name in sorted(extra | set(listed)):
        _check_file(name, files.get(name), listed.get(name), report)
    if len(report.findings) > before:
        return False
    report.good(
        "files_logged",
        zh=f"{len(listed)} 个附加文件与日志中登记的清单一致。",
        en=f"The {len(listed)} files beside the log are the ones that the log commits to.",
    )
    return True


def of_the_log(name: str) -> bool:
    """Tell whether a file is the log's own, and so committed to by the checkpoint itself."""
    return name in {"checkpoint", MANIFEST} or name.startswith("tile/")


def _listed(
    files: Mapping[str, bytes], entries: Sequence[Mapping[str, Any]], report: Report
) -> Mapping[str, str] | None:
    manifest = files.get(MANIFEST, b"")
    digest = digest_of_bytes(manifest)
    exports = of_kinds(entries, (EXPORTED,))
    if digest not in {entry["public"].get("manifest_digest") for entry in exports}:
        report.tampered(
            "manifest_not_logged",
            zh="文件清单（manifest.json）缺失，或不是日志中登记的那一份。",
            en="The list of files (manifest.json) is missing, or not the one that was logged.",
        )
        return None
    listed: Mapping[str, str] = json.loads(manifest)["files"]
    return listed


def _check_file(name: str, data: bytes | None, digest: str | None, report: Report) -> None:
    if data is None:
        report.tampered(
            "file_missing",
            zh=f"清单中的文件 {name} 缺失。",
            en=f"The file {name} is on the logged list but missing.",
        )
    elif digest is None:
        report.tampered(
            "file_unlisted",
            zh=f"文件 {name} 不在日志登记的清单中。",
            en=f"The file {name} is not on the logged list.",
        )
    elif hashlib.sha256(data).hexdigest() != digest:
        report.tampered(
            "file_changed",
            zh=f"文件 {name} 的内容与日志登记的摘要不符。",
            en=f"The content of {name} is not what the log commits to.",
        )
