from typing import Any

from revenue.readable import readable_payee, readable_period

POOL = {
    "rule_digest": "sha256:1",
    "licence": "licence_a",
    "scheme": {"version": "s1"},
    "audit_indexes": [3, 7],
}
LINE = {
    "payee": "a|<script>alert(1)</script>\n![x](http://x)",
    "channel": "treasury",
    "rule_digest": "sha256:1",
    "micro_fen": 1_234_500_000,
    "fen": 1_235,
}


def period(*, notice: dict[str, str] | None) -> dict[str, Any]:
    return {
        "period": "2026-11",
        "pool_fen": 1_235,
        "notice": notice,
        "lines": [LINE],
        "pools": [POOL],
    }


def test_names_from_others_are_inert_in_markdown() -> None:
    text = readable_period(period(notice=None)).markdown("en")
    assert "<script>" not in text
    assert "![x]" not in text
    assert r"a\|&lt;script&gt;alert(1)&lt;/script&gt; \!\[x\](http://x)" in text


def test_a_statement_without_made_up_figures_carries_no_notice() -> None:
    assert "> " not in readable_period(period(notice=None)).markdown("zh")
    notice = {"zh": "虚构示例", "en": "Fictional"}
    assert "> 虚构示例" in readable_period(period(notice=notice)).markdown("zh")


def test_a_period_reads_in_yuan_with_its_log_entries() -> None:
    table = readable_period(period(notice=None)).in_language("en")
    assert table["rows"][0][1] == "Treasury (non-tax revenue)"
    assert table["rows"][0][5:] == ["12.35", "#3, #7"]
    assert table["rows"][1][0] == "Total"


def test_a_payee_reads_what_it_is_paid_for() -> None:
    fetches = [{"audit_index": index, "micro_fen": 10} for index in range(25)]
    line = {
        **LINE,
        "product": {"zh": "统计表", "en": "Table"},
        "licence": "licence_a",
        "tariff": {"version": "t1"},
        "fetches": fetches,
    }
    document = {"payee": "a", "period": "2026-11", "notice": None, "lines": [line]}
    (row,) = readable_payee(document).in_language("zh")["rows"]
    assert row[0] == "统计表"
    assert row[3] == "25"
    assert row[6].endswith("#19 等，另有 5 条")
