"""From which month to which a figure counts, as civil days, UTC microseconds and log indexes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from audit.view.search import index_at, log_size
from foundation.calendar import WorkingDayCalendar
from foundation.errors import InvalidInput, Message

MONTHS_SHOWN = 12
_MONTHS_OF_YEAR = 12
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_YEARS = range(2000, 2100)


@dataclass(frozen=True)
class Month:
    """One civil month: its first day and the first day after it."""

    first: date
    after: date

    @property
    def name(self) -> str:
        """Return the month as ``2026-11``."""
        return f"{self.first:%Y-%m}"

    @property
    def last(self) -> date:
        """Return its last day."""
        return date.fromordinal(self.after.toordinal() - 1)


@dataclass(frozen=True)
class Span:
    """Some months on end, in a jurisdiction's civil time."""

    months: tuple[Month, ...]
    calendar: WorkingDayCalendar

    @property
    def from_us(self) -> int:
        """Return the first microsecond (UTC)."""
        return self.calendar.starts_us(self.months[0].first)

    @property
    def until_us(self) -> int:
        """Return the first microsecond after (UTC)."""
        return self.calendar.starts_us(self.months[-1].after)

    def as_json(self) -> dict[str, object]:
        """Return the first and the last month."""
        return {"from": self.months[0].name, "until": self.months[-1].name}

    def indexes(self, connection: Connection) -> Iterator[tuple[Month, int, int]]:
        """Yield each month with the log's first index in it and the first after it."""
        size = log_size(connection)
        for month in self.months:
            first = index_at(connection, self.calendar.starts_us(month.first), size)
            yield month, first, index_at(connection, self.calendar.starts_us(month.after), size)


def span_of(
    calendar: WorkingDayCalendar, now_us: int, since: str, until: str, months_max: int
) -> Span:
    """Return the months from ``since`` to ``until`` (``2026-11``), both in; empty: a year to now.

    Raises InvalidInput for what is no month, an end before the beginning, or too many months.
    """
    last = month_of(until, "until") if until else _containing(calendar.civil_day(now_us))
    first = month_of(since, "from") if since else _months_on(last, 1 - MONTHS_SHOWN)
    count = _number(last) - _number(first) + 1
    if not 1 <= count <= months_max:
        raise InvalidInput(
            "span_invalid",
            Message(
                f"起止月份须先后有序，且不超过 {months_max} 个月。",
                f"The first month stands before the last, and there are {months_max} at most.",
            ),
            field="from",
            rule="policies/figures",
        )
    return Span(tuple(_months_on(first, place) for place in range(count)), calendar)


def month_of(text: str, field: str) -> Month:
    """Read a month such as ``2026-11``. Raises InvalidInput."""
    found = _MONTH.fullmatch(text)
    year, month = (int(found[1]), int(found[2])) if found else (0, 0)
    if year not in _YEARS or not 1 <= month <= _MONTHS_OF_YEAR:
        raise InvalidInput(
            "month_invalid",
            Message("月份须写作 2026-11 的形式。", "A month is written like 2026-11."),
            field=field,
        )
    return _containing(date(year, month, 1))


def _containing(day: date) -> Month:
    first = day.replace(day=1)
    number = first.year * _MONTHS_OF_YEAR + first.month
    return Month(first, date(number // _MONTHS_OF_YEAR, number % _MONTHS_OF_YEAR + 1, 1))


def _number(month: Month) -> int:
    return month.first.year * _MONTHS_OF_YEAR + month.first.month - 1


def _months_on(month: Month, count: int) -> Month:
    number = _number(month) + count
    return _containing(date(number // _MONTHS_OF_YEAR, number % _MONTHS_OF_YEAR + 1, 1))
