"""The files of a log in tlog-tiles layout, read tile by tile: bodies, leaf hashes and entries.

The sequences here hold one tile at a time, so that ten million entries need no memory; each says
in its name what it believes: the bodies, or the stored hashes.
"""

from abc import abstractmethod
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any, TypeVar, overload

from audit.verify.merkle import HASH_BYTES, TILE_WIDTH, hash_leaf, numbered_path, tile_spans
from audit.verify.strict import UNREADABLE, read_strictly

LENGTH_BYTES = 2

Files = Mapping[str, bytes]
Entry = Mapping[str, Any]
T = TypeVar("T")


def split_bundle(data: bytes, width: int) -> list[bytes]:
    """Cut an entry bundle into bodies, up to the first that is broken off or one too many."""
    bodies: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + LENGTH_BYTES
        end = start + int.from_bytes(data[position:start], "big")
        if end > len(data) or len(bodies) == width:
            break
        bodies.append(data[start:end])
        position = end
    return bodies


def split_tile(data: bytes) -> list[bytes]:
    """Cut a tile into its hashes."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def bundle_bytes(bodies: Sequence[bytes]) -> bytes:
    """Write an entry bundle: each body behind its length in two bytes."""
    return b"".join(len(body).to_bytes(LENGTH_BYTES, "big") + body for body in bodies)


def read_bodies(files: Files, size: int) -> list[bytes]:
    """Read entry bundles up to the first place where one is missing or broken off."""
    bodies: list[bytes] = []
    for number, width in tile_spans(size):
        found = split_bundle(files.get(numbered_path("tile/entries", number, width), b""), width)
        bodies += found
        if len(found) < width:
            break
    return bodies


def parse_body(body: bytes) -> Entry:
    """Read a body as JSON; an empty map where it is none, or none that all read alike."""
    try:
        content = read_strictly(body)
    except UNREADABLE:
        return {}
    return content if isinstance(content, dict) else {}


class ByTile(Sequence[T]):
    """Things in the order of the log, of which one tile's worth is in memory."""

    def __init__(self, files: Files, size: int) -> None:
        """Read from these files, as a log of so many entries lays them out."""
        self._files = files
        self._size = size
        self._held: tuple[int, Sequence[T]] = (-1, ())

    @abstractmethod
    def load(self, number: int, width: int) -> Sequence[T]:
        """Read one tile's worth; fewer where the file is missing or broken off."""

    def __len__(self) -> int:
        """Count what the checkpoint says there is."""
        return self._size

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        """Read one, or several. Raises IndexError beyond the end and where a file is short."""
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(self._size))]
        index = place if place >= 0 else place + self._size
        if not 0 <= index < self._size:
            raise IndexError(place)
        number, offset = divmod(index, TILE_WIDTH)
        return self._tile(number)[offset]

    def __iter__(self) -> Iterator[T]:
        """Go through all of them, stopping where a file is short."""
        for number, width in tile_spans(self._size):
            found = self._tile(number)
            yield from found
            if len(found) < width:
                return

    def _tile(self, number: int) -> Sequence[T]:
        if self._held[0] != number:
            width = min(TILE_WIDTH, self._size - number * TILE_WIDTH)
            self._held = (number, self.load(number, width))
        return self._held[1]


class StoredLeaves(ByTile[bytes]):
    """Leaf hashes as the tiles of level 0 hold them."""

    def load(self, number: int, width: int) -> Sequence[bytes]:
        """Read a tile; nothing where its length is wrong."""
        data = self._files.get(numbered_path("tile/0", number, width), b"")
        return split_tile(data) if len(data) == width * HASH_BYTES else ()


class StoredBodies(ByTile[bytes]):
    """Bodies as the entry bundles hold them."""

    def load(self, number: int, width: int) -> Sequence[bytes]:
        """Read a bundle up to the first body that is broken off."""
        return split_bundle(
            self._files.get(numbered_path("tile/entries", number, width), b""), width
        )


class HashedLeaves(StoredBodies):
    """Leaf hashes computed from the bodies themselves."""

    def load(self, number: int, width: int) -> Sequence[bytes]:
        """Hash a bundle's bodies."""
        return [hash_leaf(body) for body in super().load(number, width)]


class StoredEntries(ByTile[Entry]):
    """Parsed bodies, with the places of each kind."""

    def __init__(self, files: Files, size: int, kinds: Mapping[str, "array[int]"]) -> None:
        """Read entries that were verified; ``kinds`` says at which places each kind stands."""
        super().__init__(files, size)
        self._kinds = kinds

    def load(self, number: int, width: int) -> Sequence[Entry]:
        """Parse a bundle's bodies."""
        data = self._files.get(numbered_path("tile/entries", number, width), b"")
        return [parse_body(body) for body in split_bundle(data, width)]

    def of_kind(self, kind: str) -> Iterator[Entry]:
        """Read the entries of one kind, in order, without going through the others."""
        return (self[index] for index in self._kinds.get(kind, ()))


def of_kinds(entries: Sequence[Entry], kinds: Collection[str]) -> Iterator[Entry]:
    """Read the entries of some kinds in order, passing over all others where possible."""
    if not isinstance(entries, StoredEntries):
        return (entry for entry in entries if entry["kind"] in kinds)
    found = [entries.of_kind(kind) for kind in kinds]
    return merge(*found, key=lambda entry: int(entry["index"]))
