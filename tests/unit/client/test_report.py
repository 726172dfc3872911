import json
import re
from pathlib import Path
from typing import Any

import pytest

from examples.report.build_report import build, charts_of_notebook, draw, refusals_of_notebook
from tests.parts import SESSION_ENVIRONMENT, need_session_environment

FACTS = json.loads(Path(__file__).with_name("report_facts.json").read_text(encoding="utf-8"))
PYTHON = SESSION_ENVIRONMENT / "bin" / "python"


def _without_drawing(**changes: Any) -> dict[str, Any]:
    drawn = [chart for chart in FACTS["charts"] if "svg" in chart]
    return {**FACTS, "comparison": None, "charts": drawn, **changes}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_loads_nothing_from_elsewhere(language: str) -> None:
    page = build(_without_drawing(), language, PYTHON)
    assert "default-src 'none'" in page
    assert re.findall(r"(?:src|href)=\"(?!data:)", page) == []
    assert "<script" not in page
    assert "url(" not in page


def test_a_failed_step_turns_the_verdict() -> None:
    steps = [{**FACTS["steps"][0], "ok": False}, *FACTS["steps"][1:]]
    assert 'class="verdict bad"' in build(_without_drawing(steps=steps), "en", PYTHON)
    assert 'class="verdict ok"' in build(_without_drawing(), "en", PYTHON)


def test_texts_of_a_session_are_escaped_and_its_pictures_inert() -> None:
    charts = [{"title": "<script>1</script>", "svg": "<svg><script>alert(1)</script></svg>"}]
    page = build(_without_drawing(charts=charts), "en", PYTHON)
    assert "there is no network in the sandbox &lt;b&gt;" in page
    assert "<script" not in page
    assert "data:image/svg+xml;base64," in page


def test_money_is_written_to_the_fen_and_the_shares_add_up() -> None:
    page = build(_without_drawing(), "en", PYTHON)
    for amount in ("¥270.00", "¥180.00", "¥360.00", "¥90.00", "¥900.00"):
        assert amount in page


def test_only_the_steps_are_needed() -> None:
    kept = ("version", "generated", "seconds_total", "steps")
    page = build({name: FACTS[name] for name in kept}, "en", PYTHON)
    assert "The revenue" not in page
    assert "Data registered" in page


def test_what_became_of_forbidden_cells_is_read_from_their_cards() -> None:
    told = {"sandgate": {"forbidden": "network", "title": {"zh": "网络", "en": "Network"}}}
    messages = {"zh": "打开网址：沙箱内没有网络。", "en": "Open: there is no network."}
    card = {"stopped": True, "code": "network_stopped", "label": "x", "messages": messages}
    output = {"data": {"application/vnd.sandgate.attempt+json": card, "text/plain": "Stopped"}}
    silent = {"metadata": told, "outputs": [{"data": {"text/plain": "root:x:0"}}]}
    found = refusals_of_notebook({"cells": [{"metadata": told, "outputs": [output]}, silent]})
    assert [item["stopped"] for item in found] == [True, False]
    assert found[0]["code"] == "network_stopped"
    assert found[0]["message"] == messages
    assert found[1]["code"] == "no_card"


def test_charts_are_found_with_the_titles_of_their_cells() -> None:
    cell = {
        "metadata": {"sandgate": {"title": {"zh": "图一", "en": "First"}}},
        "outputs": [{"data": {"application/vnd.vegalite.v5+json": {"mark": "bar"}}}],
    }
    plain = {"metadata": {}, "outputs": [{"data": {"text/plain": "1"}}]}
    assert charts_of_notebook({"cells": [plain, cell]}) == [
        {"title": {"zh": "图一", "en": "First"}, "spec": {"mark": "bar"}}
    ]


@need_session_environment
@pytest.mark.parametrize(("language", "legend"), [("zh", "精确值"), ("en", "Exact")])
def test_the_comparison_is_drawn_in_the_language_of_the_page(language: str, legend: str) -> None:
    page = build(FACTS, language, PYTHON)
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "48 / 51" in page
    assert legend in page


@need_session_environment
@pytest.mark.parametrize("scheme", ["file://", "http://127.0.0.1:9/", ""])
def test_a_chart_of_a_session_loads_nothing(tmp_path: Path, scheme: str) -> None:
    secret = tmp_path / "rows.csv"
    secret.write_text("a,b\nSECRET,1\n", encoding="utf-8")
    spec = {
        "data": {"url": f"{scheme}{secret}", "format": {"type": "csv"}},
        "mark": "text",
        "encoding": {"text": {"field": "a", "type": "nominal"}},
    }
    assert "SECRET" not in (draw([spec], PYTHON)[0] or "")


@need_session_environment
def test_a_wrong_chart_spoils_only_itself() -> None:
    charts = [{"title": "wrong", "spec": {"mark": 5}}, *FACTS["charts"]]
    page = build({**FACTS, "charts": charts, "comparison": None}, "en", PYTHON)
    assert "could not be drawn" in page
    assert page.count("data:image/svg+xml;base64,") == 2


def test_each_file_that_left_is_named_and_why_another_came_back() -> None:
    reason = {"zh": "无法重新计算", "en": "cannot be computed <anew>"}
    release = {
        **FACTS["release"],
        "files": [
            {"name": "one.csv", "sha256": "ab" * 32},
            {"name": "two.png", "sha256": "cd" * 32},
        ],
        "figure": "iVBORw0KGgo=",
        "sent_back": [{"file": "invented.csv", "check": "recomputed", "text": reason, "ok": False}],
        "traced": {"zh": "海港公司", "en": "Harbour"},
    }
    page = build(_without_drawing(release=release), "en", PYTHON)
    assert page.index("one.csv") < page.index("ab" * 32) < page.index("two.png")
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in page
    assert "cannot be computed &lt;anew&gt;" in page
    assert "its recipient was Harbour." in page
