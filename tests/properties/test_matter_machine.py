"""Matters under any order of moves by anybody, held against a small model of the law.

The model knows no clock of the platform: a due date is counted anew from the working days of the
calendar file, and may change by the three moves the law names (resubmission, consent, a list that
was awaited) and by no other.
"""

import tempfile
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from shutil import copyfile
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from audit.writer import GroupCommitWriter
from catalog.matters.clocks import Clocks
from catalog.matters.matter import MatterState, MissingPaper
from catalog.matters.moves import ask_for_papers, decide_extension, extend
from catalog.matters.opening import complete_papers, conclude, withdraw
from catalog.matters.reads import inbox, moves_of, overdue
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import metadata, open_engine, reading
from foundation.errors import SandgateError
from foundation.identity import Actor, ActorKind, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from tests.catalogue import no_one_serves_both
from tests.fakes import SteppedClock
from tests.matters import APPLICANT, AUTHORITY, HANDLER, Desk

PACK = load_policies()
START_US = 1_789_000_000_000_000  # 10 September 2026, before National Day
SERVICE = Actor("bot", "civil", HANDLER.roles, ActorKind.SERVICE)
CROSS = Actor(HANDLER.person, "bureau", frozenset({Role.AUTHORITY}))
STRANGERS = (APPLICANT, SERVICE, CROSS)
MOSTLY_HANDLER = (*(HANDLER,) * 4, AUTHORITY, *STRANGERS)
MOSTLY_AUTHORITY = (*(AUTHORITY,) * 4, HANDLER, *STRANGERS)
FIRST_EXTENSION_MAX = 10


@cache
def empty_store() -> Path:
    """Make the tables once; each example begins with a copy."""
    place = Path(tempfile.mkdtemp(prefix="matters")) / "control.db"
    engine = open_engine(f"sqlite:///{place}")
    metadata.create_all(engine)
    engine.dispose()
    return place


def counted(start: date, days: int) -> date:
    """Count working days one by one, from the rule file alone."""
    calendar = PACK.files["calendars/china"]
    day = start
    while days:
        day += timedelta(days=1)
        worked = day.weekday() < 5 and day not in calendar.holidays  # type: ignore[attr-defined]
        days -= worked or day in calendar.make_up_days  # type: ignore[attr-defined]
    return day


