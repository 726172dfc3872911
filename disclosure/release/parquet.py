"""The desk's own Parquet: values and names of columns, and no byte that anything else decided.

One layout for all files: plain pages without compression, one row group for each 65,536 rows, no
schema of Arrow or pandas, floats with one zero and one NaN. Equal tables give equal bytes under
one version of pyarrow, which the certificate names.
"""

import io
import math
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 65_536
TOOL = {"pyarrow": pa.__version__}


def encode_parquet(table: pa.Table, declared: Mapping[str, str] | None = None) -> bytes:
    """Encode an Arrow table as Parquet bytes; ``declared`` is all that its metadata says."""
    out = io.BytesIO()
    columns = [_canonical(column) for column in table.columns]
    plain = pa.table(columns, names=table.column_names)
    with pq.ParquetWriter(
        out,
        plain.schema,
        version="2.6",
        data_page_version="1.0",
        compression="NONE",
        use_dictionary=False,
        write_statistics=True,
        store_schema=False,
        store_decimal_as_integer=False,
    ) as writer:
        writer.write_table(plain, row_group_size=ROWS_PER_GROUP)
        if declared is not None:
            writer.add_key_value_metadata(dict(declared))
    return out.getvalue()


def _canonical(column: pa.ChunkedArray) -> pa.Array:
    """Return the column in one chunk, without nulls' hidden values or a second zero or NaN."""
    values = column.to_pylist()
    if pa.types.is_floating(column.type):
        values = [None if value is None else _one_form(value) for value in values]
    return pa.array(values, type=column.type)


def _one_form(value: float) -> float:
    return math.nan if math.isnan(value) else value + 0.0
