"""An extract on disk: encrypted Parquet, opened by the service alone, gone with its key.

Nothing outside the encrypted parts tells of a row: no statistics are written, row groups are of
one size whatever the values, and the file's name is bound to it (AES-GCM, Parquet encryption).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from foundation.errors import Message, Unavailable
from foundation.keys import Citation, KeyStore

BATCH_ROWS = 65_536
ROW_GROUP_ROWS = 262_144
_FILE_LABEL = b"sandgate/extract@1:"


def open_extract(
    path: Path, key: bytes, columns: Sequence[str] | None = None
) -> pa.RecordBatchReader:
    """Read an extract back, batch by batch: all columns, or some in the extract's own order.

    Raises Unavailable where key and file do not match. What is not asked for is not decrypted.
    """
    properties = pe.create_decryption_properties(key, aad_prefix=_label(path))
    try:
        file = pq.ParquetFile(path, decryption_properties=properties)
    except (OSError, pa.ArrowException) as error:
        raise Unavailable(
            "extract_unreadable",
            Message(
                "授权数据副本缺失、已损坏或与密钥不符。",
                "The governed extract is missing, damaged, or not this key's.",
            ),
            rule="I13",
        ) from error
    schema = file.schema_arrow
    if columns is not None:
        schema = pa.schema([field for field in schema if field.name in set(columns)])
    return pa.RecordBatchReader.from_batches(schema, _batches(file, schema.names))


class ExtractWriter:
    """Writes one extract in row groups of one size."""

    def __init__(
        self, path: Path, key: bytes, schema: pa.Schema, *, repetitive: Sequence[str] = ()
    ) -> None:
        """Open a new file. ``repetitive`` are columns of few values, which are stored once."""
        properties = pe.create_encryption_properties(
            key, aad_prefix=_label(path), store_aad_prefix=False
        )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(
            path,
            schema,
            encryption_properties=properties,
            compression="lz4",
            use_dictionary=list(repetitive),
            write_statistics=False,
            store_schema=False,  # what is written as codes is read as text
            store_decimal_as_integer=True,
        )
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, rows: pa.RecordBatch) -> None:
        """Take rows in their final order."""
        self._waiting.append(rows)
        self._rows += rows.num_rows
        if self._rows >= ROW_GROUP_ROWS:
            table = pa.Table.from_batches(self._waiting)
            whole = self._rows - self._rows % ROW_GROUP_ROWS
            self._writer.write_table(table.slice(0, whole), row_group_size=ROW_GROUP_ROWS)
            self._waiting = table.slice(whole).to_batches()
            self._rows -= whole

    def close(self) -> None:
        """Write the last, shorter row group and the footer."""
        if self._waiting:
            table = pa.Table.from_batches(self._waiting)
            self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            self._waiting = []
        self._writer.close()


def destroy_extract(
    path: Path, key_name: str, keys: KeyStore, cited: Citation | None = None
) -> None:
    """Destroy the key first, then the file: a file that survives is unreadable for good."""
    keys.destroy(key_name, cited)
    path.unlink(missing_ok=True)


def licence_pseudonym_key(keys: KeyStore, licence: str, cited: Citation | None = None) -> bytes:
    """Return a licence's pseudonym key, made at first use; raises Unavailable once destroyed."""
    return keys.ensure_data_key(pseudonym_key_name(licence), cited)


def pseudonym_key_name(licence: str) -> str:
    """Name a licence's pseudonym key, to make it or to destroy it."""
    return f"pseudonym.{licence}"


def _batches(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with file:
        yield from file.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False)


def _label(path: Path) -> bytes:
    return _FILE_LABEL + path.name.encode()
