"""The log itself: signature, bodies, tiles, root and each entry's own account of its place.

Roots that agree are not enough (immudb #2063): every body, tile and index is rehashed, and the
first entry that is not what was signed is named.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.verify.findings import Report, Unusable
from audit.verify.merkle import (
    HASH_BYTES,
    hash_leaf,
    numbered_path,
    root_of,
    tile_rows,
    tile_spans,
)
from audit.verify.notes import Head, Key, NotSigned, read_head
from audit.verify.sources import text_of

FORMAT = "sandgate/entry@1"
LENGTH_BYTES = 2


@dataclass(frozen=True)
class VerifiedLog:
    """What is known of a log after its verification.

    ``leaves`` are the hashes to compare with earlier states; ``entries`` the parsed bodies, empty
    unless every body is what was signed.
    """

    head: Head
    leaves: Sequence[bytes]
    bodies: Sequence[bytes]
    entries: Sequence[Mapping[str, Any]]


def verify_log(files: Mapping[str, bytes], key: Key, report: Report) -> VerifiedLog | None:
    """Verify a log in tlog-tiles layout; None where not even its checkpoint is to be trusted."""
    if "checkpoint" not in files:
        raise Unusable("其中没有检查点（checkpoint）。", "It holds no checkpoint.")
    try:
        head = read_head(text_of(files["checkpoint"], "checkpoint"), key)
    except NotSigned:
        report.tampered(
            "checkpoint_not_signed",
            zh="检查点没有所给公钥的有效签名：检查点被改动，或出自另一份日志。",
            en="The checkpoint carries no valid signature by the key that was given: it was "
            "changed, or it belongs to another log.",
        )
        return None
    bodies, stored = read_bodies(files, head.size), read_leaf_tiles(files, head.size)
    leaves = [hash_leaf(body) for body in bodies]
    if len(leaves) == head.size and root_of(leaves) == head.root:
        _check_tiles(files, leaves, report)
        return VerifiedLog(head, leaves, bodies, _check_bodies(bodies, report))
    _name_first_bad(bodies, leaves, stored, head, report)
    return VerifiedLog(head, stored if _rooted(stored, head) else leaves, bodies, ())


def read_bodies(files: Mapping[str, bytes], size: int) -> list[bytes]:
    """Read entry bundles up to the first place where one is missing or broken off."""
    bodies: list[bytes] = []
    for number, width in tile_spans(size):
        found = _split_bundle(files.get(numbered_path("tile/entries", number, width), b""), width)
        bodies += found
        if len(found) < width:
            break
    return bodies


def read_leaf_tiles(files: Mapping[str, bytes], size: int) -> list[bytes]:
    """Read the level-0 hashes up to the first tile that is missing or of another length."""
    hashes: list[bytes] = []
    for number, width in tile_spans(size):
        data = files.get(numbered_path("tile/0", number, width), b"")
        if len(data) != width * HASH_BYTES:
            break
        hashes += (data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES))
    return hashes


def _split_bundle(data: bytes, width: int) -> list[bytes]:
    bodies: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + LENGTH_BYTES
        end = start + int.from_bytes(data[position:start], "big")
        if end > len(data) or len(bodies) == width:
            return bodies
        bodies.append(data[start:end])
        position = end
    return bodies


def _rooted(leaves: Sequence[bytes], head: Head) -> bool:
    return len(leaves) == head.size and root_of(leaves) == head.root


def _check_tiles(files: Mapping[str, bytes], leaves: Sequence[bytes], report: Report) -> None:
    for level, row in enumerate(tile_rows(leaves)):
        for number, width in tile_spans(len(row)):
            path = numbered_path(f"tile/{level}", number, width)
            first = number * 256
            if files.get(path) != b"".join(row[first : first + width]):
                index = _first_in_tile(files.get(path, b""), row[first : first + width])
                place = (first + index) << (8 * level)
                report.tampered(
                    "tile_changed",
                    zh=f"哈希文件 {path} 与条目不符（从第 {place} 号条目起）；条目本身与签名一致。",
                    en=f"The hash file {path} does not belong to the entries (from entry {place} "
                    "on); the entries themselves are as signed.",
                    index=place,
                )


def _first_in_tile(data: bytes, expected: Sequence[bytes]) -> int:
    for offset, item in enumerate(expected):
        if data[offset * HASH_BYTES : (offset + 1) * HASH_BYTES] != item:
            return offset
    return len(expected) - 1


def _check_bodies(bodies: Sequence[bytes], report: Report) -> list[Mapping[str, Any]]:
    entries: list[Mapping[str, Any]] = []
    last_time_us = 0
    for index, body in enumerate(bodies):
        content = parse_body(body)
        time_us = content.get("time_us")
        if content.get("format") != FORMAT or content.get("index") != index:
            _misplaced(index, content, report)
            return []
        if not isinstance(time_us, int) or time_us < last_time_us:
            report.tampered(
                "time_runs_backwards",
                zh=f"第 {index} 号条目的时间早于前一条：日志的顺序被改动。",
                en=f"Entry {index} is dated before the one ahead of it: the order was changed.",
                index=index,
            )
            return []
        last_time_us = time_us
        entries.append(content)
    report.good(
        "log_intact",
        zh=f"全部 {len(bodies)} 条日志与已签名的检查点一致。",
        en=f"All {len(bodies)} entries are what the signed checkpoint commits to.",
    )
    return entries


def _misplaced(index: int, content: Mapping[str, Any], report: Report) -> None:
    claimed = content.get("index")
    report.tampered(
        "entry_misplaced",
        zh=f"第 {index} 号位置上的条目自称第 {claimed} 号：有条目被删除、插入或调换。",
        en=f"The entry at place {index} says it is entry {claimed}: entries were removed, "
        "inserted or reordered before the log was signed.",
        index=index,
    )


def parse_body(body: bytes) -> Mapping[str, Any]:
    """Read a body as JSON; an empty map where it is none."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _name_first_bad(
    bodies: Sequence[bytes],
    leaves: Sequence[bytes],
    stored: Sequence[bytes],
    head: Head,
    report: Report,
) -> None:
    trusted = _rooted(stored, head)
    shorter = min(len(leaves), len(stored))
    differing = (i for i in range(shorter) if leaves[i] != stored[i])
    index = next(differing, shorter if shorter < head.size else None)
    if index is None:
        _unsigned_content(bodies, report)
    elif index >= len(leaves):
        report.tampered(
            "entry_missing",
            zh=f"第 {index} 号条目缺失或残缺，而检查点证明日志共有 {head.size} 条。",
            en=f"Entry {index} is missing or broken off; the signed checkpoint proves that the "
            f"log holds {head.size} entries.",
            index=index,
        )
    elif index >= len(stored):
        report.tampered(
            "tile_missing",
            zh=f"从第 {index} 号条目起缺少哈希文件，且条目与检查点不符。",
            en=f"The hash files are missing from entry {index} on, and the entries do not give "
            "the signed root.",
            index=index,
        )
    else:
        _changed(index, leaves, stored, trusted, report)


def _changed(
    index: int, leaves: Sequence[bytes], stored: Sequence[bytes], trusted: bool, report: Report
) -> None:
    moved = leaves[index] in set(stored)
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


def _unsigned_content(bodies: Sequence[bytes], report: Report) -> None:
    claims = (i for i, body in enumerate(bodies) if parse_body(body).get("index") != i)
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
