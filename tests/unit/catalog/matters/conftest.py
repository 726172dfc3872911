"""Matters on a real database, moved by the real writer, without the rest of the platform."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from catalog.matters.clocks import Clocks
from foundation.db import metadata
from foundation.keys import FileKeyStore
from policies.load import PolicyPack, load_policies
from tests.fakes import SteppedClock
from tests.matters import Desk


@pytest.fixture(scope="session")
def pack() -> PolicyPack:
    return load_policies()


@pytest.fixture
def clocks(pack: PolicyPack) -> Clocks:
    return Clocks.of(pack, "national")


@pytest.fixture
def desk(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, clocks: Clocks, tmp_path: Path
) -> Iterator[Desk]:
    metadata.create_all(engine)
    writer = GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head")
    yield Desk(writer, engine, clocks, clock)
    writer.close()
