"""A matter's life: opened with a frozen clock, papers asked once, extended by consent, decided."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from audit.reading import read_entries
from authorization.independence import check_apart
from catalog.matters.matter import MatterState, MissingPaper
from catalog.matters.moves import ask_for_papers, decide_extension, extend
from catalog.matters.opening import complete_papers, conclude, withdraw
from catalog.matters.reads import inbox, matters, moves_of, overdue
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor, ActorKind, Role
from tests.matters import APPLICANT, AUTHORITY, HANDLER, Desk

PAPERS = [MissingPaper(name="使用依据", reason="未附文件")]


def test_a_matter_opens_with_a_case_a_frozen_clock_and_an_entry_that_names_both(desk: Desk) -> None:
    opened = desk.open()
    assert opened.case == "C2026-000001"
    assert opened.due is not None
    # 18 November 2026 is a Wednesday: ten working days later is Wednesday, 2 December.
    assert opened.due.on == "2026-12-02"
    assert opened.due.working_days == 10
    with reading(desk.engine) as connection:
        entry = read_entries(connection)[-1]
    named = entry.public["matter"]
    assert named["id"] == opened.id
    assert named["calendar_digest"] == opened.due.calendar_digest
    assert named["rules_digest"] == opened.due.rules_digest
    assert desk.read(opened.id) == opened


def test_a_following_matter_keeps_the_case_and_another_gets_the_next_number(desk: Desk) -> None:
    first = desk.open()
    assert desk.open(case=first.case).case == first.case
    assert desk.open().case == "C2026-000002"
    with pytest.raises(NotFound):
        desk.open(case="C2026-000009")


def test_a_second_notice_on_the_same_matter_is_refused_and_papers_restart_the_clock(
    desk: Desk,
) -> None:
    opened = desk.open()
    desk.clock.advance(5 * MICROSECONDS_PER_DAY)
    waiting = ask_for_papers(desk.writer, desk.clocks, HANDLER, opened.id, PAPERS).value
    assert waiting.state is MatterState.WAITING
    desk.clock.advance(30 * MICROSECONDS_PER_DAY)
    assert not desk.read(opened.id).is_overdue(desk.clock.now_us())  # the clock stands still
    with pytest.raises(Conflict) as caught:
        ask_for_papers(desk.writer, desk.clocks, HANDLER, opened.id, PAPERS)
    assert caught.value.code == "notice_given_before"
    moved = desk.run(lambda c, e: complete_papers(c, e, desk.clocks, opened.id))
    assert moved.state is MatterState.OPEN
    assert moved.due is not None
    assert opened.due is not None
    assert moved.due.us > opened.due.us
    assert moved.due.working_days == 10
    with pytest.raises(Conflict) as caught:
        ask_for_papers(desk.writer, desk.clocks, HANDLER, opened.id, PAPERS)
    assert caught.value.code == "notice_given_before"
    with reading(desk.engine) as connection:
        assert [item["move"] for item in moves_of(connection, opened.id)] == [
            "opened",
            "papers_asked",
            "completed",
        ]


def test_only_the_handler_asks_for_papers_and_never_without_naming_one(desk: Desk) -> None:
    opened = desk.open()
    service = Actor("bot", HANDLER.organisation, HANDLER.roles, ActorKind.SERVICE)
    same = Actor(APPLICANT.person, HANDLER.organisation, HANDLER.roles)
    for stranger in (APPLICANT, AUTHORITY, service, same):
        with pytest.raises(Denied):
            ask_for_papers(desk.writer, desk.clocks, stranger, opened.id, PAPERS)
    with pytest.raises(InvalidInput):
        ask_for_papers(desk.writer, desk.clocks, HANDLER, opened.id, [])


def test_an_extension_takes_the_consent_of_another_person_of_the_authority(desk: Desk) -> None:
    opened = desk.open()
    assert opened.due is not None
    with pytest.raises(InvalidInput):
        extend(desk.writer, desk.clocks, HANDLER, opened.id, 11, "材料多")
    asked = extend(desk.writer, desk.clocks, HANDLER, opened.id, 10, "材料多").value
    assert asked.due == opened.due  # nothing moves before consent
    authority = frozenset({Role.AUTHORITY})
    now_us = desk.clock.now_us()
    for stranger in (
        HANDLER,
        Actor(HANDLER.person, AUTHORITY.organisation, authority),
        Actor(APPLICANT.person, AUTHORITY.organisation, authority),
        Actor("bot", AUTHORITY.organisation, authority, ActorKind.SERVICE),
        Actor("county", "county_bureau", authority),  # an authority, but not the one
        Actor(
            "new", AUTHORITY.organisation, authority, since_us=now_us
        ),  # younger than what was asked
    ):
        with pytest.raises(Denied):
            decide_extension(
                desk.writer,
                desk.clocks,
                stranger,
                opened.id,
                check_apart,
                consent=True,
                reason="同意",
            )
    moved = decide_extension(
        desk.writer, desk.clocks, AUTHORITY, opened.id, check_apart, consent=True, reason="同意"
    ).value
    assert moved.due is not None
    assert moved.due.on == "2026-12-16"
    assert moved.due.extension_days_max == 0
    with pytest.raises(InvalidInput):
        extend(desk.writer, desk.clocks, HANDLER, opened.id, 1, "再延")


def test_a_clock_that_ran_out_is_not_extended_and_silence_grants_nothing(desk: Desk) -> None:
    opened = desk.open()
    extend(desk.writer, desk.clocks, HANDLER, opened.id, 5, "材料多")
    desk.clock.advance(40 * MICROSECONDS_PER_DAY)
    late = desk.read(opened.id)
    assert late.state is MatterState.OPEN
    assert late.outcome is None
    with reading(desk.engine) as connection:
        assert [item.id for item in overdue(connection, desk.clock.now_us())] == [opened.id]
    with pytest.raises(Conflict) as caught:
        decide_extension(
            desk.writer, desk.clocks, AUTHORITY, opened.id, check_apart, consent=True, reason="同意"
        )
    assert caught.value.code == "clock_not_running"
    ended = desk.run(lambda c, e: conclude(c, e, opened.id, "refused", "依据不足"))
    assert ended.in_time is False
    assert ended.missed == 1


def test_what_is_over_stays_as_it_is(desk: Desk) -> None:
    opened = desk.open()
    ended = desk.run(lambda c, e: conclude(c, e, opened.id, "granted"))
    assert ended.in_time is True
    for move in (
        lambda: desk.run(lambda c, e: conclude(c, e, opened.id, "refused")),
        lambda: desk.run(lambda c, e: withdraw(c, e, opened.id)),
        lambda: desk.run(lambda c, e: complete_papers(c, e, desk.clocks, opened.id)),
        lambda: ask_for_papers(desk.writer, desk.clocks, HANDLER, opened.id, PAPERS),
    ):
        with pytest.raises(Conflict) as caught:
            move()
        assert caught.value.code == "matter_not_open"
    for statement in (
        "UPDATE matter SET state = 'open', outcome = NULL",
        "DELETE FROM matter",
        "UPDATE matter_move SET time_us = 0",
    ):
        with desk.engine.connect() as connection, pytest.raises(DatabaseError):
            connection.execute(text(statement))


def test_the_inbox_holds_what_this_role_of_this_organisation_must_decide(desk: Desk) -> None:
    first, second = desk.open(), desk.open("share_unconditional")
    with reading(desk.engine) as connection:
        assert [item.id for item in inbox(connection, HANDLER)] == [second.id, first.id]
        assert inbox(connection, Actor("x", "civil", frozenset({Role.STEWARD}))) == []
        assert inbox(connection, Actor("x", "civil", frozenset())) == []
        assert inbox(connection, APPLICANT) == []
        assert len(matters(connection, applicant="traffic", limit=1)) == 1
        assert [item.id for item in matters(connection, after=first.opened_entry)] == [second.id]
        assert matters(connection, state=MatterState.WAITING) == []
