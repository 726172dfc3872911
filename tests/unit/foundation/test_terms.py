"""Terms of months: the calendar's months, their last days, and the day's end in China."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.clock import MICROSECONDS_PER_DAY, from_iso
from foundation.terms import begun_before_us, local_day, months_later, over_from, start_of_day_us

YEARS_US = st.integers(0, 80 * 366 * MICROSECONDS_PER_DAY)


@pytest.mark.parametrize(
    ("began", "months", "over"),
    [
        ("2026-01-31T00:00:00+08:00", 6, date(2026, 8, 1)),
        ("2026-08-31T23:59:59+08:00", 6, date(2027, 3, 1)),  # 28 February is the last day
        ("2027-08-31T12:00:00+08:00", 6, date(2028, 3, 1)),  # 29 February, a leap year
        ("2024-02-29T12:00:00+08:00", 36, date(2027, 3, 1)),
        ("2026-11-22T15:59:59+00:00", 36, date(2029, 11, 23)),  # still the 22nd in China
        ("2026-11-22T16:00:00+00:00", 36, date(2029, 11, 24)),  # the 23rd in China
        ("2026-11-22T00:00:00+08:00", 360, date(2056, 11, 23)),
    ],
)
def test_a_term_is_over_the_day_after_its_corresponding_day(
    began: str, months: int, over: date
) -> None:
    assert over_from(from_iso(began), months) == over


def test_six_months_are_not_180_days() -> None:
    began = from_iso("2026-03-01T00:00:00+08:00")
    assert start_of_day_us(over_from(began, 6)) - began == 185 * MICROSECONDS_PER_DAY


@given(YEARS_US)
def test_a_day_begins_where_the_day_before_it_ends(time_us: int) -> None:
    day = local_day(time_us)
    assert start_of_day_us(day) <= time_us < start_of_day_us(day) + MICROSECONDS_PER_DAY


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 400))
def test_months_there_and_back_move_by_no_more_than_a_months_end(day: date, months: int) -> None:
    back = months_later(months_later(day, months), -months)
    assert 0 <= (day - back).days <= 3


@given(YEARS_US, st.integers(0, 400))
def test_what_began_before_the_limit_is_over_and_nothing_else(now_us: int, months: int) -> None:
    limit = begun_before_us(now_us, months)
    assert over_from(limit - 1, months) <= local_day(now_us)
    assert over_from(limit, months) > local_day(now_us)
