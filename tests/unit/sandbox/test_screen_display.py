"""What an execution may show: refusals first, then that tables, charts and prose still show."""

import base64
import json
from typing import Any

import pytest

from foundation.errors import Denied
from sandbox.screen_display import DisplayFilter
from sandbox.screen_files import FilesShown
from sandbox.screen_html import inert_html, inert_svg
from tests.screens import screen_rules

RULES = screen_rules(display={"rows_max": 10, "bytes_max": 4_000, "chart_rows_max": 50}).display
FILTER = DisplayFilter(RULES)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 30).decode()
WORDS = ("script", "onerror", "onclick", "javascript:", "iframe", "http-equiv", "<form", "evil")
ACTIVE = (
    "<script>fetch('//evil')</script>",
    "<ScRiPt src=//evil></sCrIpT>",
    "<img src=x onerror=evil()>",
    "<img src='http://evil/x.png'>",
    "<svg onload=evil()><script>evil()</script></svg>",
    "<a href='javascript:evil()'>x</a>",
    "<a href='java&#115;cript:evil()'>x</a>",
    "<a href='http://evil/'>x</a>",
    "<iframe srcdoc='<script>evil()</script>'></iframe>",
    "<object data=evil></object><embed src=evil>",
    "<form action=//evil><input name=x><button>go</button></form>",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<base href=//evil>",
    "<link rel=stylesheet href=//evil>",
    "<style>@import '//evil'</style>",
    "<div style=\"background:url('//evil')\">x</div>",
    "<div style='background:u\\72l(//evil)'>x</div>",
    "<math><mtext></p><img src=x onerror=evil()></math>",
    "<noscript><p title='</noscript><img src=x onerror=evil()>'>",
    "<template><script>evil()</script></template>",
    "<video src=//evil autoplay></video>",
    "<details ontoggle=evil() open>x</details>",
    "<table background=//evil><tr><td background=//evil>1</td></tr></table>",
    "<!--><script>evil()</script>-->",
)


def shown(data: dict[str, Any]) -> dict[str, Any]:
    return FILTER.bundle(data, FILTER.allowance())


@pytest.mark.parametrize("html", ACTIVE)
def test_nothing_active_is_left_of_html(html: str) -> None:
    clean, told = inert_html(html + "<b>kept</b>")
    assert not any(word in clean.lower() for word in WORDS)
    again, _told = inert_html(clean)
    assert again == clean
    assert told or "script" not in html.lower()


@pytest.mark.parametrize(
    "svg",
    [
        "<svg><script>evil()</script><path d='M0 0'/></svg>",
        "<svg onload='evil()'><path d='M0 0'/></svg>",
        "<svg><image href='//evil'/><path d='M0 0'/></svg>",
        "<svg><use href='//evil#x'/><path d='M0 0'/></svg>",
        "<svg><path d='M0 0'/><foreignObject><iframe src='//evil'/></foreignObject></svg>",
        "<svg><a href='javascript:evil()'><path d='M0 0'/></a></svg>",
        "<svg><animate attributeName='href' to='javascript:evil()'/><path d='M0 0'/></svg>",
        "<svg><path d='M0 0' style='fill:url(//evil)'/></svg>",
        "<!DOCTYPE svg [<!ENTITY x SYSTEM '//evil'>]><svg><path d='M0 0'/></svg>",
    ],
)
def test_nothing_active_is_left_of_a_drawing(svg: str) -> None:
    clean, _told = inert_svg(svg)
    assert "<path" in clean
    assert not any(word in clean.lower() for word in WORDS)


