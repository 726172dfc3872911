"""What the confined child and its parent say to each other: bounds in, text cells or a code out.

Both sides import this module; it knows the standard library only. Rows and columns count as a
spreadsheet shows them, from 1.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

CODES = frozenset(
    {
        "active_form",
        "cells",
        "columns",
        "document_type",
        "empty",
        "encoding",
        "encrypted",
        "external_links",
        "file_bytes",
        "legacy_xls",
        "macros",
        "members",
        "not_a_spreadsheet",
        "quoting",
        "rows",
        "sheet_missing",
        "stopped",
        "unpacked_bytes",
        "unreadable",
    }
)
"""Why a whole file is refused."""

CELL_RULES = frozenset({"cell_length", "cell_number_digits", "cell_control_character"})
"""Why one cell is refused; the rest of its sheet can be used."""

FAULTS_MAX = 10_000


class FileRefused(Exception):
    """The file cannot be read: a code of ``CODES``, and the row and column where there is one."""

    def __init__(self, code: str, row: int | None = None, column: int | None = None) -> None:
        """Keep code and place."""
        super().__init__(code)
        self.code, self.row, self.column = code, row, column


@dataclass(frozen=True)
class Bounds:
    """The most that is read of one file. Bytes are of the file and of its unpacked parts."""

    file_bytes_max: int
    unpacked_bytes_max: int
    members_max: int
    rows_max: int
    columns_max: int
    cells_max: int
    cell_characters_max: int


@dataclass(frozen=True)
class CellFault:
    """One cell that cannot be used."""

    row: int
    column: int
    rule: str


@dataclass(frozen=True)
class Span:
    """A block of merged cells, both ends inside it."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass(frozen=True)
class Cells:
    """What one sheet holds. ``encoding`` is what a CSV file was written in, else empty."""

    sheet: str
    sheets: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    spans: tuple[Span, ...] = ()
    faults: tuple[CellFault, ...] = ()
    encoding: str = ""


def order_line(file_name: str, sheet: str | None, bounds: Bounds) -> bytes:
    """Return the first line of an order; the file follows it."""
    order = {"file_name": file_name, "sheet": sheet, "bounds": asdict(bounds)}
    return json.dumps(order).encode() + b"\n"


def as_json(cells: Cells) -> bytes:
    """Return what the child says. Raises UnicodeEncodeError for half a surrogate pair."""
    return json.dumps(
        {
            "sheet": cells.sheet,
            "sheets": cells.sheets,
            "rows": cells.rows,
            "spans": [_numbers(span) for span in cells.spans],
            "faults": [[fault.row, fault.column, fault.rule] for fault in cells.faults],
            "encoding": cells.encoding,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def from_json(answer: bytes, bounds: Bounds) -> Cells:
    """Check what a child said as if the file itself said it. Raises FileRefused, ValueError."""
    raw = json.loads(answer)
    if not isinstance(raw, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for all that breaks the form
    if "refused" in raw:
        code = raw["refused"] if raw["refused"] in CODES else "unreadable"
        raise FileRefused(code, _place(raw.get("row")), _place(raw.get("column")))
    rows = tuple(_row(row, bounds) for row in _listed(raw["rows"], bounds.rows_max, "rows"))
    if sum(map(len, rows)) > bounds.cells_max:
        raise FileRefused("cells")
    return Cells(
        sheet=_text(raw["sheet"]),
        sheets=tuple(_text(name) for name in _listed(raw["sheets"], bounds.members_max, "members")),
        rows=rows,
        spans=tuple(
            Span(*(_number(at) for at in span)) for span in _listed(raw["spans"], FAULTS_MAX, "")
        ),
        faults=tuple(_fault(fault) for fault in _listed(raw["faults"], FAULTS_MAX, "")),
        encoding=_text(raw["encoding"]),
    )


def _numbers(span: Span) -> list[int]:
    return [span.first_row, span.first_column, span.last_row, span.last_column]


def _listed(value: Any, longest: int, code: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - the same
    if len(value) > longest:
        raise FileRefused(code or "unreadable")
    return value


def _row(value: Any, bounds: Bounds) -> tuple[str, ...]:
    cells = _listed(value, bounds.columns_max, "columns")
    if not all(isinstance(cell, str) and len(cell) <= bounds.cell_characters_max for cell in cells):
        raise ValueError("not text")
    return tuple(cells)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004 - the same
    return value


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a number")
    return value


def _place(value: Any) -> int | None:
    return value if type(value) is int else None


def _fault(value: Any) -> CellFault:
    row, column, rule = value
    if rule not in CELL_RULES:
        raise ValueError("not a rule")
    return CellFault(_number(row), _number(column), rule)
