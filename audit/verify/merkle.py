"""The tree of RFC 6962, written a second time and plainly: everything is recomputed from leaves."""

import hashlib
from collections.abc import Iterator, Sequence

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
