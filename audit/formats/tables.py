"""Entries as JSON lines, CSV and Parquet. No cell of the CSV is ever taken for a formula."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from audit.formats.records import COLUMNS, Record
from foundation.canonical import canonical_bytes

_BYTE_ORDER_MARK = "\ufeff"  # so that spreadsheets read the Chinese as UTF-8
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA = pa.schema(
    [
        (name, {"index": pa.int64(), "time": pa.timestamp("us", tz="UTC")}.get(name, pa.string()))
        for name in COLUMNS
    ]
)


def as_jsonl(records: Sequence[Record]) -> bytes:
    """Write one line an entry; ``body`` is the exact text that the leaf hash was taken over."""
    return b"".join(
        canonical_bytes(
            {
                **record.cells(),
                "datasets": record.datasets,
                "columns": record.columns,
                "origin": record.origin,
                "body": record.entry.body.decode(),
            }
        )
        + b"\n"
        for record in records
    )


def as_csv(records: Sequence[Record]) -> bytes:
    """Write a table for spreadsheets (RFC 4180), with its formulas disarmed."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for record in records:
        cells = record.cells()
        writer.writerow([inert_cell(cells[name]) for name in COLUMNS])
    return (_BYTE_ORDER_MARK + text.getvalue()).encode()


def as_parquet(records: Sequence[Record]) -> bytes:
    """Write a typed table: indexes as integers, times as UTC microseconds."""
    rows = [
        {**record.cells(), "time": _EPOCH + timedelta(microseconds=record.entry.time_us)}
        for record in records
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def inert_cell(value: str | int) -> str:
    """Return a cell that every spreadsheet shows as the text it is (OWASP, CSV injection)."""
    text = str(value).replace("\x00", "")
    if isinstance(value, str) and text.lstrip(" ").startswith(_FORMULA):
        return f"'{text}"
    return text
