"""A bureau's sheet is judged row by row: every fault with its place, rule and way out."""

import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
import xlsxwriter

from catalog.entries import CatalogueEntry
from catalog.exchange.judging import Judgement, RowState, judge
from catalog.exchange.rows import RowFault
from catalog.exchange.template import template_xlsx
from catalog.sheets.forms import CellFault, FileRefused
from catalog.sheets.reading import Sheet, SheetReader, bounds_of
from catalog.sheets.reading_child import take_apart
from foundation.errors import InvalidInput
from foundation.sheet import Book
from tests.catalogue_sheets import csv_of, header_of, row_of, table_of, xlsx_of
from tests.rule_files import catalog_rules, exchange_rules

RULES = exchange_rules()
CATALOG = catalog_rules()
BOUNDS = bounds_of(RULES.sheets)


def _all_new(entries: Sequence[CatalogueEntry]) -> list[tuple[RowState, RowFault | None]]:
    return [(RowState.NEW, None) for _ in entries]


def _sheet(data: bytes, name: str = "a.xlsx", sheet: str | None = None) -> Sheet:
    """Read in this process what the child would read: the files are our own."""
    cells = take_apart(data, name, sheet, BOUNDS)
    width = max(map(len, cells.rows))
    even = tuple(row + ("",) * (width - len(row)) for row in cells.rows)
    return Sheet(cells.sheet, cells.sheets, even, cells.spans, cells.faults, cells.encoding)


def _judged(data: bytes, name: str = "a.xlsx") -> Judgement:
    return judge(_sheet(data, name), RULES, CATALOG, _all_new)


def test_good_rows_become_entries_with_every_field() -> None:
    judged = _judged(xlsx_of([row_of(n) for n in range(12)], RULES))
    assert judged.counts == {"new": 12, "changed": 0, "same": 0, "refused": 0}
    entry = judged.rows[0].entry
    assert entry is not None
    assert entry.name.zh == "常住人口登记基本信息（第1类）"
    assert [item.zh for item in entry.data_items][:2] == ["公民身份号码", "姓名"]
    assert entry.share_attribute == "conditional"
    assert entry.base_libraries == ("population",)
    assert entry.open_basis is not None


def test_each_fault_of_a_row_is_named_with_column_rule_and_way_out() -> None:
    bad = row_of(1, 共享属性="看情况", 提供单位代码="123", 更新频率="", 目录名称="")
    judged = _judged(xlsx_of([row_of(0), bad, row_of(2)], RULES))
    assert judged.counts["refused"] == 1
    row = next(row for row in judged.rows if row.state is RowState.REFUSED)
    assert row.number == 3
    assert "共享方式" not in {fault.header for fault in row.faults}
    by_header = {fault.header: fault for fault in row.faults}
    assert {"共享属性", "更新频率", "目录名称"} <= set(by_header)
    assert "有条件共享" in by_header["共享属性"].way_out.zh
    assert all(fault.column and fault.rule and fault.way_out.en for fault in row.faults)
    assert row.cells == tuple(table_of([bad], RULES)[0][: len(row.cells)])


def test_conditional_fields_are_asked_for_by_their_own_columns() -> None:
    withheld = row_of(0, 共享属性="不予共享", 共享范围="", 允许用途="")
    judged = _judged(xlsx_of([withheld], RULES))
    assert [fault.header for fault in judged.rows[0].faults] == ["不予共享理由"]
    half = row_of(0, 共享属性="不予共享", 不予共享理由="涉及国家安全")
    judged = _judged(xlsx_of([half], RULES))
    assert [fault.header for fault in judged.rows[0].faults] == ["不予共享依据"]


def test_titles_merged_cells_and_other_words_of_headers_are_understood() -> None:
    header = ["序号", *(name for name in header_of(RULES) if name != "目录名称（英文）")]
    words = {
        "目录名称": "信息资源 名称*",
        "提供单位": "信息资源提供方（必填）",
        "共享属性": "共享类型",
    }
    shown = [words.get(name, name) for name in header]
    book = Book("目录", made_at_us=0)
    rows = [["", *[row_of(n).get(name, "") for name in header[1:]]] for n in range(2)]
    book.sheet("目录", ["市公安局政务数据目录（2025年）"], [shown, *rows])
    judged = _judged(book.xlsx())
    assert judged.mapped.header_row == 2
    assert judged.counts["new"] == 2
    assert judged.mapped.ignored == {1: "序号"}


