"""HTML and plain text of cards and tables: everything escaped, nothing loaded from elsewhere.

Colours hold a contrast of at least 7:1 on their own background, in light and dark themes alike.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

Tone = Literal["plain", "refused", "good"]

_TONES: dict[Tone, tuple[str, str]] = {
    "plain": ("#1f4e79", "#ffffff"),
    "refused": ("#9c1c13", "#fff7f5"),
    "good": ("#14532d", "#f5fbf6"),
}
_FONT = "font-family:system-ui,'Noto Sans CJK SC','WenQuanYi Zen Hei','Microsoft YaHei',sans-serif"
_HEAD = "background:#eef2f7;color:#12263a;"
_MARK = (
    "display:inline-block;margin-left:8px;padding:0 8px;border-radius:4px;font-size:12px;"
    "background:#4a1d6b;color:#ffffff"
)
_FACT = "padding:1px 14px 1px 0;text-align:left;border:0;"
LINE = f"{_FONT};font-size:13px;line-height:1.6;color:#454c56"
_CELL = "padding:4px 12px;border-bottom:1px solid #d9dde3;text-align:"


@dataclass(frozen=True)
class Bar:
    """A cell that draws a share of one as a bar; ``label`` is what a screen reader says."""

    share: float

    @property
    def label(self) -> str:
        """The share in whole percent."""
        return f"{100 * min(max(self.share, 0.0), 1.0):.0f}%"


@dataclass(frozen=True)
class Span:
    """A cell that draws a value as a bar with its interval; all are shares of one."""

    share: float
    low: float
    high: float

    @property
    def label(self) -> str:
        """Nothing: the cell beside it says the figure and its interval."""
        return ""


Cell = str | Bar | Span


def card(tone: Tone, title: str, body: Iterable[str], label: str = "", mark: str = "") -> str:
    """Wrap ready HTML parts in a card; ``title``, ``label`` and ``mark`` are escaped here.

    A ``mark`` stands beside the title and in the label, and its card has a broken border.
    """
    line, ground = _TONES[tone]
    label = f"{mark} · {label or title}" if mark else label or title
    badge = f' <span style="{_MARK}">{escape(mark)}</span>' if mark else ""
    border = "dashed" if mark else "solid"
    return (
        f'<section role="group" aria-label="{escape(label)}" style="{_FONT};'
        f"font-size:14px;line-height:1.6;color:#1b1f24;background:{ground};"
        f"border:1px {border} #c9ced6;border-left:5px {border} {line};border-radius:6px;"
        f'padding:10px 16px;margin:4px 0;max-width:64em;overflow-x:auto">'
        f'<div style="font-weight:650;color:{line}">{escape(title)}{badge}</div>'
        f"{''.join(body)}</section>"
    )


def paragraph(text: str, *, quiet: bool = False) -> str:
    """Return one escaped paragraph; quiet ones are notes."""
    style = "color:#454c56;font-size:13px" if quiet else ""
    return f'<p style="margin:4px 0;{style}">{escape(text)}</p>' if text else ""


def warning(text: str) -> str:
    """Return one escaped sentence that must not be overlooked."""
    return (
        '<p role="status" style="margin:6px 0;padding:6px 10px;border-radius:4px;'
        f'background:#fff4d6;color:#5c3b00;border:1px solid #e0b64a">{escape(text)}</p>'
    )


def facts_list(facts: Iterable[tuple[str, str]]) -> str:
    """Return a table of name and value; facts without a value are left out.

    A table and no grid: the filter of what a session shows takes grids apart.
    """
    rows = "".join(
        f'<tr style="background:none"><td style="{_FACT}white-space:nowrap;color:#454c56">'
        f'{escape(name)}</td><td style="{_FACT}">'
        f'<code style="color:#1b1f24;background:none">{escape(value)}</code></td></tr>'
        for name, value in facts
        if value
    )
    style = "border-collapse:collapse;margin:6px 0;font-size:14px"
    return f'<table style="{style}"><tbody>{rows}</tbody></table>' if rows else ""


def copyable(text: str, hint: str) -> str:
    """Return text that one click selects whole, ready to copy."""
    return (
        f'<pre tabindex="0" style="user-select:all;-webkit-user-select:all;white-space:pre-wrap;'
        f"background:#eef2f7;color:#12263a;border:1px solid #b8c4d2;border-radius:4px;"
        f'padding:8px 10px;margin:4px 0;font-size:13px">{escape(text)}</pre>'
        f"{paragraph(hint, quiet=True)}"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], numeric: Sequence[bool]) -> str:
    """Return an escaped table; numeric columns stand to the right in figures of one width."""
    sides = ["right;font-variant-numeric:tabular-nums" if flag else "left" for flag in numeric]
    cells = "".join(
        f'<th scope="col" style="{_HEAD}{_CELL}{side}">{escape(name)}</th>'
        for name, side in zip(head, sides, strict=True)
    )
    lines = "".join(f"<tr>{_row(row, sides)}</tr>" for row in rows)
    return (
        '<table style="border-collapse:collapse;font-size:14px;margin:6px 0;'
        'color:#1b1f24;background:#ffffff">'
        f"<thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _row(row: Sequence[Cell], sides: Sequence[str]) -> str:
    return "".join(
        f'<td style="{_CELL}{side}">{drawn(value)}</td>'
        for value, side in zip(row, sides, strict=True)
    )


def drawn(value: Cell) -> str:
    """Return the HTML of what stands in a cell."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Span):
        return _span(value)
    return (
        f'<div role="img" aria-label="{value.label}" style="width:140px;height:12px;'
        'background:#dfe5ec;border-radius:3px">'
        f'<div style="width:{value.label};height:12px;background:#1f6f8b;border-radius:3px">'
        "</div></div>"
    )


def _span(span: Span) -> str:
    """Return bar and whisker; a reader of the screen hears the figure beside it, not the picture.

    Boxes of plain HTML: no script draws them, and a display filter lets them through.
    """
    ends = (span.share, span.low, span.high)
    share, low, high = (100 * min(max(value, 0.0), 1.0) for value in ends)
    return (
        '<div aria-hidden="true" style="width:180px;height:14px">'
        f'<div style="width:{share:.1f}%;height:14px;background:#9cc3dd;border-radius:2px"></div>'
        f'<div style="margin-top:-11px;margin-left:{low:.1f}%;width:{max(high - low, 0.6):.1f}%;'
        "height:8px;border-left:1.5px solid #14202b;border-right:1.5px solid #14202b"
        '"><div style="height:3px;border-bottom:1.5px solid #14202b"></div></div></div>'
    )


def folded(summary: str, inner: str) -> str:
    """Return ready HTML that folds out under an escaped line."""
    return (
        f'<details style="margin:4px 0"><summary style="cursor:pointer;color:#454c56">'
        f"{escape(summary)}</summary>{inner}</details>"
    )


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table for a terminal, Chinese characters counted as two columns wide."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(_width(line[index]) for line in lines) for index in range(len(head))]
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
