"""Cards of session, environment, requests and findings; the picture beside a small aggregate."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

import sandgate
from sandgate.markup import Span, drawn

STATUS: dict[str, Any] = {
    "mode": "debug",
    "licence": "lic_<b>",
    "licence_days_left": 3,
    "minutes_left": 41,
    "idle_minutes_left": None,
    "spent_micro_fen": 125_000_000,
    "spent_nano_rho": 2_500_000,
    "budgets": [{"population": "households", "budget_nano_rho_remaining": 97_500_000}],
    "warning": {"zh": "会话即将结束", "en": "The session ends soon"},
}
RETURNED: dict[str, Any] = {
    "id": "rel_1",
    "state": "returned",
    "files": [{"name": "t.csv"}],
    "checks": [
        {"check": "rows", "file": "t.csv", "ok": True, "text": {"zh": "行数合规", "en": "few"}},
        {
            "check": "contributors_min",
            "file": "t.csv",
            "ok": False,
            "text": {"zh": "少于十人，<b>请合并类别", "en": "below ten people, <b>merge classes"},
        },
    ],
    "comments": [{"comment": "Please merge."}],
}


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    sandgate.language("en")
    yield
    sandgate.language("en")
    sandgate.settings.charts = True


def test_findings_of_a_returned_request_are_rows_with_their_reason() -> None:
    request = sandgate.ReleaseRequest(RETURNED)
    assert "t.csv · contributors_min: below ten people" in request.plain()
    assert "rows" not in request.plain()
    html = request.html()
    assert html.index("contributors_min") < html.index("<details")
    assert "1 checks passed" in html
    assert "Please merge." in html
    assert "<b>" not in html
    sandgate.language("zh")
    assert "请合并类别" in request.html()
    assert "已退回" in request.html()


def test_the_session_is_shown_in_both_languages_and_escaped() -> None:
    status = sandgate.Status(STATUS)
    assert (status.minutes_left, status.licence_days_left) == (41, 3)
    for text in (status.plain(), status.html()):
        for word in ("debug (synthetic data)", "41 min", "3 days", "¥1.25", "ρ 0.0975", "soon"):
            assert word in text
    assert "<b>" not in status.html()
    sandgate.language("zh")
    assert "调试（合成数据）" in status.html()


def test_the_environment_folds_its_packages_under_its_digest() -> None:
    packages = [{"package": "pandas", "version": "2.0"}]
    found = sandgate.Environment({"environment_digest": "sha256:aa", "packages": packages})
    assert found.packages == {"pandas": "2.0"}
    assert "sha256:aa" in found.html()
    assert "1 packages" in found.html()


def test_a_small_aggregate_is_drawn_beside_its_table_unless_switched_off(
    by_state: pa.Table,
) -> None:
    answer = sandgate.Answer(by_state)
    assert answer.html().count('aria-hidden="true"') == by_state.num_rows
    assert "aria-hidden" not in answer.plain()
    sandgate.settings.charts = False
    assert "aria-hidden" not in answer.html()


@pytest.mark.parametrize(
    "columns",
    [
        {"n": [5], "n_low": [3], "n_high": [7]},
        {"k": ["a"], "n": [5], "n_low": [3], "n_high": [7]},
        {"k": ["a", "b"], "n": [-5, 5], "n_low": [-9, 3], "n_high": [-1, 7]},
        {"k": ["a", "b"], "n": [0, 0], "n_low": [0, 0], "n_high": [0, 0]},
        {"k": ["a", "b"], "m": ["c", "d"], "n": [4, 5], "n_low": [3, 3], "n_high": [7, 7]},
        {"k": ["a", "b"], "n": [4, 5]},
        {"k": list(range(21)), "n": [4] * 21, "n_low": [3] * 21, "n_high": [7] * 21},
    ],
)
def test_what_a_bar_would_tell_badly_is_not_drawn(columns: dict[str, Any]) -> None:
    assert "aria-hidden" not in sandgate.Answer(pa.table(columns)).html()


def test_a_group_without_a_value_has_no_bar_and_a_bar_stays_in_its_box() -> None:
    table = pa.table({"k": ["a", "b"], "n": [4, None], "n_low": [-2, None], "n_high": [7, None]})
    assert sandgate.Answer(table).html().count('aria-hidden="true"') == 1
    assert "margin-left:0.0%;width:100.0%" in drawn(Span(0.5, -1.0, 2.0))
