"""Working-day arithmetic over a calendar file: holidays, make-up days, the civil day, the digest.

The start day is never counted. ``due`` refuses a day outside the calendar's years; ``due_at_least``
goes on by the earliest date any list could give, and says that it did. The civil day is the
jurisdiction's own, at a fixed offset from UTC (China has no summer time), never the machine's.
"""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from foundation.canonical import sha256_hex
from foundation.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND

FIRST_WEEKEND_DAY = 5
CHINA_OFFSET_MINUTES = 480
_DAY_ZERO = date(1970, 1, 1)
_MICROSECONDS_PER_MINUTE = 60 * MICROSECONDS_PER_SECOND


@dataclass(frozen=True)
class WorkingDayCalendar:
    """The working days of some years, as one jurisdiction publishes them.

    ``unpublished_make_up_days_max`` is how many weekend days a clock that runs into a year
    without a list must take for worked, so that no published list can set an earlier date.
    """

    years: frozenset[int]
    holidays: frozenset[date]
    make_up_days: frozenset[date]
    digest: str
    utc_offset_minutes: int = CHINA_OFFSET_MINUTES
    unpublished_make_up_days_max: int = 1

    def is_working_day(self, day: date) -> bool:
        """Tell whether a day is worked. Raises ValueError outside the calendar's years."""
        if day.year not in self.years:
            raise ValueError(f"the working-day calendar does not cover {day.year}")
        if day in self.make_up_days:
            return True
        return day not in self.holidays and day.weekday() < FIRST_WEEKEND_DAY

    def due(self, start: date, working_days: int) -> date:
        """Return the last day of a clock of so many working days that starts after ``start``."""
        day = start
        while working_days > 0:
            day += timedelta(days=1)
            working_days -= self.is_working_day(day)
        return day

    def due_at_least(self, start: date, working_days: int) -> tuple[date, bool]:
        """Return ``due``, or the earliest it can become, and whether a list was missing."""
        day, missing, spare = start, False, self.unpublished_make_up_days_max
        while working_days > 0:
            day += timedelta(days=1)
            if day.year in self.years:
                working_days -= self.is_working_day(day)
            elif day.weekday() < FIRST_WEEKEND_DAY:
                missing, working_days = True, working_days - 1
            elif spare > 0:
                missing, working_days, spare = True, working_days - 1, spare - 1
        return day, missing

    def civil_day(self, time_us: int) -> date:
        """Return the jurisdiction's day of a time in UTC microseconds."""
        shifted_us = time_us + self.utc_offset_minutes * _MICROSECONDS_PER_MINUTE
        return _DAY_ZERO + timedelta(days=shifted_us // MICROSECONDS_PER_DAY)

    def starts_us(self, day: date) -> int:
        """Return the UTC microseconds at which the jurisdiction's day begins."""
        local_us = (day - _DAY_ZERO).days * MICROSECONDS_PER_DAY
        return local_us - self.utc_offset_minutes * _MICROSECONDS_PER_MINUTE


def read_calendar(path: Path) -> WorkingDayCalendar:
    """Read a calendar file (TOML: ``years``, ``holidays``, ``make_up_days``)."""
    data = path.read_bytes()
    table = tomllib.loads(data.decode())
    return WorkingDayCalendar(
        years=frozenset(table["years"]),
        holidays=frozenset(table["holidays"]),
        make_up_days=frozenset(table["make_up_days"]),
        digest=f"sha256:{sha256_hex(data)}",
        utc_offset_minutes=table.get("utc_offset_minutes", CHINA_OFFSET_MINUTES),
        unpublished_make_up_days_max=table.get("unpublished_make_up_days_max", 1),
    )
