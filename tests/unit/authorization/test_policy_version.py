"""What one worker revokes, another does not allow: two enforcers over one control store."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from audit.writer import GroupCommitWriter
from authorization.decisions import AccessRequest, Decision, Denial, Permit, decide
from authorization.enforcer import Enforcer
from authorization.lines import Action
from authorization.organisations import Person, create_person
from authorization.policy_version import PolicyVersion, VersionReader, read_version
from authorization.revocation import Revocation, SuspensionBoard
from authorization.snapshots import assemble, enforcer_of, refresh
from foundation.db import open_engine, reading
from foundation.errors import Conflict, SandgateError, Unavailable
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.keys import FileKeyStore
from policies.schema.access import AccessRules
from tests.fakes import SteppedClock
from tests.licensing import LICENCE_ID, PACK, active_licence, actor

OPEN = AccessRequest(actor("analyst"), LICENCE_ID, Action.SESSION_OPEN)


@dataclass
class Worker:
    """One process as far as policy goes: its own connections, board and enforcer."""

    engine: Engine
    enforcer: Enforcer
    board: SuspensionBoard
    clock: SteppedClock

    def decide(self, request: AccessRequest = OPEN) -> Decision:
        return decide(self.enforcer.snapshot, self.board, request, self.clock.now_us())


def worker(engine: Engine, keys: FileKeyStore, clock: SteppedClock, home: Path) -> Worker:
    own = open_engine(engine.url.render_as_string(hide_password=False))
    enforcer = enforcer_of(own, PACK, keys.ensure_signing_key("authority"), "bureau")
    return Worker(own, enforcer, SuspensionBoard(home / "closures-of-one"), clock)


@pytest.fixture
def workers(
    city: GroupCommitWriter, engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[tuple[Worker, Worker]]:
    active_licence(city, keys)
    pair = (
        worker(engine, keys, clock, tmp_path / "a"),
        worker(engine, keys, clock, tmp_path / "b"),
    )
    yield pair
    for one in pair:
        one.enforcer.close()
        one.engine.dispose()


def version(engine: Engine) -> PolicyVersion:
    with reading(engine) as connection:
        return read_version(connection)


def test_a_store_nothing_was_written_to_has_the_first_version(
    writer: GroupCommitWriter, engine: Engine
) -> None:
    assert writer
    reader = VersionReader(engine)
    assert reader.read() == version(engine) == PolicyVersion(0, 0, 0)
    reader.close()


def test_a_refused_write_does_not_count(city: GroupCommitWriter, engine: Engine) -> None:
    before = version(engine)
    with pytest.raises(Conflict):
        create_person(
            city,
            SYSTEM_ACTOR,
            Person(id="analyst", name="x", organisations=("bureau",), roles=(Role.AUTHORITY,)),
        )
    assert version(engine) == before


def test_a_suspension_through_one_worker_is_known_to_the_other_at_once(
    workers: tuple[Worker, Worker], city: GroupCommitWriter, clock: SteppedClock
) -> None:
    here, there = workers
    assert isinstance(there.decide(), Permit)
    held = there.enforcer.snapshot
    revocation = Revocation(here.board, here.engine, city, clock)
    revocation.suspend(actor("signer"), LICENCE_ID, "test")
    assert there.board.is_open(LICENCE_ID)  # its own board was told nothing
    refused = there.decide()
    assert isinstance(refused, Denial)
    assert refused.code == "licence_not_in_force"
    stranger = there.decide(replace(OPEN, actor=actor("rival")))
    assert isinstance(stranger, Denial)
    assert stranger.code == "licence_not_usable"
    assert there.enforcer.snapshot is not held
    revocation.resume(actor("signer"), LICENCE_ID, "test")
    assert isinstance(there.decide(), Permit)


def test_people_who_come_and_go_are_known_to_every_worker(
    workers: tuple[Worker, Worker], city: GroupCommitWriter, engine: Engine
) -> None:
    _, there = workers
    late = Actor(person="late", organisation="datawise", roles=frozenset({Role.OPERATOR}))
    asked = replace(OPEN, actor=late)
    assert isinstance(there.decide(asked), Denial)
    create_person(
        city,
        SYSTEM_ACTOR,
        Person(id="late", name="x", organisations=("datawise",), roles=(Role.OPERATOR,)),
    )
    assert isinstance(there.decide(asked), Permit)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO affiliation (person, organisation, since_us) "
                "VALUES ('late', 'insurer', 1)"
            )
        )
    refused = there.decide(asked)
    assert isinstance(refused, Denial)
    assert refused.code == "denied_by_rule"
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM affiliation WHERE person = 'late'"))
    assert isinstance(there.decide(asked), Denial)


def test_a_worker_that_cannot_know_the_version_decides_nothing(
    workers: tuple[Worker, Worker], engine: Engine
) -> None:
    here, _ = workers
    assert isinstance(here.decide(), Permit)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE policy_version RENAME TO gone"))
    with pytest.raises(Unavailable, match="policy_version_unreadable"):
        here.decide()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO policy_version"))
    assert isinstance(here.decide(), Permit)


def test_a_worker_that_cannot_rebuild_decides_nothing(
    workers: tuple[Worker, Worker], engine: Engine
) -> None:
    here, _ = workers
    assert isinstance(here.decide(), Permit)
    with engine.begin() as connection:
        connection.execute(text("UPDATE licence SET changed_us = changed_us + 1"))
        connection.execute(text("ALTER TABLE person_role RENAME TO gone"))
    before = version(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE policy_version SET people = people + 1"))
    assert version(engine) != before
    for _ in range(2):
        with pytest.raises(Unavailable, match="policy_not_current"):
            here.decide()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO person_role"))
    assert isinstance(here.decide(), Permit)


def test_a_licence_is_compiled_once_and_its_index_is_shared_between_snapshots(
    workers: tuple[Worker, Worker], city: GroupCommitWriter, keys: FileKeyStore
) -> None:
    here, _ = workers
    before = here.enforcer.snapshot
    second = "lic_" + "b" * 26
    active_licence(city, keys, id=second)
    after = here.enforcer.snapshot
    assert set(after.licences) == {LICENCE_ID, second}
    assert after.licences[LICENCE_ID] is before.licences[LICENCE_ID]
    domain = f"lic:{LICENCE_ID}"
    assert after.policy_of(domain) is before.policy_of(domain)
    with reading(here.engine) as connection:
        anew = assemble(connection, PACK, keys.ensure_signing_key("authority"), "bureau").snapshot
    assert anew.digest == after.digest != before.digest
    assert refresh(here.enforcer, here.engine, PACK, b"") == ()  # nothing changed: nothing built
    assert here.enforcer.snapshot is after


def test_a_policy_larger_than_its_limit_is_not_loaded(
    city: GroupCommitWriter, engine: Engine, keys: FileKeyStore
) -> None:
    active_licence(city, keys)
    rules = PACK.rules(AccessRules).model_copy(update={"lines_max": 3})
    files = {
        name: rules if isinstance(found, AccessRules) else found
        for name, found in PACK.files.items()
    }
    small = replace(PACK, files=files)
    with reading(engine) as connection, pytest.raises(SandgateError, match="policy_too_large"):
        assemble(connection, small, keys.ensure_signing_key("authority"), "bureau")


def test_no_decision_after_a_revocation_allows_while_others_revoke_and_resume(
    workers: tuple[Worker, Worker], city: GroupCommitWriter, clock: SteppedClock
) -> None:
    here, there = workers
    revocation = Revocation(here.board, here.engine, city, clock)
    stop = threading.Event()
    faults: list[Decision] = []
    turns = [0]  # odd: the suspension is committed, and no resumption was begun

    def watch() -> None:
        while not stop.is_set():
            turn = turns[0]
            decision = there.decide()
            if turn % 2 and turns[0] == turn and isinstance(decision, Permit):
                faults.append(decision)

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        revocation.suspend(actor("signer"), LICENCE_ID, "test")
        turns[0] += 1
        for _ in range(5):
            assert isinstance(there.decide(), Denial)
        turns[0] += 1
        revocation.resume(actor("signer"), LICENCE_ID, "test")
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
