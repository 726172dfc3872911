"""Figures are drawn from their data alone: same data, same bytes; nothing else in the file."""

import struct
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from disclosure.outcome import Refused
from disclosure.release.contents.figures import (
    PNG_START,
    Chart,
    FigureDrawer,
    chart_specification,
    only_pixels,
)
from policies.load import load_policies
from policies.schema.contents import ContentRules

RULES = load_policies().rules(ContentRules)
SESSION = Path(__file__).resolve().parents[3] / ".venv-session"
TABLE = pa.table(
    {
        "区县": ["屯溪区", "黄山区", "徽州区"],
        "人数": [120, 95, 40],
        "人数_low": [110, 85, 30],
        "人数_high": [130, 105, 50],
    }
)
CHART = Chart(kind="bar", x="区县", y="人数", title="各区县参保人数")


@pytest.mark.parametrize(
    ("chart", "table", "code"),
    [
        (Chart(kind="bar", x="none", y="人数"), TABLE, "figure_column_unknown"),
        (Chart(kind="bar", x="人数", y="区县"), TABLE, "figure_column_not_numeric"),
        (CHART, TABLE.slice(0, 0), "figure_rows"),
        (CHART, pa.concat_tables([TABLE] * 200), "figure_rows"),
    ],
)
def test_what_cannot_be_drawn_is_refused(chart: Chart, table: pa.Table, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        chart_specification(chart, table, RULES)
    assert refusal.value.code == code


def test_nothing_of_a_table_but_the_named_columns_reaches_the_drawing() -> None:
    wide = TABLE.append_column("secret", pa.array(["x", "y", "z"]))
    written = chart_specification(CHART, wide, RULES)
    assert all("secret" not in row for row in written["data"]["values"])


def test_a_column_name_is_no_path_of_the_chart_language() -> None:
    table = pa.table({"a.b[0]": ["x"], "n": [1]})
    written = chart_specification(Chart(kind="bar", x="a.b[0]", y="n"), table, RULES)
    assert written["layer"][0]["encoding"]["x"]["field"] == "a\\.b\\[0\\]"


@pytest.mark.skipif(not SESSION.is_dir(), reason="no .venv-session: run ./dev test")
def test_equal_data_give_equal_pixels_and_other_data_others() -> None:
    drawer = FigureDrawer(SESSION, RULES)
    first, again = drawer.draw(CHART, TABLE), drawer.draw(CHART, TABLE)
    assert first == again == only_pixels(first)
    other = TABLE.set_column(1, "人数", pa.array([121, 95, 40]))
    assert drawer.draw(CHART, other) != first


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


IMAGE = (
    PNG_START
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\x00\x00"))
    + chunk(b"IEND", b"")
)


def test_text_profiles_and_trailing_bytes_are_dropped() -> None:
    end = chunk(b"IEND", b"")
    marked = (
        IMAGE[: -len(end)] + chunk(b"tEXt", b"k\x00secret") + chunk(b"eXIf", b"x") + end + b"rows"
    )
    assert only_pixels(marked) == IMAGE


@pytest.mark.parametrize("data", [b"", b"GIF89a", IMAGE[:-1], IMAGE.replace(b"IDAT", b"IDAX")])
def test_what_is_no_whole_picture_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no PNG|no end|broken"):
        only_pixels(data)
