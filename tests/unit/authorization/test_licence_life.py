"""Drafting, signing, suspending, resuming, ending and expiring on a real store and log."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import IntegrityError

from audit.events import AuditEvent
from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization import store
from authorization.licences import (
    MOVE_KINDS,
    TRANSITIONS,
    LicenceState,
    Move,
    activate_licence,
    check_move,
    draft_licence,
    licence_by_id,
    require_licence,
)
from authorization.revocation import Closure, Revocation, SuspensionBoard, check_in_force
from authorization.snapshots import assemble
from catalog.store import population
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.licensing import (
    LICENCE_ID,
    PACK,
    RULES,
    active_licence,
    actor,
    licence_document,
    licence_json,
)


def state_of(engine: Engine) -> LicenceState:
    with reading(engine) as connection:
        return require_licence(connection, LICENCE_ID).state


def test_the_state_table_is_total_and_every_move_has_an_entry_kind() -> None:
    assert set(MOVE_KINDS) == set(Move)
    assert {kind in KIND_SENTENCES for kind in MOVE_KINDS.values()} == {True}
    for state in LicenceState:
        for move in Move:
            if (state, move) in TRANSITIONS:
                assert check_move(state, move) is TRANSITIONS[state, move]
            else:
                with pytest.raises(Conflict, match="licence_state"):
                    check_move(state, move)


def test_ended_and_expired_are_final_and_every_state_is_reached() -> None:
    assert {state for state, _ in TRANSITIONS} == {
        LicenceState.DRAFTED,
        LicenceState.ACTIVE,
        LicenceState.SUSPENDED,
    }
    assert set(TRANSITIONS.values()) | {LicenceState.DRAFTED} == set(LicenceState)


def test_an_operator_cannot_draft(city: GroupCommitWriter, engine: Engine) -> None:
    with pytest.raises(Denied, match="role_missing"):
        draft_licence(city, actor("analyst"), licence_document(), RULES)
    with reading(engine) as connection:
        assert licence_by_id(connection, LICENCE_ID) is None


def test_a_refused_draft_leaves_nothing(city: GroupCommitWriter, engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="term_too_long"):
        draft_licence(city, actor("drafter"), licence_document(valid_until="2040-01-01"), RULES)
    with reading(engine) as connection:
        assert licence_by_id(connection, LICENCE_ID) is None


def test_the_drafter_cannot_sign(city: GroupCommitWriter, keys: FileKeyStore) -> None:
    draft_licence(city, actor("drafter"), licence_document(), RULES)
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        activate_licence(city, keys, actor("drafter"), LICENCE_ID, RULES)


def test_a_draft_is_drafted_once_and_signed_once(
    city: GroupCommitWriter, keys: FileKeyStore
) -> None:
    active_licence(city, keys)
    with pytest.raises(Conflict, match="licence_already_drafted"):
        draft_licence(city, actor("drafter"), licence_document(), RULES)
    with pytest.raises(Conflict, match="licence_state"):
        activate_licence(city, keys, actor("signer"), LICENCE_ID, RULES)


def test_no_unknown_licence_is_signed(city: GroupCommitWriter, keys: FileKeyStore) -> None:
    with pytest.raises(NotFound, match="licence_unknown"):
        activate_licence(city, keys, actor("signer"), LICENCE_ID, RULES)


def test_a_signed_licence_compiles(
    city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    with reading(engine) as connection:
        found = assemble(connection, PACK, keys.ensure_signing_key("authority"))
    assert found.left_out == ()
    compiled = found.snapshot.licences[LICENCE_ID]
    assert [extract.dataset for extract in compiled.extracts] == ["colleges"]
    assert compiled.budgets["residents"].budget_nano_rho == 1_000_000_000
    assert compiled.digest.startswith("sha256:")


def test_a_licence_signed_by_another_key_never_compiles(
    city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    with reading(engine) as connection:
        found = assemble(connection, PACK, keys.ensure_signing_key("impostor"))
    assert found.snapshot.licences == {}
    assert [refusal.code for _, refusal in found.left_out] == ["licence_signature_invalid"]


def test_an_edited_document_never_compiles(
    city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER licence_document_is_immutable"))
        found = require_licence(connection, LICENCE_ID)
        edited = json.loads(found.document)
        edited["budgets"][0]["budget_nano_rho"] = 2_000_000_000
        document = json.dumps(
            edited, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()
        connection.execute(update(store.licence).values(document=document))
    with reading(engine) as connection:
        left_out = assemble(connection, PACK, keys.ensure_signing_key("authority")).left_out
    assert [refusal.code for _, refusal in left_out] == ["licence_signature_invalid"]


def test_a_longer_term_in_the_row_than_in_the_document_never_compiles(
    city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    with engine.begin() as connection:
        connection.execute(update(store.licence).values(valid_until_us=2**60))
    with reading(engine) as connection:
        left_out = assemble(connection, PACK, keys.ensure_signing_key("authority")).left_out
    assert [refusal.code for _, refusal in left_out] == ["licence_row_differs"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE licence SET document = x'00'",
        "UPDATE licence SET signature = x'00'",
        "UPDATE licence SET drafted_by = 'clerk'",
        "UPDATE licence SET activated_by = drafted_by",
        "UPDATE licence SET state = 'approved'",
        "DELETE FROM licence",
    ],
)
def test_the_store_itself_refuses_an_edit(
    city: GroupCommitWriter, keys: FileKeyStore, engine: Engine, statement: str
) -> None:
    active_licence(city, keys)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(statement))


def test_rows_of_a_population_make_it_mixed_for_good(
    city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    grants = licence_json()["grants"]
    grants[0] |= {"modes": ["rows", "aggregate"], "columns": ["state"], "basis": "批复7号"}
    active_licence(city, keys, grants=grants)
    with reading(engine) as connection:
        found = population(connection, "residents")
    assert found is not None
    assert str(found.relation) == "mixed"


@pytest.mark.parametrize("name", ["analyst", "clerk", "inspector"])
def test_only_the_authority_suspends(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore, name: str
) -> None:
    active_licence(city, keys)
    with pytest.raises(Denied):
        revocation.suspend(actor(name), LICENCE_ID, "why")
    assert revocation.board.is_open(LICENCE_ID)


def test_a_suspension_needs_a_reason(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore
) -> None:
    active_licence(city, keys)
    with pytest.raises(InvalidInput, match="reason_missing"):
        revocation.suspend(actor("signer"), LICENCE_ID, " ")


def test_a_suspension_acts_on_listeners_before_the_log_hears_of_it(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    seen: list[tuple[str, LicenceState]] = []
    revocation.board.listen(lambda licence: seen.append((licence, state_of(engine))))
    shut = revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    assert seen == [(LICENCE_ID, LicenceState.ACTIVE)]
    assert shut.recorded is not None
    assert shut.faults == ()
    assert state_of(engine) is LicenceState.SUSPENDED


def test_a_failing_listener_does_not_stop_the_others(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore
) -> None:
    active_licence(city, keys)
    heard: list[str] = []

    def fail(_licence: str) -> None:
        raise RuntimeError("worker gone")

    revocation.board.listen(fail)
    revocation.board.listen(heard.append)
    shut = revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    assert heard == [LICENCE_ID]
    assert shut.faults == ("RuntimeError",)


def test_a_suspension_holds_without_the_log_and_is_reconciled_at_the_next_start(
    city: GroupCommitWriter,
    keys: FileKeyStore,
    engine: Engine,
    clock: SteppedClock,
    tmp_path: Path,
) -> None:
    active_licence(city, keys)
    directory = tmp_path / "closures"
    city.close()
    shut = Revocation(SuspensionBoard(directory), engine, city, clock).suspend(
        actor("signer"), LICENCE_ID, "misuse"
    )
    assert shut.recorded is None
    assert shut.faults
    assert state_of(engine) is LicenceState.ACTIVE

    board = SuspensionBoard(directory)
    assert not board.is_open(LICENCE_ID)
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as writer:
        assert Revocation(board, engine, writer, clock).reconcile() == [LICENCE_ID]
        assert Revocation(board, engine, writer, clock).reconcile() == []
    assert state_of(engine) is LicenceState.SUSPENDED
    assert not board.is_open(LICENCE_ID)


def test_an_unreadable_marker_keeps_its_licence_shut(tmp_path: Path) -> None:
    (tmp_path / f"{LICENCE_ID}.json").write_text("{", encoding="utf-8")
    assert not SuspensionBoard(tmp_path).is_open(LICENCE_ID)


def test_a_resumed_licence_is_open_also_after_a_restart(
    revocation: Revocation,
    city: GroupCommitWriter,
    keys: FileKeyStore,
    engine: Engine,
    tmp_path: Path,
) -> None:
    active_licence(city, keys)
    revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    revocation.resume(actor("signer"), LICENCE_ID, "put right")
    assert state_of(engine) is LicenceState.ACTIVE
    assert SuspensionBoard(tmp_path / "closures").is_open(LICENCE_ID)


def test_a_resumption_never_lifts_a_suspension_ordered_meanwhile(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore, tmp_path: Path
) -> None:
    """The second suspension holds at once, while the first one's resumption is still on its way."""
    active_licence(city, keys)
    revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    lifted = revocation.board.closure(LICENCE_ID)
    assert lifted is not None
    again = Closure("closure_again", LICENCE_ID, Move.SUSPEND, "misuse again", "signer", 1)
    revocation.board.close(again)
    revocation.board.reopen(lifted)
    assert revocation.board.closure(LICENCE_ID) == again
    assert not SuspensionBoard(tmp_path / "closures").is_open(LICENCE_ID)
    revocation.board.reopen(again)
    assert SuspensionBoard(tmp_path / "closures").is_open(LICENCE_ID)


