"""Coarser values: spans of dates, division codes, declared hierarchies and named buckets."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from catalog.datasets import DateUnit, Mask, MaskKind, RegionLevel
from disclosure.masking import apply_mask
from tests.masks import KEY, RULES


def masked(values: list[Any], mask: Mask, kind: pa.DataType) -> list[Any]:
    shown: list[Any] = apply_mask(pa.array(values, kind), mask, key=KEY, rules=RULES).to_pylist()
    return shown


@pytest.mark.parametrize(
    ("unit", "step", "expected"),
    [
        (DateUnit.WEEK, 1, date(2026, 11, 16)),
        (DateUnit.MONTH, 1, date(2026, 11, 1)),
        (DateUnit.QUARTER, 1, date(2026, 10, 1)),
        (DateUnit.YEAR, 1, date(2026, 1, 1)),
        (DateUnit.YEAR, 5, date(2025, 1, 1)),
        (DateUnit.YEAR, 2**40, None),
        (DateUnit.MONTH, 0, None),
    ],
)
def test_a_date_is_lowered_to_the_first_day_of_its_span(
    unit: DateUnit, step: int, expected: date | None
) -> None:
    mask = Mask(kind=MaskKind.GENERALISE, unit=unit, step=step)
    assert masked([date(2026, 11, 22)], mask, pa.date32()) == [expected]


def test_weeks_begin_on_monday_before_and_after_the_epoch() -> None:
    mask = Mask(kind=MaskKind.GENERALISE, unit=DateUnit.WEEK, step=1)
    days = [date.fromordinal(date(1969, 12, 1).toordinal() + day) for day in range(70)]
    for day, first in zip(days, masked(list(days), mask, pa.date32()), strict=True):
        assert first.weekday() == 0
        assert 0 <= (day - first).days <= 6


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (RegionLevel.PROVINCE, "440000"),
        (RegionLevel.CITY, "440300"),
        (RegionLevel.COUNTY, "440305"),
    ],
)
def test_division_codes_of_any_length_are_shown_at_the_level(
    level: RegionLevel, expected: str
) -> None:
    mask = Mask(kind=MaskKind.REGION, level=level)
    codes = ["440305", "440305001", "440305001002"]
    assert masked([*codes], mask, pa.string()) == [expected] * 3
    assert masked([440305, 44, None], mask, pa.int64()) == [int(expected), None, None]


@pytest.mark.parametrize("value", ["", "44030", "044030", "４４０３０５", "44030a", "4403051"])
def test_what_is_no_division_code_is_dropped(value: str) -> None:
    mask = Mask(kind=MaskKind.REGION, level=RegionLevel.CITY)
    assert masked([value], mask, pa.string()) == [None]


def test_a_declared_hierarchy_shows_what_stands_above_and_drops_the_rest() -> None:
    mask = Mask(kind=MaskKind.REGION, hierarchy=(("南山", "深圳"), ("福田", "深圳")))
    assert masked(["南山", "福田", "天河", None], mask, pa.string()) == ["深圳", "深圳", None, None]


def test_buckets_begin_at_their_edge() -> None:
    mask = Mask(kind=MaskKind.BUCKET, edges=(18, 60), labels=("未成年", "成年", "老年"))
    shown = masked([-5, 17, 18, 59, 60, None], mask, pa.int64())
    assert shown == ["未成年", "未成年", "成年", "成年", "老年", None]


def test_buckets_without_a_label_each_show_nothing() -> None:
    mask = Mask(kind=MaskKind.BUCKET, edges=(18, 60), labels=("a",))
    assert masked([1], mask, pa.int64()) == [None]


def test_partial_hides_the_least_number_of_characters_it_names() -> None:
    mask = Mask(kind=MaskKind.PARTIAL, keep_first=2, hidden_min=3)
    assert masked(["abcd", "abcde"], mask, pa.string()) == ["****", "ab****"]
