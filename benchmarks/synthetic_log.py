"""A log of millions of entries, written as the service stores it but without a sync for each.

Bodies are those of permitted questions with fresh nonces. Tiles, their roots and the checkpoint
stand in SQLite; bodies and tiles in tlog-tiles files; of the rows of ``entry`` only those of the
unfinished tile, which are all that a proof reads.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert

from audit.notes import Checkpoint, HeldKey, VerifierKey, sign_note
from audit.recovery import edge_root
from audit.store import checkpoint, entry, tile
from audit.tags import EntryKind
from audit.tree import (
    TILE_WIDTH,
    TreeEdge,
    complete_root,
    entries_path,
    leaf_hash,
    split_hashes,
    tile_path,
)
from audit.verify.merkle import Edge
from audit.verify.notes import read_head, read_key
from audit.verify.state import State, write_state
from foundation.canonical import canonical_bytes
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore

ORIGIN = "bench.example/log"
KIND = str(EntryKind.QUESTION_DECIDED)
FIRST_US = 1_790_000_000_000_000
TILES_PER_INSERT = 512
NONCE_BYTES = 16


@dataclass(frozen=True)
class SyntheticLog:
    """Where the log lies, its key, and the state of a verification before its last entries."""

    files: Path
    database_url: str
    key: VerifierKey
    state: Path
    size: int
    fresh: int


def write_log(home: Path, size: int, fresh: int) -> SyntheticLog:
    """Write a log of so many entries; the state covers all but the last ``fresh``."""
    keys = FileKeyStore(home / "keys")
    key = VerifierKey(ORIGIN, keys.ensure_signing_key("log"))

    def signed(edge: TreeEdge) -> str:
        text = Checkpoint(ORIGIN, edge.size, edge_root(edge)).text()
        return sign_note(text, [HeldKey(key, lambda data: keys.sign("log", data))])

    made = SyntheticLog(
        home / "log", f"sqlite:///{home}/control.db", key, home / "state.json", size, fresh
    )
    engine = open_engine(made.database_url)
    metadata.create_all(engine, tables=[entry, tile, checkpoint])
    with engine.begin() as connection:
        _write(connection, made, signed)
    engine.dispose()
    return made


def _write(connection: Connection, made: SyntheticLog, signed: Callable[[TreeEdge], str]) -> None:
    edge = TreeEdge()
    rows: list[dict[str, object]] = []
    for first in range(0, made.size, TILE_WIDTH):
        width = min(TILE_WIDTH, made.size - first)
        bodies = list(_bodies(first, width))
        _place(made.files / entries_path(first // TILE_WIDTH, width), _bundle(bodies))
        for body in bodies:
            for level, number, data in edge.append(leaf_hash(body)):
                root = complete_root(split_hashes(data))
                rows.append({"level": level, "number": number, "data": data, "root": root})
                _place(made.files / tile_path(level, number), data)
            if edge.size == made.size - made.fresh:
                _keep_state(edge, signed(edge), made)
        if len(rows) >= TILES_PER_INSERT:
            connection.execute(insert(tile), rows)
            rows.clear()
        if width < TILE_WIDTH:
            connection.execute(insert(entry), list(_rows(first, bodies)))
    if rows:
        connection.execute(insert(tile), rows)
    _finish(connection, edge, signed(edge), made)


def _finish(connection: Connection, edge: TreeEdge, note: str, made: SyntheticLog) -> None:
    for level, row in enumerate(edge.levels):
        if row:
            number = edge.size >> (8 * (level + 1))
            _place(made.files / tile_path(level, number, len(row)), b"".join(row))
    row_of_head = {"size": edge.size, "root": edge_root(edge), "note": note, "time_us": FIRST_US}
    connection.execute(insert(checkpoint), row_of_head)
    _place(made.files / "checkpoint", note.encode())


def _keep_state(edge: TreeEdge, note: str, made: SyntheticLog) -> None:
    head = read_head(note, read_key(made.key.text()))
    write_state(made.state, State(head, note, Edge(edge.levels), FIRST_US + edge.size - 1))


def _bodies(first: int, count: int) -> Iterator[bytes]:
    before, after = _TEMPLATE
    nonces = os.urandom(NONCE_BYTES * count).hex()
    for offset in range(count):
        index = first + offset
        nonce = nonces[offset * 2 * NONCE_BYTES : (offset + 1) * 2 * NONCE_BYTES]
        yield b"%s%d%s%s%s%d}" % (
            before,
            index,
            after[0],
            nonce.encode(),
            after[1],
            FIRST_US + index,
        )


def _template() -> tuple[bytes, tuple[bytes, bytes]]:
    body = canonical_bytes(
        {
            "actor": SYSTEM_ACTOR.as_public(),
            "format": "sandgate/entry@1",
            "index": 777_777_777,
            "kind": KIND,
            "nonce": "NONCE",
            "private": {"sql": "sha256:" + "c" * 64},
            "public": {
                "licence": "lic_" + "a" * 26,
                "session": "ses_" + "b" * 26,
                "datasets": ["households", "flights"],
                "mode": "aggregate",
                "cost_nano_rho": 5_000_000,
                "policy": "sha256:" + "0" * 64,
            },
            "time_us": 888_888_888,
        }
    )
    before, rest = body.split(b"777777777")
    middle, tail = rest.split(b"NONCE")
    last, end = tail.split(b"888888888")
    assert end == b"}"
    return before, (middle, last)


_TEMPLATE = _template()


def _rows(first: int, bodies: list[bytes]) -> Iterator[dict[str, object]]:
    for index, body in enumerate(bodies, first):
        yield {
            "idx": index,
            "time_us": FIRST_US + index,
            "kind": KIND,
            "body": body,
            "leaf_hash": leaf_hash(body),
        }


def _bundle(bodies: list[bytes]) -> bytes:
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def _place(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
