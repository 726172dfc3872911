"""The detectors of Chinese identifiers: by check digit, through disguises, without false alarms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.datasets import IdentifierFormat
from disclosure.checks.identifiers import find_identifiers, kinds_in
from disclosure.masking.chinese_numbers import (
    close_bank_card,
    close_credit_code,
    close_mobile,
    close_resident_id,
)

RESIDENT = close_resident_id("341002/", 123_456_789 % (73_049 * 1_000))
CREDIT = close_credit_code("91341002", 987_654_321)
CARD = close_bank_card("622202/12", 345_678_901_234)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (RESIDENT, IdentifierFormat.RESIDENT_ID),
        (f"身份证：{RESIDENT}。", IdentifierFormat.RESIDENT_ID),
        (RESIDENT.lower(), IdentifierFormat.RESIDENT_ID),
        (" ".join((RESIDENT[:6], RESIDENT[6:14], RESIDENT[14:])), IdentifierFormat.RESIDENT_ID),
        ("".join(chr(ord(c) + 0xFEE0) for c in RESIDENT), IdentifierFormat.RESIDENT_ID),
        ("341002750101123", IdentifierFormat.RESIDENT_ID),
        (CREDIT, IdentifierFormat.CREDIT_CODE),
        ("电话 138-0013-8000", IdentifierFormat.MOBILE),
        ("+8613800138000", IdentifierFormat.MOBILE),
        (CARD, IdentifierFormat.BANK_CARD),
        ("-".join(CARD[i : i + 4] for i in range(0, len(CARD), 4)), IdentifierFormat.BANK_CARD),
        ("皖J12345", IdentifierFormat.NUMBER_PLATE),
        ("皖JD12345", IdentifierFormat.NUMBER_PLATE),
    ],
)
def test_an_identifier_is_found_through_its_disguise(text: str, kind: IdentifierFormat) -> None:
    assert kind in kinds_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "屯溪区 2024 年参保 12,345 人",
        RESIDENT[:17] + ("1" if RESIDENT[17] != "1" else "2"),
        "341002000000",
        "2024-01-31 12:00:00",
        "0.123456789012",
        "会计科目 6001",
        "",
    ],
)
def test_ordinary_words_and_codes_are_no_identifiers(text: str) -> None:
    assert kinds_in(text) == set()


def test_texts_are_counted_by_kind_and_never_quoted() -> None:
    found = find_identifiers([RESIDENT, f"{RESIDENT} 138 0013 8000", "屯溪区"])
    assert found == {IdentifierFormat.RESIDENT_ID: 2, IdentifierFormat.MOBILE: 1}


@given(st.integers(0, 10**8 - 1), st.sampled_from(["139", "186", "199"]))
def test_every_mobile_number_is_found(index: int, network: str) -> None:
    assert IdentifierFormat.MOBILE in kinds_in(f"x，{close_mobile(network, index)}，y")


@given(st.integers(0, 100 * 73_049 * 1_000 - 1))
def test_every_resident_number_of_a_city_is_found(index: int) -> None:
    assert IdentifierFormat.RESIDENT_ID in kinds_in(close_resident_id("3410/", index))
