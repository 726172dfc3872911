"""Scans of what would leave: each hiding place is found, and ordinary official text passes."""

import base64
import hashlib
import time
from decimal import Decimal

import pyarrow as pa
import pytest

from disclosure.release.contents.scanning import numbers_traced, scan_texts
from policies.load import load_policies
from policies.schema.contents import ContentRules

RULES = load_policies().rules(ContentRules)
PAYLOAD = base64.b64encode(hashlib.sha256(b"rows").digest() * 2).decode()
ORDINARY = [
    "各区县参保人数（2024 年）",
    "insured_people_by_county_and_year_of_registration",
    "屯溪区",
    "Insured people by county, rounded to 5; cells below 10 are suppressed.",
    "# 说明\n\n- 口径：户籍人口\n- 来源：市人社局\n\n平均值见表 1。",
    "341002000000",
    "Table 2 Insured people by county and year 2024 rounded to base 5 as of 2024",
    "2024-01-31 12:00:00 +08:00 GB/T 43697-2024",
]


def failed(texts: list[str]) -> set[str]:
    return {item.check for item in scan_texts(texts, RULES) if not item.passed}


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (f"see {PAYLOAD}", "opaque_runs"),
        ("\n".join(PAYLOAD[i : i + 10] for i in range(0, len(PAYLOAD), 10)), "opaque_runs"),
        (hashlib.sha256(b"x").hexdigest(), "opaque_runs"),
        ("屯溪\u200b区", "unseen_characters"),
        ("abc\u202ecba", "unseen_characters"),
        ("区\ufe0f", "unseen_characters"),
        ("tag\U000e0041", "unseen_characters"),
        ("a\u2003b", "unseen_characters"),
        ("a\x00b", "unseen_characters"),
        ("区\U000e0150\U000e0151", "unseen_characters"),  # a byte in each selector
        ("a\u2800b", "unseen_characters"),
        ("cafe\u0301", "unseen_characters"),  # another spelling of the same letter
        ("p\u0430ge", "unseen_characters"),  # a letter of another alphabet
        ("see &#x200b; here", "active_content"),
        ("see &zwj; here", "active_content"),
        ("<script>alert(1)</script>", "active_content"),
        ('<img src=x onerror="x">', "active_content"),
        ("[x](javascript:alert(1))", "active_content"),
        ("data:text/html;base64,AAAA", "active_content"),
        ("联系 13800138000", "identifiers"),
    ],
)
def test_what_hides_is_found(text: str, check: str) -> None:
    assert check in failed([*ORDINARY, text])


def test_ordinary_texts_pass() -> None:
    assert failed(ORDINARY) == set()


def test_no_finding_quotes_what_it_found() -> None:
    results = scan_texts([PAYLOAD, "13800138000", "<b>"], RULES)
    shown = " ".join(item.reason.zh + item.reason.en for item in results)
    assert PAYLOAD[:8] not in shown
    assert "13800138000" not in shown


TABLE = pa.table({"county": ["a", "b"], "people": [123_456, 78_910], "share": [0.61034, 0.38966]})


@pytest.mark.parametrize(
    "text",
    [
        "共 123,456 人",
        "约 61.03%",
        "78910",
        "2024 年 12 月",
        "0.6103",
        "１２３４５６",
        "12.3万人",
        "十二万三千四百五十六人",
        "二〇二四年，万一不符，千万核对，十分重要，一律以表为准",
        "18-59 岁，表 1，one of two tables",
        "seventy-eight thousand nine hundred and ten",
    ],
)
def test_a_number_of_a_recomputed_table_is_traced(text: str) -> None:
    assert numbers_traced(text, [TABLE], RULES).passed


@pytest.mark.parametrize(
    "text",
    [
        "共 123,457 人",
        "61.04%",
        "314159265358979",
        "0.61035000001",
        "共 137 人",
        "n48213",
        "_48213",
        "x.48213",
        "48213e-3",
        "٤٨٢١٣",
        "❹❽❷❶❸",
        "四八二一三",
        "四万八千二百一十三",
        "4.9万",
        "49万",
        "forty-eight thousand two hundred thirteen",
        " ".join(str(number) for number in range(50, 99)),
        "| 137 |",
    ],
)
def test_any_other_number_is_not(text: str) -> None:
    assert not numbers_traced(text, [TABLE], RULES).passed
    assert not numbers_traced(text, [], RULES).passed


def test_very_many_numbers_beside_a_large_table_are_read_in_a_moment() -> None:
    """Each number against each value would take minutes of the service's only interpreter."""
    table = pa.table({"n": list(range(100_000, 150_000))})
    text = " ".join(str(number) for number in range(200_000, 206_000))
    started = time.process_time()
    assert not numbers_traced(text, [table], RULES).passed
    assert time.process_time() - started < 3


def test_a_mean_of_a_table_is_traced() -> None:
    table = pa.table({"mean": pa.array([Decimal("4321.125")], pa.decimal128(38, 3))})
    assert numbers_traced("平均 4,321.13", [table], RULES).passed
