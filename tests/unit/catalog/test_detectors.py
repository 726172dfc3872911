"""Detectors suggest from check digits and shapes, with shares as evidence, and change nothing."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.check_digits import luhn_check, resident_check
from catalog.datasets import DatasetDeclaration, Grade, IdentifierKind
from catalog.detectors.shapes import likenesses, shares
from catalog.detectors.suggesting import Suggestion, suggestions
from policies.load import load_policies
from policies.schema.quality import QualityRules

RULES = load_policies().rules(QualityRules)
RESIDENTS = st.builds(
    lambda day, sequence: f"341002{day:%Y%m%d}{sequence:03d}",
    st.dates(min_value=date(1930, 1, 1)),
    st.integers(0, 999),
)


def declared(**column: Any) -> DatasetDeclaration:
    whole = {
        "name": "c",
        "type": "text",
        "label_zh": "列",
        "label_en": "column",
        "grade": "L1",
        "exposure": "aggregate",
        **column,
    }
    return DatasetDeclaration.model_validate(
        {
            "name": "d",
            "entry": "e",
            "label_zh": "集",
            "label_en": "set",
            "subject": "open",
            "columns": [whole],
        }
    )


def suggested(values: list[str | None], **column: Any) -> tuple[Suggestion, ...]:
    return suggestions(declared(**column), {"c": shares(values)}, RULES.detectors)


@given(RESIDENTS)
def test_a_resident_number_is_known_by_its_check_digit_alone(body: str) -> None:
    check = resident_check(body)
    assert "resident_id" in likenesses(body + check)
    wrong = "0" if check != "0" else "1"
    assert "resident_id" not in likenesses(body + wrong)


@given(st.from_regex(r"62[0-9]{14}", fullmatch=True))
def test_a_card_number_is_known_by_its_luhn_digit_alone(body: str) -> None:
    check = luhn_check(body)
    assert "bank_card" in likenesses(body + check)
    assert "bank_card" not in likenesses(body + str((int(check) + 1) % 10))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("91350100M000100Y43", "credit_code"),
        ("13800138000", "mobile"),
        ("皖J12345", "number_plate"),
        ("皖JD12345", "number_plate"),
        ("someone@example.cn", "email"),
        ("王小明", "person_name"),
        ("黄山市屯溪区新安路12号", "address"),
    ],
)
def test_each_kind_is_recognised(text: str, kind: str) -> None:
    assert kind in likenesses(text)


@pytest.mark.parametrize("text", ["屯溪区", "2024-01-31", "12345678", "本科", "ABC", ""])
def test_ordinary_values_look_like_nothing(text: str) -> None:
    assert likenesses(text) <= {"person_name"}


def test_a_share_below_the_rule_suggests_nothing() -> None:
    body = "34100219900101001"
    one = body + resident_check(body)
    assert suggested([one, *["无"] * 19]) == ()
    found = suggested([one, one, *["无"] * 8, None])
    assert [(item.detector, item.share, item.certainty) for item in found] == [
        ("resident_id", 200, "certain")
    ]
    assert found[0].identifier is IdentifierKind.DIRECT
    assert found[0].grade is Grade.L4
    assert found[0].document == "GB 11643-1999"
    assert not found[0].agrees


def test_a_declaration_that_says_as_much_agrees() -> None:
    values: list[str | None] = ["13800138000"] * 10
    stricter = suggested(values, identifier="direct", grade="L4")
    assert [item.agrees for item in stricter] == [True]
    assert stricter[0].grade is Grade.L4  # never lowered
    assert [item.agrees for item in suggested(values, identifier="quasi", grade="L4")] == [False]


def test_a_name_is_suggested_only_where_the_label_says_so() -> None:
    names: list[str | None] = ["王小明", "李华", "张伟"]
    assert suggested(names) == ()
    assert [item.certainty for item in suggested(names, label_zh="户主姓名")] == ["probable"]


def test_no_value_stands_in_a_suggestion() -> None:
    found = suggested(["13800138000"] * 3, label_zh="手机")
    assert "13800138000" not in found[0].model_dump_json()
