"""The report of an import, row by row, and the file of refused rows that goes back to the bureau.

Each line of the report says row, column, rule and way out. The file of refused rows has the header
of the sheet they came from, so that it can be corrected and submitted as it is; what was refused
stands in two columns after them, which an import passes over.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.exchange.inert import inert_csv, inert_json
from catalog.exchange.judging import RowState
from catalog.exchange.store import Import, StoredRow
from foundation.sheet import CELL_CHARACTERS_MAX, Book

STATE_WORDS: Mapping[RowState, str] = {
    RowState.NEW: "新建草稿",
    RowState.CHANGED: "提出变更",
    RowState.SAME: "与现有条目一致",
    RowState.REFUSED: "退回更正",
}
HEADER = ("行", "目录代码", "目录名称", "结论", "列", "表头", "规则", "说明", "更正办法")
NOTE_HEADERS = ("导入未通过的原行号", "导入未通过的原因")
_WIDTHS = (8, 18, 28, 14, 6, 20, 22, 40, 40)


def report_json(found: Import, rows: Iterable[StoredRow]) -> str:
    """Return the whole report for machines."""
    return inert_json({**found.as_json(), "rows_judged": [_as_json(row) for row in rows]})


def report_csv(rows: Iterable[StoredRow]) -> bytes:
    """Return the whole report as CSV."""
    return inert_csv(HEADER, lines(rows))


def report_xlsx(found: Import, rows: Iterable[StoredRow]) -> bytes:
    """Return the whole report as a book."""
    book = Book("目录导入报告", made_at_us=found.judged_us)
    book.sheet("导入报告", HEADER, [_cut(line) for line in lines(rows)], widths=_WIDTHS)
    ignored = [[str(one["column"]), str(one["header"])] for one in found.about["ignored"]]
    book.sheet("未采用的列", ("列号", "表头"), [_cut(line) for line in ignored])
    return book.xlsx()


def refused_rows(found: Import, rows: Iterable[StoredRow]) -> tuple[list[str], list[list[str]]]:
    """Return the header and the refused rows as they came, each with its number and its faults."""
    titles = {int(one["column"]): str(one["header"]) for one in found.about["columns"]}
    titles |= {int(one["column"]): str(one["header"]) for one in found.about["ignored"]}
    width = max(titles)
    header = [titles.get(at, "") for at in range(1, width + 1)]
    keep = [at for at, title in enumerate(header) if title not in NOTE_HEADERS]
    table = []
    for row in rows:
        cells = [*row.cells, *([""] * (width - len(row.cells)))]
        reasons = "；".join(_reason(fault) for fault in row.faults)
        table.append([*(cells[at] for at in keep), str(row.number), reasons])
    return [*(header[at] for at in keep), *NOTE_HEADERS], table


def refused_xlsx(found: Import, rows: Iterable[StoredRow]) -> bytes:
    """Return the refused rows alone as a book to correct."""
    header, table = refused_rows(found, rows)
    book = Book("目录导入退回行", made_at_us=found.judged_us)
    book.sheet("退回更正", header, [_cut(line) for line in table])
    return book.xlsx()


def refused_csv(found: Import, rows: Iterable[StoredRow]) -> bytes:
    """Return the refused rows alone as CSV to correct."""
    return inert_csv(*refused_rows(found, rows))


def lines(rows: Iterable[StoredRow]) -> Iterator[list[str]]:
    """Give the report's lines: one a fault, and one for each row without."""
    for row in rows:
        code = row.entry.code if row.entry else ""
        name = row.entry.name.zh if row.entry else ""
        head = [str(row.number), code, name, STATE_WORDS[row.state]]
        if not row.faults:
            yield [*head, "", "", "", "", ""]
        for fault in row.faults:
            place = [fault["column"] or "", fault["header"], fault["rule"]]
            yield [*head, *place, fault["message"]["zh"], fault["way_out"]["zh"]]


def _as_json(row: StoredRow) -> dict[str, Any]:
    return {
        "row": row.number,
        "state": row.state,
        "code": row.entry.code if row.entry else None,
        "faults": list(row.faults),
    }


def _reason(fault: Mapping[str, Any]) -> str:
    place = f"{fault['column']} 列" if fault["column"] else ""
    return f"{place}“{fault['header']}”：{fault['message']['zh']}，{fault['way_out']['zh']}"


def _cut(line: Sequence[str]) -> list[str]:
    """Keep a cell within what a spreadsheet holds; written-out marks make it longer."""
    return [cell[: CELL_CHARACTERS_MAX // 8] for cell in line]
