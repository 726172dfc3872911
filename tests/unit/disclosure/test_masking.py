"""Masks: total on every value, hiding what they say they hide."""

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.datasets import Mask, MaskKind
from disclosure.masking import apply_mask
from policies.load import load_policies
from policies.schema.masks import MaskRules

RULES = load_policies().rules(MaskRules)
KEY = b"k" * 32
TEXTS = st.lists(st.none() | st.text(max_size=12))
WHOLES = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))
DATES = st.lists(st.none() | st.dates())


def masked(values: list[object], mask: Mask, kind: pa.DataType, key: bytes = KEY) -> list[object]:
    shown: list[object] = apply_mask(pa.array(values, kind), mask, key=key, rules=RULES).to_pylist()
    return shown


@given(values=TEXTS, first=st.integers(0, 5), last=st.integers(0, 5))
def test_partial_shows_no_more_than_it_keeps(
    values: list[str | None], first: int, last: int
) -> None:
    mask = Mask(kind=MaskKind.PARTIAL, keep_first=first, keep_last=last)
    for value, shown in zip(values, masked(list(values), mask, pa.string()), strict=True):
        if value is None:
            assert shown is None
        elif len(value) <= first + last:
            assert shown == RULES.partial_middle
        else:
            end = value[-last:] if last else ""
            assert shown == f"{value[:first]}{RULES.partial_middle}{end}"


def test_partial_is_safe_for_chinese_short_and_empty_text() -> None:
    mask = Mask(kind=MaskKind.PARTIAL, keep_first=1, keep_last=1)
    values = ["欧阳修文", "张三", "李", "", None, "13812345678"]
    expected = ["欧****文", "****", "****", "****", None, "1****8"]
    assert masked(list(values), mask, pa.string()) == expected


def test_redact_hides_whether_there_was_a_text_and_drops_other_values() -> None:
    mask = Mask(kind=MaskKind.REDACT)
    assert masked(["a", None, ""], mask, pa.string()) == ["***", "***", "***"]
    assert masked([1, None], mask, pa.int64()) == [None, None]


def test_null_drops_everything() -> None:
    assert masked(["a", None], Mask(kind=MaskKind.NULL), pa.string()) == [None, None]


def test_pseudonym_is_stable_under_one_key_and_says_nothing_under_another() -> None:
    mask = Mask(kind=MaskKind.PSEUDONYM)
    first = masked(["a", "b", "a", None], mask, pa.string())
    assert first[0] == first[2] != first[1]
    assert first[3] is None
    assert all(len(str(name)) == 20 for name in first[:3])
    assert not set(first[:3]) & set(masked(["a", "b"], mask, pa.string(), b"o" * 32))


def test_a_number_and_its_text_share_a_pseudonym_so_that_joins_hold() -> None:
    mask = Mask(kind=MaskKind.PSEUDONYM)
    assert masked([42], mask, pa.int64()) == masked(["42"], mask, pa.string())


@given(values=st.lists(st.integers(-(2**40), 2**40)), step=st.integers(1, 2**30))
def test_generalise_lowers_a_number_to_its_bucket(values: list[int], step: int) -> None:
    mask = Mask(kind=MaskKind.GENERALISE, step=step)
    expected = [value // step * step for value in values]
    assert masked(list(values), mask, pa.int64()) == expected


def test_generalise_lowers_a_date_to_its_span_of_years() -> None:
    mask = Mask(kind=MaskKind.GENERALISE, step=10)
    values = [date(1975, 5, 5), date(1969, 12, 31), date(1, 1, 1), None]
    expected = [date(1970, 1, 1), date(1960, 1, 1), None, None]
    assert masked(list(values), mask, pa.date32()) == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.bool_()])
def test_generalise_without_a_meaning_drops_the_value(kind: pa.DataType) -> None:
    mask = Mask(kind=MaskKind.GENERALISE, step=10)
    assert apply_mask(pa.array([None], kind), mask, key=KEY, rules=RULES).null_count == 1
    text = apply_mask(pa.array(["secret"]), mask, key=KEY, rules=RULES)
    assert text.to_pylist() == [None]
