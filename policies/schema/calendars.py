"""What a calendar file may say: the years it covers, their holidays and their make-up work days."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from policies.schema import RuleFile


class CalendarRules(RuleFile):
    """The working days of some years; ``foundation.calendar`` does the arithmetic."""

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
        return self
