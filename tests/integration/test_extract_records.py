"""Extracts in force: logged both ways, and gone with their key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from disclosure.extract_records import activate_extract, active_extracts, end_extract
from disclosure.extracts import Extract
from foundation.db import metadata, reading
from foundation.errors import Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    keys.ensure_signing_key("log")
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        yield writer


def built(tmp_path: Path, keys: FileKeyStore, number: int) -> Extract:
    name = f"extract.{number}"
    keys.create_data_key(name)
    path = tmp_path / f"{number}.parquet"
    path.write_bytes(b"ciphertext")
    return Extract("colleges", path, f"sha256:{number}", ("name", "state"), name, 7)


def put_in_force(writer: GroupCommitWriter, extract: Extract) -> int:
    recorded = activate_extract(
        writer, SYSTEM_ACTOR, extract, licence="lic_a", version="v1", policy_digest="sha256:p"
    )
    return recorded.index


def test_the_latest_of_each_data_set_is_in_force(
    engine: Engine, keys: FileKeyStore, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    first, second = (built(tmp_path, keys, number) for number in (1, 2))
    assert put_in_force(writer, first) < put_in_force(writer, second)
    with reading(engine) as connection:
        found = active_extracts(connection, "lic_a")
        assert active_extracts(connection, "lic_b") == ()
    assert [item.digest for item in found] == [second.digest]
    assert found[0].columns == ("name", "state")
    assert found[0].path == second.path


def test_an_ended_extract_is_out_of_force_and_its_key_and_file_are_gone(
    engine: Engine, keys: FileKeyStore, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    put_in_force(writer, built(tmp_path, keys, 1))
    with reading(engine) as connection:
        (active,) = active_extracts(connection, "lic_a")
    for _ in range(2):
        end_extract(writer, SYSTEM_ACTOR, active, keys, reason="suspended")
    with reading(engine) as connection:
        assert active_extracts(connection, "lic_a") == ()
    assert not active.path.exists()
    with pytest.raises(Unavailable):
        keys.data_key(active.key_name)
