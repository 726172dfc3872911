"""The desk's own bytes: a table is re-encoded here, and these bytes alone leave (I15).

Rows stand in the order of their values, so that their order says nothing besides. CSV as RFC 4180
has it, UTF-8, LF line ends. Text that a spreadsheet would run as a formula is made inert with a
leading apostrophe; Chinese spreadsheets take the full-width signs too.
"""

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")


def ordered(table: pa.Table) -> pa.Table:
    """Return the table without metadata, its rows in the order of their values, left to right.

    Rows that are alike in every column are alike in any order.
    """
    plain = pa.table(table.columns, names=table.column_names)
    if not plain.num_columns or plain.num_rows <= 1:
        return plain
    names = [f"c{number}" for number in range(plain.num_columns)]  # a name may stand twice
    keys = [(name, "ascending") for name in names]
    places = pc.sort_indices(plain.rename_columns(names), sort_keys=keys)
    return plain.take(places).combine_chunks()


def encode_table(table: pa.Table) -> bytes:
    """Encode an Arrow table as CSV bytes; equal tables give equal bytes."""
    return encode_cells(cells_of(table))


def cells_of(table: pa.Table) -> list[list[str]]:
    """Return the header and the rows as the texts that a CSV file holds."""
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    header = [_inert(name) for name in table.column_names]
    return [header, *([_cell(value) for value in row] for row in rows)]


def encode_cells(cells: Iterable[Sequence[str]]) -> bytes:
    """Encode rows of texts as CSV, quoting only where it is needed."""
    return "".join(_line(row) for row in cells).encode()


def _line(row: Sequence[str]) -> str:
    """Write a row; one empty text alone stands in quotes, or its line would be blank."""
    return ",".join(map(_field, row)) + "\n" if list(row) != [""] else '""\n'


def _field(text: str) -> str:
    """Quote what would end a text or a line for any reader; Python's writer lets CR pass bare."""
    needed = any(sign in text for sign in ',"\n\r')
    return '"' + text.replace('"', '""') + '"' if needed else text


def sha256_of(data: bytes) -> str:
    """Return ``sha256:`` and the digest that votes and the certificate name."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return format(Decimal(repr(value + 0.0)), "f")  # no negative zero
    if isinstance(value, str):
        return _inert(value)
    return str(value)


def _inert(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
