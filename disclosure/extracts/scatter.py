"""Holds rows between reading and writing: by the leading bits of their tag, within a memory limit.

What does not fit is spilled to a file that no directory names, each piece sealed under a key that
lives in this process only: it dies with the build, and a copy of it says nothing.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc

from foundation.block_cipher import Seal
from foundation.errors import Message, Unavailable

TAG = "_tag"
TAG_BITS = 64
PARTITIONS_MAX = 4096
_DIGIT_BITS = 12  # Arrow counts numbers of so few bits in one pass
_DIGITS = 4
_COUNTED_ROWS_MIN = 4_096


class Scatter:
    """Takes rows in any order and gives them back partition by partition, each in tag order."""

    def __init__(
        self,
        directory: Path,
        *,
        rows_expected: int,
        partition_rows: int,
        held_bytes_max: int,
        spill_bytes_max: int,
    ) -> None:
        """Choose as many partitions as the rows expected fill; nothing is opened before a spill."""
        wanted = min(max(-(-rows_expected // partition_rows), 1), PARTITIONS_MAX)
        self._bits = (wanted - 1).bit_length()
        self._held: list[list[pa.RecordBatch]] = [[] for _ in range(1 << self._bits)]
        self._held_bytes = 0
        self._held_bytes_max = held_bytes_max
        self._spill = _Spill(directory, spill_bytes_max, len(self._held))

    def add(self, tagged: pa.RecordBatch) -> None:
        """Take a batch that ``gathered`` gave. Raises Unavailable where the spill is full."""
        start = 0
        for place, rows in self._counts(tagged.column(TAG)):
            self._held[place].append(tagged.slice(start, rows))
            start += rows
        self._held_bytes += tagged.nbytes
        if self._held_bytes > self._held_bytes_max:
            self._spill_all()

    def gathered(self, tagged: pa.RecordBatch) -> pa.RecordBatch:
        """Bring the rows of each partition together; any thread may ask this."""
        if not self._bits:
            return tagged
        return tagged.take(pc.sort_indices(self._places(tagged.column(TAG))))

    @property
    def spilled_bytes(self) -> int:
        """Return how much was written beside memory."""
        return self._spill.size

    def __len__(self) -> int:
        """Count the partitions."""
        return len(self._held)

    def partition(self, place: int) -> pa.RecordBatch | None:
        """Return one partition whole and in tag order; it is not held any longer."""
        pieces = [*self._spill.read(place), *self._held[place]]
        self._held[place] = []
        if not pieces:
            return None
        return sorted_by_tag(_whole(pieces), self._bits)

    def close(self) -> None:
        """Give up the spill."""
        self._held = []
        self._spill.close()

    def _counts(self, tags: pa.Array) -> Iterator[tuple[int, int]]:
        if not self._bits:
            yield 0, len(tags)
            return
        for item in pc.value_counts(self._places(tags)).to_pylist():
            yield item["values"], item["counts"]

    def _places(self, tags: pa.Array) -> pa.Array:
        return pc.shift_right(tags, pa.scalar(TAG_BITS - self._bits, tags.type)).cast(pa.uint16())

    def _spill_all(self) -> None:
        for place, pieces in enumerate(self._held):
            if pieces:
                self._spill.write(place, _whole(pieces))
                self._held[place] = []
        self._held_bytes = 0


def sorted_by_tag(tagged: pa.RecordBatch, common_bits: int = 0) -> pa.RecordBatch:
    """Order a batch by its tags, which share their leading bits; rows of one tag are alike."""
    return tagged.take(_order(tagged.column(TAG), common_bits))


def _order(tags: pa.Array, common_bits: int) -> pa.Array:
    """Sort digit by digit, last digit first: numbers this small are counted, not compared."""
    if len(tags) < _COUNTED_ROWS_MIN:
        return pc.sort_indices(tags)
    order: pa.Array | None = None
    for digit in reversed(range(_DIGITS)):
        shift = TAG_BITS - common_bits - (digit + 1) * _DIGIT_BITS
        digits = pc.bit_wise_and(
            pc.shift_right(tags, pa.scalar(shift, tags.type)),
            pa.scalar((1 << _DIGIT_BITS) - 1, tags.type),
        ).cast(pa.uint16())
        turn = pc.sort_indices(digits if order is None else digits.take(order))
        order = turn if order is None else order.take(turn)
    found = tags.take(order)
    # Tags alike in all these digits but not in the rest are too rare to be sorted for.
    if pc.all(pc.less_equal(found[:-1], found[1:])).as_py():
        return order
    return pc.sort_indices(tags)


def _whole(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Put pieces together. Dictionaries are kept where all have one, and shorter than the rows."""
    rows = sum(piece.num_rows for piece in pieces)
    plain = {
        name
        for place, name in enumerate(pieces[0].schema.names)
        if not _worth_keeping([piece.column(place) for piece in pieces], rows)
    }
    return pa.concat_batches([_decoded(piece, plain) for piece in pieces])


def _worth_keeping(columns: list[pa.Array], rows: int) -> bool:
    if not all(pa.types.is_dictionary(column.type) for column in columns):
        return False
    return sum(len(column.dictionary) for column in columns) <= rows


def _decoded(piece: pa.RecordBatch, plain: set[str]) -> pa.RecordBatch:
    columns = {
        name: column.dictionary_decode()
        if name in plain and pa.types.is_dictionary(column.type)
        else column
        for name, column in zip(piece.schema.names, piece.columns, strict=True)
    }
    return pa.RecordBatch.from_pydict(columns)


class _Spill:
    def __init__(self, directory: Path, bytes_max: int, partitions: int) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(partitions)]
        self._file: BinaryIO | None = None
        self._seal = Seal()
        self.size = 0

    def write(self, place: int, rows: pa.RecordBatch) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_batch(rows)
        sealed = self._seal.close(memoryview(sink.getvalue()).cast("B"))
        if self.size + len(sealed) > self._bytes_max:
            raise Unavailable(
                "extract_spill_full",
                Message(
                    "授权副本过大，超出构建所允许的临时空间，未生成。",
                    "The extract is larger than the room that a build may take; none was made.",
                ),
                field="grants",
                way_out=Message(
                    "请减少列或收紧行筛选。", "Grant fewer columns or filter more rows out."
                ),
            )
        if self._file is None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = cast("BinaryIO", tempfile.TemporaryFile(dir=self._directory))  # noqa: SIM115
        self._file.write(sealed)
        self._pieces[place].append((self.size, len(sealed)))
        self.size += len(sealed)

    def read(self, place: int) -> Iterator[pa.RecordBatch]:
        if self._file is None:
            return
        self._file.flush()
        for start, length in self._pieces[place]:
            sealed = os.pread(self._file.fileno(), length, start)
            with pa.ipc.open_stream(pa.py_buffer(self._seal.open(sealed))) as stream:
                yield from stream

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
