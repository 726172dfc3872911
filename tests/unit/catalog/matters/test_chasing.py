"""Reminders, escalation, the overdue list and its notice: entries, and never a decision."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DatabaseError

from audit.events import PendingEntry
from audit.reading import read_entries
from audit.tags import EntryKind
from catalog.matters.announcing import Announcer, announcements
from catalog.matters.chasing import Chase
from catalog.matters.matter import Matter, MatterState, MissingPaper
from catalog.matters.moves import ask_for_papers
from catalog.matters.opening import complete_papers, conclude, withdraw
from catalog.matters.scorecards import scorecards
from catalog.notices.outbox import notice_outbox, notices_for
from foundation.calendar import WorkingDayCalendar
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.identity import Actor, Role
from policies.load import PolicyPack
from policies.schema.notices import NoticeRules
from tests.matters import HANDLER, Desk

HEAD = Actor("hedy", "civil", frozenset({Role.DEPARTMENT_HEAD}))


@pytest.fixture
def chase(desk: Desk, pack: PolicyPack) -> Chase:
    rules = pack.rules(NoticeRules)
    return Chase(desk.engine, desk.writer, desk.clock, desk.clocks, rules, "bureau")


def kinds(desk: Desk) -> list[str]:
    with reading(desk.engine) as connection:
        return [entry.kind for entry in read_entries(connection)]


def test_a_matter_is_called_to_mind_then_raised_and_never_decided(desk: Desk, chase: Chase) -> None:
    opened = desk.open()
    assert opened.due is not None
    assert chase.run_once() == 0
    steps = []
    desk.clock.advance(opened.due.us - desk.clock.now_us() - 4 * MICROSECONDS_PER_DAY)
    for _ in range(12):
        steps.append(chase.run_once())
        assert chase.run_once() == 0, "a step is taken once"
        desk.clock.advance(MICROSECONDS_PER_DAY)
    #               4 days, 3, 2, 1, due, 1, 2 late, 3, 4, 5 late, 6, 7
    assert steps == [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0]
    assert kinds(desk)[1:] == [
        EntryKind.MATTER_REMINDED,
        EntryKind.MATTER_REMINDED,
        EntryKind.MATTER_ESCALATED,
        EntryKind.MATTER_ESCALATED,
        EntryKind.MATTER_ESCALATED,
    ]
    late = desk.read(opened.id)
    assert (late.state, late.outcome, late.due) == (MatterState.OPEN, None, opened.due)
    with reading(desk.engine) as connection:
        told = notices_for(connection, HANDLER)
        to_head = notices_for(connection, HEAD)
        everything = connection.execute(select(notice_outbox.c.organisation)).scalars().all()
    assert [item.kind for item in told] == ["matter.escalated"] * 3 + ["matter.reminded"] * 2
    assert to_head[-1].kind == "matter.reminded"  # heads may decide it as well
    assert "bureau" in everything


def test_a_short_clock_gets_its_last_reminder_at_once_and_only_one(
    desk: Desk, chase: Chase
) -> None:
    desk.open("share_unconditional")
    desk.clock.advance(MICROSECONDS_PER_DAY)
    assert chase.run_once() == 1
    assert chase.run_once() == 0


def test_no_step_is_taken_while_papers_are_awaited(desk: Desk, chase: Chase) -> None:
    opened = desk.open()
    ask_for_papers(desk.writer, desk.clocks, HANDLER, opened.id, [MissingPaper(name="x")])
    desk.clock.advance(60 * MICROSECONDS_PER_DAY)
    assert chase.run_once() == 0


def without_2026(calendar: WorkingDayCalendar) -> WorkingDayCalendar:
    return replace(calendar, years=frozenset({2024, 2025}), digest="sha256:before")


def test_a_provisional_date_is_fixed_by_an_entry_when_the_list_is_here(
    desk: Desk, chase: Chase
) -> None:
    published = desk.clocks.rules
    calendar = without_2026(published.calendar)
    desk.clocks = replace(desk.clocks, rules=replace(published, calendar=calendar))
    desk.clock.advance(-49 * MICROSECONDS_PER_DAY)  # 30 September 2026
    opened = desk.open()
    assert opened.due is not None
    assert opened.due.provisional
    blind = replace(chase, clocks=desk.clocks)
    assert blind.run_once() == 0
    assert chase.run_once() == 1
    fixed = desk.read(opened.id).due
    assert fixed is not None
    assert fixed.on == "2026-10-20"
    assert (fixed.provisional, fixed.calendar_digest) == (False, published.calendar.digest)
    assert opened.due.on < fixed.on
    with reading(desk.engine) as connection:
        entry = read_entries(connection)[-1]
    assert (entry.kind, entry.public["was"]) == (EntryKind.MATTER_SETTLED, opened.due.on)
    assert chase.run_once() == 0


def test_the_overdue_list_is_announced_once_a_term_and_stays_as_given(
    desk: Desk, pack: PolicyPack
) -> None:
    rules = pack.rules(NoticeRules)
    announcer = Announcer(desk.engine, desk.writer, desk.clock, desk.clocks, rules)
    first, second = desk.open(), desk.open("share_unconditional")
    announcer.run_once()
    with reading(desk.engine) as connection:
        assert announcements(connection) == []  # nothing is overdue: nothing to tell
    desk.clock.advance(30 * MICROSECONDS_PER_DAY)
    announcer.run_once()
    announcer.run_once()
    desk.run(lambda c, e: conclude(c, e, first.id, "granted"))
    with reading(desk.engine) as connection:
        (given,) = announcements(connection)
    assert given["departments"] == {"civil": 2}
    assert [item["case"] for item in given["matters"]] == [second.case, first.case]
    assert "anna" not in str(given)
    desk.clock.advance(8 * MICROSECONDS_PER_DAY)
    announcer.run_once()
    with reading(desk.engine) as connection:
        assert len(announcements(connection)) == 2
    with desk.engine.connect() as connection, pytest.raises(DatabaseError):
        connection.execute(text("DELETE FROM overdue_announcement"))


def _granted(matter_id: str, connection: Connection, entry: PendingEntry) -> Matter:
    return conclude(connection, entry, matter_id, "granted")


def test_a_scorecard_counts_what_the_record_says(desk: Desk) -> None:
    start_us = desk.clock.now_us()
    for day, matter in enumerate([desk.open(), desk.open(), desk.open(), desk.open(None)]):
        if day == 2:
            desk.clock.advance(40 * MICROSECONDS_PER_DAY)
        desk.run(partial(_granted, matter.id))
        desk.clock.advance(MICROSECONDS_PER_DAY)
    desk.open("share_unconditional")
    desk.clock.advance(20 * MICROSECONDS_PER_DAY)
    with reading(desk.engine) as connection:
        (card,) = scorecards(connection, start_us, desk.clock.now_us())
        assert scorecards(connection, 0, start_us) == []
        assert scorecards(connection, start_us, desk.clock.now_us(), ["other"]) == []
    assert (card.decided, card.decided_in_time, card.on_time_ppm) == (4, 2, 666_666)
    assert (card.open, card.overdue) == (1, 1)
    assert card.average_days_tenths == (0 + 10 + 420 + 430) // 4
    assert (card.clocks_missed, card.withdrawn) == (1, 0)


def test_papers_asked_too_late_and_a_duty_given_up_hide_no_missed_clock(desk: Desk) -> None:
    start_us = desk.clock.now_us()
    given_up, returned, kept = desk.open(), desk.open(), desk.open()
    desk.clock.advance(40 * MICROSECONDS_PER_DAY)
    desk.run(lambda connection, entry: withdraw(connection, entry, given_up.id))
    papers = [MissingPaper(name="使用依据")]
    ask_for_papers(desk.writer, desk.clocks, HANDLER, returned.id, papers)
    with reading(desk.engine) as connection:
        (card,) = scorecards(connection, start_us, desk.clock.now_us() + 1)
    assert (card.decided, card.overdue, card.withdrawn) == (0, 1, 1)
    assert card.clocks_missed == 2
    assert desk.read(kept.id).missed == 0  # it is overdue still, and counted so


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    moves=st.lists(
        st.sampled_from(["later", "earlier", "calendar", "zone", "papers", "complete", "chase"]),
        max_size=12,
    )
)
def test_nothing_but_papers_moves_a_date_that_was_decided(
    desk: Desk, chase: Chase, monkeypatch: pytest.MonkeyPatch, moves: list[str]
) -> None:
    """The process clock by forty days, the zone, another calendar: no stored date follows."""
    published = desk.clocks
    opened = desk.open()
    expected = opened.due
    state, asked = MatterState.OPEN, False
    for move in moves:
        if move in {"later", "earlier"}:
            desk.clock.advance((40 if move == "later" else -40) * MICROSECONDS_PER_DAY)
        elif move == "zone":
            monkeypatch.setenv("TZ", "America/Los_Angeles")
        elif move == "calendar":
            other = replace(published.rules.calendar, holidays=frozenset(), digest="sha256:other")
            desk.clocks = replace(desk.clocks, rules=replace(published.rules, calendar=other))
        elif move == "chase":
            replace(chase, clocks=desk.clocks).run_once()
        elif move == "papers" and state is MatterState.OPEN and not asked:
            ask_for_papers(desk.writer, desk.clocks, HANDLER, opened.id, [MissingPaper(name="x")])
            state, asked = MatterState.WAITING, True
        elif move == "complete" and state is MatterState.WAITING:
            moved = desk.run(lambda c, e: complete_papers(c, e, desk.clocks, opened.id))
            state, expected = MatterState.OPEN, moved.due
        now = desk.read(opened.id)
        assert (now.due, now.state, now.outcome) == (expected, state, None)
    monkeypatch.delenv("TZ", raising=False)
    desk.clocks = published
