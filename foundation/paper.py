"""The one door to PDF: papers in Chinese or English that print and archive alike on any machine.

The Chinese font travels with the installation and is embedded, so a paper needs no font where it
is read, and making one needs no network. Equal content and time give equal bytes. Text is drawn,
never interpreted: nothing in it can be markup, a link or a command.

    paper = Paper("案件报告", made_at_us=now, footer="日志 city/log · 1 024 条 · sha256:…")
    paper.heading("一、事实")                     # level 1 or 2; also the PDF's outline
    paper.paragraph("……")                        # small=True for notes
    paper.facts([("案件", "case_…"), …])          # two columns: name and value
    paper.table(["时间", "金额"], rows, widths=[2, 1], numbers={1})   # header on each page
    paper.bars([("某供数单位", 420, "4.20 元"), …])    # a chart; lengths from integers >= 0
    paper.code("sandgate verify …", caption="…")  # a command or a hash, on grey
    paper.drawing(svg_bytes, height_mm=60)        # our own SVG only, never a foreign one
    paper.seal("某市数据局", "数据共享专用章")      # a round seal, drawn as lines and letters
    data = paper.pdf()                            # the bytes; the paper is finished

``footer`` stands on each page (a digest, a checkpoint) beside the page's number.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TextMode
from fpdf.fonts import TTFFont
from pylopdf_fonts_zh_cn import sans_path

from foundation.lines import broken, inert
from foundation.paper_seal import SEAL_MM, draw_seal

FONT = "sandgate"
MARGIN_MM = 20.0
BOTTOM_MM = 22.0
TITLE_POINTS = 18.0
BODY_POINTS = 10.0
SMALL_POINTS = 8.0
HEADING_POINTS = {1: 14.0, 2: 11.5}
LEADING = 0.53  # millimetres of line height for each point of type
ASCENT = 0.37  # millimetres from a line's top to its base line, for each point of type
PADDING_MM = 1.4
ROW_LINES_MAX = 30  # a longer cell goes on in a further row, so that every row fits on a page
LABEL_MM = 48.0
_INK = (26, 32, 44)
_BLUE = (24, 62, 116)
_GREY = (110, 118, 130)
_RULE = (200, 206, 214)
_GROUND = (240, 243, 247)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def chinese_font() -> Path:
    """Return the font that travels with the installation, for whoever else draws Chinese."""
    return Path(sans_path())


class _Sheets(FPDF):
    """Pages that end in our footer."""

    def __init__(self, footer: str, language: str) -> None:
        super().__init__(format="A4")
        self._words = footer
        self._chinese = language.startswith("zh")

    def footer(self) -> None:
        """Write the paper's footer and the page's number."""
        self.set_font(FONT, size=7)
        self.set_text_color(*_GREY)
        self.set_draw_color(*_RULE)
        self.line(MARGIN_MM, self.h - 15, self.w - MARGIN_MM, self.h - 15)
        here = self.page_no()
        number = f"第 {here} 页 / 共 {{nb}} 页" if self._chinese else f"Page {here} of {{nb}}"
        self.text(MARGIN_MM, self.h - 11, self._words)
        self.set_xy(self.w - MARGIN_MM - 30, self.h - 14)
        self.cell(30, 5, number, align="R")  # a cell, because only there is {nb} filled in


class Paper:
    """One PDF under construction; see the module's docstring for how it is written."""

    def __init__(
        self,
        title: str,
        *,
        made_at_us: int,
        subtitle: str = "",
        footer: str = "",
        language: str = "zh",
    ) -> None:
        """Begin with a title. ``made_at_us`` (UTC microseconds) is the document's date."""
        self._widths: dict[str, float] = {}
        self._pdf = _Sheets(inert(footer).replace("\n", " "), language)
        self._pdf.add_font(FONT, fname=chinese_font())
        font = self._pdf.fonts[FONT]
        assert isinstance(font, TTFFont)  # noqa: S101 - what add_font just loaded
        self._glyphs = frozenset(font.cmap)
        self._pdf.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.set_lang("zh-CN" if language.startswith("zh") else "en")
        self._pdf.set_creation_date(_EPOCH + timedelta(microseconds=made_at_us))
        self._pdf.set_title(inert(title))
        self._pdf.set_producer("sandgate")
        self._pdf.add_page()
        self._strong(title, TITLE_POINTS)
        if subtitle:
            self._lines(subtitle, SMALL_POINTS, _GREY)
        self._gap(3)

    def heading(self, text: str, level: int = 1) -> None:
        """Write a heading of level 1 or 2 and list it in the outline."""
        points = HEADING_POINTS[level]
        self._room(points * LEADING + 6 * BODY_POINTS * LEADING)
        self._gap(4 if level == 1 else 2)
        self._pdf.start_section(self._inert(text).replace("\n", " "), level=level - 1)
        self._strong(text, points)
        self._gap(1)

    def paragraph(self, text: str, *, small: bool = False) -> None:
        """Write running text; ``small`` for notes and conditions."""
        self._lines(text, SMALL_POINTS if small else BODY_POINTS, _GREY if small else _INK)
        self._gap(1.5)

    def code(self, text: str, caption: str = "") -> None:
        """Write a command, a hash or other text that is copied as it stands, on a grey ground."""
        if caption:
            self._room((BODY_POINTS + 3 * SMALL_POINTS) * LEADING)
            self._lines(caption, SMALL_POINTS, _BLUE)
            self._gap(0.8)
        for line in self._broken(text, self._pdf.epw - 2 * PADDING_MM, SMALL_POINTS):
            height = SMALL_POINTS * LEADING + 0.6
            self._room(height)
            self._pdf.set_fill_color(*_GROUND)
            self._pdf.rect(MARGIN_MM, self._pdf.y, self._pdf.epw, height, style="F")
            self._write(MARGIN_MM + PADDING_MM, self._pdf.y + 0.3, line, SMALL_POINTS, _INK)
            self._pdf.y += height
        self._gap(2)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Write names and values in two columns."""
        value = (self._pdf.epw - LABEL_MM) / LABEL_MM
        self._rows(pairs, [1.0, value], frozenset(), first_grey=True)
        self._gap(2)

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        widths: Sequence[float] = (),
        numbers: Collection[int] = (),
    ) -> None:
        """Write a table; its header stands again on each page.

        ``widths`` are shares of the page's width; columns in ``numbers`` stand to the right.
        """
        shares = list(widths) or [1.0] * len(header)
        self._room(4 * SMALL_POINTS * LEADING)
        self._header(header, shares, numbers)
        self._rows(rows, shares, numbers, header=header)
        self._gap(2)

    def bars(self, values: Sequence[tuple[str, int, str]]) -> None:
        """Draw a bar for each (name, length in any unit >= 0, the words at its end)."""
        longest = max((length for _name, length, _words in values), default=0) or 1
        space = self._pdf.epw - LABEL_MM - 34
        for name, length, words in values:
            lines = self._broken(name, LABEL_MM - 2, SMALL_POINTS)
            height = max(5.5, len(lines) * SMALL_POINTS * LEADING + 1)
            self._room(height)
            top = self._pdf.y
            for number, line in enumerate(lines):
                self._write(
                    MARGIN_MM, top + number * SMALL_POINTS * LEADING + 0.4, line, SMALL_POINTS, _INK
                )
            self._pdf.set_fill_color(*_BLUE)
            wide = space * length / longest
            self._pdf.rect(MARGIN_MM + LABEL_MM, top + 0.8, max(wide, 0.2), 3.4, style="F")
            at = MARGIN_MM + LABEL_MM + wide + 1.5
            self._write(at, top + 0.4, self._inert(words), SMALL_POINTS, _INK)
            self._pdf.y = top + height
        self._gap(2)

    def drawing(self, svg: bytes, *, height_mm: float) -> None:
        """Place an SVG of our own making over the page's width. Its text uses ``sandgate``."""
        self._room(height_mm)
        top = self._pdf.y
        self._pdf.set_fill_color(*_INK)
        self._pdf.image(
            BytesIO(svg),
            x=MARGIN_MM,
            y=top,
            w=self._pdf.epw,
            h=height_mm,
            keep_aspect_ratio=True,
        )
        self._pdf.y = top + height_mm
        self._gap(2)

    def seal(self, around: str, below: str) -> None:
        """Draw a round red seal at the right: a name around a star, words beneath it."""
        self._room(SEAL_MM + 4)
        centre_x = self._pdf.w - MARGIN_MM - SEAL_MM / 2
        draw_seal(self._pdf, FONT, self._inert(around), self._inert(below), centre_x, self._pdf.y)
        self._pdf.y += SEAL_MM + 4

    def new_page(self) -> None:
        """Begin a new page."""
        self._pdf.add_page()

    def pdf(self) -> bytes:
        """Finish the paper and return its bytes."""
        return bytes(self._pdf.output())

    def _header(
        self, header: Sequence[str], shares: Sequence[float], numbers: Collection[int]
    ) -> None:
        self._row(header, shares, numbers, colour=_BLUE, ground=True)

    def _rows(
        self,
        rows: Sequence[Sequence[str]],
        shares: Sequence[float],
        numbers: Collection[int],
        *,
        header: Sequence[str] = (),
        first_grey: bool = False,
    ) -> None:
        for row in rows:
            cells = self._cells(row, shares)
            for first in range(0, max(len(lines) for lines in cells), ROW_LINES_MAX):
                part = [lines[first : first + ROW_LINES_MAX] for lines in cells]
                if not self._fits(self._height(part)):
                    self._pdf.add_page()
                    if header:
                        self._header(header, shares, numbers)
                self._draw(part, shares, numbers, _INK, first_grey=first_grey)

    def _row(
        self,
        row: Sequence[str],
        shares: Sequence[float],
        numbers: Collection[int],
        *,
        colour: tuple[int, int, int],
        ground: bool,
    ) -> None:
        cells = self._cells(row, shares)
        if ground:
            self._pdf.set_fill_color(*_GROUND)
            self._pdf.rect(MARGIN_MM, self._pdf.y, self._pdf.epw, self._height(cells), style="F")
        self._draw(cells, shares, numbers, colour)

    def _cells(self, row: Sequence[str], shares: Sequence[float]) -> list[list[str]]:
        return [
            self._broken(text, width - 2 * PADDING_MM, SMALL_POINTS)
            for text, width in zip(row, self._columns(shares), strict=True)
        ]

    def _columns(self, shares: Sequence[float]) -> list[float]:
        return [self._pdf.epw * share / sum(shares) for share in shares]

    @staticmethod
    def _height(cells: Sequence[Sequence[str]]) -> float:
        return max(len(lines) for lines in cells) * SMALL_POINTS * LEADING + 2 * PADDING_MM

    def _draw(
        self,
        cells: Sequence[Sequence[str]],
        shares: Sequence[float],
        numbers: Collection[int],
        colour: tuple[int, int, int],
        *,
        first_grey: bool = False,
    ) -> None:
        top, left = self._pdf.y, MARGIN_MM
        for place, (lines, width) in enumerate(zip(cells, self._columns(shares), strict=True)):
            ink = _GREY if first_grey and place == 0 else colour
            for number, line in enumerate(lines):
                at = left + PADDING_MM
                if place in numbers:
                    at = left + width - PADDING_MM - self._width(line, SMALL_POINTS)
                y = top + PADDING_MM + number * SMALL_POINTS * LEADING
                self._write(at, y, line, SMALL_POINTS, ink)
            left += width
        self._pdf.y = top + self._height(cells)
        self._pdf.set_draw_color(*_RULE)
        self._pdf.set_line_width(0.1)
        self._pdf.line(MARGIN_MM, self._pdf.y, MARGIN_MM + self._pdf.epw, self._pdf.y)

    def _strong(self, text: str, points: float) -> None:
        with self._pdf.local_context(text_mode=TextMode.FILL_STROKE, line_width=0.12):
            self._pdf.set_draw_color(*_BLUE)
            self._lines(text, points, _BLUE)

    def _lines(self, text: str, points: float, colour: tuple[int, int, int]) -> None:
        for line in self._broken(text, self._pdf.epw, points):
            self._room(points * LEADING)
            self._write(MARGIN_MM, self._pdf.y, line, points, colour)
            self._pdf.y += points * LEADING

    def _write(
        self, x: float, y: float, line: str, points: float, colour: tuple[int, int, int]
    ) -> None:
        if line:
            self._pdf.set_font(FONT, size=points)
            self._pdf.set_text_color(*colour)
            self._pdf.text(x, y + points * ASCENT, line)

    def _broken(self, text: str, width: float, points: float) -> list[str]:
        return broken(self._inert(text), width, lambda line: self._width(line, points))

    def _width(self, line: str, points: float) -> float:
        return sum(self._character(character) for character in line) * points

    def _character(self, character: str) -> float:
        width = self._widths.get(character)
        if width is None:
            self._pdf.set_font(FONT, size=100)
            width = self._widths[character] = self._pdf.get_string_width(character) / 100
        return width

    def _inert(self, text: str) -> str:
        return inert(text, lambda character: ord(character) in self._glyphs)

    def _fits(self, height: float) -> bool:
        return self._pdf.y + height <= self._pdf.h - BOTTOM_MM

    def _room(self, height: float) -> None:
        if not self._fits(height):
            self._pdf.add_page()

    def _gap(self, millimetres: float) -> None:
        self._pdf.y += millimetres
