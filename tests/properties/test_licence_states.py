"""Whatever happens in whatever order, a licence is usable only while nothing has shut it (I7).

The machine drives the real store, log, board and snapshot, with crashes between effect and entry.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.licences import (
    LicenceState,
    Move,
    activate_licence,
    draft_licence,
    require_licence,
)
from authorization.revocation import Closure, Revocation, SuspensionBoard, check_in_force
from authorization.snapshots import assemble
from foundation.db import metadata, open_engine, reading
from foundation.errors import Conflict, Denied, SandgateError
from foundation.identity import SYSTEM_ACTOR
from foundation.ids import new_id
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.licensing import (
    LICENCE_ID,
    PACK,
    RULES,
    active_licence,
    actor,
    add_catalogue,
    found_city,
    licence_document,
)

SIGNER = actor("signer")


class LicenceLife(RuleBasedStateMachine):
    """``self.model`` is what should hold: the state, and whether the board has the licence shut."""

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.path = Path(self.home.name)
        self.clock = SteppedClock()
        self.keys = FileKeyStore(self.path / "keys")
        self.authority_key = self.keys.ensure_signing_key("authority")
        self.engine = open_engine(f"sqlite:///{self.path}/control.db")
        metadata.create_all(self.engine)
        self.start()
        found_city(self.writer)
        self.writer.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), add_catalogue)
        draft_licence(self.writer, actor("drafter"), licence_document(), RULES)
        self.state = LicenceState.DRAFTED
        self.owed: Move | None = None

    def start(self) -> None:
        self.writer = GroupCommitWriter(
            self.engine, self.keys, self.clock, "city.example/log", self.path / "head"
        )
        self.board = SuspensionBoard(self.path / "closures")
        self.revocation = Revocation(self.board, self.engine, self.writer, self.clock)

    def teardown(self) -> None:
        self.writer.close()
        self.engine.dispose()
        self.home.cleanup()

    def settle(self) -> None:
        """Move the model as reconciliation should: what was owed is now in the log."""
        if self.owed is Move.END:
            self.state = LicenceState.ENDED
        elif self.owed is Move.SUSPEND and self.state is LicenceState.ACTIVE:
            self.state = LicenceState.SUSPENDED
        self.owed = None

    @precondition(lambda self: self.state is LicenceState.DRAFTED)
    @rule()
    def activate(self) -> None:
        with reading(self.engine) as connection:
            until_us = require_licence(connection, LICENCE_ID).valid_until_us
        try:
            activate_licence(self.writer, self.keys, SIGNER, LICENCE_ID, RULES)
        except Conflict:
            assert self.clock.now_us() >= until_us
        else:
            assert self.clock.now_us() < until_us
            self.state = LicenceState.ACTIVE

    @precondition(lambda self: self.state is LicenceState.ACTIVE and self.owed is None)
    @rule()
    def suspend(self) -> None:
        assert self.revocation.suspend(SIGNER, LICENCE_ID, "misuse").recorded
        self.state = LicenceState.SUSPENDED

    @precondition(lambda self: self.state is LicenceState.ACTIVE and self.owed is None)
    @rule()
    def suspend_and_crash_before_the_entry(self) -> None:
        self.board.close(self.closure(Move.SUSPEND))
        self.owed = Move.SUSPEND

    @precondition(lambda self: self.state is LicenceState.SUSPENDED and self.owed is None)
    @rule()
    def end_and_crash_before_the_entry(self) -> None:
        self.board.close(self.closure(Move.END))
        self.owed = Move.END

    @rule()
    def restart(self) -> None:
        self.writer.close()
        self.start()
        assert not self.in_force() or self.owed is None
        self.revocation.reconcile()
        self.settle()

    @rule()
    def resume(self) -> None:
        self.settle()
        try:
            self.revocation.resume(SIGNER, LICENCE_ID, "put right")
        except SandgateError:
            assert self.state is not LicenceState.SUSPENDED
        else:
            assert self.state is LicenceState.SUSPENDED
            self.state = LicenceState.ACTIVE

    @precondition(lambda self: self.owed is None)
    @rule()
    def end(self) -> None:
        try:
            self.revocation.end(SIGNER, LICENCE_ID, "over")
        except SandgateError:
            assert self.state in {LicenceState.ENDED, LicenceState.EXPIRED}
        else:
            self.state = LicenceState.ENDED

    @precondition(lambda self: self.owed is None)
    @rule()
    def the_term_ends(self) -> None:
        with reading(self.engine) as connection:
            until_us = require_licence(connection, LICENCE_ID).valid_until_us
        self.clock.advance(max(0, until_us - self.clock.now_us()))
        self.revocation.expire_due()
        if self.state in {LicenceState.ACTIVE, LicenceState.SUSPENDED}:
            self.state = LicenceState.EXPIRED

    @invariant()
    def it_is_in_force_only_while_active_and_not_shut(self) -> None:
        with reading(self.engine) as connection:
            found = require_licence(connection, LICENCE_ID)
        assert found.state is self.state
        in_term = found.valid_from_us <= self.clock.now_us() < found.valid_until_us
        expected = self.state is LicenceState.ACTIVE and self.owed is None and in_term
        assert self.in_force() is expected

    @invariant()
    def only_an_active_signed_licence_is_in_the_snapshot(self) -> None:
        with reading(self.engine) as connection:
            found = assemble(connection, PACK, self.authority_key)
        assert (LICENCE_ID in found.snapshot.licences) is (self.state is LicenceState.ACTIVE)
        assert found.left_out == ()

    def in_force(self) -> bool:
        with reading(self.engine) as connection:
            try:
                check_in_force(connection, self.board, LICENCE_ID, self.clock.now_us())
            except Denied:
                return False
        return True

    def closure(self, move: Move) -> Closure:
        return Closure(
            new_id("closure"), LICENCE_ID, move, "misuse", SIGNER.person, self.clock.now_us()
        )


class TestLicenceLife(LicenceLife.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=12, stateful_step_count=12, deadline=None)


@pytest.mark.full
class TestLicenceLifeAtLength(LicenceLife.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_the_builders_make_an_active_licence(tmp_path: Path) -> None:
    keys = FileKeyStore(tmp_path / "keys")
    keys.ensure_signing_key("authority")
    engine = open_engine(f"sqlite:///{tmp_path}/control.db")
    metadata.create_all(engine)
    with GroupCommitWriter(
        engine, keys, SteppedClock(), "city.example/log", tmp_path / "head"
    ) as writer:
        found_city(writer)
        writer.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), add_catalogue)
        assert active_licence(writer, keys).state is LicenceState.ACTIVE
    engine.dispose()