class Matters(RuleBasedStateMachine):
    """One matter, a clock that goes forth and back, and everybody who might touch it."""

    @initialize()
    def open(self) -> None:
        self.home = tempfile.TemporaryDirectory()
        home = Path(self.home.name)
        self.clock = SteppedClock(START_US)
        copyfile(empty_store(), home / "control.db")
        engine = open_engine(f"sqlite:///{home / 'control.db'}")
        keys = FileKeyStore(home / "keys")
        self.writer = GroupCommitWriter(engine, keys, self.clock, "t.example/log", home / "head")
        self.desk = Desk(self.writer, engine, Clocks.of(PACK, "national"), self.clock)
        self.matter = self.desk.open().id
        self.state, self.noticed = MatterState.OPEN, False
        self.outcome: str | None = None
        self.asked, self.left = 0, FIRST_EXTENSION_MAX
        self.logged_us = self.clock.now_us()
        self.due = counted(self.today(), 10)
        self.moves = 1

    def now_us(self) -> int:
        """Return the log's own time: never before its last entry."""
        return max(self.logged_us, self.clock.now_us())

    def today(self) -> date:
        """Return the civil day in China."""
        local_us = self.now_us() + 8 * 3_600_000_000
        return date(1970, 1, 1) + timedelta(days=local_us // MICROSECONDS_PER_DAY)

    def late(self) -> bool:
        return self.today() > self.due

    def tried(self, move: Any, *arguments: Any, **options: Any) -> bool:
        try:
            move(*arguments, **options)
        except SandgateError:
            return False
        self.logged_us = self.now_us()
        self.moves += 1
        return True

    @rule(days=st.sampled_from([1, 2, 5, 40, -40]))
    def time_moves(self, days: int) -> None:
        self.clock.advance(days * MICROSECONDS_PER_DAY)

    @rule(actor=st.sampled_from(MOSTLY_HANDLER), count=st.sampled_from([1, 2, 0]))
    def papers_are_asked(self, actor: Actor, count: int) -> None:
        missing = [MissingPaper(name="x")] * count
        done = self.tried(
            ask_for_papers, self.writer, self.desk.clocks, actor, self.matter, missing
        )
        allowed = actor is HANDLER and count and self.state is MatterState.OPEN
        assert done == bool(allowed and not self.noticed)
        if done:
            self.state, self.noticed, self.asked = MatterState.WAITING, True, 0

    @precondition(lambda self: self.state is MatterState.WAITING or self.moves > 3)
    @rule()
    def papers_are_completed(self) -> None:
        done = self.tried(
            self.desk.run, lambda c, e: complete_papers(c, e, self.desk.clocks, self.matter)
        )
        assert done == (self.state is MatterState.WAITING)
        if done:
            self.state, self.due = MatterState.OPEN, counted(self.today(), 10)
            self.left = FIRST_EXTENSION_MAX

    @rule(actor=st.sampled_from(MOSTLY_HANDLER), days=st.sampled_from([1, 4, 10, 11]))
    def an_extension_is_asked(self, actor: Actor, days: int) -> None:
        done = self.tried(extend, self.writer, self.desk.clocks, actor, self.matter, days, "reason")
        running = self.state is MatterState.OPEN and not self.late()
        assert done == (actor is HANDLER and running and not self.asked and days <= self.left)
        if done:
            self.asked = days

    @precondition(lambda self: self.asked or self.moves > 3)
    @rule(actor=st.sampled_from(MOSTLY_AUTHORITY), consent=st.booleans())
    def an_extension_is_decided(self, actor: Actor, consent: bool) -> None:
        done = self.tried(
            decide_extension,
            self.writer,
            self.desk.clocks,
            actor,
            self.matter,
            consent=consent,
            reason="reason",
            apart=no_one_serves_both,
        )
        waits = self.state is MatterState.OPEN and self.asked > 0
        assert done == (actor is AUTHORITY and waits and not (consent and self.late()))
        if done:
            if consent:
                self.due, self.left = counted(self.due, self.asked), self.left - self.asked
            self.asked = 0

    @precondition(lambda self: self.moves > 4)
    @rule()
    def it_is_decided(self) -> None:
        late = self.late()
        done = self.tried(self.desk.run, lambda c, e: conclude(c, e, self.matter, "granted"))
        assert done == (self.state is MatterState.OPEN)
        if done:
            self.state, self.outcome = MatterState.CONCLUDED, "granted"
            assert self.desk.read(self.matter).in_time in {not late, False}

    @precondition(lambda self: self.moves > 4)
    @rule()
    def it_is_taken_back(self) -> None:
        done = self.tried(self.desk.run, lambda c, e: withdraw(c, e, self.matter))
        assert done == (self.state in {MatterState.OPEN, MatterState.WAITING})
        if done:
            self.state = MatterState.WITHDRAWN

    @invariant()
    def it_stands_as_the_model_says(self) -> None:
        found = self.desk.read(self.matter)
        assert (found.state, found.outcome) == (self.state, self.outcome)
        assert found.due is not None
        assert found.due.on == self.due.isoformat()
        with reading(self.desk.engine) as connection:
            assert len(moves_of(connection, self.matter)) == self.moves
            owed = bool(overdue(connection, self.now_us()))
            waiting = bool(inbox(connection, HANDLER))
        assert owed == (self.state is MatterState.OPEN and self.late())
        assert waiting == (self.state is MatterState.OPEN)

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            self.writer.close()
            self.desk.engine.dispose()
            self.home.cleanup()


TestMatters = Matters.TestCase
TestMatters.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, phases=(Phase.generate,)
)
