"""Against the past: a log is compared with what the regulator kept, so that no rewrite passes.

A log rebuilt and signed again with the true key is consistent in itself; only a checkpoint kept
elsewhere refuses it. A kept file with leaf hashes, or an earlier bundle, also names the entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.log import VerifiedLog
from audit.verify.merkle import root_of_stream
from audit.verify.notes import Head, Key, NotSigned, read_head
from audit.verify.sources import text_of
from audit.verify.tiles import HashedLeaves, StoredBodies, StoredLeaves, parse_body


@dataclass(frozen=True)
class Kept:
    """An earlier state: its checkpoint, and as many leaf hashes and bodies as were kept."""

    head: Head
    leaves: Sequence[bytes]
    bodies: Sequence[bytes]


def read_kept(files: Mapping[str, bytes], key: Key) -> Kept:
    """Read an earlier checkpoint, kept file or bundle. Raises Unusable unless the key signed it."""
    if "checkpoint" not in files:
        raise Unusable("早先的文件中没有检查点。", "The earlier file holds no checkpoint.")
    try:
        head = read_head(text_of(files["checkpoint"], "checkpoint"), key)
    except NotSigned as error:
        raise Unusable(
            "早先的检查点没有所给公钥的有效签名，不能作为依据。",
            "The earlier checkpoint carries no valid signature by the key that was given, "
            "so it proves nothing.",
        ) from error
    stored, hashed = StoredLeaves(files, head.size), HashedLeaves(files, head.size)
    for leaves in (stored, hashed):
        if root_of_stream(leaves) == (head.size, head.root):
            return Kept(head, leaves, StoredBodies(files, head.size))
    return Kept(head, (), ())


def verify_since(log: VerifiedLog, kept: Sequence[Kept], report: Report) -> None:
    """Check that the log extends every kept state; name the first entry that differs."""
    agreed = 0
    for earlier in sorted(kept, key=lambda item: item.head.size):
        size = earlier.head.size
        if root_of_stream(islice(log.leaves, size)) == (size, earlier.head.root):
            agreed = size
            report.good("extends_checkpoint", **_extends(size, changed=_found_changes(report)))
        else:
            _refuse(log, earlier, agreed, report)
            return


def _found_changes(report: Report) -> bool:
    return any(finding.verdict is Verdict.TAMPERED for finding in report.findings)


def _extends(size: int, *, changed: bool) -> dict[str, str]:
    """Say that the signed tree grew only; where content was changed, say that it is not in it."""
    if changed:
        return {
            "zh": f"已签名的哈希树与早先保存的检查点（{size} 条）一致；"
            "上述被改动的内容不是当时登记的内容。",
            "en": f"The signed tree extends the checkpoint kept earlier ({size} entries); the "
            "changed content named above is not what was logged then.",
        }
    return {
        "zh": f"日志与早先保存的检查点（{size} 条）一致，只增未改。",
        "en": f"The log extends the checkpoint kept earlier ({size} entries): nothing before it "
        "was changed.",
    }


def _refuse(log: VerifiedLog, kept: Kept, agreed: int, report: Report) -> None:
    index = _first_difference(log.leaves, kept.leaves) if kept.leaves else None
    size, last = kept.head.size, kept.head.size - 1
    if log.head.size < size and index in {None, log.head.size}:
        report.tampered(
            "rolled_back",
            zh=f"日志只有 {log.head.size} 条，而早先保存的检查点已有 {size} 条："
            "日志被回退到旧备份。",
            en=f"The log holds {log.head.size} entries, but the checkpoint kept earlier has "
            f"{size}: it was rolled back to an older state.",
            index=log.head.size,
        )
    elif index is not None:
        before_zh, before_en = _described(kept, index)
        report.tampered(
            "rewritten_since",
            zh=f"第 {index} 号条目与早先保存的不同{before_zh}：日志在检查点（{size} 条）"
            "之后被改写并重新签名。",
            en=f"Entry {index} is not what it was when the checkpoint of {size} entries "
            f"was kept{before_en}: the log was rewritten and signed again with its own key.",
            index=index,
        )
    else:
        report.tampered(
            "rewritten_since",
            zh=f"日志与早先保存的检查点（{size} 条）不符：第 {agreed} 至 {last} 号条目中"
            "有改动，日志被改写并重新签名。用保存的 kept 文件或早先的证据包可指出具体条目。",
            en=f"The log does not extend the checkpoint kept earlier ({size} entries): one "
            f"of the entries {agreed} to {last} was changed, and the log was signed again with its "
            "own key. A kept file or an earlier bundle would name the entry.",
        )


def _first_difference(now: Sequence[bytes], before: Sequence[bytes]) -> int:
    """Return the first place where two logs differ; the end of the shorter where none does."""
    pairs = enumerate(zip_longest(now, before))
    return next((place for place, (ours, theirs) in pairs if ours != theirs), len(before))


def _described(kept: Kept, index: int) -> tuple[str, str]:
    try:
        content = parse_body(kept.bodies[index])
    except IndexError:  # a kept file holds hashes only
        content = {}
    if not content:
        return "", ""
    kind, time_us = content.get("kind"), content.get("time_us")
    return f"（原为 {kind}，时间 {time_us}）", f" (it was {kind} at {time_us})"
