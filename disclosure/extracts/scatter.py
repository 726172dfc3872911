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
        self._schema: pa.Schema | None = None

    def add(self, tagged: pa.RecordBatch) -> None:
        """Take a batch that ``sorted_by_tag`` gave. Raises Unavailable where the spill is full."""
        self._schema = tagged.schema
        start = 0
        for place, rows in self._counts(tagged.column(TAG)):
            self._held[place].append(tagged.slice(start, rows))
            start += rows
        self._held_bytes += tagged.nbytes
        if self._held_bytes > self._held_bytes_max:
            self._spill_all(tagged.schema)

    @property
    def spilled_bytes(self) -> int:
        """Return how much was written beside memory."""
        return self._spill.size

    def __len__(self) -> int:
        """Count the partitions."""
        return len(self._held)

    def partition(self, place: int) -> pa.RecordBatch | None:
        """Return one partition whole and in tag order; it is not held any longer."""
        if self._schema is None:
            return None
        pieces = [*self._spill.read(place, self._schema), *self._held[place]]
        self._held[place] = []
        if not pieces:
            return None
        return sorted_by_tag(pa.concat_batches(pieces))

    def close(self) -> None:
        """Give up the spill."""
        self._held = []
        self._spill.close()

    def _counts(self, tags: pa.Array) -> Iterator[tuple[int, int]]:
        if not self._bits:
            yield 0, len(tags)
            return
        counted = pc.value_counts(pc.shift_right(tags, pa.scalar(TAG_BITS - self._bits, tags.type)))
        for item in counted.to_pylist():
            yield item["values"], item["counts"]

    def _spill_all(self, schema: pa.Schema) -> None:
        for place, pieces in enumerate(self._held):
            if pieces:
                self._spill.write(place, pa.concat_batches(pieces).replace_schema_metadata(None))
                self._held[place] = []
        self._schema = schema
        self._held_bytes = 0


def sorted_by_tag(tagged: pa.RecordBatch) -> pa.RecordBatch:
    """Order a batch by its tags; rows of one tag are alike."""
    return tagged.take(pc.sort_indices(tagged.column(TAG)))


class _Spill:
    def __init__(self, directory: Path, bytes_max: int, partitions: int) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(partitions)]
        self._file: BinaryIO | None = None
        self._seal = Seal()
        self.size = 0

    def write(self, place: int, rows: pa.RecordBatch) -> None:
        sealed = self._seal.close(memoryview(rows.serialize()).cast("B"))
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

    def read(self, place: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        if self._file is None:
            return
        self._file.flush()
        for start, length in self._pieces[place]:
            sealed = os.pread(self._file.fileno(), length, start)
            yield pa.ipc.read_record_batch(pa.py_buffer(self._seal.open(sealed)), schema)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
