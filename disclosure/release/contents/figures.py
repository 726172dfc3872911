"""Draws a figure from the values of a table that the desk worked out itself, and nothing else.

The chart is a closed form: kind, columns, title. Its PNG is drawn in a confined child with one
font, stripped of everything but its pixels, and equal tables give equal bytes (I15).
"""

import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from catalog.datasets import Frozen
from disclosure.outcome import Refused
from disclosure.release.contents.scanning import is_number
from foundation.confined_exchange import AnswerTooLarge, ChildStopped, exchange
from foundation.confinement import Confinement, Limits
from foundation.errors import Message, Unavailable
from foundation.paper import chinese_font
from policies.schema.contents import ContentRules

GUEST = Path(__file__).with_name("drawing_child.py")
FONTS_INSIDE = "/opt/fonts"
FONT = "Noto Sans SC"
DRAW_SECONDS_MAX = 40.0
PNG_BYTES_MAX = 8 << 20
MEMORY_BYTES_MAX = 2 << 30
PIDS_MAX = 64
PNG_START = b"\x89PNG\r\n\x1a\n"
_KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_MARKS = {"bar": "bar", "line": "line", "point": "point", "area": "area"}
_WIDTH, _HEIGHT = 480, 300


class Chart(Frozen):
    """Which columns of a table are drawn, and how; ``_low`` and ``_high`` columns become bars."""

    kind: Literal["bar", "line", "point", "area"]
    x: str = Field(min_length=1, max_length=100)
    y: str = Field(min_length=1, max_length=100)
    colour: str | None = Field(default=None, min_length=1, max_length=100)
    title: str = Field(default="", max_length=120)


@dataclass(frozen=True)
class FigureDrawer:
    """Draws charts in bubblewrap children of the environment that holds the chart library."""

    environment: Path
    rules: ContentRules
    bubblewrap: Path | None = None
    processors: frozenset[int] = frozenset()

    def draw(self, chart: Chart, table: pa.Table) -> bytes:
        """Return the PNG of a chart. Raises Refused for what cannot be drawn, and Unavailable."""
        specification = chart_specification(chart, table, self.rules)
        order = json.dumps(specification, ensure_ascii=False, sort_keys=True).encode()
        try:
            drawn = exchange(
                self._confinement,
                order,
                seconds_max=DRAW_SECONDS_MAX,
                answer_bytes_max=PNG_BYTES_MAX,
                bubblewrap=self.bubblewrap,
            )
            return only_pixels(drawn)
        except (ChildStopped, AnswerTooLarge, ValueError) as error:
            raise Unavailable(
                "figure_not_drawn",
                Message("图形绘制未完成。", "The figure could not be drawn."),
                field="chart",
                way_out=Message(
                    "请检查会话环境是否完整，或只申请表格。",
                    "Check the session environment, or ask for the table alone.",
                ),
            ) from error

    def _confinement(self, channel: int) -> Confinement:
        font = chinese_font()
        return Confinement(
            environment=self.environment,
            program=GUEST,
            arguments=(str(channel),),
            read_only={f"{FONTS_INSIDE}/{font.name}": font},
            inherited_fds=(channel,),
            limits=Limits(
                memory_bytes_max=MEMORY_BYTES_MAX, pids_max=PIDS_MAX, processors=self.processors
            ),
            profile="worker",
        )


def chart_specification(chart: Chart, table: pa.Table, rules: ContentRules) -> dict[str, Any]:
    """Return a chart and its values in Vega-Lite. Raises Refused where the table has them not."""
    wanted = [name for name in (chart.x, chart.y, chart.colour) if name is not None]
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise _refused(
            "figure_column_unknown",
            f"表格没有列“{missing[0]}”。",
            f"The table has no column {missing[0]!r}.",
        )
    if not is_number(table.column(chart.y).type):
        raise _refused(
            "figure_column_not_numeric",
            f"列“{chart.y}”不是数值，不能作纵轴。",
            f"The column {chart.y!r} is no number; it cannot be the height.",
        )
    if not 0 < table.num_rows <= rules.figure_rows_max:
        raise _refused(
            "figure_rows",
            f"图形须有 1 至 {rules.figure_rows_max} 行数据。",
            f"A figure needs 1 to {rules.figure_rows_max} rows.",
        )
    ends = [name for name in (f"{chart.y}_low", f"{chart.y}_high") if name in table.column_names]
    rows = table.select([*dict.fromkeys([*wanted, *ends])]).to_pylist()
    encoding: dict[str, Any] = {
        "x": {"field": _field(chart.x), "type": _x_type(table, chart), "title": chart.x},
        "y": {"field": _field(chart.y), "type": "quantitative", "title": chart.y},
    }
    if chart.colour is not None:
        encoding["color"] = {
            "field": _field(chart.colour),
            "type": "nominal",
            "title": chart.colour,
        }
    mark = {"type": _MARKS[chart.kind]} | ({"opacity": 0.5} if chart.kind == "area" else {})
    layers = [{"mark": mark, "encoding": encoding}]
    if len(ends) == 2:  # noqa: PLR2004 - an interval has two ends
        layers.append({"mark": {"type": "rule"}, "encoding": _interval(encoding, ends)})
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": chart.title,
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": [{name: _json_value(v) for name, v in row.items()} for row in rows]},
        "layer": layers,
        "config": {
            "font": FONT,
            **{part: {"labelFont": FONT, "titleFont": FONT} for part in ("axis", "legend")},
            "title": {"font": FONT},
        },
    }


def only_pixels(png: bytes) -> bytes:
    """Return a PNG without anything but its pixels. Raises ValueError for what is no PNG.

    Chunks that are checked and kept: header, palette, image data, end; text, profiles, times and
    whatever follows the end are dropped (W3C PNG, third edition, section 11).
    """
    if not png.startswith(PNG_START):
        raise ValueError("no PNG")
    kept, place = [PNG_START], len(PNG_START)
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        name, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        chunk = png[place : place + 12 + length]
        if len(body) != length or chunk[-4:] != struct.pack(">I", zlib.crc32(name + body)):
            raise ValueError("a broken chunk")
        if name in _KEPT_CHUNKS:
            kept.append(chunk)
        if name == b"IEND":
            return b"".join(kept)
        place += 12 + length
    raise ValueError("no end")


def _interval(encoding: dict[str, Any], ends: list[str]) -> dict[str, Any]:
    low, high = ends
    kept = {name: value for name, value in encoding.items() if name != "y"}
    y = {"field": _field(low), "type": "quantitative", "title": encoding["y"]["title"]}
    return {**kept, "y": y, "y2": {"field": _field(high)}}


def _field(name: str) -> str:
    """Name a column to Vega-Lite, for which a dot or a bracket would be a path."""
    return "".join(f"\\{char}" if char in ".[]\\'\"" else char for char in name)


def _x_type(table: pa.Table, chart: Chart) -> str:
    kind = table.column(chart.x).type
    if chart.kind == "bar":
        return "ordinal"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "temporal"
    return "quantitative" if is_number(kind) else "ordinal"


def _json_value(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _refused(code: str, zh: str, en: str) -> Refused:
    return Refused(
        code,
        Message(zh, en),
        field="chart",
        rule="policies/contents",
        way_out=Message(
            "请改选表格中的列，或先按较粗的分组汇总。",
            "Choose columns of the table, or summarise by coarser groups first.",
        ),
    )
