"""One pass over a stretch of the log: bodies rehashed, compared with tiles, and read as entries.

A stretch is whole tiles, so that several processes can each take one; what they found is put
together in the log's order and is the same as one process finds.
"""

from array import array
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from audit.verify.grammar import departure_of
from audit.verify.merkle import HASH_BYTES, TILE_WIDTH, hash_leaf, numbered_path, root_of
from audit.verify.tiles import Files, parse_body, split_bundle

FORMAT = "sandgate/entry@1"
STRETCH_TILES = 64


@dataclass(frozen=True)
class Disorder:
    """The first entry whose own account of its place or time is wrong; ``claimed`` is its index."""

    code: str
    index: int
    claimed: object = None


@dataclass(frozen=True)
class Difference:
    """The first place at which the stored hash is not that of the body."""

    index: int
    hashed: bytes
    stored: bytes


@dataclass
class Stretch:
    """What one pass found; ``roots`` are those of full tiles, ``rest`` the unfinished tile."""

    first_tile: int
    roots: list[bytes] = field(default_factory=list)
    rest: list[bytes] = field(default_factory=list)
    count: int = 0
    body_missing: int | None = None
    tile_missing: int | None = None
    difference: Difference | None = None
    tiles_changed: list[tuple[str, int]] = field(default_factory=list)
    disorder: Disorder | None = None
    departure: tuple[int, str] | None = None
    first_time_us: int | None = None
    last_time_us: int = 0
    kinds: dict[str, "array[int]"] = field(default_factory=dict)


def scan(files: Files, size: int, first_tile: int, end_tile: int) -> Stretch:
    """Read the tiles ``first_tile`` to ``end_tile`` of a log of so many entries."""
    found = Stretch(first_tile)
    for number in range(first_tile, end_tile):
        width = min(TILE_WIDTH, size - number * TILE_WIDTH)
        bundle = files.get(numbered_path("tile/entries", number, width), b"")
        bodies = split_bundle(bundle, width)
        leaves = [hash_leaf(body) for body in bodies]
        _compare(files, number, width, leaves, found)
        found.count += len(bodies)
        if found.disorder is None:
            _read(bodies, number * TILE_WIDTH, found)
        if len(bodies) < width:
            found.body_missing = number * TILE_WIDTH + len(bodies)
            found.rest = leaves
            break
        if width == TILE_WIDTH:
            found.roots.append(root_of(leaves))
        else:
            found.rest = leaves
    return found


def scan_all(files: Files, size: int, first_tile: int, processes: int) -> Iterator[Stretch]:
    """Read a log from a tile on, in order, with so many processes."""
    # Each tile needs a file: of a size that no files can hold, only so many need be looked for.
    end = min(-(-size // TILE_WIDTH), first_tile + len(files) + 1)
    stretches = [
        (start, min(start + STRETCH_TILES, end)) for start in range(first_tile, end, STRETCH_TILES)
    ]
    if processes <= 1 or len(stretches) <= 1:
        for start, stop in stretches:
            yield scan(files, size, start, stop)
        return
    with ProcessPoolExecutor(
        min(processes, len(stretches)), get_context("spawn"), _hold, (files, size)
    ) as pool:
        yield from pool.map(_scan_held, stretches)


_held: list[tuple[Files, int]] = []


def _hold(files: Files, size: int) -> None:
    _held[:] = [(files, size)]


def _scan_held(stretch: tuple[int, int]) -> Stretch:
    files, size = _held[0]
    return scan(files, size, *stretch)


def _compare(files: Files, number: int, width: int, leaves: list[bytes], found: Stretch) -> None:
    """Compare hashes computed from bodies with the tile that should hold them."""
    path = numbered_path("tile/0", number, width)
    data = files.get(path, b"")
    if data == b"".join(leaves) and len(leaves) == width:
        return
    first = number * TILE_WIDTH
    offset = first_difference(data, leaves)
    found.tiles_changed.append((path, first + min(offset, width - 1)))
    if len(data) != width * HASH_BYTES and found.tile_missing is None:
        found.tile_missing = first
    elif found.difference is None and offset < len(leaves):
        stored = data[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
        found.difference = Difference(first + offset, leaves[offset], stored)


def first_difference(data: bytes, hashes: list[bytes]) -> int:
    """Return the place of the first hash that a tile does not hold; the count where it holds all.

    >>> first_difference(bytes(32), [bytes(32)])
    1
    """
    for offset, item in enumerate(hashes):
        if data[offset * HASH_BYTES : (offset + 1) * HASH_BYTES] != item:
            return offset
    return len(hashes)


def _read(bodies: list[bytes], first: int, found: Stretch) -> None:
    """Read each body's own account: its format, its place, its time and its kind's fields."""
    last_time_us = found.last_time_us
    kinds = found.kinds
    for index, body in enumerate(bodies, first):
        content = parse_body(body)
        time_us, stated = content.get("time_us"), content.get("index")
        if not content:
            found.disorder = Disorder("entry_unreadable", index)
            return
        if content.get("format") != FORMAT or type(stated) is not int or stated != index:
            found.disorder = Disorder("entry_misplaced", index, stated)
            return
        if type(time_us) is not int or time_us < last_time_us:
            found.disorder = Disorder("time_runs_backwards", index)
            return
        if found.first_time_us is None:
            found.first_time_us = time_us
        last_time_us = time_us
        kind = content.get("kind")
        kinds.setdefault(kind if isinstance(kind, str) else "", array("Q")).append(index)
        if found.departure is None and (why := departure_of(content)) is not None:
            found.departure = (index, why)
    found.last_time_us = last_time_us


def joined_kinds(into: dict[str, "array[int]"], more: Mapping[str, "array[int]"]) -> None:
    """Add the places of a later stretch behind those of the earlier ones."""
    for kind, places in more.items():
        into.setdefault(kind, array("Q")).extend(places)
