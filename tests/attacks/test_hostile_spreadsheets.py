"""Hostile spreadsheets are refused with a reason in both languages, or are inert text.

Every file is read through the real confined child, with the bounds of the packaged rules.
"""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.sheets.forms import FileRefused
from catalog.sheets.reading import Sheet, SheetReader, bounds_of
from catalog.sheets.reading_child import take_apart
from catalog.sheets.refusals import sheet_refused
from foundation.errors import InvalidInput
from tests import hostile_spreadsheets as hostile
from tests.rule_files import exchange_rules

BOUNDS = bounds_of(exchange_rules().sheets)
READER = SheetReader(Path(sys.prefix), BOUNDS)


def test_a_plain_workbook_is_read() -> None:
    sheet = READER.read(hostile.plain(), "目录.xlsx")
    assert (sheet.name, sheet.headers, sheet.rows) == ("目录", ("目录名称",), ())


@pytest.mark.parametrize(
    ("file_name", "data", "code"),
    [
        ("a.xlsx", hostile.far_cell("XFD1"), "sheet_columns"),
        ("a.xlsx", hostile.far_cell("A1048576"), "sheet_rows"),
        ("a.xlsx", hostile.entity_bomb(), "sheet_document_type"),
        ("a.xlsx", hostile.with_part("xl/vbaProject.bin"), "sheet_macros"),
        ("a.xlsx", hostile.with_part("xl/externalLinks/externalLink1.xml"), "sheet_external_links"),
        ("a.xlsx", hostile.with_part("xl/embeddings/oleObject1.bin"), "sheet_active_form"),
        ("a.xlsx", hostile.with_part("xl/activeX/activeX1.xml"), "sheet_active_form"),
        ("a.xlsx", hostile.outside_link(), "sheet_external_links"),
        ("a.xlsx", hostile.under_password(), "sheet_encrypted"),
        ("a.xlsx", hostile.member_under_password(), "sheet_encrypted"),
        ("a.xlsx", hostile.two_of_a_name(), "sheet_unreadable"),
        ("a.xlsx", hostile.packed(hostile.parts(hidden=True)), "sheet_sheet_missing"),
        ("a.xlsx", hostile.packed({"readme.txt": b"x"}), "sheet_not_a_spreadsheet"),
        ("a.xlsx", b"PK\x03\x04" + bytes(100), "sheet_unreadable"),
        ("a.xlsx", b"", "sheet_empty"),
        ("a.xlsm", hostile.plain(), "sheet_macros"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(900), "sheet_legacy_xls"),
        ("a.csv", hostile.plain(), "sheet_not_a_spreadsheet"),
        ("a.csv", b"a,b\n\x81\x20\xff\xff,c\n", "sheet_encoding"),
        ("a.csv", '目录\n"甲'.encode(), "sheet_quoting"),
        ("a.csv", b"a\0b", "sheet_not_a_spreadsheet"),
        ("a.csv", b",".join([b"x"] * 201), "sheet_columns"),
        ("a.pdf", hostile.plain(), "sheet_not_a_spreadsheet"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_with_its_reason(file_name: str, data: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as found:  # what the child runs, and what its parent says
        take_apart(data, file_name, None, BOUNDS)
    error = sheet_refused(found.value.code, found.value.row, found.value.column)
    assert error.code == code
    assert error.message.zh
    assert error.message.en
    assert error.way_out is not None
    assert error.rule == "policies/exchange"


def test_the_child_says_no_to_the_service_with_place_and_way_out() -> None:
    with pytest.raises(InvalidInput) as refusal:
        READER.read(hostile.far_cell("XFD7"), "a.xlsx")
    assert refusal.value.code == "sheet_columns"
    assert "第 7 行XFD 列" in refusal.value.message.zh
    assert refusal.value.way_out is not None


def test_what_unpacks_to_too_much_is_refused_whatever_its_directory_says() -> None:
    narrow = replace(READER, bounds=replace(BOUNDS, unpacked_bytes_max=16 << 20))
    for data in (hostile.bomb(), hostile.lying_bomb()):
        assert len(data) < 1 << 20
        with pytest.raises(InvalidInput) as refusal:
            narrow.read(data, "a.xlsx")
        assert refusal.value.code in {"sheet_unpacked_bytes", "sheet_unreadable"}


def test_one_text_repeated_by_every_cell_ends_the_child_and_not_the_service() -> None:
    narrow = replace(READER, memory_bytes_max=160 << 20)
    with pytest.raises(InvalidInput) as refusal:
        narrow.read(hostile.shared_string_bomb(), "a.xlsx")
    assert refusal.value.code in {"sheet_stopped", "sheet_unpacked_bytes", "sheet_cells"}


def test_a_far_cell_written_to_be_overlooked_costs_the_child_and_not_the_service() -> None:
    data = hostile.far_cell("XFD1048576", named="r\n")
    with pytest.raises(InvalidInput) as refusal:
        READER.read(data, "a.xlsx")
    assert refusal.value.code in {"sheet_columns", "sheet_rows", "sheet_stopped"}


def test_a_nested_archive_is_not_opened() -> None:
    assert READER.read(hostile.quine(), "a.xlsx").rows == ()


def test_formulas_are_text_and_numbers_that_lost_digits_are_named() -> None:
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>=HYPERLINK("http://x")</t></is></c>'
        '<c r="B1"><f>WEBSERVICE("http://x")</f><v>7</v></c>'
        '<c r="C1"><v>110101199003071234</v></c></row>'
    )
    sheet = READER.read(hostile.packed(hostile.parts(rows)), "a.xlsx")
    assert sheet.headers == ('=HYPERLINK("http://x")', "7")
    assert [(f.row, f.column, f.rule) for f in sheet.faults] == [(1, 3, "cell_number_digits")]
    with pytest.raises(InvalidInput) as refusal:
        sheet.require_clean()
    assert "C 列" in refusal.value.message.zh


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_text_is_read_in_what_bureaus_save_it_in(encoding: str) -> None:
    sheet: Sheet = READER.read(
        "目录名称,共享属性\r\n人口㐀,有条件\r\n".encode(encoding), "目录.csv"
    )
    assert sheet.cells == (("目录名称", "共享属性"), ("人口㐀", "有条件"))


def test_a_slow_reader_is_stopped() -> None:
    slow = replace(READER, seconds_max=0.01)
    with pytest.raises(InvalidInput) as refusal:
        slow.read(hostile.plain(), "a.xlsx")
    assert refusal.value.code == "sheet_stopped"


def test_a_child_without_its_reader_is_no_answer() -> None:
    with pytest.raises(InvalidInput) as refusal:
        replace(READER, memory_bytes_max=8 << 20).read(hostile.plain(), "a.xlsx")
    assert refusal.value.code == "sheet_stopped"


def _broken_bytes_are_text_or_a_refusal(seeds: range) -> None:
    refusals = 0
    for seed in seeds:
        try:
            cells = take_apart(hostile.broken(seed), "a.xlsx", None, BOUNDS)
        except FileRefused:
            refusals += 1
        else:
            assert all(isinstance(cell, str) for row in cells.rows for cell in row)
    assert refusals > 0


def test_broken_bytes_are_a_refusal_or_text_and_never_another_error() -> None:
    _broken_bytes_are_text_or_a_refusal(range(300))


@pytest.mark.full
def test_ten_thousand_broken_files_are_a_refusal_or_text() -> None:
    _broken_bytes_are_text_or_a_refusal(range(300, 10_300))
