"""What a calendar file may say: the years it covers, their holidays and their make-up work days."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from policies.schema import RuleFile

_FIRST_WEEKEND_DAY = 5
_MINUTES_PER_DAY = 1_440


class CalendarRules(RuleFile):
    """The working days of some years; ``foundation.calendar`` does the arithmetic.

    ``utc_offset_minutes`` fixes the civil day. ``unpublished_make_up_days_max`` is how many
    weekend days may be taken for worked where a year's list is not out yet.
    """

    utc_offset_minutes: int = Field(default=480, gt=-_MINUTES_PER_DAY, lt=_MINUTES_PER_DAY)
    unpublished_make_up_days_max: int = Field(default=1, ge=0, le=10)
    years: tuple[int, ...] = Field(min_length=1)
    holidays: tuple[date, ...]
    make_up_days: tuple[date, ...]

    @model_validator(mode="after")
    def _days_agree(self) -> Self:
        days = [*self.holidays, *self.make_up_days]
        if len(set(days)) != len(days):
            raise ValueError("a day stands twice, or is both a holiday and a make-up day")
        if {day.year for day in days} - set(self.years):
            raise ValueError("a day lies outside the years of the calendar")
        if any(day.weekday() < _FIRST_WEEKEND_DAY for day in self.make_up_days):
            raise ValueError("a make-up day is a working day of itself")
        return self
