"""I8: who serves an operator as well as the authority decides nothing for that operator."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.licences import LicenceState, activate_licence, draft_licence, require_licence
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    actor_for_account,
    create_organisation,
    create_person,
)
from authorization.revocation import Revocation, SuspensionBoard
from foundation.db import metadata, reading
from foundation.errors import Denied
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.licensing import (
    LICENCE_ID,
    RULES,
    active_licence,
    actor,
    add_catalogue,
    found_city,
    licence_document,
)

CODE = "checker_of_same_organisation"


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    keys.ensure_signing_key("authority")
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as found:
        found_city(found)
        found.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), add_catalogue)
        yield found


@pytest.fixture(params=["datawise", "datawise-holding"])
def secondee(
    request: pytest.FixtureRequest, writer: GroupCommitWriter, engine: Engine, clock: SteppedClock
) -> Actor:
    """Return someone of the authority who also belongs to the operator, or to its parent."""
    create_organisation(
        writer,
        SYSTEM_ACTOR,
        Organisation(
            id="datawise-holding",
            kind=OrganisationKind.PLATFORM,
            name_zh="母公司",
            name_en="Parent",
            affiliates=("datawise",),
        ),
    )
    person = Person(
        id="secondee",
        name="x",
        organisations=("bureau", request.param),
        roles=(Role.AUTHORITY,),
        accounts=(Account(name="secondee@bureau", organisation="bureau"),),
    )
    create_person(writer, SYSTEM_ACTOR, person)
    clock.advance(1)
    with reading(engine) as connection:
        return actor_for_account(connection, "secondee@bureau")


def state_of(engine: Engine) -> LicenceState:
    with reading(engine) as connection:
        return require_licence(connection, LICENCE_ID).state


def test_nobody_signs_the_licence_of_their_own_operator(
    writer: GroupCommitWriter, keys: FileKeyStore, engine: Engine, secondee: Actor
) -> None:
    draft_licence(writer, actor("drafter"), licence_document(), RULES)
    with pytest.raises(Denied, match=CODE):
        activate_licence(writer, keys, secondee, LICENCE_ID, RULES)
    assert state_of(engine) is LicenceState.DRAFTED
    activate_licence(writer, keys, actor("signer"), LICENCE_ID, RULES)
    assert state_of(engine) is LicenceState.ACTIVE


def test_nobody_lifts_the_suspension_of_their_own_operator(
    writer: GroupCommitWriter,
    keys: FileKeyStore,
    engine: Engine,
    clock: SteppedClock,
    tmp_path: Path,
    secondee: Actor,
) -> None:
    active_licence(writer, keys)
    board = SuspensionBoard(tmp_path / "closures")
    revocation = Revocation(board, engine, writer, clock)
    revocation.suspend(secondee, LICENCE_ID, "misuse")  # stopping is open to the whole authority
    with pytest.raises(Denied, match=CODE):
        revocation.resume(secondee, LICENCE_ID, "put right")
    assert state_of(engine) is LicenceState.SUSPENDED
    assert not board.is_open(LICENCE_ID)
    revocation.resume(actor("signer"), LICENCE_ID, "put right")
    assert board.is_open(LICENCE_ID)
