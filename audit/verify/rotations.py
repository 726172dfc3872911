"""Keys that were turned over: from a key given outside, statement by statement, to the present one.

Each statement stands in the log as ``keys:signing:rotated`` and is signed by the key it ends and
the key it begins. A statement that does not begin at a key already trusted says nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.notes import Key, NotSigned, claimed_size, read_head, read_key
from audit.verify.shares import canonical
from audit.verify.sources import text_of
from audit.verify.tiles import StoredBodies, parse_body

ROTATED = "keys:signing:rotated"
LOG, AUTHORITY = "log", "authority"
CONTEXT = b"sandgate/key-rotation@1\n"
_MARK = b'"kind":"keys:signing:rotated"'
_STATED = ("format", "role", "old", "new")


@dataclass(frozen=True)
class Step:
    """One statement whose two signatures hold, and its place in the log."""

    index: int
    role: str
    old: Key
    new: Key


def steps_of(entries: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    """Return the good statements among entries, in order; what is none is passed over."""
    for entry in entries:
        if entry.get("kind") == ROTATED:
            step = _step(entry.get("public"), entry.get("index"))
            if step is not None:
                yield step


def followed(key: Key, steps: Iterable[Step], role: str = LOG) -> list[tuple[int, Key]]:
    """Return from which place on each key signs, beginning with the given one at 0."""
    chain = [(0, key)]
    for step in steps:
        if step.role == role and step.old.public_key == chain[-1][1].public_key:
            chain.append((step.index, step.new))
    return chain


def with_successors(key: Key, files: Mapping[str, bytes]) -> Key:
    """Let the key stand for those that followed it, where the checkpoint is not by itself."""
    if "checkpoint" not in files:
        return key
    note = text_of(files["checkpoint"], "checkpoint")
    try:
        read_head(note, key)
    except NotSigned:
        chain = followed(key, steps_of(_stated(files, note)))
        return replace(key, later=tuple(later for _, later in chain[1:]))
    return key


def key_of_file(text: str) -> Key:
    """Read a key file: the key, and below it the statements of its successors, one a line."""
    first, _, rest = text.strip().partition("\n")
    key = read_key(first)
    try:
        statements = [json.loads(line) for line in rest.splitlines() if line.strip()]
    except ValueError as error:
        raise Unusable(
            "公钥文件中有无法读取的轮换声明。", "A statement in the key file is no JSON."
        ) from error
    steps = (_step(item.get("public", item), 0) for item in statements)
    chain = followed(key, (step for step in steps if step is not None))
    if len(chain) != len(statements) + 1:
        raise Unusable(
            "公钥文件中有一份轮换声明的签名不成立，或不是从前一密钥开始。",
            "A statement in the key file is not signed by both keys, or begins at another key.",
        )
    return replace(key, later=tuple(later for _, later in chain[1:]))


def check_current(
    note: str, key: Key, entries: Iterable[Mapping[str, Any]], report: Report
) -> None:
    """Name a checkpoint that is signed only by a key which the log itself has ended."""
    chain = followed(replace(key, later=()), steps_of(entries))
    if len(chain) == 1:
        _note_earlier_key(note, key, report)
        return
    try:
        read_head(note, chain[-1][1])
    except NotSigned:
        report.tampered(
            "signed_with_turned_over_key",
            zh=f"日志第 {chain[-1][0]} 号条目已停用旧密钥，而检查点仍只有旧密钥的签名。",
            en=f"Entry {chain[-1][0]} ended the key that alone signed this checkpoint.",
            index=chain[-1][0],
        )
        return
    report.add(
        Verdict.NOTE,
        "key_turned_over",
        zh=f"日志密钥轮换过 {len(chain) - 1} 次，每次都由前后两把密钥共同声明。",
        en=f"The log's key was turned over {len(chain) - 1} times, each time stated by both keys.",
    )


def _note_earlier_key(note: str, key: Key, report: Report) -> None:
    """Say that a key which is known to have ended signed alone: before its end, or stolen since."""
    if not key.later:
        return
    try:
        read_head(note, key.later[-1])
    except NotSigned:
        report.add(
            Verdict.NOTE,
            "signed_before_key_turned_over",
            zh="检查点没有现行密钥的签名，日志中也没有轮换声明：它出自轮换之前，或由持有旧密钥者"
            "另造；须对照早先的检查点。",
            en="The present key has not signed this checkpoint, and the log states no turning "
            "over: it is from before that, or somebody who holds the old key made it. Hold it "
            "against an earlier checkpoint.",
        )


def _stated(files: Mapping[str, bytes], note: str) -> Iterator[Mapping[str, Any]]:
    try:
        for body in StoredBodies(files, claimed_size(note)):
            if _MARK in body:
                yield parse_body(body)
    except (Unusable, IndexError, KeyError, ValueError):
        return  # what is missing is named by the verification of the log


def _step(stated: Any, index: Any) -> Step | None:
    try:
        statement = {name: str(stated[name]) for name in _STATED}
        old, new = read_key(statement["old"]), read_key(statement["new"])
        data = CONTEXT + canonical(statement)
        for key, name in ((old, "old"), (new, "new")):
            signature = bytes.fromhex(stated[f"{name}_signature"])
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, data)
        return Step(int(index), statement["role"], old, new)
    except (KeyError, ValueError, TypeError, Unusable, InvalidSignature):
        return None