def test_a_marker_left_by_a_crash_after_resumption_is_lifted(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    closure = revocation.suspend(actor("signer"), LICENCE_ID, "misuse").closure
    revocation.resume(actor("signer"), LICENCE_ID, "put right")
    revocation.board.close(closure)
    assert revocation.reconcile() == []
    assert revocation.board.is_open(LICENCE_ID)
    assert state_of(engine) is LicenceState.ACTIVE


def test_an_end_is_final(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    revocation.end(actor("signer"), LICENCE_ID, "contract over")
    with pytest.raises(Denied, match="licence_not_in_force"):
        revocation.resume(actor("signer"), LICENCE_ID, "again")
    with pytest.raises(Conflict, match="licence_state"):
        revocation.suspend(actor("signer"), LICENCE_ID, "again")
    assert state_of(engine) is LicenceState.ENDED


def test_a_suspension_never_replaces_an_end_that_the_log_still_owes(
    revocation: Revocation, city: GroupCommitWriter, keys: FileKeyStore, engine: Engine
) -> None:
    active_licence(city, keys)
    end = Closure("closure_x", LICENCE_ID, Move.END, "contract over", "signer", 1)
    revocation.board.close(end)
    revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    assert revocation.board.closure(LICENCE_ID) == end
    assert state_of(engine) is LicenceState.ENDED


def test_a_term_that_is_over_expires_the_licence(
    revocation: Revocation,
    city: GroupCommitWriter,
    keys: FileKeyStore,
    engine: Engine,
    clock: SteppedClock,
) -> None:
    licence = active_licence(city, keys)
    clock.advance(licence.valid_until_us - clock.now_us() - 1)
    assert revocation.expire_due() == []
    clock.advance(1)
    assert revocation.expire_due() == [LICENCE_ID]
    assert state_of(engine) is LicenceState.EXPIRED
    assert not revocation.board.is_open(LICENCE_ID)


def test_authority_is_checked_again_inside_an_effect(
    revocation: Revocation,
    board: SuspensionBoard,
    city: GroupCommitWriter,
    keys: FileKeyStore,
    clock: SteppedClock,
) -> None:
    licence = active_licence(city, keys)

    def submit() -> None:
        city.submit(
            AuditEvent(EntryKind.QUESTION_DECIDED, actor("analyst")),
            lambda connection, entry: check_in_force(connection, board, LICENCE_ID, entry.time_us),
        )

    submit()
    revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    with pytest.raises(Denied, match="licence_not_in_force"):
        submit()
    revocation.resume(actor("signer"), LICENCE_ID, "put right")
    submit()
    clock.advance(licence.valid_until_us - clock.now_us())
    with pytest.raises(Denied, match="licence_not_in_force"):
        submit()


def test_a_board_takes_only_licence_identifiers(board: SuspensionBoard) -> None:
    closure: Callable[[str], Closure] = lambda name: Closure(  # noqa: E731 - one name varies
        "c", name, Move.SUSPEND, "why", "p", 1
    )
    with pytest.raises(ValueError, match="identifier"):
        board.close(closure("../../etc/passwd"))
