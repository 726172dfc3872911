"""The one door to the spreadsheet reader: one sheet of a checked XLSX file as text cells.

Runs in the confined child. A date becomes ISO 8601, a whole number loses its ``.0``, a formula is
the value that was last shown. A number of more than fifteen digits is refused: the spreadsheet has
already lost its last digits, which is how identity and credit codes are spoilt.
"""

import datetime as dt
import io
from typing import Any

import python_calamine

from catalog.sheets.forms import FAULTS_MAX, Bounds, CellFault, Cells, FileRefused, Span

DIGITS_KEPT = 15  # an IEEE double holds every decimal of fifteen digits
_WHOLE_MAX = 10**DIGITS_KEPT
_LINE_ENDS = frozenset("\t\n\r")


def read_workbook(data: bytes, wanted: str | None, bounds: Bounds) -> Cells:
    """Read the sheet of a name, or the first visible one. Raises FileRefused."""
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            and sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        name = wanted if wanted is not None else next(iter(visible), None)
        if name is None or name not in visible:
            raise FileRefused("sheet_missing")  # noqa: TRY301 - a function of its own hides it
        sheet = book.get_sheet_by_name(name)
        raw = sheet.to_python(skip_empty_area=False, nrows=bounds.rows_max + 1)
        spans = tuple(_span(block) for block in sheet.merged_cell_ranges or ())
    except python_calamine.PasswordError as error:
        raise FileRefused("encrypted") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise FileRefused("unreadable") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the reader's own, which has no public name
            raise
        raise FileRefused("unreadable") from error
    rows, faults = as_text(raw, bounds)
    return Cells(name, tuple(visible), rows, spans[:FAULTS_MAX], faults)


def as_text(
    raw: list[list[Any]], bounds: Bounds
) -> tuple[tuple[tuple[str, ...], ...], tuple[CellFault, ...]]:
    """Return rows of text without empty ends, and the cells that cannot be used."""
    if len(raw) > bounds.rows_max:
        raise FileRefused("rows", bounds.rows_max + 1)
    faults: list[CellFault] = []
    rows: list[tuple[str, ...]] = []
    cells = 0
    for number, values in enumerate(raw, start=1):
        row = [_checked(value, number, at, bounds, faults) for at, value in enumerate(values, 1)]
        while row and not row[-1]:
            row.pop()
        if len(row) > bounds.columns_max:
            raise FileRefused("columns", number, bounds.columns_max + 1)
        cells += len(row)
        if cells > bounds.cells_max:
            raise FileRefused("cells", number)
        rows.append(tuple(row))
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        raise FileRefused("empty")
    return tuple(rows), tuple(faults)


def _checked(value: Any, row: int, column: int, bounds: Bounds, faults: list[CellFault]) -> str:
    text, rule = cell_text(value), ""
    if text is None:
        text, rule = "", "cell_number_digits"
    elif len(text) > bounds.cell_characters_max:
        text, rule = "", "cell_length"
    elif any(ord(mark) < 32 and mark not in _LINE_ENDS for mark in text):  # noqa: PLR2004
        text, rule = "", "cell_control_character"
    if rule:
        if len(faults) >= FAULTS_MAX:
            raise FileRefused("unreadable", row, column)
        faults.append(CellFault(row, column, rule))
    return text


def cell_text(value: Any) -> str | None:
    """Return a cell's value as text, or None for a number that the spreadsheet cannot hold."""
    if value is None or isinstance(value, str):
        return (value or "").strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int):
        return _number_text(float(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


def _number_text(value: float) -> str | None:
    if not -_WHOLE_MAX < value < _WHOLE_MAX:
        return None  # also what is not finite
    if value == int(value):
        return str(int(value))
    return f"{value:.{DIGITS_KEPT}g}"


def _span(block: tuple[tuple[int, int], tuple[int, int]]) -> Span:
    (first_row, first_column), (last_row, last_column) = block
    return Span(first_row + 1, first_column + 1, last_row + 1, last_column + 1)
