"""One CSV file as text cells: UTF-8, UTF-16 with its mark, or GB 18030, whichever decodes whole.

Runs in the confined child; standard library only. No cell is guessed to be anything but text.
"""

import codecs
import csv
import io

from catalog.sheets.forms import Bounds, CellFault, Cells, FileRefused
from catalog.sheets.workbook import as_text

SEPARATORS = (",", "\t", ";", "，")
_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text_table(data: bytes, bounds: Bounds) -> Cells:
    """Read a table of separated values. Raises FileRefused."""
    text, encoding = _decoded(data)
    if "\0" in text:
        raise FileRefused("not_a_spreadsheet")
    rows, faults = _rows(text, bounds)
    return Cells("", (), rows, (), faults, encoding)


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            return _strictly(data, encoding), encoding.removesuffix("-sig")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _strictly(data, "gb18030"), "gb18030"


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileRefused("encoding", 1 + data[: error.start].count(b"\n")) from error


def _rows(text: str, bounds: Bounds) -> tuple[tuple[tuple[str, ...], ...], tuple[CellFault, ...]]:
    head = text[: bounds.cell_characters_max].split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    csv.field_size_limit(len(text) + 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    raw: list[list[str]] = []
    cells = 0
    try:
        for row in reader:
            raw.append(row)
            cells += len(row)
            if len(row) > bounds.columns_max:
                raise FileRefused("columns", len(raw), bounds.columns_max + 1)
            if len(raw) > bounds.rows_max:
                raise FileRefused("rows", len(raw))
            if cells > bounds.cells_max:
                raise FileRefused("cells", len(raw))
    except csv.Error as error:
        raise FileRefused("quoting", len(raw) + 1) from error
    return as_text(raw, bounds)
