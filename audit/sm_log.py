"""The full SM3 log: the same entries under SM3, with an origin, tiles and SM2 key of its own.

It follows the first log rather than standing in its way: each call takes in what was logged since.
Tiles lie as files in C2SP's layout; beside them is the unfinished edge, replaced whole.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection

from audit.keyholder.log_head import Mark
from audit.log_signers import SM2_WITH_SM3, SignedAlready
from audit.notes import Checkpoint, VerifierKey, sign_note
from audit.reading import read_entries
from audit.sm_digest import sm3
from audit.tree import (
    TreeEdge,
    consistency_proof,
    leaf_hash,
    nodes_of_tiles,
    range_root,
    tile_path,
    tiles_of_size,
)

EDGE, CHECKPOINT = "edge.json", "checkpoint"
FOLDER = "sm"
PAGE = 1_000

Signing = Callable[[str, Mark, Sequence[bytes]], bytes]


class SmLog:
    """The SM3 log of one directory. One caller at a time: the service's own lease on the log."""

    def __init__(self, directory: Path, origin: str, public_key: bytes, sign: Signing) -> None:
        """``sign`` gets the text, the checkpoint it builds on, and the proof between the two."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._key = VerifierKey(f"{origin}-sm3", public_key, SM2_WITH_SM3)
        self._sign = sign

    @property
    def verifier_key(self) -> VerifierKey:
        """The SM2 key under this log's own name."""
        return self._key

    def extend(self, connection: Connection) -> str:
        """Take in every entry that was logged since, and return the signed checkpoint."""
        edge, note = self._read()
        base = Mark(edge.size, self._root(edge))
        grown = edge.copy()
        while page := read_entries(connection, first=grown.size, limit=PAGE):
            for entry in page:
                for level, number, data in grown.append(leaf_hash(entry.body, sm3)):
                    self._write(tile_path(level, number), data)
        if note and grown.size == base.size:
            return note
        root = self._root(grown)
        head = Checkpoint(self._key.name, grown.size, root)
        nodes = nodes_of_tiles(lambda level, number: self._tile(grown, level, number), sm3)
        proof = consistency_proof(base.size, grown.size, nodes, sm3)
        signature = self._sign(head.text(), base, proof)
        note = sign_note(head.text(), [SignedAlready(self._key, signature)])
        levels = [[item.hex() for item in row] for row in grown.levels]
        state = {"size": grown.size, "levels": levels, "note": note}
        self._write(EDGE, json.dumps(state).encode())
        return note

    def files(self) -> Mapping[str, bytes]:
        """Return the log as it lies in a bundle, under ``sm/``."""
        edge, note = self._read()
        return {f"{FOLDER}/{CHECKPOINT}": note.encode(), **dict(self._tiles(edge))}

    def _tiles(self, edge: TreeEdge) -> Iterator[tuple[str, bytes]]:
        for level, number, width in tiles_of_size(edge.size):
            data = self._tile(edge, level, number)[: width * 32]
            yield f"{FOLDER}/{tile_path(level, number, width)}", data

    def _root(self, edge: TreeEdge) -> bytes:
        nodes = nodes_of_tiles(lambda level, number: self._tile(edge, level, number), sm3)
        return range_root(0, edge.size, nodes, sm3)

    def _tile(self, edge: TreeEdge, level: int, number: int) -> bytes:
        partial = edge.partial_tile(level, number)
        return partial or (self._directory / tile_path(level, number)).read_bytes()

    def _read(self) -> tuple[TreeEdge, str]:
        path = self._directory / EDGE
        if not path.exists():
            return TreeEdge(digest=sm3), ""
        state = json.loads(path.read_bytes())
        levels = [[bytes.fromhex(item) for item in row] for row in state["levels"]]
        return TreeEdge(state["size"], levels, sm3), str(state["note"])

    def _write(self, name: str, data: bytes) -> None:
        path = self._directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
