"""A statement reads as an official would tell it: each step, what counted, whole fen and carry."""

import re
from typing import Any

import pytest

from foundation.canonical import digest
from foundation.money import MICRO_FEN_PER_FEN
from revenue.explained import exact_yuan, percent
from revenue.readable import explain_pool, readable_bill, readable_payee, readable_period
from revenue.statements import period_document, statement_for
from tests.unit.revenue.example_pool import example_document

EVIL = "a|<script>alert(1)</script>\n![x](http://x)"


@pytest.fixture(scope="module")
def pool() -> dict[str, Any]:
    return example_document()


def period(pool: dict[str, Any]) -> dict[str, Any]:
    return period_document("2026-11", 7, [pool], [])


def payee_text(pool: dict[str, Any], payee: str, language: str) -> str:
    whole = period(pool)
    return readable_payee(statement_for(whole, payee), whole["pools"]).markdown(language)


def test_names_from_others_are_inert_in_markdown(pool: dict[str, Any]) -> None:
    first = pool["lines"][0]
    evil = {**pool, "lines": [{**first, "payee": EVIL}, *pool["lines"][1:]]}
    text = readable_period(period(evil)).markdown("en")
    assert "<script>" not in text
    assert "![x]" not in text
    assert r"a\|&lt;script&gt;alert(1)&lt;/script&gt; \!\[x\](http://x)" in text


def test_a_statement_without_made_up_figures_carries_no_notice(pool: dict[str, Any]) -> None:
    assert "> 虚构示例" in readable_period(period(pool)).markdown("zh")
    assert "> " not in readable_period(period({**pool, "fictional": False})).markdown("zh")


def test_a_period_reads_in_yuan_and_sums_up(pool: dict[str, Any]) -> None:
    table = readable_period(period(pool)).in_language("en")
    first, total = table["rows"][0], table["rows"][-1]
    assert first[:2] == ["data_centre", "Treasury (non-tax revenue)"]
    assert first[4:] == ["10.00", "0.00", "10.00", "0.00"]
    assert (total[0], total[6]) == ("Total", "99.97")
    paid = sum(int(row[6].replace(".", "")) for row in table["rows"][:-1])
    assert paid == pool["billed_fen"]


@pytest.mark.parametrize(
    ("payee", "zh", "en"),
    [
        (
            "tax",
            "税费（价内）：从 99.97 元中，tax 得 5.65867924 元",
            "Tax (inside the price): out of",
        ),
        ("data_centre", "成本补偿：从 94.31132076 元中，data_centre 得 10.00 元", "Cost recovery"),
        ("operator", "准许利润：从 84.31132076 元中，operator 得 5.00 元", "Permitted profit"),
        ("lic_a", "超出准许收入的返还准备", "Reserve for what exceeds"),
        ("platform", "固定份额：从 79.31132076 元中，platform 得 19.82783019 元", "Fixed share"),
        (
            "roads_bureau",
            (
                r"数据集 d\_roads 计入 2 个不同的问题、1 列、250 行（核定至多 250 行），"
                "质量 100 %；权重 250,000,000，约占 82.2368 %（下限 0 %，上限 70 %），"
                "从贡献池 47.58679246 元中"
            ),
            r"of data set d\_roads 2 different questions, 1 columns and 250 rows counted",
        ),
        (
            "people_bureau",
            r"people\_bureau 合计应得 14.27603774 元，加上期结转 0.00 元，本期实付 14.27 元",
            "14.27 yuan is paid (Treasury (non-tax revenue)) and 0.00603774 carried on",
        ),
    ],
)
def test_each_line_says_how_it_followed(pool: dict[str, Any], payee: str, zh: str, en: str) -> None:
    def markdown(text: str) -> str:
        return text if "\\" in text else re.sub("_", r"\\_", text)

    assert markdown(zh) in payee_text(pool, payee, "zh")
    assert markdown(en) in payee_text(pool, payee, "en")


def test_a_payee_is_told_its_own_steps_only(pool: dict[str, Any]) -> None:
    told = explain_pool(pool, "platform").in_language("en")["sentences"]
    assert [text for text in told if "d_roads" in text or "operator gets" in text] == []


def test_every_step_and_every_line_of_a_pool_has_its_sentence(pool: dict[str, Any]) -> None:
    told = explain_pool(pool)
    assert len(told.table.rows) == len(pool["steps"])
    assert len(told.sentences) == 2 + len(pool["steps"]) + len(pool["lines"])
    assert all(sentence.zh != sentence.en for sentence in told.sentences)


def test_a_bill_tells_what_it_is_made_of(pool: dict[str, Any]) -> None:
    changed = {**pool, "subscription_fen": 200, "prepaid_fen": 997, "excess_fen": 5}
    bill = readable_bill(changed).in_language("en")
    assert ["Billed", "99.97"] in bill["rows"]
    assert ["To be paid", "90.00"] in bill["rows"]
    assert ["Tax in it", "5.65867924"] in bill["rows"]
    words = " ".join(bill["sentences"])
    for part in ("product fetches: 5", "fee adds 2.00", "9.97 yuan of it", "0.05 yuan above"):
        assert part in words


def test_no_digit_of_an_amount_is_lost() -> None:
    assert exact_yuan(1) == "0.00000001"
    assert exact_yuan(-123_456 * 100 * MICRO_FEN_PER_FEN - 5) == "-123,456.00000005"
    assert exact_yuan(100 * MICRO_FEN_PER_FEN) == "1.00"
    assert (percent(822_368), percent(1_000_000), percent(0)) == ("82.2368 %", "100 %", "0 %")


def test_a_statement_is_derived_from_the_period_alone(pool: dict[str, Any]) -> None:
    one = statement_for(period(pool), "roads_bureau")
    assert one["digest"] == digest({name: one[name] for name in one if name != "digest"})
