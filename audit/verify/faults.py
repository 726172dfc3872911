"""Naming what is wrong with a log that does not give its signed root: which entry, and how.

An entry is changed, moved, missing, or cut off with all behind it; or entries and hashes agree
and the checkpoint signs something else.
"""

from collections.abc import Sequence

from audit.verify.findings import Report
from audit.verify.merkle import TILE_WIDTH, numbered_path
from audit.verify.notes import Head
from audit.verify.scan import Difference, Disorder, Stretch
from audit.verify.tiles import Files, StoredBodies, StoredLeaves, parse_body


def name_disorder(disorder: Disorder, report: Report) -> None:
    """Say which entry's own account of its place or time is wrong."""
    index = disorder.index
    if disorder.code == "entry_unreadable":
        report.tampered(
            "entry_unreadable",
            zh=f"第 {index} 号条目不是各程序读法一致的 JSON（残缺、名称重复或含小数）。",
            en=f"Entry {index} is no JSON that every reader reads alike: it is broken, holds a "
            "name twice, or a fraction.",
            index=index,
        )
        return
    if disorder.code == "time_runs_backwards":
        report.tampered(
            "time_runs_backwards",
            zh=f"第 {index} 号条目的时间早于前一条：日志的顺序被改动。",
            en=f"Entry {index} is dated before the one ahead of it: the order was changed.",
            index=index,
        )
        return
    report.tampered(
        "entry_misplaced",
        zh=f"第 {index} 号位置上的条目自称第 {disorder.claimed} 号：有条目被删除、插入或调换。",
        en=f"The entry at place {index} says it is entry {disorder.claimed}: entries were removed, "
        "inserted or reordered before the log was signed.",
        index=index,
    )


def name_fault(
    files: Files,
    head: Head,
    faults: Sequence[Stretch],
    body_missing: int | None,
    trusted: bool,
    report: Report,
) -> None:
    """Name the first entry that is not what was signed; ``trusted``: the tiles give the root."""
    difference = next((item.difference for item in faults if item.difference), None)
    tile_missing = next(
        (item.tile_missing for item in faults if item.tile_missing is not None), None
    )
    places = {
        "difference": difference.index if difference else head.size,
        "body": head.size if body_missing is None else body_missing,
        "tile": head.size if tile_missing is None else tile_missing,
    }
    first = min(places.values())
    if first >= head.size:
        _unsigned_content(files, head, report)
    elif difference is not None and places["difference"] == first:
        _changed(files, head, difference, trusted, report)
    elif places["body"] == first:
        _missing(files, head, first, report)
    else:
        report.tampered(
            "tile_missing",
            zh=f"从第 {first} 号条目起缺少哈希文件，且条目与检查点不符。",
            en=f"The hash files are missing from entry {first} on, and the entries do not give "
            "the signed root.",
            index=first,
        )


def _missing(files: Files, head: Head, index: int, report: Report) -> None:
    first = index // TILE_WIDTH
    end = min(-(-head.size // TILE_WIDTH), first + len(files) + 1)
    later = (
        numbered_path("tile/entries", number, min(TILE_WIDTH, head.size - number * TILE_WIDTH))
        for number in range(first, end)
    )
    if not any(path in files for path in later):
        report.tampered(
            "log_truncated",
            zh=f"日志在第 {index} 号条目处被截断，而检查点证明共有 {head.size} 条。",
            en=f"The log is cut off at entry {index}; the signed checkpoint proves that it holds "
            f"{head.size} entries.",
            index=index,
        )
        return
    report.tampered(
        "entry_missing",
        zh=f"第 {index} 号条目缺失或残缺，而检查点证明日志共有 {head.size} 条。",
        en=f"Entry {index} is missing or broken off; the signed checkpoint proves that the "
        f"log holds {head.size} entries.",
        index=index,
    )


def _changed(
    files: Files, head: Head, difference: Difference, trusted: bool, report: Report
) -> None:
    index = difference.index
    moved = any(leaf == difference.hashed for leaf in StoredLeaves(files, head.size))
    what_zh = "是另一位置的条目（有条目被删除或调换）" if moved else "的内容被改动"
    what_en = (
        "is an entry of another place (entries were removed or reordered)"
        if moved
        else "is not what was logged: its content was edited"
    )
    proof_zh = "，已签名的哈希树证明原内容不同" if trusted else "，且哈希树也不符合检查点"
    proof_en = (
        "; the signed tree proves it" if trusted else "; nor does the tree give the signed root"
    )
    report.tampered(
        "entry_moved" if moved else "entry_changed",
        zh=f"第 {index} 号条目{what_zh}{proof_zh}。",
        en=f"Entry {index} {what_en}{proof_en}.",
        index=index,
    )


def _unsigned_content(files: Files, head: Head, report: Report) -> None:
    claims = (
        place
        for place, body in enumerate(StoredBodies(files, head.size))
        if parse_body(body).get("index") != place
    )
    index = next(claims, None)
    where_zh = "" if index is None else f"；从第 {index} 号条目起编号不符"
    where_en = "" if index is None else f"; from entry {index} on the numbering is wrong"
    report.tampered(
        "root_not_signed",
        zh=f"条目与哈希文件彼此相符，但检查点签署的是另一份内容{where_zh}。",
        en=f"Entries and hashes agree with each other, but the checkpoint signs other "
        f"content{where_en}.",
        index=index,
    )
