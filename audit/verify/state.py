"""What a verification leaves for the next: the signed checkpoint and the right edge beneath it.

The file belongs to whoever verifies. Its edge must give the root of the checkpoint in it, and the
checkpoint must be signed by the key given from outside; else it proves nothing and is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.verify.findings import Report, Unusable
from audit.verify.merkle import HASH_BYTES, TILE_WIDTH, Edge, numbered_path
from audit.verify.notes import Head, Key, NotSigned, read_head
from audit.verify.strict import UNREADABLE, read_strictly
from audit.verify.tiles import Files, split_tile

FORMAT = "sandgate/verified@1"


@dataclass(frozen=True)
class State:
    """A log as it was verified: its checkpoint, its edge, and the time of its last entry."""

    head: Head
    note: str
    edge: Edge
    time_us: int


def read_state(path: Path, key: Key) -> State | None:
    """Read a state; None where there is no such file yet. Raises Unusable where it is broken."""
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = read_strictly(path.read_bytes())
        levels = [[bytes.fromhex(item) for item in row] for row in content["edge"]]
        state = State(
            read_head(content["checkpoint"], key), content["checkpoint"], Edge(levels),
            content["time_us"],
        )  # fmt: skip
        sound = (
            content["format"] == FORMAT
            and type(state.time_us) is int
            and all(len(row) < TILE_WIDTH for row in levels)
            and all(len(item) == HASH_BYTES for row in levels for item in row)
        )
    except (OSError, *UNREADABLE, TypeError, KeyError, AttributeError, NotSigned) as error:
        raise _broken(path) from error
    if not sound or (state.edge.size, state.edge.root()) != (state.head.size, state.head.root):
        raise _broken(path)
    return state


def write_state(path: Path, state: State) -> None:
    """Replace the state file; a broken-off write leaves the earlier one."""
    content = {
        "format": FORMAT,
        "checkpoint": state.note,
        "edge": [[item.hex() for item in row] for row in state.edge.levels],
        "time_us": state.time_us,
    }
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def refuse_departure(files: Files, head: Head, start: State, report: Report) -> None:
    """Say that a log does not extend what was verified earlier, and between which entries."""
    if head.size < start.head.size:
        report.tampered(
            "rolled_back",
            zh=f"日志只有 {head.size} 条，而上次核验时已有 {start.head.size} 条：日志被回退。",
            en=f"The log holds {head.size} entries, but {start.head.size} were verified earlier: "
            "it was rolled back.",
            index=head.size,
        )
        return
    first, last = _range_of_difference(files, head, start)
    report.tampered(
        "forked_since",
        zh=f"已签名的日志与上次核验的 {start.head.size} 条不是同一份：第 {first} 至 {last} 号条目中"
        "有改动，日志被改写并重新签名。",
        en=f"The signed log is not a continuation of the {start.head.size} entries verified "
        f"earlier: one of the entries {first} to {last} was changed, and the log was signed again.",
        index=first if first == last else None,
    )


def _range_of_difference(files: Files, head: Head, start: State) -> tuple[int, int]:
    """Compare the kept edge with the tiles that now stand in its place, largest subtrees first."""
    first = 0
    for level in reversed(range(len(start.edge.levels))):
        row = start.edge.levels[level]
        span = TILE_WIDTH**level
        number = first // (span * TILE_WIDTH)
        width = min(TILE_WIDTH, head.size // span - number * TILE_WIDTH)
        data = files.get(numbered_path(f"tile/{level}", number, width), b"")
        for kept, now in zip(row, [*split_tile(data), *[b""] * len(row)], strict=False):
            if kept != now:
                return first, first + span - 1
            first += span
    return 0, start.head.size - 1


def _broken(path: Path) -> Unusable:
    return Unusable(
        f"{path.name} 不是所给公钥签署过的核验状态，不能作为依据。",
        f"{path.name} is no state of an earlier verification under this key, so it proves nothing.",
    )
