"""Papers: inert text, lines as Chinese sets them, the same bytes for the same content."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.lines import NOT_AT_END, NOT_AT_START, broken, inert
from foundation.paper import Paper

NOW_US = 1_764_000_000_000_000


def written(text: str, *, title: str = "报告") -> bytes:
    paper = Paper(title, made_at_us=NOW_US, footer="日志 city/log")
    paper.heading("一、事实")
    paper.paragraph(text)
    paper.facts([("案件", text), ("空", "")])
    paper.table(["甲", "乙"], [[text, "1.00"]] * 3, numbers={1})
    paper.bars([("甲", 0, "0.00 元"), ("乙", 7, text)])
    paper.code(text)
    return paper.pdf()


@pytest.mark.parametrize("character", ["\u202e", "\x07", "\u200b", "\x1b", "\ue000"])
def test_what_steers_a_display_is_written_out(character: str) -> None:
    assert inert(f"a{character}b") == f"a〈U+{ord(character):04X}〉b"


def test_a_character_without_a_glyph_is_written_out() -> None:
    assert inert("好😀", lambda character: character != "😀") == "好〈U+1F600〉"


def test_no_line_begins_with_closing_or_ends_with_opening_punctuation() -> None:
    text = "平台（依据规则“甲”），准许：查询；该条目、其证明与《说明》。" * 5
    for width in range(8, 30):
        for line in broken(text, width, len)[1:]:
            assert line[0] not in NOT_AT_START
            assert line[-1] not in NOT_AT_END


@given(st.text(alphabet="中文，。（） abc\n0", max_size=200), st.integers(6, 40))
def test_breaking_loses_nothing_but_blanks(text: str, width: int) -> None:
    lines = broken(text, width, len)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace("\n", "").replace(" ", "")


def test_a_word_wider_than_a_line_is_cut() -> None:
    assert broken("sha256:" + "0" * 20, 9, len) == ["sha256:00", "0" * 9, "0" * 9]


def test_the_same_content_gives_the_same_bytes() -> None:
    text = "运营机构甲就“医院就诊记录”提问 2026-11-22 😀"
    assert written(text) == written(text)
    assert written(text) != written(text + "。")


def test_markup_and_page_marks_are_drawn_as_they_stand() -> None:
    data = written("<b>x</b> **y** {nb} [z](https://example.org)")
    assert b"/URI" not in data
    assert b"/Annots" not in data


def test_the_font_is_embedded() -> None:
    data = written("公共数据")
    assert b"/FontFile" in data
    assert b"NotoSansSC" in data


def test_a_long_table_repeats_its_header_and_a_long_cell_goes_on() -> None:
    paper = Paper("报告", made_at_us=NOW_US)
    paper.table(["号", "内容"], [[str(row), "公共数据" * 40] for row in range(30)], widths=[1, 6])
    paper.table(["号", "内容"], [["1", "公共数据授权运营" * 900]])
    data = paper.pdf()
    assert data.count(b"/Type /Page\n") > 4


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="apt-get install poppler-utils")
def test_text_is_found_again_by_a_foreign_reader() -> None:
    text = "案件依据《数据安全法》第二十一条{nb}"
    found = subprocess.run(
        ["pdftotext", "-", "-"], input=written(text), stdout=subprocess.PIPE, check=True
    )
    assert text in found.stdout.decode()
    assert "第1页/共1页" in found.stdout.decode().replace(" ", "")
