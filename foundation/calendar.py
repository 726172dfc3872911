"""Working-day arithmetic over a calendar file: holidays, make-up days, and the file's digest.

The start day is never counted; a day outside the calendar's years is refused, not guessed.
"""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from foundation.canonical import sha256_hex

FIRST_WEEKEND_DAY = 5


@dataclass(frozen=True)
class WorkingDayCalendar:
    """The working days of some years, as one jurisdiction publishes them."""

    years: frozenset[int]
    holidays: frozenset[date]
    make_up_days: frozenset[date]
    digest: str

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


def read_calendar(path: Path) -> WorkingDayCalendar:
    """Read a calendar file (TOML: ``years``, ``holidays``, ``make_up_days``)."""
    data = path.read_bytes()
    table = tomllib.loads(data.decode())
    return WorkingDayCalendar(
        years=frozenset(table["years"]),
        holidays=frozenset(table["holidays"]),
        make_up_days=frozenset(table["make_up_days"]),
        digest=f"sha256:{sha256_hex(data)}",
    )