def test_a_two_storey_header_with_merged_cells_is_read() -> None:
    data = io.BytesIO()
    workbook = xlsxwriter.Workbook(data, {"in_memory": True})
    sheet = workbook.add_worksheet("目录")
    header = header_of(RULES)
    pair = header.index("不予共享理由")
    for at, name in enumerate(header):
        if at not in {pair, pair + 1}:
            sheet.merge_range(0, at, 1, at, name)
    sheet.merge_range(0, pair, 0, pair + 1, "不予共享")
    sheet.write_row(1, pair, ["理由", "依据"])
    rows = table_of([row_of(0), row_of(1)], RULES)
    for number, row in enumerate(rows, start=2):
        sheet.write_row(number, 0, row)
    at = header.index("提供单位")
    sheet.merge_range(2, at, 3, at, "市公安局")
    workbook.close()
    judged = _judged(data.getvalue())
    assert judged.mapped.header_row == 2
    assert judged.counts["new"] == 2
    assert judged.rows[1].entry is not None
    assert judged.rows[1].entry.provider.name.zh == "市公安局"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_full_width_codes_and_chinese_encodings_are_read(encoding: str) -> None:
    row = row_of(0, 目录代码="１１０００１／７", 数据分级="３级")
    judged = _judged(csv_of([row], header_of(RULES), encoding), "目录.csv")
    assert judged.encoding == ("gb18030" if encoding == "gb18030" else "utf-8")
    assert judged.rows[0].entry is not None
    assert judged.rows[0].entry.code == "110001/7"


def test_a_code_that_stands_twice_is_taken_once() -> None:
    judged = _judged(xlsx_of([row_of(0), row_of(1), row_of(0)], RULES))
    assert [row.state for row in judged.rows] == ["new", "new", "refused"]
    assert "第 2 行" in judged.rows[2].faults[0].message.zh


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (["甲", "乙", "丙"], "import_header_unknown"),
        (["目录代码", "目录名称", "数据项", "提供单位"], "import_header_missing"),
        (None, "import_header_repeated"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_whole(header: list[str] | None, code: str) -> None:
    names = header if header is not None else [*header_of(RULES), "信息资源名称"]
    with pytest.raises(InvalidInput) as refusal:
        _judged(csv_of([row_of(0)], names, "utf-8"), "a.csv")
    assert refusal.value.code == code
    assert refusal.value.way_out is not None


def test_the_template_can_be_filled_in_and_its_own_example_is_good() -> None:
    data = template_xlsx(RULES, made_at_us=0)
    sheet = _sheet(data)
    assert sheet.sheets == ("目录填报", "填写示例", "代码表", "填写说明")
    judged = judge(_sheet(data, sheet="填写示例"), RULES, CATALOG, _all_new)
    assert judged.counts["new"] == 1, judged.rows[0].faults


def test_a_lost_identity_number_spoils_its_row_alone() -> None:
    book = Book("目录", made_at_us=0)
    rows = [list(row) for row in table_of([row_of(0), row_of(1)], RULES)]
    header = header_of(RULES)
    book.sheet("目录", header, rows)
    sheet = _sheet(book.xlsx())
    at = header.index("提供单位代码") + 1
    spoilt = replace(sheet, faults=(CellFault(3, at, "cell_number_digits"),))
    judged = judge(spoilt, RULES, CATALOG, _all_new)
    assert [row.state for row in judged.rows] == ["new", "refused"]
    assert judged.rows[1].faults[0].rule == "cell_number_digits"


def test_the_confined_child_reads_a_real_import() -> None:
    reader = SheetReader(Path(sys.prefix), BOUNDS)
    sheet = reader.read(xlsx_of([row_of(n) for n in range(50)], RULES), "目录.xlsx")
    assert judge(sheet, RULES, CATALOG, _all_new).counts["new"] == 50


def test_dates_numbers_and_truth_become_the_text_that_people_mean() -> None:
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, {"in_memory": True, "remove_timezone": True})
    sheet = book.add_worksheet("目录")
    day = book.add_format({"num_format": "yyyy年m月d日"})
    sheet.write_datetime(0, 0, datetime(2024, 5, 1, tzinfo=UTC), day)
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write_datetime(0, 1, datetime(2024, 5, 1, 8, 30, tzinfo=UTC), moment)
    sheet.write_datetime(0, 2, time(8, 30), book.add_format({"num_format": "hh:mm"}))
    sheet.write_row(0, 3, [2024, 1.5, True, "　全角　"])
    book.close()
    cells = _sheet(data.getvalue()).cells
    shown = ("2024-05-01", "2024-05-01 08:30:00", "08:30:00", "2024", "1.5", "TRUE", "全角")
    assert cells == (shown,)


def test_a_sheet_that_is_not_there_is_refused_by_its_code() -> None:
    with pytest.raises(FileRefused) as refusal:
        _sheet(xlsx_of([row_of(0)], RULES), sheet="没有")
    assert refusal.value.code == "sheet_missing"
    with pytest.raises(InvalidInput):
        SheetReader(Path(sys.prefix), BOUNDS).read(b"PK", "a.xlsx", "长" * 10_000)


@pytest.mark.parametrize("text", ["=1+1", "+86", "-", "@甲"])
def test_a_refused_row_of_ours_comes_back_as_it_was(text: str) -> None:
    """Our CSV of refused rows disarms formulas; submitted again, the text is what it was."""
    row = row_of(0, 使用条件=f"'{text}")
    entry = _judged(xlsx_of([row], RULES)).rows[0].entry
    assert entry is not None
    assert entry.use_conditions.zh == text
