"""Terms counted in months by the calendar, as the civil code counts them: never in days times 30.

The day something happened is not counted; a term of months ends with the day of the same number,
or with the month's last day where there is none, at 24:00 (民法典 第二百零一条至第二百零三条).
Days are those of China Standard Time (UTC+8, no summer time).
"""

import calendar
from datetime import UTC, date, datetime, timedelta, timezone

from foundation.clock import MICROSECONDS_PER_DAY

MONTHS_PER_YEAR = 12
_EIGHT_HOURS = timedelta(hours=8)
_CHINA = timezone(_EIGHT_HOURS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_day(time_us: int) -> date:
    """Return the day in China of UTC microseconds."""
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(_CHINA).date()


def start_of_day_us(day: date) -> int:
    """Return the UTC microseconds at which a day begins in China."""
    days = (day - date(1970, 1, 1)).days
    return days * MICROSECONDS_PER_DAY - _EIGHT_HOURS // timedelta(microseconds=1)


def months_later(day: date, months: int) -> date:
    """Return the day with which a term of so many months ends; months may be negative."""
    place = day.year * MONTHS_PER_YEAR + day.month - 1 + months
    year, month = divmod(place, MONTHS_PER_YEAR)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def over_from(time_us: int, months: int) -> date:
    """Return the first day on which a term of months that began at a time is over."""
    return months_later(local_day(time_us), months) + timedelta(days=1)


def begun_before_us(now_us: int, months: int) -> int:
    """Return the time before which a term of months must have begun to be over now."""
    today = local_day(now_us)
    day = months_later(today, -months)
    while over_from(start_of_day_us(day), months) <= today:
        day += timedelta(days=1)
    while over_from(start_of_day_us(day) - 1, months) > today:
        day -= timedelta(days=1)
    return start_of_day_us(day)
