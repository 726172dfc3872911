"""The full SM3 log, a log of its own beside the first: same entries, another hash, another origin.

Its tree is that of RFC 6962 with SM3 in SHA-256's place, its checkpoint is signed with SM2 alone,
and it lies under ``sm/``. Nothing of one log vouches for the other but the entries they share.
"""

import base64
from collections.abc import Mapping, Sequence

from audit.verify.findings import Report, Unusable
from audit.verify.merkle import numbered_path, tile_spans
from audit.verify.notes import claimed_size
from audit.verify.sm import sm3
from audit.verify.sm_notes import sm_line_holds
from audit.verify.sources import text_of
from audit.verify.tiles import read_bodies

CHECKPOINT = "sm/checkpoint"
_CHECKPOINT_LINES = 3


def holds_sm_log(files: Mapping[str, bytes]) -> bool:
    """Tell whether an SM3 log is there."""
    return CHECKPOINT in files


def verify_sm_log(files: Mapping[str, bytes], public_key: bytes, report: Report) -> None:
    """Rehash every body with SM3 and check tiles, root and the SM2 signature."""
    note = text_of(files[CHECKPOINT], CHECKPOINT)
    lines = note.split("\n")
    if len(lines) <= _CHECKPOINT_LINES or (not claimed_size(note) and lines[1] != "0"):
        raise Unusable("SM3 日志的检查点无法读取。", "The SM3 log's checkpoint cannot be read.")
    if not sm_line_holds(note, lines[0], public_key):
        report.tampered(
            "sm_checkpoint_not_signed",
            zh="SM3 日志的检查点没有所给 SM2 公钥的有效签名。",
            en="The SM3 log's checkpoint carries no valid signature by the SM2 key given.",
        )
        return
    size = claimed_size(note)
    leaves = [sm3(b"\x00" + body) for body in _bodies(files)[:size]]
    stored = b"".join(
        files.get(numbered_path("sm/tile/0", number, width), b"")
        for number, width in tile_spans(min(size, len(leaves)))
    )
    if len(leaves) < size or stored != b"".join(leaves):
        bad = _first_bad(leaves, stored)
        report.tampered(
            "sm_entry_changed",
            zh=f"第 {bad} 号条目与 SM3 日志中登记的不同。",
            en=f"Entry {bad} is not what the SM3 log holds.",
            index=bad,
        )
    elif base64.b64encode(root_of(leaves)).decode() != lines[2]:
        report.tampered(
            "sm_root_differs",
            zh="SM3 日志的根与其检查点不符。",
            en="The root of the SM3 log is not the one in its checkpoint.",
        )
    else:
        report.good(
            "sm_log_holds",
            zh=f"SM3 日志（{lines[0]}，{size} 条）完好：每个条目均已用 SM3 重新计算。",
            en=f"The SM3 log ({lines[0]}, {size} entries) holds: every entry was hashed anew.",
        )


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, as RFC 6962 defines it, with SM3."""
    if not leaves:
        return sm3(b"")
    row = list(leaves)
    while len(row) > 1:
        pairs = [sm3(b"\x01" + row[i] + row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + row[len(pairs) * 2 :]
    return row[0]


def _first_bad(leaves: Sequence[bytes], stored: bytes) -> int:
    differ = (i for i, leaf in enumerate(leaves) if stored[32 * i : 32 * i + 32] != leaf)
    return next(differ, len(leaves))


def _bodies(files: Mapping[str, bytes]) -> list[bytes]:
    """Return the entries of the first log, which this one shares and may lag behind."""
    return read_bodies(files, claimed_size(text_of(files.get("checkpoint", b""), "checkpoint")))
