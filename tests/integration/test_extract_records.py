"""Extracts in force: logged both ways, and gone with their key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from disclosure.extract_records import (
    activate_extract,
    active_extracts,
    end_extract,
    held_extracts,
    superseded_extracts,
)
from disclosure.extracts import Extract, ExtractPlan
from foundation.db import metadata, reading
from foundation.errors import Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from policies.schema.masks import ExtractThreshold
from tests.fakes import SteppedClock

PLAN = ExtractPlan(
    dataset="colleges",
    population=None,
    unit_columns=(),
    columns=(),
    filters=(),
    threshold=ExtractThreshold(subject="organisation", grade="L1", k=1, l=1),
    masked_as="sha256:m",
)


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
    columns = ("name", "state")
    return Extract(
        "colleges", path, f"sha256:{number}", columns, name, 7, {"name": 60, "state": 30}, PLAN
    )


def put_in_force(writer: GroupCommitWriter, extract: Extract) -> int:
    recorded = activate_extract(
        writer,
        SYSTEM_ACTOR,
        extract,
        home=extract.path.parent,
        licence="lic_a",
        version="v1",
        policy_digest="sha256:p",
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
    assert found[0].path == Path(second.path.name)  # a home may move
    assert found[0].column_bytes == {"name": 60, "state": 30}


def test_an_ended_extract_is_out_of_force_and_its_key_and_file_are_gone(
    engine: Engine, keys: FileKeyStore, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    put_in_force(writer, built(tmp_path, keys, 1))
    with reading(engine) as connection:
        (active,) = active_extracts(connection, "lic_a")
    for _ in range(2):
        end_extract(writer, SYSTEM_ACTOR, active, keys, home=tmp_path, reason="suspended")
    with reading(engine) as connection:
        assert active_extracts(connection, "lic_a") == ()
    assert not (tmp_path / active.path).exists()
    with pytest.raises(Unavailable):
        keys.data_key(active.key_name)


def test_what_an_ended_extract_showed_is_still_known(
    engine: Engine, keys: FileKeyStore, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    put_in_force(writer, built(tmp_path, keys, 1))
    with reading(engine) as connection:
        (active,) = active_extracts(connection, "lic_a")
    end_extract(writer, SYSTEM_ACTOR, active, keys, home=tmp_path, reason="licence_ended")
    with reading(engine) as connection:
        (held,) = held_extracts(connection, ["lic_a", "lic_b"])
        assert held_extracts(connection, ["lic_b"]) == []
    assert (held.licence, held.version, held.plan) == ("lic_a", "v1", PLAN)


def test_what_a_successor_replaced_is_found_after_a_crash_between_the_two_entries(
    engine: Engine, keys: FileKeyStore, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    first, second = (built(tmp_path, keys, number) for number in (1, 2))
    put_in_force(writer, first)
    put_in_force(writer, second)
    with reading(engine) as connection:
        (left,) = superseded_extracts(connection)
    assert left.digest == first.digest
