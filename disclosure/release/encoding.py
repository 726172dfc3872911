"""The desk's own bytes: a table is re-encoded here, and these bytes alone leave (I15).

CSV as RFC 4180 has it, UTF-8, LF line ends. Text that a spreadsheet would run as a formula is
made inert with a leading apostrophe; Chinese spreadsheets take the full-width signs too.
"""

import csv
import hashlib
import io
from decimal import Decimal

import pyarrow as pa

_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")


def encode_table(table: pa.Table) -> bytes:
    """Encode an Arrow table as CSV bytes; equal tables give equal bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_inert(name) for name in table.column_names])
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode()


def sha256_of(data: bytes) -> str:
    """Return ``sha256:`` and the digest that votes and the certificate name."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, str):
        return _inert(value)
    return str(value)


def _inert(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
