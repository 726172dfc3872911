from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

import policies
from foundation.calendar import WorkingDayCalendar, read_calendar
from policies.load import load_policies
from policies.schema.calendars import CalendarRules
from policies.schema.deadlines import DeadlineRules

CHINA = Path(policies.__file__).parent / "calendars" / "china.toml"
HEAD = {"jurisdiction": "CN", "document": "x", "version": "1"}


@pytest.fixture(scope="module")
def china() -> WorkingDayCalendar:
    return read_calendar(CHINA)


def test_a_day_outside_the_published_years_is_refused(china: WorkingDayCalendar) -> None:
    with pytest.raises(ValueError, match="2027"):
        china.due(date(2026, 12, 30), 5)


@pytest.mark.parametrize(
    "days",
    [
        {"holidays": ["2026-01-01", "2026-01-01"], "make_up_days": []},
        {"holidays": ["2026-01-01"], "make_up_days": ["2026-01-01"]},
        {"holidays": ["2027-01-01"], "make_up_days": []},
    ],
)
def test_a_calendar_that_contradicts_itself_is_refused(days: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        CalendarRules.model_validate({**HEAD, "years": [2026], **days})


@pytest.mark.parametrize(
    ("start", "working_days", "due"),
    [
        (date(2026, 9, 18), 1, date(2026, 9, 20)),  # a Sunday worked before the holidays
        (date(2026, 9, 30), 1, date(2026, 10, 8)),  # seven days of National Day between
        (date(2026, 10, 8), 2, date(2026, 10, 10)),  # a Saturday worked after it
        (date(2026, 2, 13), 2, date(2026, 2, 24)),  # Spring Festival of nine days
        (date(2025, 12, 31), 1, date(2026, 1, 4)),
        (date(2026, 11, 20), 10, date(2026, 12, 4)),
    ],
)
def test_clocks_run_over_working_days(
    china: WorkingDayCalendar, start: date, working_days: int, due: date
) -> None:
    assert china.due(start, working_days) == due


def test_every_deadline_file_names_a_calendar_of_the_pack() -> None:
    pack = load_policies()
    calendars = pack.every(CalendarRules)
    for rules in pack.every(DeadlineRules).values():
        assert rules.calendar in calendars
        assert rules.share_conditional.working_days == 10
        assert rules.share_unconditional.working_days == 1
    read = read_calendar(CHINA)
    assert set(calendars["china"].holidays) == read.holidays
    assert set(calendars["china"].make_up_days) == read.make_up_days
