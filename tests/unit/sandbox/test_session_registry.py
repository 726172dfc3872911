"""A session's life: refusals and illegal moves first, then each step with its entry."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from audit.events import PendingEntry
from audit.writer import GroupCommitWriter
from foundation.errors import Conflict, Denied, Message, NotFound, Unavailable
from foundation.identity import Actor, Role
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.backends.interface import Endpoint
from sandbox.egress import EgressBudget
from sandbox.lifecycle import SessionMode, SessionState
from sandbox.sessions import Doors, Session, SessionRegistry, egress_account
from tests.fakes import SteppedClock
from tests.light_slots import cold_slots
from tests.parts import SESSION_ENVIRONMENT, need_namespaces, need_session_environment
from tests.screens import screen_rules

OPERATOR = Actor("p-operator", "org-operator", frozenset({Role.OPERATOR}))
LIMITS = SessionLimits(memory_bytes_max=512 << 20, pids_max=64, home_bytes_max=16 << 20)


@dataclass
class Noted:
    """What the registry told the meter, in order: when a session was asked for, and lived."""

    told: list[tuple[str, str, int]] = field(default_factory=list)
    refuses: bool = False

    def session_asked(self, _connection: Connection, _entry: PendingEntry, one: Session) -> None:
        if self.refuses:
            raise Denied("wallet_empty", Message("余额不足", "The wallet is empty."))
        self.told.append(("asked", one.id, 0))

    def session_ended(self, _connection: Connection, _entry: PendingEntry, one: Session) -> None:
        opened_us = one.changed_us if one.opened_us is None else one.opened_us
        self.told.append(("ended", one.id, one.changed_us - opened_us))


@dataclass
class Desk:
    """The registry and what happened at its doors, in order."""

    registry: SessionRegistry
    backend: BubblewrapBackend
    egress: EgressBudget
    happened: list[tuple[str, str]] = field(default_factory=list)
    noted: Noted = field(default_factory=Noted)


@pytest.fixture
def desk(engine: Engine, writer: GroupCommitWriter, clock: SteppedClock) -> Iterator[Desk]:
    backend = BubblewrapBackend(SESSION_ENVIRONMENT, LIMITS)
    egress = EgressBudget(clock, screen_rules().egress, engine, writer)
    happened: list[tuple[str, str]] = []

    def opened(session: Session, endpoint: Endpoint) -> None:
        assert session.answering
        happened.append(("open", endpoint.slot))

    def darkened(slot: str, frozen: bool) -> None:
        happened.append(("frozen" if frozen else "dark", slot))

    noted = Noted()
    registry = SessionRegistry(
        engine, writer, cold_slots(backend, clock), egress, Doors(opened, darkened), noted
    )
    yield Desk(registry, backend, egress, happened, noted)
    backend.close()


def test_an_unknown_session_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.registry.session("ses_none")


def test_where_isolation_is_missing_nothing_opens(
    engine: Engine, writer: GroupCommitWriter, clock: SteppedClock, tmp_path: Path
) -> None:
    backend = BubblewrapBackend(tmp_path / "no-environment", LIMITS)
    doors = Doors(lambda _session, _endpoint: None, lambda _slot, _frozen: None)
    noted = Noted()
    registry = SessionRegistry(
        engine,
        writer,
        cold_slots(backend, clock),
        EgressBudget(clock, screen_rules().egress, engine, writer),
        doors,
        noted,
    )
    with pytest.raises(Unavailable):
        registry.open(OPERATOR, "lic_1", "credit")
    (session,) = registry.sessions()
    assert session.state is SessionState.DESTROYED
    assert session.reason == "environment_missing"
    assert noted.told == [("asked", session.id, 0), ("ended", session.id, 0)]
    backend.close()


def test_a_session_that_is_not_paid_for_is_not_even_requested(desk: Desk) -> None:
    desk.noted.refuses = True
    with pytest.raises(Denied, match="wallet_empty"):
        desk.registry.open(OPERATOR, "lic_1", "credit")
    assert desk.registry.sessions() == ()
    assert desk.happened == []


@need_namespaces
@need_session_environment
class TestLife:
    def test_a_closed_session_cannot_be_closed_or_frozen_again(self, desk: Desk) -> None:
        session = desk.registry.open(OPERATOR, "lic_1", "credit")
        desk.registry.close(session.id, OPERATOR, "done")
        for move in (desk.registry.close, desk.registry.freeze):
            with pytest.raises(Conflict):
                move(session.id, OPERATOR, "again")

    def test_open_assigns_a_slot_once(self, desk: Desk) -> None:
        session = desk.registry.open(OPERATOR, "lic_1", "credit")
        assert session.slot is not None
        assert desk.happened == [("open", session.slot)]
        assert (session.mode, session.state) == (SessionMode.PRODUCTION, SessionState.PRODUCTION)
        assert desk.registry.session_of_slot(session.slot) == session
        with pytest.raises(Conflict):
            desk.backend.assign(session.slot, "another")

    def test_close_kills_the_slot_and_logs_the_bytes_out(self, desk: Desk) -> None:
        session = desk.registry.open(OPERATOR, "lic_1", "credit")
        assert session.slot is not None
        desk.egress.meter(session.slot, egress_account(session)).count(70, 1)
        closed = desk.registry.close(session.id, OPERATOR, "done")
        assert closed.state is SessionState.DESTROYED
        assert closed.egress_bytes == 70
        assert not desk.backend.stats(session.slot).alive
        assert desk.registry.session_of_slot(session.slot) is None
        assert desk.happened[-1] == ("dark", session.slot)

    def test_freezing_keeps_the_sandbox_but_shuts_its_doors(self, desk: Desk) -> None:
        session = desk.registry.open(OPERATOR, "lic_1", "credit")
        assert session.slot is not None
        desk.registry.freeze_slot(session.slot)
        assert desk.registry.session(session.id).state is SessionState.FROZEN
        assert desk.backend.stats(session.slot).alive
        assert desk.registry.session_of_slot(session.slot) is None
        desk.registry.freeze_slot(session.slot)
        closed = desk.registry.close(session.id, OPERATOR, "done")
        assert closed.state is SessionState.DESTROYED

    def test_idle_and_old_sessions_end_and_used_ones_do_not(
        self, desk: Desk, clock: SteppedClock
    ) -> None:
        idle, used = (desk.registry.open(OPERATOR, "lic_1", "credit") for _ in range(2))
        assert used.slot is not None
        clock.advance(61_000_000)
        desk.registry.touch(used.slot, clock.now_us())
        limits = {"idle_us_max": 60_000_000, "wall_us_max": 90_000_000}
        desk.registry.close_expired(clock.now_us(), **limits)
        assert desk.registry.session(idle.id).reason == "idle"
        assert desk.registry.session(used.id).state is SessionState.PRODUCTION
        clock.advance(30_000_000)
        desk.registry.close_expired(clock.now_us(), **limits)
        assert desk.registry.session(used.id).reason == "wall_time_spent"
        ended = {told[1]: told[2] for told in desk.noted.told if told[0] == "ended"}
        assert ended[used.id] > limits["wall_us_max"]

    def test_after_a_restart_nothing_is_left_open(
        self, desk: Desk, engine: Engine, writer: GroupCommitWriter, clock: SteppedClock
    ) -> None:
        session = desk.registry.open(OPERATOR, "lic_1", "credit")
        fresh = BubblewrapBackend(SESSION_ENVIRONMENT, LIMITS)
        doors = Doors(lambda _session, _endpoint: None, lambda _slot, _frozen: None)
        noted = Noted()
        again = SessionRegistry(
            engine,
            writer,
            cold_slots(fresh, clock),
            EgressBudget(clock, screen_rules().egress, engine, writer),
            doors,
            noted,
        )
        (ended,) = again.recover()
        assert ended.id == session.id
        assert ended.reason == "service_restarted"
        assert again.recover() == ()
        fresh.close()
