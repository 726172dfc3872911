"""The Merkle tree of RFC 6962 section 2.1 in C2SP tlog-tiles layout: pure functions and one edge.

Interior hashes are addressed as (height, number): the root of the complete subtree over leaves
``number * 2**height`` and on. Tiles hold 256 such hashes of every eighth height. The hash is
SHA-256; a log of the Chinese profile hands in SM3 (``audit.sm_log``).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

HASH_BYTES = 32
_PAIR = 2 * HASH_BYTES
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
TileReader = Callable[[int, int], bytes]
Digest = Callable[[bytes], Any]


def leaf_hash(body: bytes, digest: Digest = sha256) -> bytes:
    """Hash an entry as it is stored (RFC 6962: prefix 0x00)."""
    hashed: bytes = digest(b"\x00" + body).digest()
    return hashed


def node_hash(left: bytes, right: bytes, digest: Digest = sha256) -> bytes:
    """Hash two children (RFC 6962: prefix 0x01)."""
    hashed: bytes = digest(b"\x01" + left + right).digest()
    return hashed


def complete_root(hashes: Sequence[bytes], digest: Digest = sha256) -> bytes:
    """Fold a power of two of sibling hashes into their common ancestor."""
    row = b"".join(hashes)
    while len(row) > HASH_BYTES:  # proofs and tiles are made of this loop: pairs are cut, not built
        row = b"".join(
            [digest(b"\x01" + row[i : i + _PAIR]).digest() for i in range(0, len(row), _PAIR)]
        )
    return row


def split_point(count: int) -> int:
    """Return the largest power of two smaller than ``count`` (``count`` > 1)."""
    return 1 << ((count - 1).bit_length() - 1)


def range_root(start: int, end: int, node: NodeReader, digest: Digest = sha256) -> bytes:
    """Return MTH(D[start:end]) for a range that a proof may name (RFC 6962 section 2.1)."""
    count = end - start
    if count == 0:
        return EMPTY_ROOT if digest is sha256 else bytes(digest(b"").digest())
    if count & (count - 1) == 0:
        return node(count.bit_length() - 1, start // count)
    middle = start + split_point(count)
    left, right = range_root(start, middle, node, digest), range_root(middle, end, node, digest)
    return node_hash(left, right, digest)


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges of leaves whose roots are PATH(index, D[size]), nearest sibling first."""
    if not 0 <= index < size:
        raise ValueError("an inclusion proof needs an index inside the tree")
    spans: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_point(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return PATH(index, D[size]) (RFC 6962 section 2.1.1)."""
    return [range_root(start, end, node) for start, end in inclusion_spans(index, size)]


def consistency_proof(old: int, new: int, node: NodeReader, digest: Digest = sha256) -> list[bytes]:
    """Return PROOF(old, D[new]) (RFC 6962 section 2.1.2). Empty for 0 or equal sizes."""
    if not 0 <= old <= new:
        raise ValueError("a consistency proof runs from a smaller tree to a larger one")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + split_point(end - start)
        if old <= middle:
            path.append(range_root(middle, end, node, digest))
            end = middle
        else:
            path.append(range_root(start, middle, node, digest))
            start = middle
    if start > 0:
        path.append(range_root(start, end, node, digest))
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether the proof leads from the leaf to the root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            current = node_hash(sibling, current)
            while first & 1 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and current == root


def verify_consistency(
    old: int,
    new: int,
    proof: Sequence[bytes],
    old_root: bytes,
    new_root: bytes,
    digest: Digest = sha256,
) -> bool:
    """Tell whether the new tree extends the old one (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == 0:
        return not proof and old_root == digest(b"").digest()
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    return bool(path) and _climb(old - 1, new - 1, path, digest) == (old_root, new_root)


def _climb(
    first: int, last: int, path: Sequence[bytes], digest: Digest
) -> tuple[bytes, bytes] | None:
    while first & 1:
        first, last = first >> 1, last >> 1
    old_hash = new_hash = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if first & 1 or first == last:
            old_hash = node_hash(sibling, old_hash, digest)
            new_hash = node_hash(sibling, new_hash, digest)
            while first & 1 == 0 and first:
                first, last = first >> 1, last >> 1
        else:
            new_hash = node_hash(new_hash, sibling, digest)
        first, last = first >> 1, last >> 1
    return (old_hash, new_hash) if last == 0 else None


def nodes_of_tiles(read_tile: TileReader, digest: Digest = sha256) -> NodeReader:
    """Read any interior hash out of tiles; ``read_tile(level, number)`` may give a partial one."""

    def node(height: int, number: int) -> bytes:
        level, inside = divmod(height, TILE_HEIGHT)
        tile_number, offset = divmod(number << inside, TILE_WIDTH)
        data = read_tile(level, tile_number)
        chunk = data[offset * HASH_BYTES : (offset + (1 << inside)) * HASH_BYTES]
        if len(chunk) != HASH_BYTES << inside:
            raise ValueError(f"tile {level}/{tile_number} is shorter than the tree needs")
        return complete_root(split_hashes(chunk), digest)

    return node


def split_hashes(data: bytes) -> list[bytes]:
    """Cut a tile's bytes into its hashes."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Return ``tile/<level>/<number>[.p/<width>]`` as C2SP tlog-tiles spells it."""
    return f"tile/{level}/{_number_path(number)}" + (f".p/{width}" if width < TILE_WIDTH else "")


def entries_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return ``tile/entries/<number>[.p/<width>]``."""
    return f"tile/entries/{_number_path(number)}" + (f".p/{width}" if width < TILE_WIDTH else "")


def _number_path(number: int) -> str:
    text = f"{number % 1000:03d}"
    while number >= 1000:  # noqa: PLR2004 - three decimal digits a directory, by the spec
        number //= 1000
        text = f"x{number % 1000:03d}/{text}"
    return text


def tiles_of_size(size: int) -> Iterator[tuple[int, int, int]]:
    """Name every tile of a tree as (level, number, width), partial ones at the right edge too."""
    level, count = 0, size
    while count:
        full, rest = divmod(count, TILE_WIDTH)
        yield from ((level, number, TILE_WIDTH) for number in range(full))
        if rest:
            yield level, full, rest
        level, count = level + 1, full


@dataclass
class TreeEdge:
    """The right edge of a growing tree: at each tile level the hashes of the unfinished tile."""

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=lambda: [[]])
    digest: Digest = sha256

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf; return the tiles (level, number, 8,192 bytes) that it completed."""
        self.size += 1
        completed: list[tuple[int, int, bytes]] = []
        level, carried = 0, leaf
        while True:
            if level == len(self.levels):
                self.levels.append([])
            row = self.levels[level]
            row.append(carried)
            if len(row) < TILE_WIDTH:
                return completed
            number = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            completed.append((level, number, b"".join(row)))
            carried = complete_root(row, self.digest)
            self.levels[level] = []
            level += 1

    def copy(self) -> "TreeEdge":
        """Return an edge that can grow without changing this one."""
        return TreeEdge(self.size, [list(row) for row in self.levels], self.digest)

    def partial_tile(self, level: int, number: int) -> bytes | None:
        """Return the unfinished tile if it is the one asked for."""
        if level >= len(self.levels) or number != self.size >> (TILE_HEIGHT * (level + 1)):
            return None
        return b"".join(self.levels[level])


class CompactRange:
    """A growing tree as the roots of its largest complete subtrees; each root is log n away."""

    def __init__(self) -> None:
        """Begin empty."""
        self.size = 0
        self._roots: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf."""
        carried, merges = leaf, self.size
        while merges & 1:
            carried, merges = node_hash(self._roots.pop(), carried), merges >> 1
        self._roots.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of all leaves so far (RFC 6962 section 2.1)."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root
