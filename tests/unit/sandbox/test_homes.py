"""Kept work: sealed, opened by a logged entry alone, withheld when narrowed, gone with its key."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from audit.reading import read_entries
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.db import reading
from foundation.errors import Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from foundation.keys.ciphers import AES_GCM, SM4_GCM, BoxCipher
from sandbox.homes.keeping import HomeKeeper, home_key_name, homes
from sandbox.homes.store import sandbox_home
from sandbox.homes.terms import HomeTerms
from sandbox.lifecycle import SessionMode, SessionState
from sandbox.sessions import Session

WORK = b"notebook: count of the people of a county"
TERMS = HomeTerms({"people/rows": frozenset({"county"})}, {}, {})
NARROW = HomeTerms({"people/rows": frozenset()}, {}, {})


def never(_earlier: str, _now: str) -> bool:
    return False


def session(number: int = 1, **changes: object) -> Session:
    made = Session(
        id=f"ses_{number}",
        slot="a" * 26,
        person="p_analyst",
        organisation="o_operator",
        licence="lic_1",
        purpose="credit",
        project=None,
        mode=SessionMode.PRODUCTION,
        review=None,
        state=SessionState.PRODUCTION,
        reason=None,
        egress_bytes=0,
        opened_us=1,
        changed_us=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture(params=[AES_GCM, SM4_GCM], ids=["aes", "sm4"])
def keeper(
    request: pytest.FixtureRequest,
    engine: Engine,
    writer: GroupCommitWriter,
    keys: FileKeyStore,
    tmp_path: Path,
) -> HomeKeeper:
    cipher: BoxCipher = request.param
    return HomeKeeper(engine, writer, keys, cipher, tmp_path / "homes")


def test_without_a_kept_home_a_session_begins_empty(keeper: HomeKeeper) -> None:
    assert keeper.open(session(), TERMS, never) is None


def test_the_next_session_begins_with_the_work_of_the_last(keeper: HomeKeeper) -> None:
    home = keeper.save(session(1), WORK, TERMS)
    assert keeper.open(session(2), TERMS, never) == WORK
    assert WORK not in (keeper.directory / f"{home.id}.box").read_bytes()
    with reading(keeper.engine) as connection:
        opened = read_entries(connection, kinds=(EntryKind.HOME_OPENED,))[0]
    assert opened.public["key_names"] == [home_key_name("lic_1")]


@pytest.mark.parametrize(
    "changes",
    [
        {"person": "p_other"},
        {"licence": "lic_2"},
        {"project": "other"},
        {"mode": SessionMode.DEBUG},
    ],
)
def test_nobody_else_begins_with_it(keeper: HomeKeeper, changes: dict[str, object]) -> None:
    keeper.save(session(), WORK, TERMS)
    assert keeper.open(session(2, **changes), TERMS, never) is None


def test_a_narrowed_licence_never_opens_it_again(keeper: HomeKeeper) -> None:
    keeper.save(session(1), WORK, TERMS)
    assert keeper.open(session(2), NARROW, never) is None
    assert keeper.open(session(3), TERMS, never) is None
    with reading(keeper.engine) as connection:
        withheld = read_entries(connection, kinds=(EntryKind.HOME_WITHHELD,))
        assert [entry.public["lost"] for entry in withheld] == [["people/rows"]]
        assert not read_entries(connection, kinds=(EntryKind.HOME_OPENED,))


def test_a_later_home_replaces_the_earlier_and_its_file(keeper: HomeKeeper) -> None:
    first = keeper.save(session(1), b"one", TERMS)
    second = keeper.save(session(2), b"two", TERMS)
    assert keeper.open(session(3), TERMS, never) == b"two"
    assert [path.stem for path in keeper.directory.iterdir()] == [second.id]
    with reading(keeper.engine) as connection:
        states = {home.id: home.state for home in homes(connection)}
    assert states == {first.id: "replaced", second.id: "current"}


def test_a_box_in_the_place_of_another_opens_nothing(keeper: HomeKeeper) -> None:
    mine = keeper.save(session(1), WORK, TERMS)
    other = keeper.save(session(2, person="p_other"), b"other", TERMS)
    shutil.copy(keeper.directory / f"{other.id}.box", keeper.directory / f"{mine.id}.box")
    assert keeper.open(session(3), TERMS, never) is None


def test_the_end_of_a_licence_ends_its_homes_and_their_key(keeper: HomeKeeper) -> None:
    home = keeper.save(session(1), WORK, TERMS)
    keeper.save(session(2, licence="lic_2"), b"other", TERMS)
    assert keeper.destroy("lic_1", SYSTEM_ACTOR, "licence_ended") == [home.id]
    assert keeper.destroy("lic_1", SYSTEM_ACTOR, "licence_ended") == []
    with pytest.raises(Unavailable):
        keeper.keys.data_key(home_key_name("lic_1"))
    assert not (keeper.directory / f"{home.id}.box").exists()
    assert keeper.open(session(3, licence="lic_2"), TERMS, never) == b"other"
    with reading(keeper.engine) as connection:
        ended = read_entries(connection, kinds=(EntryKind.HOME_DESTROYED,))
    assert [entry.public["home"] for entry in ended] == [home.id]


def test_nothing_is_kept_for_a_licence_whose_key_is_gone(keeper: HomeKeeper) -> None:
    keeper.save(session(1), WORK, TERMS)
    keeper.destroy("lic_1", SYSTEM_ACTOR, "licence_ended")
    with pytest.raises(Unavailable):
        keeper.save(session(2), WORK, TERMS)
    assert list(keeper.directory.iterdir()) == []


def test_files_that_a_crash_left_are_removed(keeper: HomeKeeper) -> None:
    home = keeper.save(session(1), WORK, TERMS)
    stray = keeper.directory / "home_stray.box"
    stray.write_bytes(b"x")
    assert keeper.remove_leftovers() == ["home_stray"]
    assert (keeper.directory / f"{home.id}.box").exists()


def test_the_store_itself_lets_no_home_come_back(keeper: HomeKeeper) -> None:
    home = keeper.save(session(1), WORK, TERMS)
    keeper.destroy("lic_1", SYSTEM_ACTOR, "licence_ended")
    with pytest.raises(DatabaseError), keeper.engine.begin() as connection:
        connection.execute(
            sandbox_home.update().where(sandbox_home.c.id == home.id).values(state="current")
        )