@pytest.mark.parametrize(
    "kind",
    ["application/javascript", "application/x-anything", "text/vnd.mermaid", "video/mp4"],
)
def test_a_type_that_is_not_listed_is_named_and_not_shown(kind: str) -> None:
    seen = shown({kind: "evil()", "text/plain": "plain"})
    assert kind not in seen
    assert seen["text/plain"].startswith("plain")
    assert kind in seen["text/plain"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("image/png", "not base64!"),
        ("image/png", base64.b64encode(b"GIF89a").decode()),
        ("image/png", ["a"]),
        ("application/json", "text"),
        ("application/vnd.vegalite.v5+json", {"data": {"values": [0] * 51}}),
    ],
)
def test_content_unlike_its_type_or_too_large_is_not_shown(kind: str, value: object) -> None:
    assert kind not in shown({kind: value, "text/plain": "plain"})


def test_markdown_with_markup_becomes_plain_text() -> None:
    seen = shown({"text/markdown": "**x** <img src=x onerror=evil()>", "text/plain": "obj"})
    assert "text/markdown" not in seen
    assert "**x**" in seen["text/plain"]
    assert shown({"text/markdown": "**x** > y & [z](#a)"})["text/markdown"] == "**x** > y & [z](#a)"


def test_a_long_table_is_cut_and_says_so() -> None:
    rows = "".join(f"<tr><td>row{number}</td></tr>" for number in range(40))
    seen = shown({"text/html": f"<table>{rows}</table>", "text/plain": "t"})
    assert "row9<" in seen["text/html"]
    assert "row10" not in seen["text/html"]
    assert "其余未显示" in seen["text/html"]


def test_one_execution_has_one_allowance_however_it_is_split() -> None:
    left = FILTER.allowance()
    lines = "".join(FILTER.text(f"line {number}\n", left) for number in range(40))
    assert "line 9\n" in lines
    assert "line 11" not in lines
    assert lines.count("其余未显示") == 1
    rows = "<table>" + "<tr><td>x</td></tr>" * 9 + "</table>"
    assert "text/html" not in FILTER.bundle({"text/html": rows}, left)
    wide = FILTER.allowance()
    assert len(FILTER.text("x" * 9_000, wide)) < 4_400


def test_what_analysts_show_is_shown() -> None:
    table = '<table border="1" class="dataframe"><tbody><tr><td>1</td></tr></tbody></table>'
    chart = {"mark": "bar", "data": {"values": [{"a": 1}]}, "encoding": {"x": {"field": "a"}}}
    data = {
        "text/html": table,
        "text/plain": "1",
        "image/png": PNG,
        "application/vnd.vegalite.v5+json": chart,
    }
    assert shown(data) == data
    svg = '<svg viewBox="0 0 1 1"><g style="fill:none"><path d="M0 0"></path></g></svg>'
    assert shown({"image/svg+xml": svg})["image/svg+xml"] == svg


def test_a_chart_names_nothing_to_fetch() -> None:
    chart = {"data": {"url": "//evil"}, "layer": [{"data": {"url": {"signal": "'//evil'"}}}]}
    assert "evil" not in json.dumps(shown({"application/vnd.vegalite.v5+json": chart}))


def notebook(outputs: list[Any]) -> dict[str, Any]:
    cell = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": outputs}
    return {"type": "notebook", "name": "x", "content": {"cells": [cell], "nbformat": 4}}


def test_a_saved_notebook_is_filtered_like_a_running_one() -> None:
    files = FilesShown(FILTER, RULES)
    evil = {"output_type": "display_data", "data": {"text/html": "<script>evil()</script>ok"}}
    told = files.filtered(notebook([evil, {"output_type": "evil"}, "evil"]))
    assert "evil" not in json.dumps(told)
    assert "ok" in json.dumps(told)


@pytest.mark.parametrize(
    "model",
    [
        {"type": "file", "format": "base64", "content": "AAAA"},
        {"type": "file", "format": None, "content": "x"},
        {"type": "file", "format": "text", "content": ["x"]},
        {"type": "notebook", "content": "x"},
        {"type": "notebook", "content": {"cells": "x"}},
        {"type": "directory", "content": "x"},
        "text",
        7,
    ],
)
def test_files_that_are_no_text_are_not_shown(model: object) -> None:
    with pytest.raises(Denied):
        FilesShown(FILTER, RULES).filtered(model)
