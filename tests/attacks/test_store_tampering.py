"""Every byte that the store keeps of the log, flipped in turn: found, or provably no content.

The attacker writes to the database itself, past triggers and writer. What is searched must be what
was logged: an edited row of the index is found as well as an edited body.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError
from typer.testing import CliRunner

from audit.bodies import PrivateField
from audit.fsck import fsck
from audit.reading import private_of
from foundation.db import open_engine
from foundation.keys import FileKeyStore
from service.cli import app
from tests.attacks.store_flips import CONTENT, Store, flips, is_missed, make_store

ENTRIES = 1_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = make_store(tmp_path_factory.mktemp("store"), ENTRIES)
    yield made
    made.engine.dispose()


def test_an_untouched_store_has_no_fault(store: Store) -> None:
    with store.engine.connect() as connection:
        assert list(fsck(connection, store.key)) == []


def test_flipped_bytes_of_the_tables_are_found(store: Store) -> None:
    chosen = list(islice(flips(store), 3, None, 997))
    assert [cell for cell, value in chosen if is_missed(store, cell, value)] == []
    assert len(chosen) > 400


@pytest.mark.full
@pytest.mark.timeout(4 * 3_600)
def test_every_flipped_byte_of_the_tables_is_found(store: Store) -> None:
    looked = 0
    for cell, value in flips(store):
        assert not is_missed(store, cell, value), (cell.table, cell.key, cell.column)
        looked += 1
    assert looked > 400_000


def logged(path: Path) -> list[object]:
    database = sqlite3.connect(path)
    try:
        return [
            database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2").fetchall()
            for table, columns in CONTENT.items()
        ]
    finally:
        database.close()


def flip_file_bytes(store: Store, copy: Path, offsets: Iterator[int]) -> tuple[int, int]:
    """Flip bytes of the database file itself; what is not found must hold the same content."""
    whole, content = store.path.read_bytes(), logged(store.path)
    found = outside = 0
    for offset in offsets:
        copy.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
        engine = open_engine(f"sqlite:///{copy}")
        try:
            with engine.connect() as connection:
                noticed = any(fsck(connection, store.key))
            same = not noticed and logged(copy) == content
        except (SQLAlchemyError, sqlite3.DatabaseError, TypeError, ValueError, OverflowError):
            noticed, same = True, False  # the store cannot be read
        finally:
            engine.dispose()
            for leftover in (f"{copy}-wal", f"{copy}-shm"):
                Path(leftover).unlink(missing_ok=True)
        assert noticed or same, offset
        found, outside = found + noticed, outside + same
    return found, outside


def test_flipped_bytes_of_the_database_file_are_found_or_no_content(
    store: Store, tmp_path: Path
) -> None:
    size = store.path.stat().st_size
    found, _ = flip_file_bytes(store, tmp_path / "copy.db", iter(range(7, size, 16_411)))
    assert found > 20


@pytest.mark.full
@pytest.mark.timeout(4 * 3_600)
def test_many_flipped_bytes_of_the_database_file(store: Store, tmp_path: Path) -> None:
    size = store.path.stat().st_size
    found, outside = flip_file_bytes(store, tmp_path / "copy.db", iter(range(0, size, 97)))
    assert found > outside


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM entry WHERE idx = 700", "entry_missing"),
        ("DELETE FROM entry WHERE idx >= 900", "entry_missing"),
        ("DELETE FROM entry_subject WHERE idx = 700", "index_changed"),
        ("UPDATE entry_subject SET value = 'lic_x' WHERE field = 'licence'", "index_changed"),
        ("INSERT INTO entry_subject VALUES ('licence', 'lic_z', 700)", "index_changed"),
        ("DELETE FROM tile WHERE level = 0 AND number = 1", "tile_missing"),
        ("INSERT INTO tile SELECT 3, 0, data, root FROM tile LIMIT 1", "tile_extra"),
        ("DELETE FROM checkpoint WHERE size > 500", "entry_beyond_checkpoint"),
        ("UPDATE entry_private SET field = 'other' WHERE idx = 3", "private_unknown"),
        ("DELETE FROM entry_private WHERE idx = 3", "private_missing"),
        ("UPDATE entry SET kind = 'policy:pack:loaded' WHERE idx = 9", "column_differs"),
    ],
)
def test_what_was_done_to_the_store_is_named(store: Store, statement: str, code: str) -> None:
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql(statement)
        assert code in {fault.code for fault in fsck(connection, store.key)}
        connection.rollback()


def test_a_private_field_that_was_changed_or_moved_is_found(store: Store) -> None:
    keys = FileKeyStore(store.path.parent / "keys")
    with store.engine.connect() as connection:

        def opened(index: int) -> Mapping[str, PrivateField]:
            return private_of(connection, index, keys)

        assert not list(fsck(connection, store.key, opened))
        connection.exec_driver_sql(
            "UPDATE entry_private SET sealed = (SELECT sealed FROM entry_private WHERE idx = 5) "
            "WHERE idx = 6"
        )
        found = list(fsck(connection, store.key, opened))
        connection.rollback()
    assert [(fault.code, fault.index) for fault in found] == [("private_unreadable", 6)]


def test_the_command_names_each_fault_and_exits_by_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/control.db"
    (tmp_path / "control.db").write_bytes(store.path.read_bytes())
    monkeypatch.setenv("SANDGATE_HOME", str(store.path.parent))
    monkeypatch.setenv("SANDGATE_DATABASE_URL", url)
    command = ["audit", "fsck", "--key", store.key.text()]
    clean = CliRunner().invoke(app, [*command, "--private"])
    assert clean.exit_code == 0, clean.output
    database = sqlite3.connect(tmp_path / "control.db")
    database.execute("UPDATE entry_subject SET value = 'lic_x' WHERE field = 'licence'")
    database.commit()
    database.close()
    dirty = CliRunner().invoke(app, [*command, "--json"])
    assert dirty.exit_code == 1
    told = json.loads(dirty.stdout)
    assert told["faults"][0]["code"] == "index_changed"
    assert told["count"] == ENTRIES
    assert CliRunner().invoke(app, ["audit", "fsck", "--key", "nonsense"]).exit_code == 2
