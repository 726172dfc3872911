"""Whatever happens in whatever order: no step without its entry, none back, nothing after the end.

A state machine over the real registry, reviews, log and small real sandboxes. What the machine
expects is held against the store after each step, and against the offline verifier at the end.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.verify.findings import Report
from audit.verify.sessions import KINDS, verify_sessions
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR
from sandbox.egress import EgressBudget
from sandbox.lifecycle import ANSWERING, TRANSITIONS, SessionMode, SessionState
from sandbox.reviews import Ground as ReviewGround
from sandbox.reviews import ReviewDesk, ReviewState
from sandbox.sessions import Doors, SessionRegistry
from service.run_caps import check_answering
from tests.calling import TickingClock
from tests.city import City, built_city
from tests.light_slots import LightBackend, cold_slots, light_backend
from tests.notebooks import ipynb
from tests.parts import need_namespaces
from tests.screens import screen_rules

pytestmark = need_namespaces
MINUTE_US = 60_000_000
LIMITS = {"idle_us_max": 30 * MINUTE_US, "wall_us_max": 90 * MINUTE_US}


@dataclass
class Unmetered:
    """Sessions of this machine are free."""

    def session_asked(self, _connection: Connection, _entry: PendingEntry, _one: Any) -> None:
        """Refuse nothing."""

    def session_ended(self, _connection: Connection, _entry: PendingEntry, _one: Any) -> None:
        """Bill nothing."""


@dataclass
class Stage:
    """One city whose sessions are small sandboxes; ``environment`` is what is installed there."""

    city: City
    backend: LightBackend
    registry: SessionRegistry
    reviews: ReviewDesk
    clock: TickingClock
    environment: list[str]
    lit: set[str]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clock = TickingClock()
        city = stack.enter_context(built_city(place / "city", clock=clock))
        backend = light_backend()
        stack.callback(backend.close)
        platform, lit, environment = city.platform, set[str](), ["sha256:one"]
        registry = SessionRegistry(
            platform.engine,
            platform.writer,
            cold_slots(backend, clock),
            EgressBudget(clock, screen_rules().egress, platform.engine, platform.writer),
            Doors(lambda _one, end: lit.add(end.slot), lambda slot, _frozen: lit.discard(slot)),
            Unmetered(),
        )
        reviews = ReviewDesk(
            platform.engine,
            platform.writer,
            platform.board,
            platform.work.rules,
            ReviewGround("sha256:rules", lambda: environment[0]),
        )
        yield Stage(city, backend, registry, reviews, clock, environment, lit)


class Machine(RuleBasedStateMachine):
    """What sessions and reviews may do, and what must hold whatever they did."""

    stage: Stage
    sessions_made = Bundle("sessions")
    reviews_made = Bundle("reviews")

    @initialize()
    def begin(self) -> None:
        self.stage.environment[0] = "sha256:one"
        self.first = self.stage.city.log_size()
        self.state: dict[str, SessionState] = {}
        self.approved: dict[str, tuple[bool, str, int]] = {}
        self.steps = 0

    @rule(target=sessions_made, mode=st.sampled_from(SessionMode))
    def opening(self, mode: SessionMode) -> str:
        actor = self.stage.city.actor("analyst")
        one = self.stage.registry.open(actor, self.stage.city.licence, "industry", None, mode)
        self.state[one.id] = mode.state
        self.steps += 2
        return one.id

    @rule(target=reviews_made, code=st.sampled_from(("a = 1", "b = 2")), good=st.booleans())
    def reviewing(self, code: str, good: bool) -> str:
        city, desk = self.stage.city, self.stage.reviews
        made = desk.submit(city.actor("analyst"), city.licence, ["households"], ipynb(code))
        judged = desk.decide(
            city.actor("checker_one"),
            made.id,
            approve=good,
            notebook_digest=made.notebook_digest,
            comment="read",
        )
        until_us = judged.valid_until_us or 0
        self.approved[made.id] = (good, self.stage.environment[0], until_us)
        self.steps += 2
        return made.id

    @rule(review=reviews_made)
    def withdrawing(self, review: str) -> None:
        actor = self.stage.city.actor("founder")
        if self.stage.reviews.review(review).state is ReviewState.APPROVED:
            self.stage.reviews.withdraw(actor, review, "changed")
            self.steps += 1
            self.approved[review] = (False, "", 0)
        else:
            self.refused(lambda: self.stage.reviews.withdraw(actor, review, "changed"))

    @rule(environment=st.sampled_from(("sha256:one", "sha256:two")))
    def installing(self, environment: str) -> None:
        self.stage.environment[0] = environment

    @rule(session=sessions_made, review=reviews_made)
    def promoting(self, session: str, review: str) -> None:
        """What the platform does to move a session on: ask the approval, then promote."""
        stage, now_us = self.stage, self.stage.clock.now_us()
        good, environment, until_us = self.approved[review]
        stands = good and environment == stage.environment[0] and now_us < until_us

        def move() -> None:
            with stage.city.platform.engine.connect() as connection:
                found = stage.reviews.check_stands(
                    connection, review, stage.city.licence, stage.clock.now_us()
                )
            stage.registry.promote(session, stage.city.actor("analyst"), found)

        if stands and self.state[session] is SessionState.DEBUG:
            before = stage.registry.session(session).slot
            move()
            after = stage.registry.session(session)
            assert after.slot != before
            assert before not in stage.lit
            assert (after.review, after.mode) == (review, SessionMode.PRODUCTION)
            self.state[session] = SessionState.PRODUCTION
            self.steps += 1
        else:
            self.refused(move)

    @rule(session=sessions_made)
    def freezing(self, session: str) -> None:
        move = self.moving(session, SessionState.FROZEN)
        move(lambda: self.stage.registry.freeze(session, SYSTEM_ACTOR, "probe"))

    @rule(target=sessions_made, session=consumes(sessions_made))
    def closing(self, session: str) -> Any:
        live = self.state[session] is not SessionState.DESTROYED
        if live:
            self.stage.registry.close(session, SYSTEM_ACTOR, "probe")
            self.state[session] = SessionState.DESTROYED
            self.steps += 2
        else:
            self.refused(lambda: self.stage.registry.close(session, SYSTEM_ACTOR, "probe"))
        return multiple(session)

    @rule(minutes=st.sampled_from((10, 31, 91)))
    def waiting(self, minutes: int) -> None:
        registry, clock = self.stage.registry, self.stage.clock
        clock.advance(minutes * MINUTE_US)
        now_us = clock.now_us()
        for one in registry.sessions(live=True):
            assert one.opened_us is not None
            old = now_us - one.opened_us > LIMITS["wall_us_max"]
            unused = one.review is None and now_us - one.opened_us > LIMITS["idle_us_max"]
            if old or unused:
                self.state[one.id] = SessionState.DESTROYED
                self.steps += 2
        registry.close_expired(now_us, **LIMITS)

    @rule()
    def restarting(self) -> None:
        for one in self.stage.registry.recover():
            self.state[one.id] = SessionState.DESTROYED
            self.steps += 2

    @rule(session=sessions_made)
    def asking(self, session: str) -> None:
        """A question reaches the writer, as the meter meets it, and through the slot's door."""
        event = AuditEvent(
            EntryKind.QUESTION_REFUSED,
            SYSTEM_ACTOR,
            {"session": session, "licence": "lic_x", "question": "q", "code": "probe"},
        )

        def ask() -> None:
            self.stage.city.platform.writer.submit(
                event, lambda connection, _entry: check_answering(connection, session)
            )

        one = self.stage.registry.session(session)
        if self.state[session] in ANSWERING:
            ask()
            assert one.slot in self.stage.lit
            assert self.stage.registry.session_of_slot(str(one.slot)) == one
        else:
            self.refused(ask)
            assert one.slot not in self.stage.lit
            assert self.stage.registry.session_of_slot(str(one.slot)) is None

    @invariant()
    def holds(self) -> None:
        registry = self.stage.registry
        mine = [one for one in registry.sessions() if one.id in self.state]
        assert {one.id: one.state for one in mine} == self.state
        assert self.stage.lit == {str(one.slot) for one in mine if one.answering}
        about = [one for one in self.stage.city.entries(first=self.first) if one.kind in KINDS]
        assert len(about) == self.steps

    def teardown(self) -> None:
        for one in self.stage.registry.sessions(live=True):
            self.stage.registry.close(one.id, SYSTEM_ACTOR, "over")
        assert self.stage.lit == set()
        assert not self.stage.backend._slots
        entries = self.stage.city.entries(first=self.first)
        report = Report()
        verify_sessions([{**one.content, "index": one.index} for one in entries], report)
        assert report.findings == []

    def moving(self, session: str, target: SessionState) -> Any:
        """Expect a step where the table has it, and a refusal that writes nothing elsewhere."""

        def move(act: Any) -> None:
            if (self.state[session], target) in TRANSITIONS:
                act()
                self.state[session] = target
                self.steps += 1
            else:
                self.refused(act)

        return move

    def refused(self, act: Any) -> None:
        with pytest.raises(SandgateError):
            act()


def played(stage: Stage, examples: int, steps: int) -> None:
    Machine.stage = stage
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_order_of_events_skips_an_entry_or_answers_after_the_end(stage: Stage) -> None:
    played(stage, examples=6, steps=14)


@pytest.mark.full
def test_the_same_at_length(stage: Stage) -> None:
    played(stage, examples=150, steps=40)
