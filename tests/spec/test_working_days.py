"""The calendar against dates counted by hand, and against its own promise for years to come."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from catalog.matters.clocks import Clocks
from foundation.calendar import WorkingDayCalendar
from policies.effective import calendar_of
from policies.load import load_policies

TABLE = Path(__file__).parent / "working_days.md"
ROW = re.compile(
    r"^\| (\d{4}-\d\d-\d\d) \| (\w{3}) \| (\S+) \| (\d+) "
    r"\| (\d{4}-\d\d-\d\d) \| (\w{3}) \| (.+) \|$"
)
SPAN = re.compile(r"(\d+)(?:–(\d+))? (\w{3})(?: \((\w{3}), make-up\))?")
PACK = load_policies()
CHINA = calendar_of(PACK, "china")
NATIONAL = Clocks.of(PACK, "national")
ROWS = [found.groups() for line in TABLE.read_text().splitlines() if (found := ROW.match(line))]
PUBLISHED = {2024: (30, 8), 2025: (28, 5), 2026: (33, 6)}


def test_the_table_holds_forty_cases_and_more() -> None:
    assert len(ROWS) >= 40
    assert [row[2] for row in ROWS[-7:]] == [
        "share_unconditional",
        "share_conditional",
        "share_supply",
        "catalogue_review",
        "registration_acceptance",
        "registration_review",
        "registration_notice",
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}+{row[3]}-{row[2]}")
def test_a_clock_ends_where_the_table_says(row: tuple[str, ...]) -> None:
    start, start_name, clock, days, due, due_name, counted = row
    assert f"{date.fromisoformat(start):%a}" == start_name
    assert f"{date.fromisoformat(due):%a}" == due_name
    assert CHINA.due(date.fromisoformat(start), int(days)) == date.fromisoformat(due)
    spans = SPAN.findall(counted)
    assert sum(int(last or first) - int(first) + 1 for first, last, _, _ in spans) == int(days)
    if clock != "—":
        rule = NATIONAL.deadline(clock)
        assert rule.working_days == int(days)
        found = NATIONAL.due(clock, CHINA.starts_us(date.fromisoformat(start)))
        assert (found.on, found.provisional) == (due, False)


def test_a_clock_starts_on_the_civil_day_of_the_jurisdiction_whatever_utc_says() -> None:
    midnight_us = CHINA.starts_us(date(2026, 10, 1))
    before, after = (NATIONAL.due("share_conditional", midnight_us + by) for by in (-1, 0))
    assert before.on == "2026-10-20"  # the evening of 30 September
    assert after.on == "2026-10-20"  # a holiday is no earlier start
    for start, due in ((date(2026, 9, 17), "2026-10-08"), (date(2026, 9, 18), "2026-10-09")):
        first_us = CHINA.starts_us(start)
        for moment_us in (first_us, CHINA.starts_us(start + timedelta(days=1)) - 1):
            assert NATIONAL.due("share_conditional", moment_us).on == due
    last = NATIONAL.due("share_unconditional", midnight_us)
    assert last.us == CHINA.starts_us(date(2026, 10, 9))  # the first moment after the last day


def test_no_published_list_sets_an_earlier_date_than_was_given_without_it() -> None:
    """Hide each year in turn: what a clock into it was given is never after what came true."""
    for hidden in PUBLISHED:
        known = WorkingDayCalendar(
            CHINA.years - {hidden}, CHINA.holidays, CHINA.make_up_days, "sha256:hidden"
        )
        first = date(hidden - 1, 12, 1) if hidden - 1 in PUBLISHED else date(hidden, 1, 1)
        for ahead in range((date(hidden, 11, 1) - first).days):
            start = first + timedelta(days=ahead)
            for days in (1, 2, 3, 5, 10, 20):
                given, provisional = known.due_at_least(start, days)
                if provisional:
                    assert given <= CHINA.due(start, days), (start, days)


def test_a_clock_into_an_unpublished_year_is_given_and_marked_not_refused() -> None:
    start_us = CHINA.starts_us(date(2026, 12, 28))
    due = NATIONAL.due("share_conditional", start_us)
    assert due.provisional
    # 29, 30, 31 December; then 1 January as though worked, one weekend day as though made up
    # (2 January), 4–8 January.
    assert due.on == "2027-01-08"
    assert not NATIONAL.due("share_unconditional", start_us).provisional


@pytest.mark.parametrize(("year", "counts"), PUBLISHED.items())
def test_each_years_list_is_whole(year: int, counts: tuple[int, int]) -> None:
    holidays = [day for day in CHINA.holidays if day.year == year]
    make_up_days = [day for day in CHINA.make_up_days if day.year == year]
    assert (len(holidays), len(make_up_days)) == counts
