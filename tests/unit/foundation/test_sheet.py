"""A sheet holds text and numbers as they are given, and nothing that a spreadsheet would act on."""

import io
import re
import zipfile
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from foundation.sheet import CELL_CHARACTERS_MAX, Book, Cell

NAMESPACE = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
ACTIVE = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "{=1}",
    "http://example.com/",
    "mailto:a@example.com",
    "internal:Sheet1!A1",
    "\t=1",
    "1234",
    '<a href="x">&',
)


def book(rows: list[list[Cell]]) -> bytes:
    made = Book("题", made_at_us=1_790_000_000_000_000)
    made.sheet("明细", ["甲", "乙"], rows)
    return made.xlsx()


def cells(data: bytes) -> dict[str, tuple[str, str]]:
    """Read a sheet's own XML: place to kind and text of each cell."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        strings = ET.fromstring(archive.read("xl/sharedStrings.xml"))
        shared = ["".join(one.itertext()) for one in strings.findall("m:si", NAMESPACE)]
        sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    found = {}
    for cell in sheet.iterfind(".//m:c", NAMESPACE):
        text = cell.findtext("m:v", "", NAMESPACE)
        kind = cell.get("t", "n")
        found[cell.get("r", "")] = (kind, shared[int(text)] if kind == "s" else text)
    return found


@pytest.mark.parametrize("text", ACTIVE)
def test_text_of_others_is_text_and_nothing_else(text: str) -> None:
    data = book([[text, 5]])
    assert cells(data)["A2"] == ("s", text.replace("\t", " "))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
        assert [name for name in archive.namelist() if "rels" in name and "sheet" in name] == []
    for active in (rb"<f[ >]", b"<hyperlink", b"externalLink", b"vbaProject"):
        assert not re.search(active, whole)


def test_numbers_are_exact_or_stay_text() -> None:
    found = cells(book([[Decimal("0.29"), 10**14], [Decimal("1234567.00000001"), 10**15 + 1]]))
    assert found["A2"] == ("n", "0.29")
    assert found["B2"] == ("n", "100000000000000")
    assert found["A3"] == ("n", "1234567.00000001")
    assert found["B3"] == ("s", "1000000000000001")


def test_what_steers_a_display_is_written_out() -> None:
    assert cells(book([["a\u202eb\x07", 1]]))["A2"] == ("s", "a〈U+202E〉b〈U+0007〉")


def test_equal_content_gives_equal_bytes() -> None:
    assert book([["甲", 1]]) == book([["甲", 1]])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="characters"):
        book([["x" * (CELL_CHARACTERS_MAX + 1)]])
    for name in ("a" * 32, "a/b", ""):
        with pytest.raises(ValueError, match="no sheet"):
            Book("x", made_at_us=1).sheet(name, [], [])
