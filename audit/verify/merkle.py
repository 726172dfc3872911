"""The tree of RFC 6962, written a second time and plainly: everything is recomputed from leaves."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

HASH_BYTES = 32
TILE_WIDTH = 256
GROUP_DIGITS = 1000


def hash_leaf(body: bytes) -> bytes:
    """Return SHA-256(0x00, body)."""
    return hashlib.sha256(b"\x00" + body).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01, left, right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes: pair neighbours, carry an odd last one up unchanged."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        pairs = [hash_children(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def tile_rows(leaves: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Return, level by level, what tlog-tiles stores: leaves, then roots of full tiles."""
    row = list(leaves)
    while row:
        yield row
        full = len(row) // TILE_WIDTH
        row = [root_of(row[n * TILE_WIDTH : (n + 1) * TILE_WIDTH]) for n in range(full)]


def numbered_path(prefix: str, number: int, width: int) -> str:
    """Spell a tile's path as C2SP tlog-tiles does."""
    groups = [f"{number % GROUP_DIGITS:03d}"]
    while number >= GROUP_DIGITS:
        number //= GROUP_DIGITS
        groups.insert(0, f"x{number % GROUP_DIGITS:03d}")
    partial = f".p/{width}" if width < TILE_WIDTH else ""
    return f"{prefix}/{'/'.join(groups)}{partial}"


def tile_spans(count: int) -> Iterator[tuple[int, int]]:
    """Cut so many hashes into tiles: (number, width)."""
    for number in range(-(-count // TILE_WIDTH)):
        yield number, min(TILE_WIDTH, count - number * TILE_WIDTH)


def inclusion_holds(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Follow an inclusion proof by the shape of the tree (RFC 6962 section 2.1.1), leaf to root."""
    if not 0 <= index < size:
        return False
    current, position, last = leaf, index, size - 1
    remaining = list(proof)
    while last:
        if position % 2 == 1 or position < last:
            if not remaining:
                return False
            sibling = remaining.pop(0)
            left_is_sibling = position % 2 == 1
            pair = (sibling, current) if left_is_sibling else (current, sibling)
            current = hash_children(*pair)
        position, last = position // 2, last // 2
    return not remaining and current == root


class Edge:
    """The right edge of a tree: at each tile level the hashes of the unfinished tile."""

    def __init__(self, levels: Sequence[Sequence[bytes]] = ((),)) -> None:
        """Start from an edge that was kept, or from nothing."""
        self.levels: list[list[bytes]] = [list(row) for row in levels]

    @property
    def size(self) -> int:
        """How many leaves the tree holds."""
        return sum(len(row) * TILE_WIDTH**level for level, row in enumerate(self.levels))

    def add(self, item: bytes, level: int = 0) -> Iterator[tuple[int, int, list[bytes]]]:
        """Add a leaf, or the root of a full tile one level up; yield the tiles it completes."""
        while True:
            if level == len(self.levels):
                self.levels.append([])
            row = self.levels[level]
            row.append(item)
            if len(row) < TILE_WIDTH:
                return
            self.levels[level] = []
            above = self.levels[level + 1 :]
            number = sum(len(higher) * TILE_WIDTH**depth for depth, higher in enumerate(above))
            yield level, number, row
            item, level = root_of(row), level + 1

    def partial(self) -> Iterator[tuple[int, int, list[bytes]]]:
        """Name the unfinished tiles: (level, number, hashes)."""
        for level, row in enumerate(self.levels):
            above = self.levels[level + 1 :]
            if row:
                yield (
                    level,
                    sum(len(higher) * TILE_WIDTH**depth for depth, higher in enumerate(above)),
                    row,
                )

    def root(self) -> bytes:
        """Return the root over everything beneath the edge."""
        carried: list[bytes] = []
        for row in self.levels:
            hashes = row + carried
            carried = [root_of(hashes)] if hashes else []
        return carried[0] if carried else root_of(())


def root_of_stream(leaves: Iterable[bytes]) -> tuple[int, bytes]:
    """Count leaves and return their root, holding only the edge."""
    edge, count = Edge(), 0
    for leaf in leaves:
        count += 1
        for _ in edge.add(leaf):
            pass
    return count, edge.root()
