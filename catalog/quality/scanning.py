"""Passes over one version's rows in the confined child: a few columns at a time, in bounded memory.

What would grow with the number of different values is counted in partitions by hash, one pass
each, so that a table may be larger than memory. The child imports duckdb by ``catalog.columnar``.
"""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from catalog import columnar

BATCH_ROWS = 65_536
SCAN = "_scan"


class Scan:
    """One file of rows, read again for each pass; only the columns of the pass are decoded."""

    def __init__(self, store: columnar.Store, file: BinaryIO, partition_values_max: int) -> None:
        """Open the file. ``partition_values_max`` is how many different values a pass may hold."""
        self._store = store
        self._file = file
        self._values_max = partition_values_max
        with self._open() as parquet:
            self.rows = int(parquet.metadata.num_rows)
            self.names = frozenset(parquet.schema_arrow.names)

    def query(
        self, sql: str, columns: Sequence[str], parameters: Sequence[object] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement over ``_scan``, which holds these columns in stored order."""
        with self._open() as parquet:
            schema = pa.schema([parquet.schema_arrow.field(name) for name in columns])
            batches = self._batches(parquet, columns)
            reader = pa.RecordBatchReader.from_batches(schema.remove_metadata(), batches)
            self._store.register(SCAN, reader)
            try:
                found: list[tuple[Any, ...]] = self._store.execute(sql, parameters).fetchall()
            finally:
                self._store.unregister(SCAN)
        return found

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement over tables that earlier passes made."""
        found: list[tuple[Any, ...]] = self._store.execute(sql).fetchall()
        return found

    def partitions(self, columns: Sequence[str]) -> list[str]:
        """Return conditions that part the rows by hash, each with few enough different values."""
        listed = ", ".join(columnar.quoted(name) for name in columns)
        found = self.query(f"SELECT approx_count_distinct(hash({listed})) FROM {SCAN}", columns)  # noqa: S608
        count = int(found[0][0]) // self._values_max + 1
        if count == 1:
            return ["true"]
        return [f"hash({listed}) % {count} = {place}" for place in range(count)]

    def sample(self, column: str, rows_max: int) -> list[object]:
        """Return the first values of a column; units stand in a keyed random order."""
        values: list[object] = []
        with self._open() as parquet:
            for batch in self._batches(parquet, [column]):
                values += batch.column(0).slice(0, rows_max - len(values)).to_pylist()
                if len(values) >= rows_max:
                    break
        return values

    def values(self, column: str) -> Iterator[pa.Array]:
        """Give a column in batches."""
        with self._open() as parquet:
            for batch in self._batches(parquet, [column]):
                yield batch.column(0)

    def _open(self) -> pq.ParquetFile:
        self._file.seek(0)
        return pq.ParquetFile(pa.PythonFile(self._file, "r"))

    @staticmethod
    def _batches(parquet: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in parquet.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
            yield batch.select(list(columns)).replace_schema_metadata(None)
