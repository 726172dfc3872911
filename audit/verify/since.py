"""Against the past: a log is compared with what the regulator kept, so that no rewrite passes.

A log rebuilt and signed again with the true key is consistent in itself; only a checkpoint kept
elsewhere refuses it. A kept file with leaf hashes, or an earlier bundle, also names the entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.log import VerifiedLog, parse_body, read_bodies, read_leaf_tiles
from audit.verify.merkle import hash_leaf, root_of
from audit.verify.notes import Head, Key, NotSigned, read_head
from audit.verify.sources import text_of


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
    bodies = read_bodies(files, head.size)
    for leaves in (read_leaf_tiles(files, head.size), [hash_leaf(body) for body in bodies]):
        if len(leaves) == head.size and root_of(leaves) == head.root:
            return Kept(head, leaves, bodies)
    return Kept(head, (), ())


def verify_since(log: VerifiedLog, kept: Sequence[Kept], report: Report) -> None:
    """Check that the log extends every kept state; name the first entry that differs."""
    agreed = 0
    for earlier in sorted(kept, key=lambda item: item.head.size):
        size = earlier.head.size
        if size <= len(log.leaves) and root_of(log.leaves[:size]) == earlier.head.root:
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
    if kept.leaves:
        index = _first_difference(log.leaves, kept.leaves)
        before_zh, before_en = _described(kept, index)
        report.tampered(
            "rewritten_since",
            zh=f"第 {index} 号条目与早先保存的不同{before_zh}：日志在检查点（{kept.head.size} 条）"
            "之后被改写并重新签名。",
            en=f"Entry {index} is not what it was when the checkpoint of {kept.head.size} entries "
            f"was kept{before_en}: the log was rewritten and signed again with its own key.",
            index=index,
        )
        return
    last = kept.head.size - 1
    gone = log.head.size if log.head.size < kept.head.size else None
    report.tampered(
        "rewritten_since",
        zh=f"日志与早先保存的检查点（{kept.head.size} 条）不符：第 {agreed} 至 {last} 号条目中"
        "有改动，日志被改写并重新签名。用保存的 kept 文件或早先的证据包可指出具体条目。",
        en=f"The log does not extend the checkpoint kept earlier ({kept.head.size} entries): one "
        f"of the entries {agreed} to {last} was changed, and the log was signed again with its "
        "own key. A kept file or an earlier bundle would name the entry.",
        index=gone,
    )


def _first_difference(now: Sequence[bytes], before: Sequence[bytes]) -> int:
    shorter = min(len(now), len(before))
    return next((i for i in range(shorter) if now[i] != before[i]), shorter)


def _described(kept: Kept, index: int) -> tuple[str, str]:
    content = parse_body(kept.bodies[index]) if index < len(kept.bodies) else {}
    if not content:
        return "", ""
    kind, time_us = content.get("kind"), content.get("time_us")
    return f"（原为 {kind}，时间 {time_us}）", f" (it was {kind} at {time_us})"
