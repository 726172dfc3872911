"""The line above a session: the tightest budget, days, spend rounded up, time, and warnings."""

from typing import Any

import pytest

from service.session_strip import strip_of


def level(kind: str, cap: int, remaining: int) -> dict[str, Any]:
    return {"kind": kind, "cap_nano_rho": cap, "remaining_nano_rho": remaining}


def status(**changes: Any) -> dict[str, Any]:
    return {
        "mode": "production",
        "budgets": [{"levels": [level("population", 1_000, 1_000), level("licence", 100, 80)]}],
        "licence_days_left": 100,
        "spent_micro_fen": 0,
        "minutes_left": 300,
        "idle_minutes_left": 25,
        "warning": None,
        **changes,
    }


def shown(language: str = "en", **changes: Any) -> dict[str, tuple[str, str]]:
    items: Any = strip_of(status(**changes), language)["items"]
    return {item["label"]: (item["value"], item["tone"]) for item in items}


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        ([level("licence", 100, 80)], ("80 %", "plain")),
        ([level("licence", 100, 80), level("population", 1_000, 5)], ("5 %", "low")),
        ([level("licence", 100, 80), level("project", 10, 9)], ("90 %", "plain")),
        ([level("licence", 100, 0)], ("0 %", "low")),
        ([level("population", 100, 50)], ("no privacy budget in this licence", "plain")),
    ],
)
def test_what_is_left_is_what_the_tightest_level_leaves(
    levels: list[dict[str, Any]], value: tuple[str, str]
) -> None:
    assert shown(budgets=[{"levels": levels}])["Privacy budget left"] == value


def test_the_population_with_least_left_is_shown() -> None:
    budgets = [{"levels": [level("licence", 100, left)]} for left in (90, 30, 60)]
    assert shown(budgets=budgets)["Privacy budget left"] == ("30 %", "plain")


@pytest.mark.parametrize(
    ("micro_fen", "text"),
    [(0, "￥0.00"), (1, "￥0.01"), (1_000_001, "￥0.02"), (123_456_000_000, "￥1,234.56")],
)
def test_spend_never_looks_cheaper_than_the_bill(micro_fen: int, text: str) -> None:
    assert shown(spent_micro_fen=micro_fen)["Spent in this session"] == (text, "plain")


def test_what_runs_out_is_marked() -> None:
    assert shown(licence_days_left=6)["Licence"] == ("6 days left", "low")
    assert shown(minutes_left=29)["Session"] == ("29 min left", "low")
    assert shown(idle_minutes_left=4)["Session"] == ("5 h 0 min left", "low")
    assert shown("zh", minutes_left=61)["会话还剩"][0] == "1 小时 1 分"


def test_a_debug_session_is_marked_in_both_languages() -> None:
    assert shown(mode="debug")["Mode"][1] == "twin"
    assert "合成" in shown("zh", mode="debug")["模式"][0]


def test_the_warning_is_in_the_readers_language() -> None:
    warning = {"zh": "即将结束", "en": "ends soon"}
    assert strip_of(status(warning=warning), "zh")["warning"] == "即将结束"
    assert strip_of(status(warning=warning), "en")["warning"] == "ends soon"
    assert strip_of(status(), "zh")["warning"] is None
