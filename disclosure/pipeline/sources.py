"""How stored rows reach a worker: streamed by the service, column by column, never as a file.

A worker holds no path and no key; what a question does not read is not sent (I2).
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from disclosure.engine.loading import TableSource
from disclosure.extract_records import ActiveExtract
from disclosure.extracts.files import open_extract
from disclosure.outcome import question_failed
from foundation.keys import Citation, KeyStore

REFERENCE_BYTES = 16


def extract_source(
    extract: ActiveExtract, home: Path, keys: KeyStore, needed: Iterable[str], cited: Citation
) -> TableSource:
    """Stream a governed extract, decrypted here with its key as it is opened.

    The key is asked for once, on the decision that is cited, and only where a worker has to load.
    """

    @cache
    def key() -> bytes:
        return keys.data_key(extract.key_name, cited)

    def open_columns(columns: tuple[str, ...]) -> pa.RecordBatchReader:
        return open_extract(home / extract.path, key(), columns)

    return TableSource(open_columns, extract.column_bytes, frozenset(needed), extract.cluster)


def parquet_source(path: Path, needed: Sequence[str]) -> TableSource:
    """Stream a stored table of a version. Raises QuestionFailed where it cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            sizes = _column_bytes(file)
    except (OSError, pa.ArrowException):
        raise question_failed("engine_error") from None

    def open_columns(columns: tuple[str, ...]) -> pa.RecordBatchReader:
        file = pq.ParquetFile(path)
        schema = pa.schema([file.schema_arrow.field(name) for name in columns])
        batches = (
            batch.select(list(columns)).replace_schema_metadata(None)  # the salt stays here
            for batch in file.iter_batches(columns=list(columns), use_threads=False)
        )
        return pa.RecordBatchReader.from_batches(schema, batches)

    return TableSource(open_columns, sizes, frozenset(needed))


def _column_bytes(file: pq.ParquetFile) -> dict[str, int]:
    """Return what each column takes in the engine's memory, from types and footer alone."""
    rows = file.metadata.num_rows
    return {
        field.name: _engine_bytes(file, place, field.type, rows)
        for place, field in enumerate(file.schema_arrow)
    }


def _engine_bytes(file: pq.ParquetFile, place: int, kind: pa.DataType, rows: int) -> int:
    try:
        width = int(kind.bit_width)
    except ValueError:  # text and bytes: a reference a row, and the values themselves
        groups = range(file.metadata.num_row_groups)
        chunks = (file.metadata.row_group(group).column(place) for group in groups)
        return rows * REFERENCE_BYTES + sum(int(c.total_uncompressed_size) for c in chunks)
    return max(rows, rows * width // 8)
