"""The one door to XLSX: books whose cells are text or numbers, and can be nothing else.

No cell is ever a formula, a link or an image: text of others is written as a string, with what
would steer a display written out. Numbers are whole ones or exact decimals of at most fifteen
digits, what a spreadsheet holds exactly; longer ones stay text. Equal content and time give equal
bytes.

    book = Book("结算单", made_at_us=now)
    book.sheet("明细", ["步骤", "金额（元）"], [["税费", Decimal("5.66")]], widths=[30, 16])
    data = book.xlsx()                            # the bytes; the book is finished
"""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import xlsxwriter

from foundation.lines import inert

Cell = str | int | Decimal
DIGITS_MAX = 15  # an IEEE double holds every decimal of fifteen digits (what Excel keeps)
CELL_CHARACTERS_MAX = 32_767
SHEET_NAME_CHARACTERS_MAX = 31
WIDTH = 24.0
CHOICE_ROWS = 50_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the format knows no time zone: it is UTC
_NAME = re.compile(r"[^\[\]:*?/\\']+")


class Book:
    """One workbook under construction; see the module's docstring for how it is written."""

    def __init__(self, title: str, *, made_at_us: int) -> None:
        """Begin a book. ``made_at_us`` (UTC microseconds) is its date."""
        self._data = io.BytesIO()
        self._book = xlsxwriter.Workbook(
            self._data,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        created = _EPOCH + timedelta(microseconds=made_at_us)
        self._book.set_properties(
            {"title": inert(title)[:255], "author": "sandgate", "created": created}
        )
        self._head = self._book.add_format(
            {"bold": True, "bg_color": "#F0F3F7", "font_color": "#183E74", "text_wrap": True}
        )
        self._text = self._book.add_format({"text_wrap": True, "valign": "top"})
        self._whole = self._book.add_format({"num_format": "#,##0", "valign": "top"})
        self._exact = self._book.add_format({"num_format": "#,##0.00######", "valign": "top"})

    def sheet(
        self,
        name: str,
        header: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        widths: Sequence[float] = (),
        choices: Mapping[int, str] | None = None,
    ) -> None:
        """Add a sheet: a header row that stays in sight, then rows of text and numbers.

        ``name`` is ours. ``choices`` offers a column (from 0) the cells of a range of this book,
        as ``='代码表'!$A$2:$A$4``; other words stay possible. Raises ValueError for a name that no
        sheet can have, or for too long a text.
        """
        if len(name) > SHEET_NAME_CHARACTERS_MAX or not _NAME.fullmatch(name):
            raise ValueError(f"no sheet can be called {name!r}")
        sheet = self._book.add_worksheet(name)
        for column in range(max([len(header), *(len(row) for row in rows)], default=0)):
            wide = widths[column] if column < len(widths) else WIDTH
            sheet.set_column(column, column, wide)
        for column, words in enumerate(header):
            _done(sheet.write_string(0, column, _shown(words), self._head))
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                self._write(sheet, number, column, value)
        for column, source in (choices or {}).items():
            offered = {"validate": "list", "source": source, "error_type": "information"}
            _done(sheet.data_validation(1, column, CHOICE_ROWS, column, offered))

    def xlsx(self) -> bytes:
        """Finish the book and return its bytes."""
        self._book.close()
        return self._data.getvalue()

    def _write(
        self, sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, cell: Cell
    ) -> None:
        if isinstance(cell, str) or len(Decimal(cell).as_tuple().digits) > DIGITS_MAX:
            _done(sheet.write_string(row, column, _shown(str(cell)), self._text))
            return
        style = self._whole if isinstance(cell, int) else self._exact
        _done(sheet.write_number(row, column, cell, style))


def _shown(text: str) -> str:
    shown = inert(text)
    if len(shown) > CELL_CHARACTERS_MAX:
        raise ValueError(f"a cell holds at most {CELL_CHARACTERS_MAX} characters")
    return shown


def _done(code: int) -> None:
    if code:
        raise ValueError("the sheet has no such place")
