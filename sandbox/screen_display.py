"""What one execution may show: media types by list, rows and bytes by cap, nothing that runs.

All outputs of one execution share one allowance. What is cut or removed is replaced by a line that
says so in Chinese and English, so that no reader takes a part for the whole.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.errors import Message
from policies.schema.screen import DisplayRules
from sandbox.kernel_messages import dumped
from sandbox.screen_html import ACTIVE_REMOVED, inert_html, inert_svg, notice_html, notice_text

PLAIN, HTML, MARKDOWN, SVG = "text/plain", "text/html", "text/markdown", "image/svg+xml"
_CHART = re.compile(r"^application/vnd\.vega")
_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_NOT_PROSE = re.compile(r"<[A-Za-z!/?]|script|&#|&colon", re.IGNORECASE)
_BASE64_GAPS = re.compile(r"\s+")
_IMAGE_BEGINS: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}
_REMOTE_CHART_FIELDS = frozenset({"url", "href", "sprite", "loader"})


@dataclass
class Allowance:
    """What one execution may still show, and whether its reader was told that it is over."""

    rows: int
    bytes: int
    told: bool = False

    def take(self, rows: int, byte_count: int) -> bool:
        """Take so much; False where it is not there, and nothing is taken."""
        if rows > self.rows or byte_count > self.bytes:
            return False
        self.rows -= rows
        self.bytes -= byte_count
        return True


class DisplayFilter:
    """Filters texts and media bundles under one rule file."""

    def __init__(self, rules: DisplayRules) -> None:
        """Filter by these rules."""
        self._rules = rules
        self._types = frozenset(rules.media_types)
        self._too_much = Message(
            f"显示内容超过上限（每次执行 {rules.rows_max} 行、{rules.bytes_max} 字节），"
            "其余未显示。",
            f"More than one execution may show ({rules.rows_max} rows, {rules.bytes_max} bytes); "
            "the rest is not shown.",
        )

    def allowance(self) -> Allowance:
        """Return what a new execution may show."""
        return Allowance(self._rules.rows_max, self._rules.bytes_max)

    def text(self, text: object, left: Allowance) -> str:
        """Return as much of a text as may be shown."""
        text = joined(text)
        rows, size = text.count("\n"), len(text.encode("utf-8", "replace"))
        if left.take(rows, size):
            return text
        kept = "".join(text.splitlines(keepends=True)[: left.rows])
        kept = kept.encode("utf-8", "replace")[: left.bytes].decode("utf-8", "ignore")
        left.take(kept.count("\n"), len(kept.encode("utf-8", "replace")))
        return f"{kept}\n{self._tell(left)}\n" if not left.told else kept

    def bundle(self, data: object, left: Allowance) -> dict[str, Any]:
        """Return a media bundle in which everything may be shown; ``text/plain`` is always there.

        The forms of one output show the same thing: rows are taken once, for the largest.
        """
        if not isinstance(data, dict):
            return {PLAIN: ""}
        shown: dict[str, Any] = {}
        removed: list[str] = []
        sizes: list[tuple[int, int]] = []
        for kind, value in data.items():
            if kind not in self._types:
                removed.append(str(kind)[:80])
                continue
            if kind == MARKDOWN and self._does_something(joined(value)):
                shown[PLAIN] = f"{joined(value)}\n\n{notice_text(ACTIVE_REMOVED)}"
                continue
            filtered = None if kind == PLAIN and PLAIN in shown else self._value(kind, value)
            if filtered is None:
                removed.append(kind)
                continue
            shown[kind] = filtered
            sizes.append((_rows(kind, filtered), len(dumped(filtered))))
        if removed:
            self._note_removed(shown, removed)
        rows = max((rows for rows, _size in sizes), default=0)
        if left.take(rows, sum(size for _rows, size in sizes)):
            return shown or {PLAIN: ""}
        return self._cut(shown, left)

    def _does_something(self, markdown: str) -> bool:
        """Tell whether prose holds markup or links that a page could act on."""
        return not self._rules.active_html and _NOT_PROSE.search(markdown) is not None

    def _value(self, kind: str, value: object) -> object | None:
        """Return one form made inert; None where it is not what its type says, or too large."""
        if kind in _IMAGE_BEGINS:
            return self._image(kind, value)
        if kind.startswith("application/"):
            return self._json(kind, value)
        text = joined(value)
        if self._rules.active_html:
            return text
        if kind == SVG:
            return inert_svg(text)[0] or None
        if kind == HTML:
            clean, active = inert_html(text)
            return clean + (notice_html(ACTIVE_REMOVED) if active else "")
        return text

    def _image(self, kind: str, value: object) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            content = base64.b64decode(_BASE64_GAPS.sub("", value), validate=True)
        except (binascii.Error, ValueError):
            return None
        begins = content.startswith(_IMAGE_BEGINS[kind])
        return value if begins and len(content) <= self._rules.image_bytes_max else None

    def _json(self, kind: str, value: object) -> object | None:
        if not isinstance(value, dict | list):
            return None
        if _longest_list(value) > self._rules.chart_rows_max:
            return None
        return _without_remote(value) if _CHART.match(kind) else value

    def _note_removed(self, shown: dict[str, Any], removed: list[str]) -> None:
        names = "、".join(removed), ", ".join(removed)
        notice = Message(
            f"未显示（类型不允许、内容不符或过大）：{names[0]}。",
            f"Not shown (type not allowed, content unlike it, or too large): {names[1]}.",
        )
        if isinstance(shown.get(HTML), str):
            shown[HTML] += notice_html(notice)
        else:
            plain = shown.get(PLAIN)
            shown[PLAIN] = (
                f"{plain if isinstance(plain, str) else ''}\n{notice_text(notice)}".strip()
            )

    def _cut(self, shown: dict[str, Any], left: Allowance) -> dict[str, Any]:
        """Show as many rows of a table, or lines of a text, as are left."""
        html = shown.get(HTML)
        if isinstance(html, str) and left.rows > 0:
            starts = [found.start() for found in _ROW.finditer(html)]
            kept = inert_html(html[: starts[left.rows]])[0] if len(starts) > left.rows else html
            size = len(dumped(kept))
            if left.take(min(left.rows, len(starts)), size):
                return {HTML: kept + notice_html(self._too_much), PLAIN: self._tell(left)}
        return {PLAIN: self.text(shown.get(PLAIN, ""), left) or self._tell(left)}

    def _tell(self, left: Allowance) -> str:
        left.told = True
        return notice_text(self._too_much)


def _rows(kind: str, value: object) -> int:
    """Return the rows of one form; a chart's are capped apart, by its own limit."""
    if isinstance(value, str) and kind == HTML:
        return max(0, len(_ROW.findall(value)) - 1)
    if isinstance(value, str) and kind in {PLAIN, MARKDOWN}:
        return value.count("\n")
    return 0


def _longest_list(value: object) -> int:
    """Return the length of the longest list anywhere inside, or of the widest dictionary."""
    longest, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            longest = max(longest, len(item))
            waiting.extend(item.values())
        elif isinstance(item, list):
            longest = max(longest, len(item))
            waiting.extend(item)
    return longest


def _without_remote(value: Any) -> Any:
    """Return a chart that names nothing to be fetched; its data stand inside it."""
    if isinstance(value, dict):
        return {
            name: _without_remote(item)
            for name, item in value.items()
            if not (name in _REMOTE_CHART_FIELDS and isinstance(item, str | dict))
        }
    return [_without_remote(item) for item in value] if isinstance(value, list) else value


def joined(text: object) -> str:
    """Return a text that notebooks may also write as a list of lines."""
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""
