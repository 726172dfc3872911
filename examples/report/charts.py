"""Draw Vega-Lite charts as SVG; run by the session's Python, which carries ``vl_convert``.

Reads a JSON list of specs from standard input and writes a JSON list of SVG texts, null for a
spec that cannot be drawn. A spec comes from a session: it may load nothing from anywhere.
"""

import json
import sys
from typing import Any

import vl_convert

VEGA_LITE = "5.8"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
CONFIG = {
    "font": "Noto Sans CJK SC, WenQuanYi Zen Hei, Microsoft YaHei, Arial, sans-serif",
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {"labelColor": "#333b45", "titleColor": "#333b45", "gridColor": "#e6e9ee"},
}


def draw(spec: dict[str, Any]) -> str | None:
    """Return one chart as SVG text, or None where the spec is wrong or wants to load something."""
    styled = {**spec, "$schema": SCHEMA, "config": {**spec.get("config", {}), **CONFIG}}
    try:
        svg: str = vl_convert.vegalite_to_svg(
            vl_spec=styled, vl_version=VEGA_LITE, allowed_base_urls=[], show_warnings=False
        )
    except ValueError:
        return None
    return svg


if __name__ == "__main__":
    json.dump([draw(spec) for spec in json.load(sys.stdin)], sys.stdout)
